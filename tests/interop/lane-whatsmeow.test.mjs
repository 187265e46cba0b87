// Our lane and an unmodified whatsmeow client.  Needs a recent Go: without one the tests say so and are skipped.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0' // for Baileys; whatsmeow is given the certificate of the media host
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createInterface } from 'node:readline'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Suite, receiver, eventually, sleep } from '../lib/suite.mjs'
import { png, upload, wav } from '../lib/media.mjs'
import { Client } from './lib/baileys.mjs'

const SOURCE = join(dirname(fileURLToPath(import.meta.url)), 'whatsmeow')
const PEER = '15552220001', ALICE = '15552220002'
const PHONES = ['15552220011', '15552220012', '15552220013']

function goIsRecent() {
	const { stdout } = spawnSync('go', ['env', 'GOVERSION'], { encoding: 'utf8' })
	const m = /go1\.(\d+)/.exec(stdout || '')
	return m !== null && Number(m[1]) >= 25
}

class Peer {
	constructor({ addr, root, certificate, state }) {
		this.events = []
		const cert = join(state, 'media.pem')
		writeFileSync(cert, certificate)
		this.child = spawn(join(SOURCE, 'whatsmeow-peer'), ['-addr', addr, '-root', root, '-db', join(state, 'wm.db'), '-cert', cert], { stdio: ['pipe', 'pipe', 'inherit'] })
		createInterface({ input: this.child.stdout }).on('line', (line) => {
			if (line.startsWith('{')) this.events.push(JSON.parse(line))
			else process.stderr.write(line + '\n')
		})
	}
	tell(command) { this.child.stdin.write(JSON.stringify(command) + '\n') }
	wait(event, match = () => true, timeoutMs = 20000) {
		return eventually(`whatsmeow: ${event} (has: ${JSON.stringify(this.events.map(({ data, ...e }) => e)).slice(-600)})`, () => this.events.find((e) => e.event === event && match(e)), timeoutMs)
	}
	message(match, timeoutMs) { return this.wait('message', match, timeoutMs) }
	// Tells it to send, and waits until the server has taken it.
	async send(command) {
		const n = this.events.filter((e) => e.event === 'sent').length
		this.tell(command)
		return eventually(`whatsmeow sent ${command.do} (${JSON.stringify(this.events.filter((e) => e.event === 'error'))})`,
			() => this.events.filter((e) => e.event === 'sent')[n])
	}
	stop() { this.child.stdin.end(); this.child.kill() }
}

const skip = goIsRecent() ? false : 'no Go 1.25 or newer is installed: the whatsmeow client was not run'

let suite, hook, peer, alice, state, own, to
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')
const received = (check, what) => eventually(what, () => hook.events('message.received').map((e) => e.data).find(check))
const api = async (method, path, body, status = 200) => {
	const answer = await suite.api(method, `/v1/devices/${suite.deviceUid}${path}`, { body })
	assert.equal(answer.status, status, answer.text)
	return answer.body
}
const any = (chat, body) => api('POST', '/messages', { to: chat, ...body })
const atPeer = (sent) => peer.message((e) => e.id === sent.providerMessageId)

before(async () => {
	if (skip) return
	const built = spawnSync('go', ['build', '-o', 'whatsmeow-peer', '.'], { cwd: SOURCE, encoding: 'utf8' })
	assert.equal(built.status, 0, built.stderr)
	suite = await Suite.start({ env: { VEREDA_SAFETY_ENABLED: 'false' } })
	hook = await receiver()
	state = mkdtempSync(join(tmpdir(), 'wm-'))
	own = suite.devicePhone.replace('+', '')
	to = `${own}@s.whatsapp.net`
	const { noiseRootKey, mediaCertificate } = await suite.sandboxCall('GET', '/')
	peer = new Peer({ addr: new URL(suite.sandboxUrl).host, root: noiseRootKey, certificate: mediaCertificate, state })
	await suite.api('PUT', '/v1/developer/webhooks', { body: { deviceUid: suite.deviceUid, personalWebhookUrl: hook.url, groupWebhookUrl: hook.url } })
	for (const phone of [PEER, ALICE, ...PHONES]) await suite.phone(phone, { name: `P${phone.slice(-2)}`, readAfterMs: -1 })
})
after(async () => {
	if (skip) return
	assert.ok(!peer.events.some((e) => e.event === 'fatal'))
	peer.stop()
	await alice?.close()
	await suite.stop()
	await hook.close()
	rmSync(state, { recursive: true, force: true })
})

