// An unmodified, independent client lives in our network as it does in the real one: what
// it needs to pair, to talk, to come back and to be thrown out.
import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { eventually } from '../lib/suite.mjs'
import { Sandbox } from './lib/sandbox.mjs'
import { Client, Status } from './lib/baileys.mjs'

const ALICE = '15550001111'
const BOB = '15550002222'
const CAROL = '15550003333'

// Lines of trouble that a test provokes.
const WRONG_CODE = /warning sandboxd: pairing phone=15550002222 method=code/
const EXPECTED = [WRONG_CODE]

let sandbox, alice, bob

function newClient(name, more = {}) {
	return new Client({ wsUrl: sandbox.wsUrl, name, ...more })
}

const inboxTexts = async (phone) => (await sandbox.inbox(phone)).entries.map((entry) => entry.text)

// The lines of the sandbox that tell of trouble, except those that a test provoked.
function troubles(expected = []) {
	return sandbox.log.split('\n').filter((line) =>
		/ (error|warning) sandboxd|runtime error|AddressSanitizer|LeakSanitizer/.test(line) && !expected.some((e) => e.test(line)))
}

before(async () => {
	sandbox = await Sandbox.start()
	for (const phone of [ALICE, BOB, CAROL]) await sandbox.createPhone(phone)
})

after(async () => {
	for (const client of [alice, bob]) await client?.close()
	const code = await sandbox.stop()
	assert.deepEqual(troubles(EXPECTED), [])
	assert.equal(code, 0, 'sandboxd ends cleanly, without leaks')
})

test('a client pairs by QR code and logs in', async () => {
	alice = newClient('alice')
	await alice.pairByQr((qr) => sandbox.scan(ALICE, qr))
	assert.match(alice.jid, /^15550001111:1@s\.whatsapp\.net$/)
	assert.match(alice.lid, /^\d{15}:1@lid$/)
	assert.notEqual(alice.lid.split(':')[0], ALICE)
	assert.deepEqual(alice.ends, [515])
})

test('a client pairs by code, once a wrong one was refused', async () => {
	bob = newClient('bob')
	let refused = false
	await bob.pairByCode(BOB, async (code) => {
		if (!refused) {
			await sandbox.enterCode(BOB, code === 'ABCD1234' ? 'ABCD1235' : 'ABCD1234')
			refused = true
			await eventually('the wrong code opens nothing', () => WRONG_CODE.test(sandbox.log))
			await assert.rejects(sandbox.enterCode(CAROL, code), /404/)
			await assert.rejects(sandbox.enterCode(BOB, '123'), /400/)
		}
		await sandbox.enterCode(BOB, code)
	})
	assert.match(bob.jid, /^15550002222:1@s\.whatsapp\.net$/)
	assert.deepEqual(troubles([WRONG_CODE]), [])
})

test('a QR code of nobody, or one altered, is refused', async () => {
	await assert.rejects(sandbox.scan(CAROL, '2@nobody,AAAA,BBBB,CCCC'), /400/)
	const stranger = newClient('stranger').connect()
	const qr = await eventually('a QR code is shown', () => stranger.qrs[0])
	const fields = qr.split(',')
	fields[1] = Buffer.alloc(32, 7).toString('base64')
	await assert.rejects(sandbox.scan(CAROL, fields.join(',')), /400/)
	fields[0] = '2@nobody'
	await assert.rejects(sandbox.scan(CAROL, fields.join(',')), /404/)
	await stranger.close()
})

test('a device is listed only with its keys, and the phone is device 0', async () => {
	const [phone, companion] = await sandbox.devices(ALICE)
	assert.equal(phone.device, 0)
	assert.equal(companion.hasBundle, true)
	assert.equal(companion.keyIndex, 1)
	assert.ok(companion.prekeys > 700, `${companion.prekeys} one-time keys`)
})

test('two clients talk both ways, with delivered and read receipts', async () => {
	await alice.available()
	await bob.available()
	for (const [from, to, phone, text] of [
		[alice, bob, BOB, 'hello bob'],
		[bob, alice, ALICE, 'hello alice'],
		[alice, bob, BOB, 'how are you?'],
	]) {
		const id = await from.sendText(phone, text)
		const message = await to.waitForText(text)
		assert.equal(message.key.id, id)
		await from.waitForStatus(id, Status.DELIVERY_ACK)
		await to.markRead(message)
		await from.waitForStatus(id, Status.READ)
	}
})

test('the phones of both get every message too', async () => {
	await eventually('the phone of bob has it', async () => (await inboxTexts(BOB)).includes('how are you?'))
	await eventually('the phone of alice has it', async () => (await inboxTexts(ALICE)).includes('hello alice'))
})

test('a phone receives, delivers, reads, and answers', async () => {
	const id = await alice.sendText(CAROL, 'hello carol')
	await alice.waitForStatus(id, Status.DELIVERY_ACK)
	await alice.waitForStatus(id, Status.READ)
	assert.deepEqual(await inboxTexts(CAROL), ['hello carol'])
	await sandbox.send(CAROL, ALICE, 'carol here')
	await alice.waitForText('carol here')
	await eventually('the phone of carol knows that it arrived',
		async () => ['delivered', 'read'].includes((await sandbox.outbox(CAROL)).entries[0].status))
})

