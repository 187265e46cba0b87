// Our lane and unmodified Baileys clients, through the sandbox network: REST in, exact text out, and back.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { Suite, receiver, eventually } from '../lib/suite.mjs'
import { Client, Status } from './lib/baileys.mjs'

const ALICE = '15551110001'
const BOB = '15551110002'
let suite, hook, alice, bob, twin, own

const scan = (phone) => (qr) => suite.sandboxCall('POST', `/phones/${phone}/scan`, { qr })
const fault = (body) => suite.sandboxCall('POST', '/faults', body)
const hookText = (text) => hook.events('message.received').filter((e) => e.data.text === text)
const connected = () => eventually('our device is connected', async () =>
	(await suite.api('GET', `/v1/developer/devices/${suite.deviceUid}`)).body.status === 'CONNECTED')

before(async () => {
	suite = await Suite.start({ env: { VEREDA_SAFETY_ENABLED: 'false' } })
	hook = await receiver()
	own = suite.devicePhone.replace('+', '')
	const put = await suite.api('PUT', '/v1/developer/webhooks', { body: { deviceUid: suite.deviceUid, personalWebhookUrl: hook.url } })
	assert.equal(put.status, 200)
	const wsUrl = suite.sandboxUrl.replace('http', 'ws') + '/ws/chat'
	// The phones never read by themselves: what turns READ was read by the Baileys client.
	await suite.phone(ALICE, { name: 'Alice', readAfterMs: -1 })
	await suite.phone(BOB, { name: 'Bob', readAfterMs: -1 })
	alice = new Client({ wsUrl, name: 'alice' })
	bob = new Client({ wsUrl, name: 'bob' })
	twin = new Client({ wsUrl, name: 'twin' })
	await alice.pairByQr(scan(ALICE))
	await bob.pairByCode(BOB, (code) => suite.sandboxCall('POST', `/phones/${BOB}/scan`, { code }))
	for (const client of [alice, bob]) await client.available()
})
after(async () => {
	for (const client of [alice, bob, twin]) await client?.close()
	await suite.stop({ allowErrors: [/level=error.*login/] })
	await hook.close()
})

test('a REST send shows its exact text at Baileys, whose receipts make it DELIVERED and READ', async () => {
	const text = 'Grüße 🌍 — "quoted" \\ and\nsecond line'
	const { body } = await suite.send(ALICE, text)
	const message = await alice.waitForText(text)
	assert.equal(message.key.id, body.providerMessageId)
	assert.equal(message.key.fromMe, false)
	await suite.waitStatus(body.messageId, ['DELIVERED', 'READ'])
	await alice.markRead(message)
	await suite.waitStatus(body.messageId, 'READ')
	for (const type of ['message.sent', 'message.delivered', 'message.read'])
		await eventually(type, () => hook.events(type).find((e) => e.data.messageId === body.messageId))
})

test('a Baileys reply reaches the webhook once, and Baileys sees it delivered', async () => {
	const id = await alice.sendText(own, 'reply from Baileys ✓')
	const event = await eventually('message.received', () => hookText('reply from Baileys ✓')[0])
	assert.equal(event.data.from, '+' + ALICE)
	assert.equal(event.data.providerMessageId, id)
	await alice.waitForStatus(id, Status.DELIVERY_ACK)
	assert.equal(hookText('reply from Baileys ✓').length, 1)
})

test('a Baileys client paired by code gets its texts too, 20 in order', async () => {
	for (let i = 0; i < 20; i++) assert.equal((await suite.send(BOB, `in order ${i}`)).status, 200)
	await bob.waitForText('in order 19')
	assert.deepEqual(bob.texts().filter((t) => t.startsWith('in order')), Array.from({ length: 20 }, (_, i) => `in order ${i}`))
})

