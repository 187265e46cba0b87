// An unmodified, independent client has groups, status, media and a profile in our network as it
// has in the real one.  Dave is a virtual phone without any companion.
import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { request } from 'node:https'
import { once } from 'node:events'
import { downloadMediaMessage } from 'baileys'
import { eventually } from '../lib/suite.mjs'
import { Sandbox } from './lib/sandbox.mjs'
import { Client } from './lib/baileys.mjs'

// The media host's certificate is made at its start; one test checks it, the client cannot.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
process.removeAllListeners('warning')

const ALICE = '15550001111'
const BOB = '15550002222'
const CAROL = '15550003333'
const DAVE = '15550004444'

const JPEG = Buffer.from('/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP////////////////////////////////////////' +
	'//////////////////////////////////////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA=', 'base64')

let sandbox, info, alice, bob, carol
const happened = [] // {who, what, event} of all clients

const bare = (jid) => jid.replace(/:\d+@/, '@')
const heard = (who, what, check = () => true) => eventually(`${who.name} hears ${what}`, () =>
	happened.find((h) => h.who === who && h.what === what && check(h.event))?.event)
const inbox = async (phone, text) => eventually(`${phone} has "${text}"`, async () =>
	(await sandbox.inbox(phone)).entries.find((entry) => entry.text === text))
const troubles = () => sandbox.log.split('\n').filter((line) =>
	/ (error|warning) sandboxd|runtime error|AddressSanitizer|LeakSanitizer/.test(line))

async function open(name, phone) {
	const client = new Client({ wsUrl: sandbox.wsUrl, name })
	await client.pairByQr((qr) => sandbox.scan(phone, qr))
	await client.available()
	for (const what of ['groups.upsert', 'group-participants.update', 'message-receipt.update', 'messages.update', 'presence.update', 'contacts.update'])
		client.socket.ev.on(what, (event) => [event].flat().forEach((e) => happened.push({ who: client, what, event: e })))
	for (const what of ['CB:message', 'CB:ack'])
		client.socket.ws.on(what, (stanza) => happened.push({ who: client, what, event: stanza }))
	return client
}

// Who the client knows to have got, or read, its own message; it puts what comes early into the message itself.
function ticks(client, id, key) {
	const own = client.messages.filter((m) => m.key.id === id).flatMap((m) => m.userReceipt ?? [])
	const told = happened.filter((h) => h.who === client && h.what === 'message-receipt.update' && h.event.key.id === id)
		.map((h) => h.event.receipt)
	return new Set([...own, ...told].filter((receipt) => receipt[key]).map((receipt) => receipt.userJid))
}

async function newGroup(subject) {
	const group = await alice.socket.groupCreate(subject, [bare(bob.jid), bare(carol.jid), `${DAVE}@s.whatsapp.net`])
	await heard(carol, 'groups.upsert', (g) => g.id === group.id)
	return group
}

before(async () => {
	sandbox = await Sandbox.start()
	info = await sandbox.ask('GET', '/')
	for (const phone of [ALICE, BOB, CAROL, DAVE]) await sandbox.createPhone(phone)
	;[alice, bob, carol] = await Promise.all([open('alice', ALICE), open('bob', BOB), open('carol', CAROL)])
})

after(async () => {
	for (const client of [alice, bob, carol]) await client?.close()
	const code = await sandbox.stop()
	assert.deepEqual(troubles(), [])
	assert.equal(code, 0, 'sandboxd ends cleanly, without leaks')
})

test('a group that a client makes works both ways, for companions and phones', async () => {
	const group = await newGroup('Everybody')
	assert.equal(group.addressingMode, 'lid')
	assert.equal(group.size, 4)
	assert.deepEqual(group.participants.map((p) => p.admin), ['superadmin', null, null, null])
	assert.equal(group.participants[0].id, bare(alice.lid))
	assert.equal(group.participants[0].phoneNumber, bare(alice.jid))

	await alice.sendText(group.id, 'from alice to all')
	const message = await bob.waitForText('from alice to all')
	assert.equal(message.key.participant, bare(alice.lid), 'the author is named by LID')
	const { attrs } = await heard(bob, 'CB:message', (s) => s.attrs.id === message.key.id)
	assert.deepEqual([attrs.participant, attrs.participant_pn, attrs.addressing_mode], [alice.lid, bare(alice.jid), 'lid'])
	await carol.waitForText('from alice to all')
	await inbox(DAVE, 'from alice to all')

	await carol.sendText(group.id, 'from carol to all')
	await Promise.all([alice.waitForText('from carol to all'), bob.waitForText('from carol to all'), inbox(DAVE, 'from carol to all')])
})