test('a second companion sees what the first one sends, and what others send', async () => {
	const second = newClient('second')
	await second.pairByQr((qr) => sandbox.scan(ALICE, qr))
	assert.match(second.jid, /:2@/)
	await second.available()
	const id = await alice.sendText(BOB, 'from my first device')
	const copy = await second.waitForText('from my first device')
	assert.equal(copy.key.fromMe, true)
	assert.equal(copy.key.id, id)
	await bob.waitForText('from my first device')
	await bob.sendText(ALICE, 'to both of you')
	await alice.waitForText('to both of you')
	await second.waitForText('to both of you')

	await sandbox.unlink(ALICE, 2)
	await second.waitForEnd(401)
	await second.connect()
	await second.waitForEnd(401, 2)
	const left = await sandbox.devices(ALICE)
	assert.deepEqual(left.map((device) => device.device), [0, 1])
	await bob.sendText(ALICE, 'only one of you')
	await alice.waitForText('only one of you')
})

test('what was sent while a client was away arrives when it is back, once and in order', async () => {
	await bob.close()
	const texts = Array.from({ length: 20 }, (_, i) => `while away ${i}`)
	for (const text of texts) await alice.sendText(BOB, text)
	await bob.open()
	await bob.waitForText(texts.at(-1))
	assert.deepEqual(bob.texts().filter((text) => text.startsWith('while away')), texts)
	await eventually('nothing waits any more', async () => (await sandbox.devices(BOB))[1].queued === 0)
	await bob.close()
	await bob.open()
	assert.equal(bob.texts().filter((text) => text === texts[0]).length, 1)
})

test('a client that lost its sessions reads again after retry receipts', async () => {
	await bob.close()
	bob.auth.forgetSessions()
	await bob.open()
	const asked = alice.askedAgain
	await alice.sendText(BOB, 'can you still read me?')
	await bob.waitForText('can you still read me?')
	assert.ok(alice.askedAgain > asked, 'alice was asked to send again')
	await bob.sendText(ALICE, 'yes I can')
	await alice.waitForText('yes I can')
})

test('a number that was never created is not on WhatsApp', async () => {
	const [known] = await alice.socket.onWhatsApp(`+${CAROL}`)
	assert.equal(known.exists, true)
	const unknown = await alice.socket.onWhatsApp('+15559998888')
	assert.deepEqual(unknown.filter((u) => u.exists), [])
})

test('a client comes back after 515, 503 and a cut connection', async () => {
	await sandbox.fault({ kind: 'stream_error', code: 515, phone: BOB, now: true })
	await bob.waitForEnd(515, 2)
	await bob.open()

	await sandbox.fault({ kind: 'stream_error', code: 503, phone: BOB, now: true })
	await bob.waitForEnd(503)
	await bob.open()

	await sandbox.fault({ kind: 'cut', phone: BOB, now: true })
	await bob.waitForEnd(428)
	await bob.open()

	await sandbox.fault({ kind: 'cut_mid_frame', phone: BOB, now: true })
	await bob.waitForEnd(428, 2)
	await bob.open()
	await alice.sendText(BOB, 'after all that')
	await bob.waitForText('after all that')
})

test('a corrupted message is asked for again', async () => {
	await sandbox.fault({ kind: 'corrupt', phone: BOB, device: 1, stanza: 'message' })
	const asked = alice.askedAgain
	await alice.sendText(BOB, 'damaged on the way')
	await bob.waitForText('damaged on the way')
	assert.ok(alice.askedAgain > asked, 'alice was asked to send again')
})

test('a refused login tells the reason', async () => {
	await bob.close()
	await sandbox.fault({ kind: 'login_failure', code: 403, phone: BOB, device: 1 })
	bob.connect()
	await bob.waitForEnd(403)
	await bob.open()
})

test('the newer of two connections of one device wins', async () => {
	const twin = newClient('twin', { auth: alice.auth })
	await twin.open()
	await alice.waitForEnd(440)
	await twin.close()
	await alice.open()
})

test('a client with history enabled gets it from its phone, and does not wait in vain', async () => {
	const fresh = newClient('fresh', { history: true })
	const began = Date.now()
	await fresh.pairByQr((qr) => sandbox.scan(CAROL, qr))
	await eventually('history arrived', () => fresh.histories.length > 0)
	await fresh.available()
	await alice.sendText(CAROL, 'for the new device')
	await fresh.waitForText('for the new device')
	assert.ok(Date.now() - began < 18000, 'before the client gives up waiting for history')

	await fresh.logout()
	await eventually('the phone no longer lists it', async () => (await sandbox.devices(CAROL)).length === 1)
})

test('a logout from the phone is final', async () => {
	await sandbox.unlink(BOB, 1)
	await bob.waitForEnd(401)
	bob.connect()
	await bob.waitForEnd(401, 2)
})
