// The HTTP API: keys, devices, login, validation, bad input.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Suite, http, eventually, sleep } from '../lib/suite.mjs'

let suite
before(async () => { suite = await Suite.start() })
after(async () => { await suite.stop() })

const port = () => Number(new URL(suite.baseUrl).port)

// Sends bytes as they are and gives everything that comes back until the peer closes or goes quiet.
async function rawExchange(bytes, { waitMs = 3000 } = {}) {
	const socket = connect(port(), '127.0.0.1')
	await once(socket, 'connect')
	let out = ''
	socket.on('data', (d) => { out += d })
	socket.on('error', () => {})
	socket.write(bytes)
	let closed = false
	socket.on('close', () => { closed = true })
	for (const end = Date.now() + waitMs; !closed && Date.now() < end && !/\r\n\r\n[^]*[}\n]/.test(out);) await sleep(10)
	socket.destroy()
	return out
}

test('the suite answers on its health endpoints', async () => {
	assert.equal((await suite.api('GET', '/healthz', { key: null })).status, 200)
	const ready = await suite.api('GET', '/readyz', { key: null })
	assert.equal(ready.status, 200)
	assert.equal(ready.body.status, 'ready')
	const metrics = await suite.api('GET', '/metrics', { key: null })
	assert.match(metrics.text, /vereda_http_requests_total\{class="2xx"\} \d+/)
	assert.match(metrics.text, /vereda_devices\{status="CONNECTED"\} 1/)
})

test('no key, a wrong key and a revoked key are 401 with the envelope', async () => {
	for (const key of [null, 'wak_wrong', 'x'.repeat(5000)]) {
		const answer = await suite.api('GET', '/v1/developer/devices', { key })
		assert.equal(answer.status, 401)
		assert.equal(answer.body.statusCode, 401)
		assert.equal(answer.body.error, 'Unauthorized')
	}
})

test('API keys: created once in the clear, listed without it, dead after revoking', async () => {
	const created = await suite.api('POST', '/v1/api-keys', { body: { name: 'CI key' } })
	assert.equal(created.status, 201)
	assert.match(created.body.key, /^wak_[0-9a-f]{48}$/)
	assert.equal(created.body.name, 'CI key')
	assert.equal(created.body.isActive, true)
	const list = await suite.api('GET', '/v1/api-keys')
	const row = list.body.data.find((k) => k.id === created.body.id)
	assert.ok(row && row.name === 'CI key' && !('key' in row))
	assert.ok(list.body.total >= 2)
	assert.equal((await suite.api('GET', '/v1/developer/devices', { key: created.body.key })).status, 200)
	const bearer = await suite.api('GET', '/v1/developer/devices', { key: null, headers: { Authorization: `Bearer ${created.body.key}` } })
	assert.equal(bearer.status, 200)
	const gone = await suite.api('DELETE', `/v1/api-keys/${created.body.id}`)
	assert.deepEqual([gone.status, gone.body], [200, { deleted: true }])
	assert.equal((await suite.api('GET', '/v1/developer/devices', { key: created.body.key })).status, 401)
	assert.equal((await suite.api('DELETE', `/v1/api-keys/${created.body.id}`)).status, 404)
	assert.equal((await suite.api('DELETE', '/v1/api-keys/not-a-uuid')).status, 404)
})

test('the list of keys is whole, unless a page is asked for', async () => {
	const before = (await suite.api('GET', '/v1/api-keys')).body.total
	const made = []
	for (let i = 0; i < 21; i++) made.push((await suite.api('POST', '/v1/api-keys', { body: { name: `key ${i}` } })).body.id)
	const all = (await suite.api('GET', '/v1/api-keys')).body
	assert.deepEqual([all.total, all.data.length], [before + 21, before + 21])
	assert.ok(made.every((id) => all.data.some((k) => k.id === id)))
	assert.deepEqual((await suite.api('GET', '/v1/api-keys?page=2&limit=5')).body.data, all.data.slice(5, 10))
	for (const id of made) await suite.api('DELETE', `/v1/api-keys/${id}`)
})