test('a Baileys client on the same number as our device sees what we send and what comes in', async () => {
	await twin.pairByQr(scan(own))
	await twin.available()
	const { body } = await suite.send(ALICE, 'seen by the twin')
	const copy = await twin.waitForText('seen by the twin')
	assert.equal(copy.key.id, body.providerMessageId)
	assert.equal(copy.key.fromMe, true)
	await alice.waitForText('seen by the twin')
	await alice.sendText(own, 'for both of us')
	await twin.waitForText('for both of us')
	await eventually('our webhook has it too', () => hookText('for both of us').length === 1)
	const list = (await suite.api('GET', '/v1/developer/messages?limit=100')).body.data
	assert.equal(list.filter((m) => m.text === 'seen by the twin').length, 1)
})

test('Baileys loses its sessions: the retry receipt path brings the message through', async () => {
	bob.auth.forgetSessions()
	await bob.close()
	await bob.open()
	const { body } = await suite.send(BOB, 'after the loss')
	await bob.waitForText('after the loss')
	await suite.waitStatus(body.messageId, ['DELIVERED', 'READ'])
	const { body: second } = await suite.send(BOB, 'and again')
	await bob.waitForText('and again')
	await suite.waitStatus(second.messageId, ['DELIVERED', 'READ'])
	await bob.sendText(own, 'back to you')
	await eventually('the webhook has the answer', () => hookText('back to you').length === 1)
})

test('a corrupted ciphertext from Baileys: we ask again and get the text', async () => {
	await fault({ kind: 'corrupt', phone: own, stanza: 'message', direction: 'out', count: 1 })
	await alice.sendText(own, 'corrupted once')
	await eventually('it arrives after a retry', () => hookText('corrupted once').length === 1, 40000)
})

test('messages queued while Baileys is away arrive when it is back', async () => {
	await alice.close()
	const ids = []
	for (let i = 0; i < 5; i++) ids.push((await suite.send(ALICE, `queued ${i}`)).body.messageId)
	await suite.waitStatus(ids[4], ['SENT', 'DELIVERED'])
	await alice.open()
	for (let i = 0; i < 5; i++) await alice.waitForText(`queued ${i}`)
})

test('messages queued while our lane is away arrive once when it is back; ours too', async () => {
	await fault({ kind: 'login_failure', phone: own, code: 503, count: 2 })
	await fault({ kind: 'cut', phone: own, now: true })
	const ids = []
	for (let i = 0; i < 5; i++) await alice.sendText(own, `for the absent lane ${i}`)
	for (let i = 0; i < 5; i++) ids.push((await suite.send(ALICE, `from the absent lane ${i}`)).body.messageId)
	for (let i = 0; i < 5; i++) await eventually(`message ${i}`, () => hookText(`for the absent lane ${i}`).length === 1, 40000)
	for (let i = 0; i < 5; i++) await alice.waitForText(`from the absent lane ${i}`)
	for (const id of ids) await suite.waitStatus(id, ['DELIVERED', 'READ'])
	await connected()
})

test('a lane that is killed comes back and loses nothing', async () => {
	assert.ok(suite.kill('lane') > 0)
	const { body } = await suite.send(ALICE, 'over the death of the lane')
	await alice.waitForText('over the death of the lane', 40000)
	await suite.waitStatus(body.messageId, ['DELIVERED', 'READ'])
	await alice.sendText(own, 'welcome back')
	await eventually('the answer', () => hookText('welcome back').length === 1)
})

test('the phone unlinks our device: LOGGED_OUT, an event, and sends are refused', async () => {
	const devices = await suite.sandboxCall('GET', `/phones/${own}/devices`)
	const list = devices.items || devices.devices || devices
	const ours = (await suite.api('GET', `/v1/developer/devices/${suite.deviceUid}`)).body
	assert.equal(ours.status, 'CONNECTED')
	const number = list.map((d) => d.device ?? d.number).filter((n) => n > 0).sort((a, b) => a - b)[0]
	await suite.sandboxCall('DELETE', `/phones/${own}/devices/${number}`)
	await eventually('the device is LOGGED_OUT', async () =>
		(await suite.api('GET', `/v1/developer/devices/${suite.deviceUid}`)).body.status === 'LOGGED_OUT')
	await eventually('session.disconnected', () => hook.events('session.disconnected').length > 0)
	assert.equal((await suite.send(ALICE, 'x')).status, 400)
})
