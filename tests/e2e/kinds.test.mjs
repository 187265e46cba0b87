// Every kind of message through the API, and what a phone makes of it.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { BIN, Suite, eventually } from '../lib/suite.mjs'
import { pdf, png, upload, wav } from '../lib/media.mjs'

const BOB = '+15550002222', CAROL = '+15550003333', NOBODY = '+15559990000'
const DEV = '/v1/developer'

let suite, otherKey
const assets = {}
before(async () => {
	suite = await Suite.start({ env: { VEREDA_SAFETY_ENABLED: 'false' } })
	for (const phone of [BOB, CAROL]) await suite.phone(phone)
	otherKey = JSON.parse(execFileSync(`${BIN}/vereda`, ['account', 'create', '--name', 'Other', '--email', 'other@example.com',
		'--password', 'correct horse', '--state', suite.state, '--json'], { encoding: 'utf8' })).apiKey
	assets.image = (await upload(suite, png(64, 48), { name: 'a.png' })).body
	assets.audio = (await upload(suite, wav(2), { name: 'a.wav' })).body
	assets.document = (await upload(suite, pdf(2), { name: 'offer.pdf' })).body
})
after(async () => { await suite.stop() })

const any = (body, options = {}) => suite.api('POST', `/v1/devices/${suite.deviceUid}/messages`, { body: { to: BOB, ...body }, ...options })
const post = (path, body, options = {}) => suite.api('POST', DEV + path, { body: { deviceUid: suite.deviceUid, ...body }, ...options })

async function accepted(answer) {
	assert.equal(answer.status, 200, answer.text)
	assert.equal(answer.body.accepted, true)
	assert.match(answer.body.messageId, /^[0-9a-f-]{36}$/)
	return answer.body
}

// What a phone shows of a message that was accepted.
const shown = ({ providerMessageId }, phone = BOB) =>
	eventually(`${phone} shows ${providerMessageId}`, async () => (await suite.inbox(phone)).find((m) => m.id === providerMessageId))

test('send-media sends each asset as what it is', async () => {
	const image = await accepted(await post('/messages/send-media', { to: BOB, mediaId: assets.image.id, caption: 'look' }))
	assert.deepEqual([image.sessionId, typeof image.providerMessageId], [suite.deviceUid, 'string'])
	const seen = await shown(image)
	assert.deepEqual([seen.type, seen.text, seen.media.width, seen.media.mimetype], ['image', 'look', 64, 'image/png'])
	const stored = await suite.waitStatus(image.messageId, ['SENT', 'DELIVERED', 'READ'])
	assert.deepEqual([stored.messageType, stored.text, stored.content.media.id, stored.mediaId], ['IMAGE', 'look', assets.image.id, assets.image.id])
	assert.equal(stored.mimeType, 'image/png')
	const paper = await shown(await accepted(await post('/messages/send-media', { to: BOB, mediaId: assets.document.id })))
	assert.deepEqual([paper.type, paper.media.fileName, paper.media.pages], ['document', 'offer.pdf', 2])
	const sound = await shown(await accepted(await post('/messages/send-media', { to: BOB, mediaId: assets.audio.id, caption: '' })))
	assert.equal(sound.type, 'audio')
})

test('send-voice converts once, and what arrives is the same each time', async () => {
	const first = await accepted(await post('/messages/send-voice', { to: BOB, mediaId: assets.audio.id }))
	const second = await accepted(await post('/messages/send-voice', { to: CAROL, mediaId: assets.audio.id }))
	const [a, b] = [await shown(first), await shown(second, CAROL)]
	assert.deepEqual([a.type, a.media.seconds, a.media.mimetype], ['voice', 2, 'audio/ogg; codecs=opus'])
	assert.equal(a.media.sha256, b.media.sha256)
	assert.ok(a.media.waveform.length === 64)
	const made = (await suite.message(first.messageId)).content.media
	assert.equal(made.id, (await suite.message(second.messageId)).content.media.id)
	const file = await suite.api('GET', made.downloadUrl)
	assert.equal(createHash('sha256').update(file.bytes).digest('hex'), a.media.sha256)
	// What was made is no upload.
	assert.equal((await suite.api('GET', `${DEV}/media`)).body.total, 3)
	for (const id of [assets.image.id, assets.document.id]) {
		const wrong = await post('/messages/send-voice', { to: BOB, mediaId: id })
		assert.equal(wrong.status, 400)
		assert.match(wrong.body.message, /cannot be sent as VOICE/)
	}
})

