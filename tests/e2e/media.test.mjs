// Media assets: upload, list, get, download, delete; and what does not belong there.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes, createHash } from 'node:crypto'
import { connect } from 'node:net'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { BIN, Suite, sleep } from '../lib/suite.mjs'
import { form, pdf, png, upload, wav } from '../lib/media.mjs'

const MIB = 1 << 20
const BASE = '/v1/developer/media'

let suite, otherKey
before(async () => {
	suite = await Suite.start()
	otherKey = JSON.parse(execFileSync(`${BIN}/vereda`, ['account', 'create', '--name', 'Other', '--email', 'other@example.com',
		'--password', 'correct horse', '--state', suite.state, '--json'], { encoding: 'utf8' })).apiKey
})
after(async () => { await suite.stop() })

const port = () => Number(new URL(suite.baseUrl).port)
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')
const fileOf = (bytes) => join(suite.state, 'media', sha256(bytes).slice(0, 2), sha256(bytes))
const download = (id, headers = {}, method = 'GET') => suite.api(method, `/v1/media/${id}/download`, { headers })

async function uploaded(file, options) {
	const answer = await upload(suite, file, options)
	assert.equal(answer.status, 201, answer.text)
	return answer.body
}

test('an upload is told what it is by its content', async () => {
	const picture = await uploaded(png(64, 48), { name: 'holiday.png' })
	assert.match(picture.id, /^[0-9a-f-]{36}$/)
	assert.deepEqual([picture.kind, picture.mimeType, picture.width, picture.height], ['image', 'image/png', 64, 48])
	assert.deepEqual([picture.fileName, picture.status], ['holiday.png', 'READY'])
	assert.equal(picture.downloadUrl, `/v1/media/${picture.id}/download`)
	const sound = await uploaded(wav(2), { name: 'note.wav', kind: 'audio' })
	assert.deepEqual([sound.kind, sound.seconds], ['audio', 2])
	assert.match(sound.mimeType, /^audio\//)
	const paper = await uploaded(pdf(3), { name: 'offer.pdf' })
	assert.deepEqual([paper.kind, paper.mimeType, paper.pages], ['document', 'application/pdf', 3])
	const text = await uploaded(Buffer.from('hello'), { name: 'hello.txt', fields: { kind: 'document' } })
	assert.deepEqual([text.kind, text.size], ['document', 5])
	// A document may be anything, a picture too.
	assert.equal((await uploaded(png(8, 8), { kind: 'document' })).kind, 'document')
})

test('the list has pages, a filter and totals', async () => {
	const all = (await suite.api('GET', `${BASE}?limit=2`)).body
	assert.equal(all.data.length, 2)
	assert.deepEqual([all.page, all.limit], [1, 2])
	assert.ok(all.total >= 5)
	const images = (await suite.api('GET', `${BASE}?kind=image`)).body
	assert.ok(images.data.length === images.total && images.data.every((m) => m.kind === 'image'))
	const newest = await uploaded(png(9, 9))
	assert.equal((await suite.api('GET', `${BASE}?limit=1`)).body.data[0].id, newest.id)
	assert.deepEqual((await suite.api('GET', BASE, { key: otherKey })).body.data, [])
	for (const query of ['kind=banana', 'page=0', 'nope=1', 'limit=1000'])
		assert.equal((await suite.api('GET', `${BASE}?${query}`)).status, 400, query)
})

test('one asset is found by its owner alone', async () => {
	const { id } = await uploaded(png(10, 10))
	const one = (await suite.api('GET', `${BASE}/${id}`)).body
	assert.deepEqual([one.id, one.kind, one.mimeType], [id, 'image', 'image/png'])
	for (const [method, path] of [['GET', `${BASE}/${id}`], ['DELETE', `${BASE}/${id}`], ['GET', `/v1/media/${id}/download`]]) {
		assert.equal((await suite.api(method, path, { key: otherKey })).status, 404, `${method} ${path}`)
		assert.equal((await suite.api(method, path.replace(id, 'nonsense'))).status, 404)
		assert.equal((await suite.api(method, path, { key: null })).status, 401)
	}
	assert.equal((await suite.api('GET', `${BASE}/${id}`)).status, 200)
})

test('a download gives the bytes back, whole or in part', async () => {
	const file = randomBytes(300000)
	const { id } = await uploaded(file, { name: 'a "b"\u00e9.bin' })
	const whole = await download(id)
	assert.equal(whole.status, 200)
	assert.ok(whole.bytes.equals(file))
	assert.equal(whole.headers['x-content-type-options'], 'nosniff')
	assert.equal(whole.headers['accept-ranges'], 'bytes')
	assert.equal(whole.headers.etag, `"${sha256(file)}"`)
	assert.match(whole.headers['content-disposition'], /^attachment; filename="[ -~]+"; filename\*=UTF-8''a%20%22b%22%C3%A9\.bin$/)
	const cases = [
		['bytes=0-9', 206, 'bytes 0-9/300000', file.subarray(0, 10)],
		['bytes=299990-', 206, 'bytes 299990-299999/300000', file.subarray(299990)],
		['bytes=-5', 206, 'bytes 299995-299999/300000', file.subarray(299995)],
		['bytes=100-99999999', 206, 'bytes 100-299999/300000', file.subarray(100)],
		['bytes=0-1,5-6', 200, undefined, file],
		['nonsense', 200, undefined, file],
	]
	for (const [range, status, shown, bytes] of cases) {
		const part = await download(id, { Range: range })
		assert.deepEqual([part.status, part.headers['content-range']], [status, shown], range)
		assert.ok(part.bytes.equals(bytes), range)
	}
	const beyond = await download(id, { Range: 'bytes=300000-' })
	assert.deepEqual([beyond.status, beyond.headers['content-range'], beyond.body.statusCode], [416, 'bytes */300000', 416])
	const stale = await download(id, { Range: 'bytes=0-9', 'If-Range': '"other"' })
	assert.deepEqual([stale.status, stale.bytes.length], [200, 300000])
	const known = await download(id, { 'If-None-Match': whole.headers.etag })
	assert.deepEqual([known.status, known.bytes.length], [304, 0])
	const head = await download(id, {}, 'HEAD')
	assert.deepEqual([head.status, head.bytes.length, head.headers['content-length']], [200, 0, '300000'])
	// The connection is still in step after all of these.
	assert.ok((await download(id)).bytes.equals(file))
})

test('deleting takes the asset at once, and the file with its last owner', async () => {
	const file = randomBytes(5000)
	const first = await uploaded(file), second = await uploaded(file)
	assert.ok(existsSync(fileOf(file)))
	const gone = await suite.api('DELETE', `${BASE}/${first.id}`)
	assert.deepEqual([gone.status, gone.bytes.length], [204, 0])
	assert.equal((await download(first.id)).status, 404)
	assert.equal((await suite.api('GET', `${BASE}/${first.id}`)).status, 404)
	assert.equal((await suite.api('DELETE', `${BASE}/${first.id}`)).status, 404)
	assert.ok((await download(second.id)).bytes.equals(file))
	assert.equal((await suite.api('DELETE', `${BASE}/${second.id}`)).status, 204)
	assert.ok(!existsSync(fileOf(file)))
	// And it can come back.
	assert.ok((await download((await uploaded(file)).id)).bytes.equals(file))
})

test('a kind that the content does not have is refused', async () => {
	const wrong = await upload(suite, pdf(), { kind: 'image', name: 'photo.jpg' })
	assert.equal(wrong.status, 400)
	assert.match(wrong.body.message, /not of kind image but document/)
	assert.equal((await upload(suite, png(8, 8), { kind: 'audio' })).status, 400)
	assert.equal((await upload(suite, wav(1), { kind: 'video' })).status, 400)
	assert.equal((await upload(suite, png(8, 8), { kind: 'banana' })).status, 400)
	assert.equal((await upload(suite, png(8, 8), { kind: 'sticker' })).status, 400)
	assert.equal((await upload(suite, png(8, 8), { kind: 'image', fields: { kind: 'document' } })).status, 400)
	assert.equal((await upload(suite, png(64, 64).subarray(0, 60), { kind: 'image' })).status, 400)
})

test('names are names: no folders, no tricks, no headers', async () => {
	const cases = [
		['../../../etc/passwd', 'passwd'],
		['C:\\\\Windows\\\\system.ini', 'system.ini'],
		['evil\u202etxt.exe', 'eviltxt.exe'],
		['..', undefined],
		['', undefined],
		['x'.repeat(600) + '.txt', 'x'.repeat(255)],
	]
	for (const [name, kept] of cases) {
		const media = await uploaded(Buffer.from(`#!/bin/sh\necho ${name.length}\n`), { name })
		assert.deepEqual([media.kind, media.fileName], ['document', kept], name)
		const got = await download(media.id)
		assert.match(got.headers['content-disposition'], /^attachment; filename="[^"\\]+"; filename\*=UTF-8''[^ ;"]+$/)
		assert.ok(!/html|script/.test(got.headers['content-type']) || got.headers['x-content-type-options'] === 'nosniff')
	}
	// A page is a file to keep, not one to show.
	const page = await uploaded(Buffer.from('<!doctype html><script>alert(1)</script>'), { name: 'photo.jpg' })
	const got = await download(page.id)
	assert.match(got.headers['content-disposition'], /^attachment/)
	assert.equal(got.headers['x-content-type-options'], 'nosniff')
	assert.equal(page.kind, 'document')
})

