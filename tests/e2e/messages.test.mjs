// One REST call reaches a phone, its receipts come back, its reply reaches the webhook.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { get } from 'node:http'
import { Webhook } from 'standardwebhooks'
import { Suite, receiver, eventually, sleep } from '../lib/suite.mjs'

let suite, hook, secret
const PEER = '15550002222'

before(async () => {
	suite = await Suite.start({ env: { VEREDA_SAFETY_ENABLED: 'false' } })
	hook = await receiver()
	await suite.phone(PEER, { name: 'Peer', readAfterMs: 300 })
	const put = await suite.api('PUT', '/v1/developer/webhooks', { body: { deviceUid: suite.deviceUid, personalWebhookUrl: hook.url } })
	assert.equal(put.status, 200)
	assert.match(put.body.secret, /^whsec_/)
	secret = put.body.secret
})
after(async () => { await suite.stop(); await hook.close() })

test('a text reaches the phone exactly, and DELIVERED and READ come back', async () => {
	const text = 'Olá, "wörld" 🌍\nline two \\ {not spintax'
	const answer = await suite.send('+' + PEER, text)
	assert.equal(answer.status, 200)
	assert.equal(answer.body.accepted, true)
	assert.match(answer.body.providerMessageId, /^3EB0[0-9A-F]{18}$/)
	const inbox = await eventually('the phone has the message', async () => {
		const all = await suite.inbox(PEER)
		return all.find((m) => m.text === text)
	})
	assert.equal(inbox.id, answer.body.providerMessageId)
	const message = await suite.waitStatus(answer.body.messageId, 'READ')
	assert.equal(message.to, '+' + PEER)
	assert.equal(message.messageType, 'TEXT')
	for (const at of ['createdAt', 'sentAt', 'deliveredAt', 'readAt']) assert.ok(Date.parse(message[at]) > 0, at)
	assert.deepEqual(message.timeline.map((s) => s.status), ['QUEUED', 'SENT', 'DELIVERED', 'READ'])
	for (const type of ['message.sent', 'message.delivered', 'message.read'])
		await eventually(`webhook ${type}`, () => hook.events(type).find((e) => e.data.messageId === answer.body.messageId))
})

test('webhooks carry Standard Webhooks signatures that the official library accepts', async () => {
	const verifier = new Webhook(secret)
	assert.ok(hook.got.length >= 3)
	for (const { headers, text } of hook.got) {
		const event = verifier.verify(text, headers)
		assert.equal(event.id, headers['webhook-id'])
		assert.throws(() => verifier.verify(text + ' ', headers))
	}
})

test('a reply reaches the webhook as message.received, once', async () => {
	await suite.sandboxCall('POST', `/phones/${PEER}/send`, { to: suite.devicePhone, text: 'a reply ✓' })
	const event = await eventually('message.received', () => hook.events('message.received').find((e) => e.data.text === 'a reply ✓'))
	assert.equal(event.data.from, '+' + PEER)
	assert.equal(event.deviceUid, suite.deviceUid)
	await sleep(500)
	assert.equal(hook.events('message.received').filter((e) => e.data.text === 'a reply ✓').length, 1)
	const list = await suite.api('GET', '/v1/developer/messages?limit=100')
	assert.ok(list.body.data.some((m) => m.direction === 'INBOUND' && m.text === 'a reply ✓' && m.from === '+' + PEER))
})

test('clientMessageId: the same ids again, one message on the phone', async () => {
	const first = await suite.send(PEER, 'only once', { clientMessageId: 'order-1' })
	const again = await suite.send(PEER, 'only once', { clientMessageId: 'order-1' })
	assert.equal((await suite.message(first.body.messageId)).clientMessageId, 'order-1')
	assert.deepEqual(again.body, first.body)
	await suite.waitStatus(first.body.messageId, ['DELIVERED', 'READ'])
	assert.equal((await suite.inbox(PEER)).filter((m) => m.text === 'only once').length, 1)
})

