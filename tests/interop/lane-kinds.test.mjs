// Every kind of message between our lane and an unmodified Baileys client, media byte for byte.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0' // the sandbox's media host has a certificate of its own
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import { downloadMediaMessage, proto } from 'baileys'
import { Suite, receiver, eventually } from '../lib/suite.mjs'
import { Client } from './lib/baileys.mjs'

const ALICE = '15552220001'
const VOTER = '15552220002'
let suite, hook, alice, own

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')

// ---- files ----

function crc32(bytes) {
	let crc = ~0
	for (const byte of bytes) {
		crc ^= byte
		for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
	}
	return ~crc >>> 0
}

function pngOf(width, height, seed = 1) {
	const chunk = (type, data) => {
		const head = Buffer.alloc(8)
		head.writeUInt32BE(data.length)
		head.write(type, 4)
		const crc = Buffer.alloc(4)
		crc.writeUInt32BE(crc32(Buffer.concat([head.subarray(4), data])))
		return Buffer.concat([head, data, crc])
	}
	const header = Buffer.alloc(13)
	header.writeUInt32BE(width)
	header.writeUInt32BE(height, 4)
	header.set([8, 2, 0, 0, 0], 8)
	const rows = Buffer.alloc(height * (1 + width * 3))
	for (let y = 0; y < height; y++)
		for (let x = 0; x < width; x++) rows.set([(x * seed) & 255, (y * 3) & 255, (x ^ y) & 255], y * (1 + width * 3) + 1 + x * 3)
	return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))])
}

function wavOf(seconds, rate = 16000) {
	const samples = seconds * rate
	const out = Buffer.alloc(44 + samples * 2)
	out.write('RIFF', 0)
	out.writeUInt32LE(36 + samples * 2, 4)
	out.write('WAVEfmt ', 8)
	out.writeUInt32LE(16, 16)
	out.writeUInt16LE(1, 20)
	out.writeUInt16LE(1, 22)
	out.writeUInt32LE(rate, 24)
	out.writeUInt32LE(rate * 2, 28)
	out.writeUInt16LE(2, 32)
	out.writeUInt16LE(16, 34)
	out.write('data', 36)
	out.writeUInt32LE(samples * 2, 40)
	for (let i = 0; i < samples; i++) out.writeInt16LE(Math.round((i < samples / 2 ? 20000 : 2000) * Math.sin(i / 6)), 44 + i * 2)
	return out
}

function pdfOf(pages) {
	const kids = Array.from({ length: pages }, (_, i) => `${i + 3} 0 R`).join(' ')
	const objects = ['<</Type/Catalog/Pages 2 0 R>>', `<</Type/Pages/Kids[${kids}]/Count ${pages}>>`,
		...Array.from({ length: pages }, () => '<</Type/Page/Parent 2 0 R/MediaBox[0 0 10 10]>>')]
	let text = '%PDF-1.4\n'
	const at = objects.map((object, i) => {
		const offset = text.length
		text += `${i + 1} 0 obj\n${object}\nendobj\n`
		return offset
	})
	const start = text.length
	text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${at.map((o) => `${String(o).padStart(10, '0')} 00000 n \n`).join('')}`
	return Buffer.from(`${text}trailer\n<</Size ${objects.length + 1}/Root 1 0 R>>\nstartxref\n${start}\n%%EOF\n`)
}
const pdf = pdfOf(2)

async function upload(bytes, name, query = '') {
	const boundary = 'b' + randomBytes(8).toString('hex')
	const raw = Buffer.concat([
		Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: application/octet-stream\r\n\r\n`),
		bytes,
		Buffer.from(`\r\n--${boundary}--\r\n`),
	])
	const answer = await suite.api('POST', `/v1/developer/media/upload${query}`, { headers: { 'content-type': `multipart/form-data; boundary=${boundary}` }, raw })
	assert.equal(answer.status, 201, answer.text)
	return answer.body
}

// ---- talking ----