test('what is no form with a file is a 400 and leaves nothing behind', async () => {
	const { total } = (await suite.api('GET', BASE)).body
	const B = 'multipart/form-data; boundary=B'
	const part = '--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
	const cases = [
		['{}', 'application/json', /multipart\/form-data/],
		['hello', 'multipart/form-data', /boundary/],
		['hello', B, /begin with its boundary/],
		['', B, /has no end/],
		[`${part}x`, B, /has no end/],
		[`${part}\r\n--B--`, B, /file is empty/],
		['--B--', B, /must have a part named file/],
		[`${part}x\r\n${part}y\r\n--B--`, B, /one part named file/],
		['--B\r\nContent-Disposition: form-data; name="other"; filename="a"\r\n\r\nx\r\n--B--', B, /one part named file/],
		[`${part}x\r\n--B\r\nContent-Disposition: form-data; name="kind"\r\n\r\n${'x'.repeat(99)}\r\n--B--`, B, /kind/],
		[`--B\r\nX: ${'x'.repeat(5000)}\r\n\r\nx\r\n--B--`, B, /too long/],
	]
	for (const [raw, type, message] of cases) {
		const answer = await suite.api('POST', `${BASE}/upload`, { raw, headers: { 'content-type': type } })
		assert.equal(answer.status, 400, `${raw.slice(0, 60)}: ${answer.text}`)
		assert.match(answer.body.message, message)
	}
	assert.equal((await suite.api('GET', BASE)).body.total, total)
	assert.deepEqual(readdirSync(join(suite.state, 'media', 'tmp')), [])
})

