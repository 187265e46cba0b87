// Scheduled messages: at their time, exactly once, also over restarts.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { Suite, eventually, sleep } from '../lib/suite.mjs'

const PEER = '15550004444'
const BASE = '/v1/developer/scheduled-messages'
let suite
before(async () => {
	suite = await Suite.start({ env: { VEREDA_SAFETY_ENABLED: 'false' }, keep: true })
	await suite.phone(PEER)
})
after(async () => { suite.keep = false; await suite.stop({ allowErrors: [/name=schedulerd/] }) })

const create = (text, inMs, extra = {}) => suite.api('POST', BASE, {
	body: { deviceUid: suite.deviceUid, to: '+' + PEER, text, scheduledAt: new Date(Date.now() + inMs).toISOString(), ...extra } })
const get = async (id) => (await suite.api('GET', `${BASE}/${id}`)).body

test('a message is sent at its time, not before', async () => {
	const created = await create('on time', 1500)
	assert.equal(created.status, 201)
	assert.equal(created.body.status, 'PENDING')
	const due = Date.parse(created.body.scheduledAt)
	await sleep(700)
	assert.equal((await get(created.body.id)).status, 'PENDING')
	const sent = await eventually('it is SENT', async () => {
		const s = await get(created.body.id)
		return s.status === 'SENT' ? s : null
	})
	assert.ok(Date.parse(sent.sentAt) >= due)
	const message = await suite.waitStatus(sent.messageId, ['DELIVERED', 'READ'])
	assert.equal(message.clientMessageId, null, 'nobody gave it one')
	assert.equal((await suite.inbox(PEER)).filter((m) => m.text === 'on time').length, 1)
})

test('update moves and rewords it, cancel stops it, neither works afterwards', async () => {
	const { body } = await create('first words', 60000)
	const moved = await suite.api('PATCH', `${BASE}/${body.id}`, { body: { text: 'other words', scheduledAt: new Date(Date.now() + 800).toISOString() } })
	assert.equal(moved.status, 200)
	assert.equal(moved.body.text, 'other words')
	await eventually('the phone has the other words', async () => (await suite.inbox(PEER)).some((m) => m.text === 'other words'))
	assert.equal((await suite.api('PATCH', `${BASE}/${body.id}`, { body: { text: 'late' } })).status, 409)
	const second = (await create('never', 1500)).body
	const cancelled = await suite.api('DELETE', `${BASE}/${second.id}`)
	assert.deepEqual([cancelled.status, cancelled.body.status], [200, 'CANCELLED'])
	assert.equal((await suite.api('DELETE', `${BASE}/${second.id}`)).status, 409)
	await sleep(2000)
	assert.ok(!(await suite.inbox(PEER)).some((m) => m.text === 'never'))
})

test('the past, a bad date and a foreign device are refused', async () => {
	assert.equal((await create('x', -1000)).status, 400)
	assert.equal((await create('x', 1000, { scheduledAt: 'tomorrow' })).status, 400)
	assert.equal((await create('x', 1000, { scheduledAt: '2030-02-30T00:00:00Z' })).status, 400)
	assert.equal((await create('x', 1000, { deviceUid: 'dev_nosuch00' })).status, 404)
	assert.equal((await suite.api('GET', `${BASE}/${suite.accountId}`)).status, 404)
})

test('every form of ISO 8601 is the moment that it says; without a zone it is UTC', async () => {
	for (const [scheduledAt, moment] of [
		['2030-12-25T10:00:00Z', '2030-12-25T10:00:00.000Z'],
		['2030-12-25T10:00:00.123456Z', '2030-12-25T10:00:00.123Z'],
		['2030-12-25T10:00:00+02:00', '2030-12-25T08:00:00.000Z'],
		['2030-12-25T10:00:00+0200', '2030-12-25T08:00:00.000Z'],
		['2030-12-25T10:00:00', '2030-12-25T10:00:00.000Z'],
		['2030-12-25T10:00', '2030-12-25T10:00:00.000Z'],
		['2030-12-25', '2030-12-25T00:00:00.000Z'],
	]) {
		const answer = await create('x', 1000, { scheduledAt })
		assert.deepEqual([answer.status, answer.body.scheduledAt], [201, moment], scheduledAt)
		await suite.api('DELETE', `${BASE}/${answer.body.id}`)
	}
	for (const scheduledAt of ['2030-12-25 10:00:00', '2030-12-25T10', '25.12.2030', '1924905600']) {
		const answer = await create('x', 1000, { scheduledAt })
		assert.equal(answer.status, 400, scheduledAt)
		assert.equal(answer.body.message, 'scheduledAt must be an ISO 8601 date like 2030-12-25T10:00:00Z')
	}
})

test('due while schedulerd is dead: sent once after its restart', async () => {
	const ids = []
	assert.equal(suite.kill('schedulerd', 'SIGSTOP'), 1)
	for (let i = 0; i < 5; i++) ids.push((await create(`while down ${i}`, 1000)).body.id)
	await sleep(1500)
	for (const id of ids) assert.equal((await get(id)).status, 'PENDING')
	assert.equal(suite.kill('schedulerd'), 1)
	for (const id of ids) await eventually('it is SENT', async () => (await get(id)).status === 'SENT')
	const arrived = async () => (await suite.inbox(PEER)).filter((m) => /^while down/.test(m.text))
	await eventually('the phone has all', async () => (await arrived()).length === 5)
	suite.kill('schedulerd')
	await eventually('schedulerd runs again', () => suite.pids('schedulerd').length === 1)
	await sleep(1000)
	assert.equal((await arrived()).length, 5)
	const list = await suite.api('GET', `${BASE}?status=SENT&limit=100`)
	assert.ok(list.body.total >= 7 && list.body.data.every((s) => s.status === 'SENT'))
})

test('later than the limit: FAILED with the reason, and not sent', async () => {
	suite.kill('schedulerd', 'SIGSTOP')
	const { id } = (await create('too late', 500)).body
	await suite.down()
	suite.env.VEREDA_CLOCK_SHIFT_MS = String(2 * 86400000) // two days pass
	await sleep(2000)
	await suite.up()
	const failed = await eventually('it is FAILED', async () => {
		const s = await get(id)
		return s.status === 'FAILED' ? s : null
	})
	assert.match(failed.reason, /^missed its time/)
	assert.equal(failed.messageId, null)
})