test('a picture becomes a sticker', async () => {
	const seen = await shown(await accepted(await any({ type: 'STICKER', mediaId: assets.image.id })))
	assert.deepEqual([seen.type, seen.media.mimetype, seen.media.width], ['sticker', 'image/webp', 512])
	assert.equal((await any({ type: 'STICKER', mediaId: assets.audio.id })).status, 400)
})

test('texts, places, cards and polls arrive as they were meant', async () => {
	assert.equal((await shown(await accepted(await any({ type: 'TEXT', text: 'hello' })))).text, 'hello')
	const place = await shown(await accepted(await any({ type: 'LOCATION', location: { latitude: 51.5, longitude: -0.12, name: 'Bridge', address: 'River' } })))
	assert.deepEqual([place.location.latitude, place.location.longitude, place.location.name], [51.5, -0.12, 'Bridge'])
	const card = await shown(await accepted(await any({ type: 'CONTACT', contacts: [{ name: 'Carol', phone: CAROL }] })))
	assert.match(card.contact.vcard, /^BEGIN:VCARD[^]*waid=15550003333:\+15550003333[^]*END:VCARD/)
	const poll = await shown(await accepted(await any({ type: 'POLL', text: 'Tea?', poll: { options: ['yes', 'no'], selectable: 0 } })))
	assert.deepEqual(poll.poll, { name: 'Tea?', options: ['yes', 'no'], selectable: 0 })
	const once = await shown(await accepted(await any({ type: 'IMAGE', mediaId: assets.image.id, viewOnce: true })))
	assert.equal(once.viewOnce, true)
	const passed = await shown(await accepted(await any({ type: 'TEXT', text: 'news', forwarded: true, mentions: [CAROL] })))
	assert.deepEqual([passed.forwarded ?? passed.isForwarded, passed.mentions.map((m) => m.replace('+', ''))], [true, ['15550003333']])
})

test('reactions, edits, quotes and revokes find their message by our id', async () => {
	const text = await accepted(await any({ type: 'TEXT', text: 'original' }))
	await shown(text)
	const target = { messageId: text.messageId }
	const emoji = await shown(await accepted(await any({ type: 'REACTION', text: '\u{1F44D}', target })))
	assert.deepEqual([emoji.reaction.text, emoji.reaction.target.id], ['\u{1F44D}', text.providerMessageId])
	const edit = await shown(await accepted(await any({ type: 'EDIT', text: 'better', target })))
	assert.deepEqual([edit.edit.text, edit.edit.target.id], ['better', text.providerMessageId])
	const reply = await shown(await accepted(await any({ type: 'TEXT', text: 'as I said', quote: target })))
	assert.deepEqual([reply.quoted.id, reply.quoted.text], [text.providerMessageId, 'original'])
	const gone = await shown(await accepted(await any({ type: 'REVOKE', target })))
	assert.equal(gone.revoke.id, text.providerMessageId)
	const stored = await suite.message(text.messageId)
	assert.equal(stored.messageType, 'TEXT')
	// In another chat, or not ours, it is no such message.
	for (const wrong of [{ ...target, to: CAROL }, { messageId: '00000000-0000-7000-8000-000000000000' }, { messageId: 'x' }, { messageId: 7 }]) {
		const { to = BOB, ...where } = wrong
		const answer = await any({ to, type: 'REACTION', text: 'x', target: where })
		assert.equal(answer.status, 400)
		assert.match(answer.body.message, /no message of this chat/)
	}
})

test('an incoming message can be quoted, reacted to and not edited', async () => {
	const sent = await suite.sandboxCall('POST', `/phones/${BOB.slice(1)}/send`, { to: suite.devicePhone, text: 'ping' })
	const got = await eventually('it was received', async () =>
		(await suite.api('GET', `${DEV}/messages?limit=5`)).body.data.find((m) => m.direction === 'INBOUND' && m.providerMessageId === sent.id))
	assert.deepEqual([got.text, got.from, got.messageType], ['ping', BOB, 'TEXT'])
	assert.match(got.contactId, /^[0-9a-f-]{36}$/)
	const reply = await shown(await accepted(await any({ type: 'TEXT', text: 'pong', quote: { messageId: got.id } })))
	assert.deepEqual([reply.quoted.id, reply.quoted.text], [sent.id, 'ping'])
	const emoji = await shown(await accepted(await any({ type: 'REACTION', text: '!', target: { messageId: got.id } })))
	assert.equal(emoji.reaction.target.id, sent.id)
	assert.match((await any({ type: 'EDIT', text: 'x', target: { messageId: got.id } })).body.message, /only own messages/)
	assert.match((await any({ type: 'REVOKE', target: { messageId: got.id } })).body.message, /only own messages/)
})

