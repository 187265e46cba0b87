// Virtual phones as an unmodified, independent client sees them: its own phone shares settings and
// history with it and answers its questions; other phones write to it in every way there is.
import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { decryptPollVote, downloadMediaMessage } from 'baileys'
import { eventually } from '../lib/suite.mjs'
import { Sandbox } from './lib/sandbox.mjs'
import { Client } from './lib/baileys.mjs'

const ALICE = '15550001111'
const BOB = '15550002222'
const CAROL = '15550003333'
const STRANGER = '15559990000' // not on this network

let sandbox, alice, group
const seen = { contacts: [], chats: [], updates: [], reactions: [] }

const bare = (jid) => jid.replace(/:\d+@/, '@')
const post = (phone, what, body) => sandbox.ask('POST', `/phones/${phone}/${what}`, body)
const say = (phone, body) => post(phone, 'send', body).then((answer) => answer.id)
const entries = async (phone, box = 'inbox') => (await sandbox.ask('GET', `/phones/${phone}/${box}`)).entries
const entry = (what, phone, check, box) => eventually(what, async () => (await entries(phone, box)).find(check))
const received = (what, check) => eventually(what, () => alice.messages.find(check))

// Baileys fetches blobs that come without a host from its built-in public one.
function redirectMedia(host) {
	const fetch = globalThis.fetch
	globalThis.fetch = (url, options = {}) =>
		fetch(String(url).replace(/^https:\/\/[^/]+(?=\/v\/)/, `http://${host}`), { ...options, dispatcher: undefined })
}

// A client that checks every MAC of its app state.
function newClient(name) {
	const client = new Client({
		wsUrl: sandbox.wsUrl, name, history: true,
		socket: { appStateMacVerification: { patch: true, snapshot: true } },
	})
	const connect = client.connect.bind(client)
	client.connect = () => {
		connect()
		const on = (event, list) => client.socket.ev.on(event, (items) => list.push(...items))
		on('contacts.upsert', seen.contacts)
		on('chats.update', seen.chats)
		on('messages.update', seen.updates)
		on('messages.reaction', seen.reactions)
		return client
	}
	return client
}

before(async () => {
	sandbox = await Sandbox.start()
	for (const [phone, name] of [[ALICE, 'Alice'], [BOB, 'Bob'], [CAROL, 'Carol']])
		await sandbox.createPhone(phone, { name, readAfterMs: -1 })
	redirectMedia((await sandbox.ask('GET', '/')).mediaHost)
})

after(async () => {
	await alice?.close()
	const code = await sandbox.stop()
	assert.deepEqual(sandbox.log.split('\n').filter((line) =>
		/ (error|warning) sandboxd|runtime error|AddressSanitizer|LeakSanitizer/.test(line)), [])
	assert.equal(code, 0, 'sandboxd ends cleanly, without leaks')
})

test('a client gets the history that its phone was given, inline and as blobs', async () => {
	await post(ALICE, 'history', { chats: 60, messages: 900, older: 30, chunks: 3, days: 20, media: true })
	alice = newClient('alice')
	await alice.pairByQr((qr) => sandbox.scan(ALICE, qr))
	const count = () => new Set(alice.histories.flatMap((h) => h.messages.map((m) => m.key.id))).size
	await eventually('all messages are there', () => count() === 900)
	assert.equal(new Set(alice.histories.flatMap((h) => h.chats.map((c) => c.id))).size, 60)
	assert.equal(alice.histories.at(-1).progress, 100)

	await post(ALICE, 'history', { chats: 60, messages: 1500, older: 30, inline: false })
	await eventually('the rest came as a blob', () => count() === 1500)
})

test('older messages come on demand', async () => {
	const chat = alice.histories[0].chats[3].id
	const oldest = alice.histories.flatMap((h) => h.messages).filter((m) => m.key.remoteJid === chat).at(-1)
	await alice.socket.fetchMessageHistory(20, oldest.key, oldest.messageTimestamp)
	const older = await eventually('older ones came', () => alice.histories.find((h) => h.syncType === 6))
	assert.equal(older.messages.length, 20)
	assert.ok(older.messages.every((m) => m.messageTimestamp < oldest.messageTimestamp))
})

