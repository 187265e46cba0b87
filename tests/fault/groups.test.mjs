// A group whose messages meet what can go wrong: every member reads each of them once, and its row says so.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { Suite, eventually, sleep } from '../lib/suite.mjs'

const PHONES = Array.from({ length: 10 }, (_, i) => `155533307${String(i).padStart(2, '0')}`)
let suite, group

async function api(method, path, body, status = 200) {
	const answer = await suite.api(method, `/v1/devices/${suite.deviceUid}${path}`, { body })
	assert.equal(answer.status, status, answer.text)
	return answer.body
}
const say = (text) => api('POST', '/messages', { to: group, type: 'TEXT', text })
const fault = (rule) => suite.sandboxCall('POST', '/faults', rule)
const refuse = (code) => fault({ kind: 'ack_error', code, to: group })
const heard = async (phone, text) => (await suite.inbox(phone)).filter((e) => e.chat === group && e.text === text).length
const members = (action) => api('POST', `/groups/${group}/participants`, { action, participants: ['+' + PHONES[9]] })

async function readByAll(...messages) {
	for (const { messageId, text } of messages) {
		for (const phone of PHONES) await eventually(`${phone} has "${text}"`, () => heard(phone, text), 20000)
		await suite.waitStatus(messageId, 'READ', 30000)
	}
	await sleep(200)
	for (const { text } of messages)
		for (const phone of PHONES) assert.equal(await heard(phone, text), 1, `${phone} has "${text}" twice`)
}
const send = async (text) => ({ ...(await say(text)), text })

before(async () => {
	suite = await Suite.start({ env: { VEREDA_SAFETY_ENABLED: 'false', VEREDA_SENDER_ACK_TIMEOUT_SEC: '10' } })
	for (const phone of PHONES) await suite.phone(phone, { readAfterMs: 200 })
	group = (await api('POST', '/groups', { subject: 'Faults', participants: PHONES.map((p) => '+' + p) }, 201)).id
})
after(async () => { await suite.stop() })

test('the ack of the message that brings the key is lost', async () => {
	await fault({ kind: 'ack_drop', to: group })
	await readByAll(await send('one'), await send('two'))
})

test('a refusal that may come of what we know is answered by asking again', async () => {
	for (const code of [421, 403, 479]) {
		await refuse(code)
		await readByAll(await send(`after ${code}`))
	}
})

test('the server is busy for a moment: order is kept', async () => {
	await refuse(503)
	await readByAll(await send('late'), await send('behind it'))
})

test('a refusal by policy is final', async () => {
	await refuse(420)
	const failed = await suite.waitStatus((await send('never')).messageId, 'FAILED')
	assert.equal(failed.reason, 'refused_by_policy')
	await readByAll(await send('the next one'))
})

test('the server knows other devices than we do', async () => {
	await fault({ kind: 'ack_phash', to: group })
	await readByAll(await send('with another hash'))
	await readByAll(await send('asked for again'))
})

test('a device that did not get the key asks, and reads on by itself', async () => {
	await members('remove')
	await members('add')
	await fault({ kind: 'no_sender_key', phone: PHONES[2], device: 0 })
	await readByAll(await send('without a key'))
	await readByAll(await send('with it'))
})

test('many readers in one receipt count as each for itself', async () => {
	await fault({ kind: 'aggregate_receipt', count: 100 })
	const sent = await send('listed')
	const row = await suite.waitStatus(sent.messageId, 'READ', 30000)
	assert.deepEqual([row.recipients, row.deliveredTo, row.readBy], [10, 10, 10])
})

test('the connection is cut between message and ack', async () => {
	await fault({ kind: 'cut', stanza: 'ack', phone: suite.devicePhone.replace('+', '') })
	await readByAll(await send('before the cut'), await send('after the cut'))
})