test('received media is downloaded like an upload, by its account alone', async () => {
	const file = png(20, 20, [1, 200, 3])
	const sent = await suite.sandboxCall('POST', `/phones/${BOB.slice(1)}/send`, { to: suite.devicePhone, kind: 'image', media: file.toString('base64'),
		mimetype: 'image/png', caption: 'see' })
	const got = await eventually('the picture is here', async () =>
		(await suite.api('GET', `${DEV}/messages?limit=5`)).body.data.find((m) => m.providerMessageId === sent.id && m.content?.media?.status === 'READY'))
	assert.deepEqual([got.messageType, got.text, got.mimeType], ['IMAGE', 'see', 'image/png'])
	const back = await suite.api('GET', got.content.media.downloadUrl)
	assert.ok(back.bytes.equals(file))
	assert.equal((await suite.api('GET', `${DEV}/media/${got.mediaId}`)).body.id, got.mediaId)
	assert.equal((await suite.api('GET', got.content.media.downloadUrl, { key: otherKey })).status, 404)
	// It is listed with its message, not among the uploads, and can be passed on.
	assert.ok(!(await suite.api('GET', `${DEV}/media?limit=100`)).body.data.some((m) => m.id === got.mediaId))
	const passed = await shown(await accepted(await any({ to: CAROL, type: 'IMAGE', mediaId: got.mediaId })), CAROL)
	assert.equal(passed.media.sha256, createHash('sha256').update(file).digest('hex'))
})

test('a status goes to those who may see it', async () => {
	const text = await accepted(await post('/status/text', { text: 'Hello World!', backgroundColor: '#FF0000', font: 1, audience: [BOB] }))
	assert.equal((await shown(text)).text, 'Hello World!')
	const image = await accepted(await post('/status/media', { mediaId: assets.image.id, caption: 'Check this out!', audience: [BOB] }))
	assert.deepEqual([(await shown(image)).type, (await shown(image)).text], ['image', 'Check this out!'])
	const stored = await suite.message(text.messageId)
	assert.deepEqual([stored.chat, stored.content.background], ['status@broadcast', '#FF0000'])
	assert.ok(!(await suite.inbox(CAROL)).some((m) => m.id === text.providerMessageId))
	const privacy = await suite.api('GET', `${DEV}/status/privacy/${suite.deviceUid}`)
	assert.equal(privacy.status, 200)
	assert.deepEqual([privacy.body.privacy, privacy.body.list], ['contacts', []])
})

test('clientMessageId holds for every kind', async () => {
	const send = () => any({ type: 'LOCATION', location: { latitude: 1, longitude: 1 }, clientMessageId: 'place-1' })
	const first = await accepted(await send()), again = await accepted(await send())
	assert.equal(again.messageId, first.messageId)
	const voice = () => post('/messages/send-voice', { to: BOB, mediaId: assets.audio.id, clientMessageId: 'voice-1' })
	assert.equal((await accepted(await voice())).messageId, (await accepted(await voice())).messageId)
})