test('devices show the documented fields and the safety object', async () => {
	const list = await suite.api('GET', '/v1/developer/devices')
	assert.equal(list.body.items.length, 1)
	const device = (await suite.api('GET', `/v1/developer/devices/${suite.deviceUid}`)).body
	assert.equal(device.deviceUid, suite.deviceUid)
	assert.match(device.deviceUid, /^dev_[A-Za-z0-9]{8}$/)
	assert.equal(device.status, 'CONNECTED')
	assert.equal(device.phone.replace('+', ''), suite.devicePhone.replace('+', ''))
	assert.deepEqual(Object.keys(device.safety).sort(), ['accountAgeDays', 'blockedReason', 'campaignDelayMaxSec', 'campaignDelayMinSec',
		'canSend', 'dailyLimit', 'dailyRemaining', 'dailySent', 'hourlyLimit', 'hourlyRemaining', 'hourlySent', 'minuteLimit',
		'minuteRemaining', 'minuteSent', 'resetsAt', 'variantRecipientsPerVariant'])
	assert.equal(device.safety.dailyLimit, 10)
	assert.equal(device.safety.hourlyLimit, 10)
	assert.equal(device.safety.minuteLimit, 5)
	assert.match(device.safety.resetsAt, /T23:59:59\.999Z$/)
	assert.equal((await suite.api('GET', '/v1/developer/devices/dev_NOSUCH00')).status, 404)
})

test('login gives a session token that works as Bearer; a wrong password is 401', async () => {
	const good = await suite.api('POST', '/v1/auth/login', { key: null, body: { email: suite.email.toUpperCase(), password: suite.password } })
	assert.equal(good.status, 200)
	assert.equal(good.body.tokenType, 'Bearer')
	assert.ok(good.body.expiresIn > 0)
	const list = await suite.api('GET', '/v1/developer/devices', { key: null, headers: { Authorization: `Bearer ${good.body.accessToken}` } })
	assert.equal(list.status, 200)
	const [head, body, sig] = good.body.accessToken.split('.')
	const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')
	for (const forged of [`${none}.${body}.`, `${head}.${body}.${sig.split('').reverse().join('')}`])
		assert.equal((await suite.api('GET', '/v1/developer/devices', { key: null, headers: { Authorization: `Bearer ${forged}` } })).status, 401)
	for (const creds of [{ email: suite.email, password: 'wrong' }, { email: 'nobody@example.com', password: suite.password }]) {
		const bad = await suite.api('POST', '/v1/auth/login', { key: null, body: creds })
		assert.equal(bad.status, 401)
		assert.equal(bad.body.message, 'Invalid email or password')
	}
})