test('a number that is not on WhatsApp fails with a reason and an event', async () => {
	const answer = await suite.send('+15559990000', 'nobody there')
	const message = await suite.waitStatus(answer.body.messageId, 'FAILED')
	assert.equal(message.reason, 'not_on_whatsapp')
	await eventually('message.failed', () => hook.events('message.failed').find((e) => e.data.messageId === answer.body.messageId))
})

test('check-whatsapp answers for each number in order', async () => {
	const numbers = ['+' + PEER, '+15559990000', suite.devicePhone]
	const answer = await suite.api('POST', '/v1/developer/messages/check-whatsapp', { body: { deviceUid: suite.deviceUid, numbers } })
	assert.equal(answer.status, 200)
	assert.deepEqual(answer.body.results, [
		{ phone: numbers[0], exists: true }, { phone: numbers[1], exists: false }, { phone: numbers[2], exists: true }])
	for (const bad of [[], Array(51).fill('+15550002222'), ['x'], 'x'])
		assert.equal((await suite.api('POST', '/v1/developer/messages/check-whatsapp', { body: { deviceUid: suite.deviceUid, numbers: bad } })).status, 400)
})

test('events of a device arrive in order, in the webhook and in the event stream, resumable', async () => {
	const seqs = []
	const read = (lastEventId, want) => new Promise((resolve, reject) => {
		const events = []
		let buffer = ''
		const req = get(suite.baseUrl + '/v1/events', { headers: { 'X-API-Key': suite.apiKey, ...(lastEventId ? { 'Last-Event-ID': lastEventId } : {}) } }, (res) => {
			assert.match(res.headers['content-type'], /text\/event-stream/)
			res.on('data', (d) => {
				buffer += d
				let end
				while ((end = buffer.indexOf('\n\n')) >= 0) {
					const block = buffer.slice(0, end)
					buffer = buffer.slice(end + 2)
					const data = block.split('\n').find((l) => l.startsWith('data: '))
					if (data) events.push(JSON.parse(data.slice(6)))
				}
				if (events.length >= want) { req.destroy(); resolve(events) }
			})
		})
		req.on('error', (error) => (events.length >= want ? null : reject(error)))
		setTimeout(() => { req.destroy(); reject(new Error(`only ${events.length} events`)) }, 15000)
	})
	const live = read(null, 30)
	await sleep(300)
	for (let i = 0; i < 10; i++) await suite.send(PEER, `burst ${i}`)
	const events = await live
	for (const e of events) seqs.push(e.seq)
	assert.deepEqual(seqs, seqs.map((_, i) => seqs[0] + i))
	const again = await read(String(seqs[4]), 5)
	assert.deepEqual(again.slice(0, 5).map((e) => e.id), events.slice(5, 10).map((e) => e.id))
	await eventually('the webhook has them all', () => hook.got.length >= seqs[seqs.length - 1] - 2)
	const hookSeqs = hook.events().map((e) => e.seq)
	assert.deepEqual(hookSeqs, [...hookSeqs].sort((a, b) => a - b))
})

test('the list pages through everything once, newest first', async () => {
	const seen = new Set()
	let total
	for (let page = 1; ; page++) {
		const { body } = await suite.api('GET', `/v1/developer/messages?page=${page}&limit=7&deviceUid=${suite.deviceUid}`)
		total = body.total
		assert.equal(body.page, page)
		if (body.data.length === 0) break
		for (const m of body.data) { assert.ok(!seen.has(m.id)); seen.add(m.id) }
	}
	assert.equal(seen.size, total)
	const filtered = await suite.api('GET', `/v1/developer/messages?to=%2B${PEER}&limit=100`)
	assert.ok(filtered.body.total > 0)
	for (const m of filtered.body.data) assert.equal(m.to ?? m.from, '+' + PEER)
	for (const to of [`+${PEER}`, PEER]) // a plus that nobody escaped is one
		assert.deepEqual((await suite.api('GET', `/v1/developer/messages?to=${to}&limit=100`)).body, filtered.body)
})