test('what cannot be sent is refused with its reason, and nothing is queued', async () => {
	const { total } = (await suite.api('GET', `${DEV}/messages`)).body
	const cases = [
		[{}, /type is required/],
		[{ type: 'text', text: 'x' }, /^type must be one of TEXT\|IMAGE\|.*\|POLL\|REACTION\|EDIT\|REVOKE$/],
		[{ type: 'POLL_VOTE' }, /type must be/],
		[{ type: 'BUTTONS' }, /Consumer WhatsApp clients do not show buttons and lists/],
		[{ type: 'TEXT', text: 'x', buttons: [{ id: 1 }] }, /Consumer WhatsApp clients do not show buttons and lists/],
		[{ type: 'TEXT', text: 'x', sections: [] }, /Consumer WhatsApp clients/],
		[{ type: 'TEXT' }, /text is required/],
		[{ type: 'TEXT', text: '' }, /text must not be empty/],
		[{ type: 'TEXT', text: 'x', nope: 1 }, /nope should not exist/],
		[{ type: 'TEXT', text: 'x', mediaId: assets.image.id }, /has no mediaId/],
		[{ type: 'TEXT', text: 'x', background: '#FF0000' }, /is for a status/],
		[{ type: 'IMAGE' }, /mediaId is required/],
		[{ type: 'IMAGE', mediaId: 'x' }, /mediaId must be a UUID/],
		[{ type: 'IMAGE', mediaId: '00000000-0000-7000-8000-000000000000' }, /no media with this id/],
		[{ type: 'IMAGE', mediaId: assets.document.id }, /cannot be sent as IMAGE/],
		[{ type: 'IMAGE', mediaId: assets.image.id, text: 'x'.repeat(1025) }, /caption/],
		[{ type: 'LOCATION', location: { latitude: 91, longitude: 0 } }, /latitude/],
		[{ type: 'CONTACT', contacts: [] }, /1 to 10/],
		[{ type: 'POLL', text: 'q', poll: { options: ['a'] } }, /2 to 12/],
		[{ type: 'REACTION', text: 'x' }, /target is required/],
		[{ type: 'EDIT', text: 'x', target: { id: 'A' } }, /only own messages/],
		[{ type: 'TEXT', text: 'x', to: 'bob' }, /to must match/],
		[{ type: 'TEXT', text: 'x', to: 'status@broadcast' }, /to must match/],
		[{ type: 'TEXT', text: 'x', to: null }, /to must be a string/],
		[{ type: 'REACTION', text: 'x', target: { id: 'A' }, to: '120363012345678901@g.us' }, /participant/],
	]
	for (const [body, message] of cases) {
		const answer = await any(body)
		assert.equal(answer.status, 400, JSON.stringify(body).slice(0, 100))
		assert.match(answer.body.message, message)
	}
	const documented = [
		['/messages/send-media', { to: BOB }, /mediaId is required/],
		['/messages/send-media', { to: BOB, mediaId: assets.image.id, caption: 'x'.repeat(1025) }, /caption must have at most 1024 characters/],
		['/messages/send-media', { to: BOB, mediaId: assets.audio.id, caption: 'x' }, /no caption/],
		['/messages/send-media', { mediaId: assets.image.id }, /to is required/],
		['/messages/send-voice', { to: BOB }, /mediaId is required/],
		['/messages/send-voice', { to: BOB, mediaId: assets.audio.id, caption: 'x' }, /caption should not exist/],
		['/status/text', {}, /text is required/],
		['/status/text', { text: 'x', backgroundColor: 'red' }, /colour/],
		['/status/text', { text: 'x', font: 99 }, /font must be 0 to 10/],
		['/status/text', { text: 'x', audience: ['bob'] }, /audience must hold/],
		['/status/media', { caption: 'x' }, /mediaId is required/],
		['/status/media', { mediaId: assets.document.id }, /a status cannot be/],
	]
	for (const [path, body, message] of documented) {
		const answer = await post(path, body)
		assert.equal(answer.status, 400, `${path} ${JSON.stringify(body).slice(0, 80)}`)
		assert.match(answer.body.message, message)
	}
	assert.equal((await suite.api('GET', `${DEV}/messages`)).body.total, total)
})

test('another account has neither the device nor the media', async () => {
	assert.equal((await any({ type: 'TEXT', text: 'x' }, { key: otherKey })).status, 404)
	for (const [path, body] of [['/messages/send-media', { to: BOB, mediaId: assets.image.id }], ['/messages/send-voice', { to: BOB, mediaId: assets.audio.id }],
		['/status/text', { text: 'x' }]])
		assert.equal((await post(path, body, { key: otherKey })).status, 404, path)
	assert.equal((await suite.api('GET', `${DEV}/status/privacy/${suite.deviceUid}`, { key: otherKey })).status, 404)
	const theirs = await suite.api('POST', '/v1/devices', { key: otherKey, body: { name: 'Theirs' } })
	const borrowed = await suite.api('POST', `${DEV}/messages/send-media`, { key: otherKey,
		body: { deviceUid: theirs.body.deviceUid, to: BOB, mediaId: assets.image.id } })
	assert.deepEqual([borrowed.status, borrowed.body.message], [400, 'there is no media with this id'])
})

test('a deleted asset is not sent any more, one that waits still is', async () => {
	const { id } = (await upload(suite, png(30, 30, [9, 9, 9]))).body
	const sent = await accepted(await post('/messages/send-media', { to: BOB, mediaId: id }))
	assert.equal((await suite.api('DELETE', `${DEV}/media/${id}`)).status, 204)
	await shown(sent)
	const { media } = (await suite.message(sent.messageId)).content
	assert.deepEqual([media.id, media.status, media.downloadUrl], [id, 'GONE', undefined])
	assert.equal((await post('/messages/send-media', { to: BOB, mediaId: id })).status, 400)
})

test('a number without WhatsApp fails, whatever the kind', async () => {
	const { messageId } = await accepted(await any({ to: NOBODY, type: 'IMAGE', mediaId: assets.image.id }))
	assert.equal((await suite.waitStatus(messageId, 'FAILED')).reason, 'not_on_whatsapp')
})