test('wrong input is a 400 that names the field, and nothing is sent', async () => {
	const cases = [
		[{}, /^deviceUid is required; to is required; text is required$/],
		[{ to: 5, nope: 1 }, /^to must be a string; nope should not exist; deviceUid is required; text is required$/],
		[{ deviceUid: suite.deviceUid, to: '+15550002222' }, /text is required/],
		[{ deviceUid: suite.deviceUid, to: '+15550002222', text: '' }, /text must not be empty/],
		...['123456', '+123456', '1234567890123456', '+1234567890123456', '++1234567', '+', '', '٣٣٣٣٣٣٣'].map((to) =>
			[{ deviceUid: suite.deviceUid, to, text: 'x' }, /^to must match \^\\\+\?\[0-9\]\{7,15\}\$$/]),
		[{ deviceUid: suite.deviceUid, to: '+1 555 000 2222', text: 'x' }, /to must match/],
		[{ deviceUid: suite.deviceUid, to: 15550002222, text: 'x' }, /to must be a string/],
		[{ deviceUid: suite.deviceUid, to: '+15550002222', text: { a: 1 } }, /text must be a string/],
		[{ deviceUid: suite.deviceUid, to: '+15550002222', text: 'x', extra: 1 }, /extra should not exist/],
		[{ deviceUid: suite.deviceUid, to: '+15550002222', text: 'x'.repeat(70000) }, /text must have 1 to \d+ characters/],
	]
	for (const [body, message] of cases) {
		const answer = await suite.api('POST', '/v1/developer/messages/send', { body })
		assert.equal(answer.status, 400, JSON.stringify(body).slice(0, 100))
		assert.equal(answer.body.error, 'Bad Request')
		assert.match(answer.body.message, message)
	}
	const raws = ['{', '[]', '"x"', 'null', '{"a":1,"a":2}', '{"to":"\\u0000"}', Buffer.from('7b22746f223a22ff227d', 'hex'), '{"to":"\\ud800"}', '['.repeat(100000)]
	for (const raw of raws)
		assert.equal((await suite.api('POST', '/v1/developer/messages/send', { raw })).status, 400, String(raw).slice(0, 40))
	const form = await suite.api('POST', '/v1/developer/messages/send', { raw: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } })
	assert.match(form.body.message, /Content-Type must be application\/json/)
	assert.equal((await suite.api('GET', '/v1/developer/messages')).body.total, 0)
})

test('a body over the limit is refused and the next client is served', async () => {
	const answer = await suite.api('POST', '/v1/developer/messages/send', { raw: 'x'.repeat(3 << 20) }).catch((error) => error)
	assert.ok(answer instanceof Error || answer.status === 413, `status ${answer.status}`)
	assert.equal((await suite.api('GET', '/healthz')).status, 200)
})

test('absurd pages, unknown and repeated query parameters are 400', async () => {
	for (const query of ['page=0', 'page=-1', 'page=99999999999999999999', 'limit=0', 'limit=1000', 'page=1e3', 'page=', 'page=%00', 'nope=1', 'page=1&page=2', 'to=abc', 'page=%zz'])
		assert.equal((await suite.api('GET', `/v1/developer/messages?${query}`)).status, 400, query)
	const far = await suite.api('GET', '/v1/developer/messages?page=1000000&limit=100')
	assert.deepEqual([far.status, far.body.data], [200, []])
})

test('unknown paths are 404, known paths with another method 405 with Allow', async () => {
	assert.equal((await suite.api('GET', '/v1/nope')).status, 404)
	assert.equal((await suite.api('GET', '/v1/api-keys/')).status, 404)
	const wrong = await suite.api('PATCH', '/v1/api-keys')
	assert.equal(wrong.status, 405)
	assert.match(wrong.headers.allow, /GET, POST/)
})

test('repeated headers, broken request lines and binary garbage are refused', async () => {
	const get = `GET /v1/developer/devices HTTP/1.1\r\nHost: x\r\nConnection: close\r\n`
	assert.match(await rawExchange(`${get}X-API-Key: ${suite.apiKey}\r\nX-API-Key: other\r\n\r\n`), /^HTTP\/1\.1 400/)
	assert.match(await rawExchange(`${get}X-API-Key: ${suite.apiKey}\r\n\r\n`), /^HTTP\/1\.1 200/)
	assert.match(await rawExchange('NONSENSE\r\n\r\n', { waitMs: 1000 }), /^(HTTP\/1\.1 4|$)/)
	await rawExchange(Buffer.from('16030100ff010000fb0303', 'hex'), { waitMs: 300 })
	assert.match(await rawExchange(`POST /v1/api-keys HTTP/1.1\r\nHost: x\r\nX-API-Key: ${suite.apiKey}\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}   `, { waitMs: 1000 }), /^(HTTP\/1\.1 4|$)/)
	assert.equal((await suite.api('GET', '/healthz')).status, 200)
})