test('contacts and chat settings of the phone arrive with right MACs', async () => {
	await post(ALICE, 'contacts', { entries: [{ phone: BOB, name: 'Bob Builder' }, { phone: STRANGER, name: 'Stranger' }] })
	for (const name of ['Bob Builder', 'Stranger'])
		await eventually(`${name} is known`, () => seen.contacts.find((c) => c.name === name))
	const many = Array.from({ length: 150 }, (_, i) => ({ phone: `1555100${1000 + i}`, name: `Contact ${i}` }))
	await post(ALICE, 'contacts', { entries: many }) // too many for a stanza
	await eventually('the last of many is known', () => seen.contacts.find((c) => c.name === 'Contact 149'))
	await post(ALICE, 'chats', { chat: BOB, archived: true, pinned: true, mutedUntil: Date.now() + 3600000 })
	for (const setting of ['archived', 'pinned', 'muteEndTime'])
		await eventually(`${setting} is known`, () => seen.chats.find((c) => c[setting]))
})

test('what a client sets reaches its phone with right MACs', async () => {
	await alice.socket.chatModify({ mute: Date.now() + 8 * 3600000 }, `${CAROL}@s.whatsapp.net`)
	const state = await eventually('the phone has it', async () => {
		const state = await sandbox.ask('GET', `/phones/${ALICE}/app-state`)
		return state.collections.regular_high.entries.some((e) => e.index[1].startsWith(CAROL)) && state
	})
	assert.equal(state.bad, 0)
	// And the phone goes on from there.
	await post(ALICE, 'chats', { chat: CAROL, mutedUntil: 0 })
	await eventually('the client follows', () => seen.chats.find((c) => c.muteEndTime === null))
})

test('a patch with a wrong MAC is not believed', async () => {
	const options = (more) => sandbox.ask('PUT', `/phones/${ALICE}/options`, more)
	await options({ appStateCorrupt: 'patchMac' })
	await post(ALICE, 'contacts', { entries: [{ phone: CAROL, name: 'Carol Corrupt' }] })
	await options({ appStateCorrupt: null })
	await post(ALICE, 'contacts', { entries: [{ phone: STRANGER, name: 'Right Again' }] })
	await eventually('the next one is known', () => seen.contacts.find((c) => c.name === 'Right Again'))
	assert.ok(!seen.contacts.some((c) => c.name === 'Carol Corrupt'))
})

test('a client that comes later starts from a snapshot', async () => {
	await sandbox.ask('PUT', `/phones/${ALICE}/options`, { appStateSnapshot: true })
	seen.contacts.length = 0
	const second = newClient('second')
	await second.pairByQr((qr) => sandbox.scan(ALICE, qr))
	for (const name of ['Bob Builder', 'Contact 149', 'Carol Corrupt'])
		await eventually(`${name} is known`, () => seen.contacts.find((c) => c.name === name))
	assert.ok(!seen.contacts.some((c) => c.name === 'Stranger'), 'what was replaced is not in it')
	await second.close()
	await sandbox.unlink(ALICE, 2)
})

test('group messages go both ways, with ticks by reader', async () => {
	group = (await sandbox.ask('POST', '/groups', { creator: BOB, subject: 'Friends', members: [ALICE, CAROL] })).jid
	await alice.available()
	for (const [phone, text] of [[BOB, 'hello group'], [CAROL, 'carol here'], [BOB, 'bob again']]) {
		await say(phone, { group, text })
		await alice.waitForText(text)
	}
	const id = await alice.sendText(group, 'alice here')
	for (const phone of [BOB, CAROL]) {
		const got = await entry(`${phone} has it`, phone, (e) => e.id === id)
		assert.equal(got.chat, group)
		assert.equal(got.author, ALICE)
	}
	await entry('the own phone has it', ALICE, (e) => e.id === id, 'outbox')
	const sent = await entry('all have the first', BOB, (e) => e.text === 'hello group' &&
		e.receipts[ALICE] === 'delivered' && e.receipts[CAROL] === 'delivered', 'outbox')
	await alice.markRead(alice.messages.find((m) => m.key.id === sent.id))
	await entry('alice has read it', BOB, (e) => e.id === sent.id && e.receipts[ALICE] === 'read', 'outbox')
})