const any = async (to, body) => {
	const answer = await suite.api('POST', `/v1/devices/${suite.deviceUid}/messages`, { body: { to, ...body } })
	assert.equal(answer.status, 200, answer.text)
	return answer.body
}
const atAlice = (sent) => eventually(`alice has ${sent.providerMessageId}`, () => alice.messages.find((m) => m.key.id === sent.providerMessageId))
const bytesAtAlice = async (message) => downloadMediaMessage(message, 'buffer', {}, { logger: undefined, reuploadRequest: alice.socket.updateMediaMessage })
const received = (check, what) => eventually(what, () => hook.events('message.received').map((e) => e.data).find(check))
const fromAlice = async (content, options) => {
	const message = await alice.socket.sendMessage(`${own}@s.whatsapp.net`, content, options)
	alice.sent.set(message.key.id, message.message)
	return message
}
const raw = (path) => new Promise((resolve, reject) => {
	import('node:http').then(({ get }) => get(suite.baseUrl + path, { headers: { 'X-API-Key': suite.apiKey } }, (res) => {
		const chunks = []
		res.on('data', (c) => chunks.push(c))
		res.on('end', () => resolve({ status: res.statusCode, type: res.headers['content-type'], bytes: Buffer.concat(chunks) }))
	}).on('error', reject))
})

before(async () => {
	suite = await Suite.start({ env: { VEREDA_SAFETY_ENABLED: 'false' } })
	hook = await receiver()
	own = suite.devicePhone.replace('+', '')
	await suite.api('PUT', '/v1/developer/webhooks', { body: { deviceUid: suite.deviceUid, personalWebhookUrl: hook.url } })
	await suite.phone(ALICE, { name: 'Alice', readAfterMs: -1 })
	await suite.phone(VOTER, { name: 'Voter', readAfterMs: -1 })
	alice = new Client({ wsUrl: suite.sandboxUrl.replace('http', 'ws') + '/ws/chat', name: 'alice' })
	await alice.pairByQr((qr) => suite.sandboxCall('POST', `/phones/${ALICE}/scan`, { qr }))
	await alice.available()
})
after(async () => {
	await alice?.close()
	await suite.stop()
	await hook.close()
})

test('an image: byte for byte, with caption, dimensions and thumbnail', async () => {
	const file = pngOf(320, 200)
	const media = await upload(file, 'holiday.txt')
	assert.equal(media.kind, 'image')
	assert.equal(media.mimeType, 'image/png')
	const sent = (await suite.api('POST', '/v1/developer/messages/send-media', { body: { deviceUid: suite.deviceUid, to: ALICE, mediaId: media.id, caption: 'the sea ☀' } })).body
	const message = await atAlice(sent)
	const image = message.message.imageMessage
	assert.equal(image.caption, 'the sea ☀')
	assert.equal(image.mimetype, 'image/png')
	assert.deepEqual([image.width, image.height], [320, 200])
	assert.ok(image.jpegThumbnail.length > 100 && image.jpegThumbnail.length <= 5120)
	assert.deepEqual([...image.jpegThumbnail.subarray(0, 2)], [0xff, 0xd8])
	assert.equal(sha256(await bytesAtAlice(message)), sha256(file))
	await suite.waitStatus(sent.messageId, ['DELIVERED', 'READ'])
})

test('one encrypted upload serves every message with the file', async () => {
	const media = await upload(pngOf(64, 64, 5), 'campaign.png')
	const a = await atAlice(await any(ALICE, { type: 'IMAGE', mediaId: media.id }))
	const b = await atAlice(await any(ALICE, { type: 'IMAGE', mediaId: media.id, text: 'second' }))
	assert.equal(a.message.imageMessage.directPath, b.message.imageMessage.directPath)
	assert.deepEqual(a.message.imageMessage.mediaKey, b.message.imageMessage.mediaKey)
})

test('a document keeps its name, type and page count', async () => {
	const media = await upload(pdf, 'invoice 42.pdf')
	assert.equal(media.kind, 'document')
	const message = await atAlice(await any(ALICE, { type: 'DOCUMENT', mediaId: media.id, text: 'your invoice' }))
	const document = message.message.documentWithCaptionMessage?.message?.documentMessage ?? message.message.documentMessage
	assert.equal(document.fileName, 'invoice 42.pdf')
	assert.equal(document.mimetype, 'application/pdf')
	assert.equal(document.pageCount, 2)
	assert.equal(document.caption, 'your invoice')
	assert.equal(sha256(await bytesAtAlice(message)), sha256(pdf))
})