test('slow and half-open clients do not hold up the others', async () => {
	const slow = []
	for (let i = 0; i < 50; i++) {
		const socket = connect(port(), '127.0.0.1')
		socket.on('error', () => {})
		await once(socket, 'connect')
		socket.write('POST /v1/developer/messages/send HTTP/1.1\r\nHost: x\r\nContent-Le')
		if (i % 2) socket.end()
		slow.push(socket)
	}
	for (let i = 0; i < 20; i++) assert.equal((await suite.api('GET', '/v1/developer/devices')).status, 200)
	for (const socket of slow) socket.destroy()
})

test('Idempotency-Key: the same answer again, another body is a conflict', async () => {
	const headers = { 'Idempotency-Key': 'key-1' }
	const first = await suite.api('POST', '/v1/api-keys', { headers, body: { name: 'once' } })
	const again = await suite.api('POST', '/v1/api-keys', { headers, body: { name: 'once' } })
	assert.equal(first.status, 201)
	assert.deepEqual([again.status, again.body], [201, first.body])
	assert.equal((await suite.api('POST', '/v1/api-keys', { headers, body: { name: 'twice' } })).status, 409)
	const list = await suite.api('GET', '/v1/api-keys?limit=100')
	assert.equal(list.body.data.filter((k) => k.name === 'once').length, 1)
})

test('an API key is answered again to its Idempotency-Key, and is nowhere in the database', async () => {
	const ask = () => suite.api('POST', '/v1/api-keys', { body: { name: 'twice' }, headers: { 'Idempotency-Key': 'key-once' } })
	const first = await ask(), again = await ask()
	assert.equal(first.status, 201)
	assert.equal(again.status, 201)
	assert.deepEqual(again.body, first.body)
	for (const file of ['vereda.db', 'vereda.db-wal']) {
		const bytes = readFileSync(join(suite.state, file))
		assert.equal(bytes.indexOf(first.body.key), -1, file)
	}
})