test('it pairs with the sandbox and talks with our lane both ways', { skip, timeout: 120000 }, async () => {
	// Pairing: strict about certificates, signatures and typed addresses, unlike Baileys.
	await peer.wait('started')
	peer.tell({ do: 'connect' })
	const qr = await peer.wait('qr', (e) => e.kind === 'code')
	await suite.sandboxCall('POST', `/phones/${PEER}/scan`, { qr: qr.code })
	await peer.wait('paired')
	await peer.wait('connected', undefined, 40000)
	peer.tell({ do: 'presence' })

	// Ours to theirs, with receipts.
	const { body } = await suite.send(PEER, 'hello, Gopher ✓')
	const got = await atPeer(body)
	assert.equal(got.text, 'hello, Gopher ✓')
	await suite.waitStatus(body.messageId, ['DELIVERED', 'READ'])
	peer.tell({ do: 'read', ids: [got.id], from: got.chat })
	await suite.waitStatus(body.messageId, 'READ')

	// Theirs to ours, with receipts.
	const sent = await peer.send({ do: 'send', to, text: 'hello, Vereda ✓' })
	const data = await received((d) => d.text === 'hello, Vereda ✓', 'message.received')
	assert.equal(data.from, '+' + PEER)
	await peer.wait('receipt', (e) => e.ids.includes(sent.id) && e.type === '')
})

test('a lost session is repaired by a retry receipt', { skip, timeout: 120000 }, async () => {
	peer.tell({ do: 'disconnect' })
	peer.tell({ do: 'forget' })
	await sleep(500)
	const queued = []
	for (let i = 0; i < 3; i++) queued.push((await suite.send(PEER, `while away ${i}`)).body.messageId)
	const before = peer.events.length
	peer.tell({ do: 'connect' })
	await eventually('connected again', () => peer.events.slice(before).some((e) => e.event === 'connected'))
	for (let i = 0; i < 3; i++) await peer.message((e) => e.text === `while away ${i}`, 40000)
	for (const id of queued) await suite.waitStatus(id, ['DELIVERED', 'READ'])

	// And once more in both directions.
	await suite.send(PEER, 'still there?')
	await peer.message((e) => e.text === 'still there?')
	await peer.send({ do: 'send', to, text: 'still here' })
	await received((d) => d.text === 'still here', 'the answer')
	assert.equal(hook.events('message.received').filter((e) => e.data.text === 'still here').length, 1)
})

async function fileOf(data) {
	await eventually(`media.ready of ${data.content.media.id}`, () => hook.events('media.ready').find((e) => e.data.mediaId === data.content.media.id))
	const file = await suite.api('GET', `/v1/media/${data.content.media.id}/download`)
	assert.equal(file.status, 200)
	return file.bytes
}

test('an image goes both ways, byte for byte', { skip, timeout: 60000 }, async () => {
	const ours = png(120, 80, [10, 200, 30])
	const media = (await upload(suite, ours, { name: 'ours.png' })).body
	const got = await atPeer(await any(PEER, { type: 'IMAGE', mediaId: media.id, text: 'from the lane' }))
	assert.deepEqual([got.kind, got.text, got.mimetype, got.error], ['image', 'from the lane', 'image/png', undefined])
	assert.equal(sha256(Buffer.from(got.data, 'base64')), sha256(ours))

	const theirs = png(60, 90, [200, 10, 30])
	await peer.send({ do: 'image', to, text: 'from whatsmeow', data: theirs.toString('base64') })
	const data = await received((d) => d.text === 'from whatsmeow', 'the image')
	assert.equal(data.messageType, 'IMAGE')
	assert.equal(sha256(await fileOf(data)), sha256(theirs))
})

test('a voice note goes both ways', { skip, timeout: 60000 }, async () => {
	const media = (await upload(suite, wav(2), { name: 'note.wav' })).body
	const got = await atPeer(await any(PEER, { type: 'VOICE', mediaId: media.id }))
	assert.deepEqual([got.ptt, got.seconds, got.mimetype, got.error], [true, 2, 'audio/ogg; codecs=opus', undefined])
	await peer.send({ do: 'voice', to, seconds: 2, data: got.data })
	const data = await received((d) => d.messageType === 'VOICE', 'the voice note')
	assert.equal(data.content.media.seconds, 2)
	assert.equal(sha256(await fileOf(data)), sha256(Buffer.from(got.data, 'base64')))
})

test('reaction, edit and revoke name their message, both ways', { skip, timeout: 60000 }, async () => {
	const ours = await any(PEER, { type: 'TEXT', text: 'ours' })
	const seen = await atPeer(ours)
	await peer.send({ do: 'react', to: seen.chat, from: seen.from, id: seen.id, text: '🎈' })
	const reaction = await received((d) => d.messageType === 'REACTION', 'the reaction')
	assert.deepEqual([reaction.text, reaction.content.target.id, reaction.content.target.fromMe], ['🎈', ours.providerMessageId, true])
	const about = { target: { messageId: ours.messageId } }
	const edit = await atPeer(await any(PEER, { type: 'EDIT', text: 'ours, better', ...about }))
	assert.deepEqual([edit.kind, edit.text, edit.target], ['edit', 'ours, better', ours.providerMessageId])
	const revoke = await atPeer(await any(PEER, { type: 'REVOKE', ...about }))
	assert.deepEqual([revoke.kind, revoke.target], ['revoke', ours.providerMessageId])

	const theirs = await peer.send({ do: 'send', to, text: 'theirs' })
	const data = await received((d) => d.text === 'theirs', 'their text')
	const balloon = await atPeer(await any(PEER, { type: 'REACTION', text: '🎉', target: { messageId: data.messageId } }))
	assert.deepEqual([balloon.kind, balloon.text, balloon.target], ['reaction', '🎉', theirs.id])
	await peer.send({ do: 'edit', to, id: theirs.id, text: 'theirs, better' })
	const edited = await received((d) => d.messageType === 'EDIT', 'the edit')
	assert.deepEqual([edited.text, edited.content.target.id], ['theirs, better', theirs.id])
	await peer.send({ do: 'revoke', to, id: theirs.id })
	assert.equal((await received((d) => d.messageType === 'REVOKE', 'the revoke')).content.target.id, theirs.id)
})