test('any audio becomes a voice note: Opus in OGG, seconds, a waveform', async () => {
	const media = await upload(wavOf(3), 'note.wav')
	assert.equal(media.kind, 'audio')
	const answer = await suite.api('POST', '/v1/developer/messages/send-voice', { body: { deviceUid: suite.deviceUid, to: ALICE, mediaId: media.id } })
	assert.equal(answer.status, 200, answer.text)
	const message = await atAlice(answer.body)
	const audio = message.message.audioMessage
	assert.equal(audio.ptt, true)
	assert.equal(audio.mimetype, 'audio/ogg; codecs=opus')
	assert.ok(audio.seconds === 3 || audio.seconds === 4, `seconds ${audio.seconds}`)
	assert.equal(audio.waveform.length, 64)
	assert.equal(Math.max(...audio.waveform), 100)
	assert.ok(audio.waveform[60] < 30 && audio.waveform[5] > 70, 'the waveform does not follow the sound')
	const bytes = await bytesAtAlice(message)
	assert.equal(bytes.subarray(0, 4).toString(), 'OggS')
	assert.ok(bytes.includes('OpusHead'))
	const broken = await upload(randomBytes(500), 'noise.bin')
	const refused = await suite.api('POST', '/v1/developer/messages/send-voice', { body: { deviceUid: suite.deviceUid, to: ALICE, mediaId: broken.id } })
	assert.equal(refused.status, 400)
})

test('a picture becomes a sticker', async () => {
	const media = await upload(pngOf(200, 100), 'face.png')
	const message = await atAlice(await any(ALICE, { type: 'STICKER', mediaId: media.id }))
	const sticker = message.message.stickerMessage
	assert.equal(sticker.mimetype, 'image/webp')
	assert.deepEqual([sticker.width, sticker.height], [512, 512])
	const bytes = await bytesAtAlice(message)
	assert.equal(bytes.subarray(0, 4).toString() + bytes.subarray(8, 12).toString(), 'RIFFWEBP')
})

test('location, contact card and poll', async () => {
	const place = (await atAlice(await any(ALICE, { type: 'LOCATION', location: { latitude: 48.2082, longitude: 16.3738, name: 'Vienna', address: 'Stephansplatz' } }))).message.locationMessage
	assert.ok(Math.abs(place.degreesLatitude - 48.2082) < 1e-9)
	assert.equal(place.name, 'Vienna')
	const card = (await atAlice(await any(ALICE, { type: 'CONTACT', contacts: [{ name: 'Ann Example', phone: '+15550009999' }] }))).message.contactMessage
	assert.equal(card.displayName, 'Ann Example')
	assert.match(card.vcard, /BEGIN:VCARD[\s\S]*15550009999/)
	const message = (await atAlice(await any(ALICE, { type: 'POLL', text: 'When?', poll: { options: ['Mon', 'Tue', 'Wed'], selectable: 1 } }))).message
	const poll = message.pollCreationMessageV3 ?? message.pollCreationMessage
	assert.equal(poll.name, 'When?')
	assert.deepEqual(poll.options.map((o) => o.optionName), ['Mon', 'Tue', 'Wed'])
	assert.equal(message.messageContextInfo.messageSecret.length, 32)
})