test('a file of the largest size passes, one byte more is 413', async () => {
	const file = randomBytes(16 * MIB)
	const media = await uploaded(file)
	assert.equal(media.size, 16 * MIB)
	assert.ok((await download(media.id)).bytes.equals(file))
	assert.equal((await suite.api('DELETE', `${BASE}/${media.id}`)).status, 204)
	const over = await upload(suite, Buffer.concat([file, Buffer.from('x')]))
	assert.deepEqual([over.status, over.body.error], [413, 'Payload Too Large'])
	const far = await upload(suite, Buffer.alloc(40 * MIB)).catch((error) => error)
	assert.ok(far instanceof Error || far.status === 413, `status ${far.status}`)
	// The large limit is for uploads alone.
	const other = await suite.api('POST', '/v1/developer/messages/send', { raw: 'x'.repeat(2 * MIB) }).catch((error) => error)
	assert.ok(other instanceof Error || other.status === 413, `status ${other.status}`)
	assert.equal((await suite.api('GET', '/healthz')).status, 200)
})

test('a body in chunks of unknown number is taken as well', async () => {
	const file = randomBytes(3 * MIB)
	const { raw, headers } = form(file)
	const answer = await new Promise((resolve, reject) => {
		const req = httpRequest(`${suite.baseUrl}${BASE}/upload`, { method: 'POST', headers: { ...headers, 'X-API-Key': suite.apiKey } }, (res) => {
			let text = ''
			res.on('data', (d) => { text += d })
			res.on('end', () => resolve({ status: res.statusCode, text }))
		})
		req.on('error', reject)
		for (let at = 0; at < raw.length; at += 100000) req.write(raw.subarray(at, at + 100000))
		req.end()
	})
	assert.equal(answer.status, 201, answer.text)
	assert.ok((await download(JSON.parse(answer.text).id)).bytes.equals(file))
})

test('many uploads at once all arrive', async () => {
	const files = Array.from({ length: 24 }, () => randomBytes(2 * MIB))
	const answers = await Promise.all(files.map((file) => upload(suite, file)))
	assert.deepEqual(answers.map((a) => a.status), Array(24).fill(201))
	const back = await Promise.all(answers.map((a) => download(a.body.id)))
	back.forEach((b, i) => assert.ok(b.bytes.equals(files[i])))
})

test('clients that hardly send do not keep others out', async () => {
	const slow = []
	for (let i = 0; i < 16; i++) {
		const socket = connect(port(), '127.0.0.1')
		socket.on('error', () => {})
		await once(socket, 'connect')
		socket.write(`POST ${BASE}/upload HTTP/1.1\r\nHost: x\r\nX-API-Key: ${suite.apiKey}\r\n` +
			'Content-Type: multipart/form-data; boundary=B\r\nContent-Length: 10000000\r\n\r\n--B\r\n')
		slow.push(socket)
	}
	await sleep(500)
	const answers = await Promise.all(Array.from({ length: 4 }, () => upload(suite, randomBytes(MIB))))
	for (const socket of slow) socket.destroy()
	// Those who waited were served in the end, or told to come back.
	for (const a of answers) {
		assert.ok([201, 503].includes(a.status), `status ${a.status} ${a.text}`)
		if (a.status === 503) assert.match(a.headers['retry-after'], /^\d+$/)
	}
	assert.equal((await upload(suite, randomBytes(1000))).status, 201)
})

test('an Idempotency-Key stands for the file, not for its form', async () => {
	const file = randomBytes(2000)
	const send = (bytes, key) => {
		const { raw, headers } = form(bytes, { name: 'a.bin' })
		return suite.api('POST', `${BASE}/upload`, { raw, headers: { ...headers, 'Idempotency-Key': key } })
	}
	const first = await send(file, 'once'), again = await send(file, 'once')
	assert.deepEqual([first.status, again.status], [201, 201])
	assert.equal(again.body.id, first.body.id)
	assert.equal((await send(randomBytes(2000), 'once')).status, 409)
	assert.notEqual((await send(file, 'twice')).body.id, first.body.id)
})