test('its vote on our poll arrives decrypted', { skip, timeout: 60000 }, async () => {
	const poll = await any(PEER, { type: 'POLL', text: 'Tea?', poll: { options: ['green', 'black', 'none'], selectable: 2 } })
	assert.deepEqual((({ kind, text }) => [kind, text])(await atPeer(poll)), ['poll', 'Tea?'])
	const votes = () => hook.events('message.received').map((e) => e.data).filter((d) => d.messageType === 'POLL_VOTE')
	for (const [i, options] of [['green', 'none'], ['black']].entries()) {
		await peer.send({ do: 'vote', id: poll.providerMessageId, options })
		const vote = await eventually(`vote ${i}`, () => votes()[i])
		assert.deepEqual([vote.content.target.id, [...vote.content.vote.options].sort()], [poll.providerMessageId, [...options].sort()])
	}
})

test('a group of our lane, Baileys, whatsmeow and phones: everybody hears everybody, also after a removal', { skip, timeout: 90000 }, async () => {
	alice = new Client({ wsUrl: suite.sandboxUrl.replace('http', 'ws') + '/ws/chat', name: 'alice' })
	await alice.pairByQr((qr) => suite.sandboxCall('POST', `/phones/${ALICE}/scan`, { qr }))
	await alice.available()
	const { id: group } = await api('POST', '/groups', { subject: 'Mixed', participants: [PEER, ALICE, ...PHONES].map((p) => '+' + p) }, 201)
	peer.tell({ do: 'group', to: group })
	assert.equal((await peer.wait('group', (e) => e.jid === group)).members, 6)

	const [gone, ...staying] = PHONES
	const speakers = {
		lane: (text) => any(group, { type: 'TEXT', text }),
		whatsmeow: (text) => peer.send({ do: 'send', to: group, text }),
		baileys: (text) => alice.sendText(group, text),
		phone: (text) => suite.sandboxCall('POST', `/phones/${staying[0]}/send`, { group, text }),
	}
	const textOf = (m) => m.message?.conversation ?? m.message?.extendedTextMessage?.text
	const atPhone = async (phone, text) => (await suite.inbox(phone)).find((e) => e.text === text && e.chat === group)
	const heard = async (who, text, phones) => {
		if (who !== 'lane') assert.equal((await received((d) => d.text === text, `our lane has "${text}"`)).chat, group)
		if (who !== 'whatsmeow') assert.equal((await peer.message((e) => e.text === text)).chat, group)
		if (who !== 'baileys') await eventually(`Baileys has "${text}"`, () => alice.messages.find((m) => m.key.remoteJid === group && textOf(m) === text))
		for (const phone of phones.filter((p) => who !== 'phone' || p !== staying[0])) await eventually(`${phone} has "${text}"`, () => atPhone(phone, text))
	}
	const round = async (words, phones) => {
		for (const [who, say] of Object.entries(speakers)) {
			await say(`${who} ${words}`)
			await heard(who, `${who} ${words}`, phones)
		}
	}
	await round('says hello', PHONES)
	await round('says it again', PHONES)
	await api('POST', `/groups/${group}/participants`, { action: 'remove', participants: ['+' + gone] })
	await eventually('there are five', async () => (await api('GET', `/groups/${group}`)).participants.length === 5)
	await round('after the removal', staying)
	await sleep(500)
	assert.ok(!(await suite.inbox(gone)).some((e) => /after the removal/.test(e.text)), 'who was removed reads on')
})

test('a status of ours is seen, and told as read', { skip, timeout: 60000 }, async () => {
	await suite.sandboxCall('POST', `/phones/${own}/contacts`, { entries: [{ phone: PEER, name: 'Gopher' }] })
	await eventually('the contact is here', async () => JSON.stringify(await api('GET', '/contacts')).includes('Gopher'))
	const { body } = await suite.api('POST', '/v1/developer/status/text', { body: { deviceUid: suite.deviceUid, text: 'our story' } })
	const story = await peer.message((e) => e.text === 'our story')
	assert.equal(story.chat, 'status@broadcast')
	peer.tell({ do: 'read', ids: [story.id], from: story.chat, to: story.from })
	await suite.waitStatus(body.messageId, 'READ')
})