test('quote, mention, reaction, edit and delete name their message', async () => {
	const first = await fromAlice({ text: 'a question?' })
	const question = await received((d) => d.text === 'a question?', 'the question')
	const reply = (await atAlice(await any(ALICE, { type: 'TEXT', text: 'an answer @' + ALICE, quote: { messageId: question.messageId }, mentions: ['+' + ALICE] }))).message.extendedTextMessage
	assert.equal(reply.contextInfo.stanzaId, first.key.id)
	assert.equal(reply.contextInfo.quotedMessage.conversation ?? reply.contextInfo.quotedMessage.extendedTextMessage.text, 'a question?')
	assert.equal(reply.contextInfo.mentionedJid.length, 1)
	const thumb = (await atAlice(await any(ALICE, { type: 'REACTION', text: '👍', target: { messageId: question.messageId } }))).message.reactionMessage
	assert.equal(thumb.text, '👍')
	assert.equal(thumb.key.id, first.key.id)
	assert.equal(thumb.key.fromMe, true) // Baileys turns the key to its own point of view
	const sent = await any(ALICE, { type: 'TEXT', text: 'wrong' })
	await atAlice(sent)
	const edit = (await atAlice(await any(ALICE, { type: 'EDIT', text: 'right', target: { messageId: sent.messageId } }))).message
	const change = edit.editedMessage?.message?.protocolMessage ?? edit.protocolMessage
	assert.equal(change.key.id, sent.providerMessageId)
	assert.equal(change.editedMessage.conversation ?? change.editedMessage.extendedTextMessage.text, 'right')
	const gone = (await atAlice(await any(ALICE, { type: 'REVOKE', target: { messageId: sent.messageId } }))).message.protocolMessage
	assert.equal(gone.type, proto.Message.ProtocolMessage.Type.REVOKE)
	assert.equal(gone.key.id, sent.providerMessageId)
})

test('what consumer clients do not show is refused, not sent', async () => {
	const answer = await suite.api('POST', `/v1/devices/${suite.deviceUid}/messages`, { body: { to: ALICE, type: 'BUTTONS', text: 'x' } })
	assert.equal(answer.status, 400)
	assert.match(answer.body.message, /buttons|type/i)
})

test('media from Baileys: stored, verified, offered for download, byte for byte', async () => {
	const files = [
		['IMAGE', { image: pngOf(40, 30), caption: 'from alice', jpegThumbnail: '' }, 'image/'],
		['VIDEO', { video: randomBytes(70000), caption: 'moving', jpegThumbnail: '', mimetype: 'video/mp4' }, 'video/mp4'],
		['AUDIO', { audio: randomBytes(5000), mimetype: 'audio/mpeg', seconds: 7 }, 'audio/mpeg'],
		['VOICE', { audio: randomBytes(6000), mimetype: 'audio/ogg; codecs=opus', ptt: true, seconds: 2 }, 'audio/ogg'],
		['DOCUMENT', { document: randomBytes(100000), mimetype: 'application/zip', fileName: 'data.zip' }, 'application/zip'],
		['STICKER', { sticker: randomBytes(3000) }, 'image/webp'],
	]
	for (const [type, content, mime] of files) {
		const bytes = Object.values(content).find(Buffer.isBuffer)
		const message = await fromAlice(content)
		const data = await received((d) => d.providerMessageId === message.key.id, type)
		assert.equal(data.messageType, type)
		const media = data.content.media
		assert.ok(media.mimeType.startsWith(mime), `${type}: ${media.mimeType}`)
		await eventually(`media.ready of ${type}`, () => hook.events('media.ready').find((e) => e.data.mediaId === media.id))
		const file = await raw(`/v1/media/${media.id}/download`)
		assert.equal(file.status, 200)
		assert.equal(sha256(file.bytes), sha256(bytes), type)
		if (type === 'DOCUMENT') assert.equal(media.fileName, 'data.zip')
	}
})

test('media that is gone from the host is asked for again from the phone', async () => {
	await suite.sandboxCall('POST', '/faults', { kind: 'media_error', code: 404, direction: 'out', count: 1 })
	const file = randomBytes(4000)
	const id = (await suite.sandboxCall('POST', `/phones/${VOTER}/send`, { to: own, kind: 'document', media: file.toString('base64'), mimetype: 'application/octet-stream', fileName: 'again.bin' })).id
	const data = await received((d) => d.providerMessageId === id || d.content?.media?.fileName === 'again.bin', 'the document')
	await eventually('it is here after all', () => hook.events('media.ready').find((e) => e.data.mediaId === data.content.media.id), 40000)
	assert.equal(sha256((await raw(`/v1/media/${data.content.media.id}/download`)).bytes), sha256(file))
})