test('a group of the old kind works by number', async () => {
	const { jid } = await sandbox.ask('POST', '/groups', { creator: ALICE, subject: 'Old', members: [BOB, CAROL, DAVE], mode: 'pn' })
	const group = await bob.socket.groupMetadata(jid)
	assert.equal(group.addressingMode, 'pn')
	assert.equal(group.participants[0].id, bare(alice.jid))
	assert.equal(group.participants[0].lid, bare(alice.lid))

	await alice.sendText(jid, 'by number')
	const message = await bob.waitForText('by number')
	assert.equal(message.key.participant, bare(alice.jid))
	const { attrs } = await heard(bob, 'CB:message', (s) => s.attrs.id === message.key.id)
	assert.deepEqual([attrs.participant, attrs.participant_lid, attrs.addressing_mode], [alice.jid, bare(alice.lid), 'pn'])
	await bob.sendText(jid, 'back by number')
	await Promise.all([alice.waitForText('back by number'), carol.waitForText('back by number'), inbox(DAVE, 'back by number')])
})

test('delivered and read are told by reader', async () => {
	for (const mode of ['lid', 'pn']) {
		const { jid } = await sandbox.ask('POST', '/groups', { creator: ALICE, subject: 'Ticks', members: [BOB, CAROL], mode })
		const name = (client) => bare(mode === 'lid' ? client.lid : client.jid)
		const id = await alice.sendText(jid, `ticks ${mode}`)
		const message = await bob.waitForText(`ticks ${mode}`)
		await eventually('both have it', () => {
			const got = ticks(alice, id, 'receiptTimestamp')
			return got.has(name(bob)) && got.has(name(carol))
		})
		// Their phones read after a while: what the client itself reads counts just as well.
		await bob.markRead(message)
		await eventually('bob has read it', () => ticks(alice, id, 'readTimestamp').has(name(bob)))
	}
})

test('who is removed hears it and gets nothing more, until it comes back by link', async () => {
	const group = await newGroup('Changing')
	await alice.sendText(group.id, 'with carol')
	await carol.waitForText('with carol')
	const [result] = await alice.socket.groupParticipantsUpdate(group.id, [bare(carol.lid)], 'remove')
	assert.equal(result.status, '200')
	for (const client of [alice, bob, carol])
		await heard(client, 'group-participants.update', (e) => e.id === group.id && e.action === 'remove' && e.participants[0].id === bare(carol.lid))

	await alice.sendText(group.id, 'without carol')
	await bob.waitForText('without carol')
	await assert.rejects(carol.socket.groupMetadata(group.id), /forbidden/)

	const code = await alice.socket.groupInviteCode(group.id)
	assert.equal((await carol.socket.groupGetInviteInfo(code)).subject, 'Changing')
	assert.equal(await carol.socket.groupAcceptInvite(code), group.id)
	await heard(bob, 'group-participants.update', (e) => e.id === group.id && e.action === 'add')
	await bob.sendText(group.id, 'carol is back')
	await carol.waitForText('carol is back')
	assert.ok(!carol.texts().includes('without carol'))
	await carol.socket.groupLeave(group.id)
	await heard(alice, 'group-participants.update', (e) => e.id === group.id && e.action === 'remove' && e.author === bare(carol.lid))
})

test('the ciphertext of a later message is of no use to a member that was removed', async () => {
	const group = await newGroup('Rotating')
	const sealed = async (text) => {
		await sandbox.ask('POST', `/phones/${DAVE}/send`, { group: group.id, text })
		const { key } = await bob.waitForText(text)
		const stanza = await heard(bob, 'CB:message', (s) => s.attrs.id === key.id)
		return { author: stanza.attrs.participant, parts: stanza.content.filter((part) => part.tag === 'enc') }
	}
	const carolReads = ({ author, parts }) => carol.socket.signalRepository.decryptGroupMessage({
		group: group.id, authorJid: author, msg: parts.find((part) => part.attrs.type === 'skmsg').content })

	const first = await sealed('under the first key')
	assert.match(first.parts[0].attrs.type, /^(pk)?msg$/, 'the key comes first')
	assert.equal(first.parts[1].attrs.type, 'skmsg')
	await carol.waitForText('under the first key')
	const second = await sealed('still under it')
	assert.deepEqual(second.parts.map((part) => part.attrs.type), ['skmsg'])
	await carol.waitForText('still under it')

	await alice.socket.groupParticipantsUpdate(group.id, [bare(carol.lid)], 'remove')
	await heard(bob, 'group-participants.update', (e) => e.id === group.id && e.action === 'remove')
	const third = await sealed('under another')
	assert.equal(third.parts.length, 2, 'a new key for those that are left')
	await assert.rejects(carolReads(third), /No session found/, 'it is under a key that she was not given')
})