test('after a member went, the others read on', async () => {
	await sandbox.ask('POST', `/groups/${group}/remove`, { phone: CAROL })
	await say(BOB, { group, text: 'without carol' })
	await alice.waitForText('without carol')
	assert.ok(!(await entries(CAROL)).some((e) => e.text === 'without carol'))
	await sandbox.ask('POST', `/groups/${group}/add`, { phone: CAROL })
	await say(BOB, { group, text: 'with carol' })
	await alice.waitForText('with carol')
	await entry('carol has it', CAROL, (e) => e.text === 'with carol')
})

test('a client without the sender key asks for the message', async () => {
	await sandbox.ask('POST', '/faults', { kind: 'no_sender_key', phone: ALICE, device: 1 })
	await sandbox.ask('POST', `/groups/${group}/remove`, { phone: CAROL }) // a new key is due
	await say(BOB, { group, text: 'key lost on the way' })
	await alice.waitForText('key lost on the way')
	await sandbox.ask('POST', `/groups/${group}/add`, { phone: CAROL })
})

test('polls and votes', async () => {
	const id = await say(BOB, { group, kind: 'poll', text: 'Lunch?', options: ['Yes', 'No'] })
	const poll = await received('the poll came', (m) => m.key.id === id)
	await entry('carol has it', CAROL, (e) => e.id === id)
	await say(CAROL, { group, kind: 'vote', target: id, vote: ['No'] })
	const vote = (await received('the vote came', (m) => m.message?.pollUpdateMessage))
	const choice = decryptPollVote(vote.message.pollUpdateMessage.vote, {
		pollMsgId: id,
		pollCreatorJid: bare(poll.key.participant),
		voterJid: bare(vote.key.participant),
		pollEncKey: poll.message.messageContextInfo.messageSecret,
	})
	assert.equal(choice.selectedOptions.length, 1)
	const counted = await entry('bob counted it', BOB, (e) => e.type === 'vote')
	assert.deepEqual(counted.vote, { poll: id, options: ['No'] })

	const own = await alice.socket.sendMessage(`${BOB}@s.whatsapp.net`,
		{ poll: { name: 'When?', values: ['now', 'later'], selectableCount: 1 } })
	await entry('bob has the poll', BOB, (e) => e.id === own.key.id && e.poll.options[1] === 'later')
	await say(BOB, { to: ALICE, kind: 'vote', target: own.key.id, vote: ['later'] })
	const seenByPhone = await entry('the own phone counted it', ALICE, (e) => e.type === 'vote' && e.vote.poll === own.key.id)
	assert.deepEqual(seenByPhone.vote.options, ['later'])
})

test('edits, reactions and revokes are about the message they name', async () => {
	const id = await say(BOB, { to: ALICE, text: 'a tpyo' })
	await alice.waitForText('a tpyo')
	await say(BOB, { to: ALICE, kind: 'edit', target: id, text: 'a typo' })
	const edit = await eventually('the edit came', () => seen.updates.find((u) => u.key.id === id && u.update.message?.editedMessage))
	assert.equal(edit.update.message.editedMessage.message.conversation, 'a typo')
	await say(BOB, { to: ALICE, kind: 'reaction', target: id, emoji: '👍' })
	await eventually('the reaction came', () => seen.reactions.find((r) => r.key.id === id && r.reaction.text === '👍'))
	await say(BOB, { to: ALICE, kind: 'revoke', target: id })
	await eventually('the revoke came', () => seen.updates.find((u) => u.key.id === id && u.update.message === null))
})