test('a new device gives a QR and a pairing code, links, restarts and unlinks', async () => {
	const created = await suite.api('POST', '/v1/devices', { body: { name: 'Second' } })
	assert.equal(created.status, 201)
	const { deviceUid } = created.body
	assert.equal(created.body.status, 'PAIRING')
	const qr = await eventually('there is a QR', async () => {
		const answer = await suite.api('GET', `/v1/devices/${deviceUid}/qr`)
		return answer.status === 200 ? answer.body : null
	})
	assert.match(qr.qr, /^https:\/\/wa\.me\/settings\/linked_devices#/)
	assert.ok(Date.parse(qr.expiresAt) > Date.now() - 1000)
	const svg = await suite.api('GET', `/v1/devices/${deviceUid}/qr?format=svg`)
	assert.match(svg.headers['content-type'], /image\/svg\+xml/)
	assert.match(svg.text, /^<svg/)
	await suite.phone('15557770001', { name: 'Second phone' })
	const code = await suite.api('POST', `/v1/devices/${deviceUid}/pairing-code`, { body: { phone: '+15557770001' } })
	assert.equal(code.status, 200)
	assert.match(code.body.code, /^[1-9A-HJ-NP-TV-Z]{4}-[1-9A-HJ-NP-TV-Z]{4}$/)
	await suite.sandboxCall('POST', '/phones/15557770001/scan', { code: code.body.code })
	await eventually('the device is connected', async () =>
		(await suite.api('GET', `/v1/devices/${deviceUid}`)).body.status === 'CONNECTED')
	assert.equal((await suite.api('GET', `/v1/devices/${deviceUid}/qr`)).status, 409)
	assert.equal((await suite.api('POST', `/v1/devices/${deviceUid}/restart`)).status, 200)
	await eventually('the device is connected again', async () =>
		(await suite.api('GET', `/v1/devices/${deviceUid}`)).body.status === 'CONNECTED')
	assert.deepEqual((await suite.api('DELETE', `/v1/devices/${deviceUid}`)).body, { deleted: true })
	assert.equal((await suite.api('GET', `/v1/devices/${deviceUid}`)).status, 404)
	await eventually('the phone has no linked device any more', async () => {
		const devices = await suite.sandboxCall('GET', '/phones/15557770001/devices')
		const list = devices.items || devices.devices || devices
		return list.filter((d) => (d.device ?? d.number ?? d.id) !== 0).length === 0
	})
})

test('what belongs to another account is 404', async () => {
	const { execFileSync } = await import('node:child_process')
	const { BIN } = await import('../lib/suite.mjs')
	const out = JSON.parse(execFileSync(`${BIN}/vereda`, ['account', 'create', '--name', 'Other', '--email', 'other@example.com',
		'--password', 'correct horse', '--state', suite.state, '--json'], { encoding: 'utf8' }))
	assert.match(out.apiKey, /^wak_/)
	const key = out.apiKey
	assert.deepEqual((await suite.api('GET', '/v1/developer/devices', { key })).body, { items: [] })
	assert.equal((await suite.api('GET', `/v1/developer/devices/${suite.deviceUid}`, { key })).status, 404)
	const send = await suite.api('POST', '/v1/developer/messages/send', { key, body: { deviceUid: suite.deviceUid, to: '+15550002222', text: 'x' } })
	assert.equal(send.status, 404)
	assert.equal((await suite.api('DELETE', `/v1/devices/${suite.deviceUid}`, { key })).status, 404)
	assert.equal((await suite.api('PUT', '/v1/developer/webhooks', { key, body: { deviceUid: suite.deviceUid, personalWebhookUrl: 'http://127.0.0.1:1/' } })).status, 404)
})

test('a DELETE has a body too, in one piece or many, and what follows it on the connection is the next request', async () => {
	const { body: group } = await suite.api('POST', '/v1/contact-groups', { body: { name: 'Bodies' } })
	const contact = async (phone) => (await suite.api('POST', '/v1/developer/contacts', { body: { phone } })).body.id
	const ids = [await contact('+15554440001'), await contact('+15554440002'), await contact('+15554440003')]
	const path = `/v1/contact-groups/${group.id}/contacts`
	assert.deepEqual((await suite.api('POST', path, { body: { contactIds: ids } })).body, { added: 3 })
	const head = (method, what, body = '') => `${method} ${what} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${suite.apiKey}\r\n` +
		(body ? `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` : '') + '\r\n'
	const body = (id) => JSON.stringify({ contactIds: [id] })

	const socket = connect(port(), '127.0.0.1')
	await once(socket, 'connect')
	let out = ''
	socket.on('data', (d) => { out += d })
	const answers = () => (out.match(/HTTP\/1\.1 \d+/g) || []).length
	socket.write(head('DELETE', path, body(ids[0])) + body(ids[0]) + head('GET', '/healthz'))
	await eventually('both are answered', () => answers() === 2)
	assert.match(out, /200 OK[^]*\{"removed":1\}[^]*200 OK/)
	out = ''
	socket.write(head('DELETE', path, body(ids[1])) + body(ids[1]).slice(0, 10))
	await sleep(200)
	assert.equal(out, '', 'half a body is not answered')
	socket.write(body(ids[1]).slice(10))
	await eventually('it is answered', () => answers() === 1)
	assert.match(out, /\{"removed":1\}/)
	socket.destroy()

	const cut = connect(port(), '127.0.0.1') // leaves in the middle
	await once(cut, 'connect')
	cut.write(head('DELETE', path, body(ids[2])) + '{"con')
	await sleep(100)
	cut.destroy()
	assert.match(await rawExchange(`DELETE ${path} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${suite.apiKey}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`), /^HTTP\/1\.1 400 /)
	assert.match(await rawExchange(`DELETE ${path} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${suite.apiKey}\r\nContent-Length: 99999999\r\n\r\n`), /^HTTP\/1\.1 413 /)
	assert.equal((await suite.api('GET', `/v1/contact-groups/${group.id}`)).body.contacts.length, 1)
})