test('only admins write where only they may, and the refusal is told', async () => {
	const group = await newGroup('Announcements')
	await alice.socket.groupSettingUpdate(group.id, 'announcement')
	const id = await bob.sendText(group.id, 'not allowed')
	// The client puts what comes early into the message itself.
	const refused = await eventually('bob knows that it failed', () => bob.messages.find((m) => m.key.id === id && m.status === 0) ??
		happened.find((h) => h.who === bob && h.what === 'messages.update' && h.event.key.id === id && h.event.update.status === 0)?.event.update)
	assert.deepEqual(refused.messageStubParameters, ['403'])
	await alice.sendText(group.id, 'to whom it may concern')
	await bob.waitForText('to whom it may concern')
	assert.ok(!alice.texts().includes('not allowed'))

	await alice.socket.groupUpdateSubject(group.id, 'News')
	await alice.socket.groupUpdateDescription(group.id, 'What is new')
	await alice.socket.groupUpdateDescription(group.id, 'What was new')
	await alice.socket.groupToggleEphemeral(group.id, 86400)
	const now = await bob.socket.groupMetadata(group.id)
	assert.deepEqual([now.subject, now.desc, now.announce, now.ephemeralDuration], ['News', 'What was new', true, 86400])
})

test('a device that got no key asks for the message and gets it', async () => {
	const group = await newGroup('Keyless')
	await sandbox.fault({ kind: 'no_sender_key', phone: BOB, device: 1 })
	const asked = alice.askedAgain
	await alice.sendText(group.id, 'for those without a key')
	await bob.waitForText('for those without a key')
	assert.ok(alice.askedAgain > asked)
})

test('a status reaches who may see it and nobody else', async () => {
	const sent = await alice.socket.sendMessage('status@broadcast', { text: 'my day' }, { statusJidList: [bare(bob.jid), `${DAVE}@s.whatsapp.net`] })
	const status = await bob.waitForText('my day')
	assert.equal(status.key.remoteJid, 'status@broadcast')
	assert.equal(bare(status.key.participant), bare(alice.jid))
	await inbox(DAVE, 'my day')
	await bob.markRead(status)
	await eventually('alice sees that bob saw it', () => ticks(alice, sent.key.id, 'readTimestamp').has(bare(bob.jid)))

	await sandbox.ask('POST', `/phones/${DAVE}/send`, { status: [ALICE, BOB], text: "dave's day" })
	await Promise.all([alice.waitForText("dave's day"), bob.waitForText("dave's day")])
	assert.deepEqual(carol.texts().filter((text) => /day/.test(text)), [])
})

test('media goes up over https and comes down over https and http', async () => {
	await alice.socket.sendMessage(bare(bob.jid), { image: JPEG, caption: 'a picture' })
	const message = await eventually('bob has the picture', () => bob.messages.find((m) => m.message?.imageMessage))
	const { url, directPath } = message.message.imageMessage
	assert.equal(url, `https://${info.mediaHost}${directPath}`)
	assert.deepEqual(await downloadMediaMessage(message, 'buffer', {}), JPEG)

	const overTls = Buffer.from(await (await fetch(url)).arrayBuffer())
	const plain = Buffer.from(await (await fetch(url.replace('https:', 'http:'))).arrayBuffer())
	assert.ok(plain.equals(overTls) && plain.length > JPEG.length)
	const part = await fetch(url, { headers: { range: 'bytes=16-31' } })
	assert.equal(part.status, 206)
	assert.deepEqual(Buffer.from(await part.arrayBuffer()), plain.subarray(16, 32))

	const trusting = request(url, { ca: info.mediaCertificate, rejectUnauthorized: true }).end()
	const [answer] = await once(trusting, 'response')
	assert.equal(answer.statusCode, 200)
	answer.resume()
})