test('a phone shows the kinds that a client sends', async () => {
	const jid = `${BOB}@s.whatsapp.net`
	const first = await alice.socket.sendMessage(jid, { text: 'first' })
	const cases = [
		[{ text: 'mine', edit: first.key }, (e) => e.type === 'edit' && e.edit.target.id === first.key.id && e.edit.text === 'mine'],
		[{ react: { text: '❤️', key: first.key } }, (e) => e.type === 'reaction' && e.reaction.target.id === first.key.id],
		[{ text: 'see @x', mentions: [jid] }, (e) => e.text === 'see @x' && e.mentions[0] === BOB],
		[{ location: { degreesLatitude: 3, degreesLongitude: 4.5 } }, (e) => e.location?.longitude === 4.5],
		[{ contacts: { displayName: 'Z', contacts: [{ vcard: 'BEGIN:VCARD' }] } }, (e) => e.contact?.vcard === 'BEGIN:VCARD'],
		[{ delete: first.key }, (e) => e.type === 'revoke' && e.revoke.id === first.key.id],
	]
	for (const [content, check] of cases) {
		await alice.socket.sendMessage(jid, content)
		await entry(`${Object.keys(content)[0]} arrived`, BOB, check)
	}
	const got = alice.messages.find((m) => m.message?.conversation === 'a tpyo')
	await alice.socket.sendMessage(jid, { text: 'an answer' }, { quoted: got })
	const answer = await entry('the quote arrived', BOB, (e) => e.text === 'an answer')
	const { id, author, type, text } = answer.quoted
	assert.deepEqual({ id, author, type, text }, { id: got.key.id, author: BOB, type: 'text', text: 'a tpyo' })
})

test('media that is gone from the host comes back from the own phone', async () => {
	const id = await say(BOB, { to: ALICE, kind: 'document', mediaBytes: 3000, fileName: 'x.bin', caption: 'read me' })
	let document = await received('the document came', (m) => m.key.id === id)
	document = { ...document, message: document.message.documentWithCaptionMessage.message }
	const bytes = await downloadMediaMessage(document, 'buffer', {})
	assert.equal(bytes.length, 3000)
	for (const { id } of (await sandbox.ask('GET', '/media')).media) await sandbox.ask('DELETE', `/media/${id}`)
	await assert.rejects(downloadMediaMessage(document, 'buffer', {}))
	const renewed = await alice.socket.updateMediaMessage(document)
	assert.deepEqual(await downloadMediaMessage(renewed, 'buffer', {}), bytes)
})

test('what only a phone may show is a placeholder; a lost message comes from the own phone', async () => {
	const once = await say(BOB, { to: ALICE, kind: 'image', mediaBytes: 100, viewOnce: 'phone' })
	await entry('the phone has it', ALICE, (e) => e.id === once && e.media.size === 100)
	const id = await say(BOB, { to: ALICE, text: 'once more, please' })
	const message = await alice.waitForText('once more, please')
	await alice.socket.requestPlaceholderResend(message.key)
	await eventually('it came again', () => alice.messages.filter((m) => m.key.id === id).length === 2)
	assert.ok(!alice.messages.some((m) => m.key.id === once && m.message?.viewOnceMessageV2))
})

test('status posts go both ways', async () => {
	await say(BOB, { status: [ALICE], text: 'at the lake', background: '#FF336699', font: 1 })
	await alice.waitForText('at the lake')
	const sent = await alice.socket.sendMessage('status@broadcast', { text: 'in town' }, { statusJidList: [`${BOB}@s.whatsapp.net`] })
	const post = await entry('bob sees it', BOB, (e) => e.id === sent.key.id)
	assert.equal(post.chat, 'status@broadcast')
	assert.equal(post.author, ALICE)
})

test('LIDs that the phone tells are learnt', async () => {
	await sandbox.createPhone('15550004444', { name: 'Dave' })
	await post(ALICE, 'lid-migration', { phones: ['15550004444'] })
	const { lid } = await sandbox.ask('GET', '/phones/15550004444')
	const learnt = () => alice.auth.records.get('lid-mapping/15550004444')
	await eventually('the mapping is stored', () => learnt() === lid)
})