test('the other kinds from Baileys', async () => {
	await fromAlice({ location: { degreesLatitude: 1.5, degreesLongitude: -2.5, name: 'there' } })
	const place = await received((d) => d.messageType === 'LOCATION', 'location')
	assert.equal(place.content.location.latitude, 1.5)
	await fromAlice({ contacts: { displayName: 'Zed', contacts: [{ displayName: 'Zed', vcard: 'BEGIN:VCARD\nVERSION:3.0\nFN:Zed\nEND:VCARD' }] } })
	const card = await received((d) => d.messageType === 'CONTACT', 'contact')
	assert.equal(card.content.contacts[0].name, 'Zed')
	const ours = await any(ALICE, { type: 'TEXT', text: 'react to me' })
	const seen = await atAlice(ours)
	await fromAlice({ react: { text: '❤', key: seen.key } })
	const heart = await received((d) => d.messageType === 'REACTION', 'reaction')
	assert.equal(heart.text, '❤')
	assert.equal(heart.content.target.id, ours.providerMessageId)
	assert.equal(heart.content.target.fromMe, true)
	const first = await fromAlice({ text: 'draft' })
	await fromAlice({ text: 'final', edit: first.key })
	const edit = await received((d) => d.messageType === 'EDIT', 'edit')
	assert.equal(edit.text, 'final')
	assert.equal(edit.content.target.id, first.key.id)
	await fromAlice({ delete: first.key })
	const revoke = await received((d) => d.messageType === 'REVOKE', 'revoke')
	assert.equal(revoke.content.target.id, first.key.id)
	await fromAlice({ text: 'in reply' }, { quoted: seen })
	const reply = await received((d) => d.text === 'in reply', 'reply')
	assert.equal(reply.content.quote.id, ours.providerMessageId)
	await fromAlice({ poll: { name: 'Lunch?', values: ['yes', 'no'], selectableCount: 1 } })
	const poll = await received((d) => d.messageType === 'POLL', 'poll')
	assert.deepEqual(poll.content.poll.options, ['yes', 'no'])
	for (const data of [place, card, heart, edit, reply, poll]) {
		assert.equal(data.phone, '+' + ALICE)
		assert.ok(data.lid, 'no LID')
		assert.equal(data.contactId, place.contactId, 'the contact id is not stable')
	}
})

test('votes on our poll arrive decrypted, the whole choice each time', async () => {
	const sent = await any(VOTER, { type: 'POLL', text: 'Colour?', poll: { options: ['red', 'green', 'blue'], selectable: 2 } })
	await suite.waitStatus(sent.messageId, ['DELIVERED', 'READ'])
	await suite.sandboxCall('POST', `/phones/${VOTER}/send`, { to: own, kind: 'vote', target: sent.providerMessageId, vote: ['red', 'blue'] })
	const vote = await received((d) => d.messageType === 'POLL_VOTE', 'the vote')
	assert.deepEqual([...vote.content.vote.options].sort(), ['blue', 'red'])
	assert.equal(vote.content.target.id, sent.providerMessageId)
})

test('an unknown kind arrives as an event with its type', async () => {
	// Field 200 of Message, which nobody knows, holding a text.
	const message = Buffer.from([0xc2, 0x0c, 0x02, 0x68, 0x69])
	await suite.sandboxCall('POST', `/phones/${VOTER}/send`, { to: own, kind: 'raw', raw: message.toString('base64') })
	const data = await received((d) => d.messageType === 'OTHER', 'the unknown one')
	assert.equal(data.content.type, 'field_200')
})

test('receipts of Baileys make media DELIVERED, READ and voice PLAYED', async () => {
	const media = await upload(pngOf(20, 20, 9), 'dot.png')
	const sent = await any(ALICE, { type: 'IMAGE', mediaId: media.id })
	const message = await atAlice(sent)
	await alice.markRead(message)
	await suite.waitStatus(sent.messageId, ['READ', 'PLAYED'])
})