test('media fails by fault and is gone when it is deleted', async () => {
	const message = bob.messages.find((m) => m.message?.imageMessage)
	await sandbox.fault({ kind: 'media_error', code: 410 })
	await assert.rejects(downloadMediaMessage(message, 'buffer', {}), (error) => error.output?.statusCode === 410 || error.status === 410)
	assert.deepEqual(await downloadMediaMessage(message, 'buffer', {}), JPEG)
	// Not by the client's own function: a download that is cut off is an uncaught error there.
	await sandbox.fault({ kind: 'media_truncate' })
	await assert.rejects(fetch(message.message.imageMessage.url).then((answer) => answer.arrayBuffer()))

	const { media } = await sandbox.ask('GET', '/media')
	const blob = media.find((b) => b.directPath === message.message.imageMessage.directPath)
	await sandbox.ask('DELETE', `/media/${blob.id}`)
	await assert.rejects(downloadMediaMessage(message, 'buffer', {}))

	// The server refuses the first upload: the client asks for the hosts again only when the answer says so.
	await sandbox.fault({ kind: 'media_error', direction: 'in', code: 401, phone: ALICE })
	await assert.rejects(alice.socket.sendMessage(bare(bob.jid), { image: JPEG, caption: 'refused' }))
	await alice.socket.sendMessage(bare(bob.jid), { image: JPEG, caption: 'taken' })
	await eventually('bob has it', () => bob.messages.find((m) => m.message?.imageMessage?.caption === 'taken'))
})

test('a picture, an about and their privacy', async () => {
	const set = (target) => alice.socket.query({ tag: 'iq', attrs: { to: 's.whatsapp.net', type: 'set', xmlns: 'w:profile:picture', ...target },
		content: [{ tag: 'picture', attrs: { type: 'image' }, content: JPEG }] })
	await set({})
	await heard(bob, 'contacts.update', (c) => c.id === bare(alice.jid) && c.imgUrl === 'changed')
	const url = await bob.socket.profilePictureUrl(bare(alice.jid), 'image')
	assert.deepEqual(Buffer.from(await (await fetch(url)).arrayBuffer()), JPEG)
	const group = await newGroup('Pictured')
	await set({ target: group.id })
	assert.ok(await bob.socket.profilePictureUrl(group.id))
	await assert.rejects(bob.socket.profilePictureUrl(bare(carol.jid)), /item-not-found/)

	await alice.socket.updateProfileStatus('at the sea')
	assert.equal((await bob.socket.fetchStatus(bare(alice.jid)))[0].status.status, 'at the sea')
	await alice.socket.updateProfilePicturePrivacy('none')
	await assert.rejects(bob.socket.profilePictureUrl(bare(alice.jid)), /not-authorized/)
	assert.equal((await alice.socket.fetchPrivacySettings(true)).profile, 'none')
})

test('presence and typing, in chats and groups', async () => {
	const group = await newGroup('Typing')
	await bob.socket.presenceSubscribe(bare(alice.jid))
	await heard(bob, 'presence.update', (e) => e.id === bare(alice.jid))
	await alice.socket.sendPresenceUpdate('composing', group.id)
	const typing = await heard(bob, 'presence.update', (e) => e.id === group.id)
	assert.deepEqual(typing.presences, { [bare(alice.lid)]: { lastKnownPresence: 'composing' } })
	await alice.socket.sendPresenceUpdate('unavailable')
	await heard(bob, 'presence.update', (e) => e.presences[bare(alice.jid)]?.lastKnownPresence === 'unavailable')
	await alice.socket.sendPresenceUpdate('available')
})

test('what a blocked account writes is lost, and comes again once it is not blocked', async () => {
	await alice.socket.updateBlockStatus(bare(carol.jid), 'block')
	assert.deepEqual(await alice.socket.fetchBlocklist(), [bare(carol.lid)])
	const id = await carol.sendText(ALICE, 'let me in')
	const ack = await heard(carol, 'CB:ack', (a) => a.attrs.id === id)
	assert.equal(ack.attrs.error, undefined)
	await alice.socket.updateBlockStatus(bare(carol.jid), 'unblock')
	await carol.sendText(ALICE, 'thank you')
	await alice.waitForText('thank you')
	assert.ok(!alice.texts().includes('let me in'))
})
