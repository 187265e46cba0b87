// Plans, the pause against spam, and what the account is told of both.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { BIN, Suite, eventually } from '../lib/suite.mjs'

const PEER = '15550006666'
const DAY_MS = 86400000
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

// The middle of this month: no test is cut in two by the end of one.
function midMonthShift() {
	const now = new Date()
	return Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 15, 12) - now.getTime()
}

let suite, other
const shift = midMonthShift()
const clock = () => Date.now() + Number(suite.env.VEREDA_CLOCK_SHIFT_MS)

function vereda(...args) {
	const run = spawnSync(join(BIN, 'vereda'), [...args, '--state', suite.state, '--json'],
		{ encoding: 'utf8', env: { ...process.env, ...suite.env } })
	return { status: run.status, out: run.status === 0 ? JSON.parse(run.stdout) : null, error: run.stderr }
}

function run(...args) {
	const done = vereda(...args)
	assert.equal(done.status, 0, done.error)
	return done.out
}

const setPlan = (plan, email = suite.email) => run('account', 'plan', '--email', email, '--plan', plan)
const account = async (key) => (await suite.api('GET', '/v1/account', { key })).body
const device = async (uid = suite.deviceUid, key) => (await suite.api('GET', `/v1/developer/devices/${uid}`, { key })).body
const refusal = (message, plan, limit, used) => ({ statusCode: 403, error: 'PLAN_LIMIT_EXCEEDED', message, plan, limit, used })

// A second account with a linked device.
async function makeOther() {
	const made = run('account', 'create', '--name', 'Other', '--email', 'other@example.com', '--password', 'pw', '--plan', 'growth')
	const key = made.apiKey
	const { body } = await suite.api('POST', '/v1/devices', { key, body: { name: 'Other line' } })
	const { deviceUid } = body
	await suite.phone('15557770009')
	const code = await eventually('a pairing code is there', async () => {
		const answer = await suite.api('POST', `/v1/devices/${deviceUid}/pairing-code`, { key, body: { phone: '+15557770009' } })
		return answer.status === 200 ? answer.body.code : null
	})
	await suite.sandboxCall('POST', '/phones/15557770009/scan', { code })
	await eventually('the other device is CONNECTED', async () => (await device(deviceUid, key)).status === 'CONNECTED')
	return { ...made, key, deviceUid }
}

const hasQueued = async () => (await suite.api('GET', '/v1/developer/messages?limit=100')).body.data.some((m) => m.status === 'QUEUED')

// The clock jumps on meanwhile; the sandbox has forgotten who is there: what still waits would fail, and pause the account.
async function restart(laterMs = 0) {
	await eventually('nothing waits', async () => !(await hasQueued()))
	await suite.down()
	suite.env.VEREDA_CLOCK_SHIFT_MS = String(Number(suite.env.VEREDA_CLOCK_SHIFT_MS) + laterMs)
	await suite.up()
	await suite.phone(PEER)
}

const sendAsOther = (text) => suite.api('POST', '/v1/developer/messages/send',
	{ key: other.key, body: { deviceUid: other.deviceUid, to: PEER, text } })

before(async () => {
	suite = await Suite.start({ keep: true, env: {
		VEREDA_CLOCK_SHIFT_MS: String(shift),
		VEREDA_SAFETY_ENABLED: 'false',
		VEREDA_SAFETY_SPAM_FAILURES: '3',
		VEREDA_PLAN_STARTER_MESSAGES_PER_MONTH: '3',
		VEREDA_PLAN_STARTER_DEVICES: '2',
		VEREDA_PLAN_STARTER_CONTACTS: '2',
		VEREDA_PLAN_STARTER_CAMPAIGNS_PER_MONTH: '1',
	} })
	await suite.phone(PEER)
	other = await makeOther()
})
after(async () => { suite.keep = false; await suite.stop() })

test('an account without a plan has no limits, and is told so', async () => {
	const body = await account()
	assert.match(body.createdAt, ISO)
	assert.deepEqual(body, {
		accountId: suite.accountId, name: 'Demo', email: suite.email, plan: 'UNLIMITED',
		limits: { messagesPerMonth: null, devices: null, contacts: null, campaignsPerMonth: null, contactImport: true },
		usage: { messagesThisMonth: 0, devices: 1, contacts: 0, campaignsThisMonth: 0 },
		pause: null, createdAt: body.createdAt,
	})
	for (let i = 0; i < 5; i++) assert.equal((await suite.send(PEER, `free ${i}`)).status, 200)
	assert.equal((await account()).usage.messagesThisMonth, 5)
})

test('the account answers a session token as it does a key, and nobody else', async () => {
	const login = await suite.api('POST', '/v1/auth/login', { key: null, body: { email: suite.email, password: suite.password } })
	const token = login.body.token || login.body.accessToken
	const { status, body } = await suite.api('GET', '/v1/account', { key: null, headers: { authorization: `Bearer ${token}` } })
	assert.equal(status, 200)
	assert.equal(body.accountId, suite.accountId)
	assert.equal((await account(other.key)).accountId, other.accountId)
	assert.equal((await suite.api('GET', '/v1/account', { key: null })).status, 401)
})

test('messages of a month: the limit and no more, whichever way they go', async () => {
	assert.deepEqual(setPlan('starter'), { plan: 'STARTER' })
	const body = refusal('STARTER plan limit reached: 5 of 3 messages per month used', 'STARTER', 3, 5)
	const refused = await suite.send(PEER, 'too many')
	assert.equal(refused.status, 403)
	assert.deepEqual(refused.body, body)
	const any = await suite.api('POST', `/v1/devices/${suite.deviceUid}/messages`, { body: { to: PEER, type: 'TEXT', text: 'x' } })
	assert.equal(any.status, 403)
	assert.deepEqual(any.body, body)
	const { limits, usage } = await account()
	assert.deepEqual(limits, { messagesPerMonth: 3, devices: 2, contacts: 2, campaignsPerMonth: 1, contactImport: false })
	assert.equal(usage.messagesThisMonth, 5)
})

test('what costs nothing is not counted, and another account goes on', async () => {
	const status = await suite.api('POST', '/v1/developer/statuses/text', { body: { deviceUid: suite.deviceUid, text: 'hello' } })
	assert.notEqual(status.status, 403)
	assert.equal((await account()).usage.messagesThisMonth, 5)
	assert.equal((await sendAsOther('not my plan')).status, 200)
})

test('a scheduled message that the plan has no room for FAILS with the reason', async () => {
	const { body } = await suite.api('POST', '/v1/developer/scheduled-messages', { body: {
		deviceUid: suite.deviceUid, to: '+' + PEER, text: 'never', scheduledAt: new Date(clock() + 1000).toISOString() } })
	const failed = await eventually('it is FAILED', async () => {
		const s = (await suite.api('GET', `/v1/developer/scheduled-messages/${body.id}`)).body
		return s.status === 'FAILED' ? s : null
	})
	assert.equal(failed.reason, 'STARTER plan limit reached: 5 of 3 messages per month used')
})

test('devices: the plan has room for two', async () => {
	const create = () => suite.api('POST', '/v1/devices', { body: { name: 'line' } })
	const second = await create()
	assert.equal(second.status, 201)
	const third = await create()
	assert.equal(third.status, 403)
	assert.deepEqual(third.body, refusal('STARTER plan limit reached: 2 of 2 WhatsApp accounts used', 'STARTER', 2, 2))
	assert.equal((await suite.api('DELETE', `/v1/devices/${second.body.deviceUid}`)).status, 200)
	const again = await create()
	assert.equal(again.status, 201)
	assert.equal((await suite.api('DELETE', `/v1/devices/${again.body.deviceUid}`)).status, 200)
	// Many at once: the check and the insert are one transaction.
	const all = await Promise.all(Array.from({ length: 10 }, create))
	assert.equal(all.filter((a) => a.status === 201).length, 1)
	assert.equal((await account()).usage.devices, 2)
	for (const a of all.filter((one) => one.status === 201)) await suite.api('DELETE', `/v1/devices/${a.body.deviceUid}`)
})

test('contacts: the plan has room for two', async () => {
	const create = (phone) => suite.api('POST', '/v1/developer/contacts', { body: { phone, name: 'Ada' } })
	for (const phone of ['+15551110001', '+15551110002']) assert.equal((await create(phone)).status, 201)
	const third = await create('+15551110003')
	assert.equal(third.status, 403)
	assert.deepEqual(third.body, refusal('STARTER plan limit reached: 2 of 2 contacts used', 'STARTER', 2, 2))
	assert.equal((await account()).usage.contacts, 2)
})

test('importing contacts is a feature that the plan does not have', async () => {
	const group = await suite.api('POST', '/v1/contact-groups', { body: { name: 'Imported' } })
	assert.equal(group.status, 201)
	const boundary = 'vereda-boundary'
	const answer = await suite.api('POST', `/v1/contact-groups/${group.body.id}/import`, {
		headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
		raw: `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="c.csv"\r\nContent-Type: text/csv\r\n\r\nphone,name\n+15551110009,Bob\n\r\n--${boundary}--\r\n`,
	})
	assert.equal(answer.status, 403)
	assert.deepEqual(answer.body, { statusCode: 403, error: 'PLAN_FEATURE_UNAVAILABLE',
		message: 'The STARTER plan does not include contactImport', plan: 'STARTER', limit: null, used: null })
})

test('campaigns of a month: one', async () => {
	const create = (name) => suite.api('POST', '/v1/developer/campaigns', { body: {
		name, deviceUid: suite.deviceUid, text: 'Hi', phoneNumbers: ['+' + PEER],
		scheduledAt: new Date(clock() + 20 * DAY_MS).toISOString() } })
	const first = await create('Spring')
	assert.ok(first.status < 300, JSON.stringify(first.body))
	const second = await create('Summer')
	assert.equal(second.status, 403)
	assert.deepEqual(second.body, refusal('STARTER plan limit reached: 1 of 1 campaigns per month used', 'STARTER', 1, 1))
	assert.equal((await account()).usage.campaignsThisMonth, 1)
})

test('a message that was accepted is answered again although the plan is used up', async () => {
	setPlan('UNLIMITED')
	const first = await suite.send(PEER, 'once', { clientMessageId: 'plan-1' })
	assert.equal(first.status, 200)
	setPlan('STARTER')
	const again = await suite.send(PEER, 'once', { clientMessageId: 'plan-1' })
	assert.equal(again.status, 200)
	assert.equal(again.body.messageId, first.body.messageId)
	setPlan('UNLIMITED')
})

test('three numbers that are not on WhatsApp pause the account, not its neighbour', async () => {
	for (let i = 0; i < 3; i++) {
		const { status, body } = await suite.send(`1555999000${i}`, 'hello?')
		assert.equal(status, 200)
		assert.equal((await suite.waitStatus(body.messageId, 'FAILED')).reason, 'not_on_whatsapp')
	}
	const refused = await suite.send(PEER, 'paused')
	const { resetsAt } = refused.body
	assert.equal(refused.status, 429)
	assert.match(resetsAt, ISO)
	const left = Date.parse(resetsAt) - clock()
	assert.ok(left > 3500000 && left <= 3600000, `${left} ms left`)
	const message = `Sending is paused: 3 messages failed within 600 seconds. Try again after ${resetsAt}.`
	assert.deepEqual(refused.body, { statusCode: 429, error: 'Anti-Spam Pause', message, accountId: suite.accountId, resetsAt })
	const { safety } = await device()
	assert.deepEqual([safety.canSend, safety.blockedReason, safety.resetsAt], [false, message, resetsAt])
	assert.deepEqual((await account()).pause, { until: resetsAt, reason: '3 messages failed within 600 seconds' })
	assert.equal((await sendAsOther('I go on')).status, 200)
	assert.equal((await device(other.deviceUid, other.key)).safety.canSend, true)
	assert.equal((await account(other.key)).pause, null)
})

test('a scheduled message waits while the account is paused', async () => {
	const at = new Date(clock() + 1000)
	const { body } = await suite.api('POST', '/v1/developer/scheduled-messages', { body: {
		deviceUid: suite.deviceUid, to: '+' + PEER, text: 'waited', scheduledAt: at.toISOString() } })
	const path = `/v1/developer/scheduled-messages/${body.id}`
	const waiting = await eventually('it is put off', async () => {
		const s = (await suite.api('GET', path)).body
		return s.reason ? s : null
	})
	assert.equal(waiting.status, 'PENDING')
	assert.match(waiting.reason, /^Sending is paused: /)
	assert.ok(Date.parse(waiting.scheduledAt) > at.getTime())
	// A pause that is lifted early: soon, not at the end that it would have had.
	assert.ok(Date.parse(waiting.scheduledAt) < clock() + 70000)
	run('account', 'resume', '--email', suite.email)
	await suite.api('PATCH', path, { body: { scheduledAt: new Date(clock() + 1000).toISOString() } })
	await eventually('it is SENT', async () => (await suite.api('GET', path)).body.status === 'SENT')
})

test('an operator pauses and resumes, with and without an end', async () => {
	assert.deepEqual(run('account', 'pause', '--email', suite.email, '--reason', 'unpaid'),
		{ paused: true, until: null, reason: 'unpaid' })
	const forever = await suite.send(PEER, 'x')
	assert.equal(forever.status, 429)
	assert.deepEqual(forever.body, { statusCode: 429, error: 'Anti-Spam Pause', message: 'Sending is paused: unpaid.',
		accountId: suite.accountId, resetsAt: null })
	const { safety } = await device()
	assert.deepEqual([safety.canSend, safety.blockedReason, safety.resetsAt], [false, 'Sending is paused: unpaid.', null])
	const listed = run('account', 'list').accounts
	assert.deepEqual(listed.find((a) => a.email === suite.email).pause, { until: null, reason: 'unpaid' })
	assert.equal(listed.find((a) => a.email === 'other@example.com').pause, null)

	const paused = run('account', 'pause', '--email', suite.email, '--minutes', '5')
	assert.match(paused.until, ISO)
	const timed = await suite.send(PEER, 'x')
	assert.equal(timed.body.resetsAt, paused.until)
	assert.equal(timed.body.message, `Sending is paused: paused by the operator. Try again after ${paused.until}.`)

	assert.deepEqual(run('account', 'resume', '--email', suite.email), { paused: false, until: null, reason: null })
	assert.equal((await suite.send(PEER, 'again')).status, 200)
	assert.equal((await account()).pause, null)
})

test('the command takes the plans that there are, in any case, and sensible pauses', async () => {
	const plans = run('account', 'list').accounts
	assert.equal(plans.find((a) => a.email === 'other@example.com').plan, 'GROWTH')
	for (const args of [
		['create', '--name', 'N', '--email', 'n@example.com', '--password', 'p', '--plan', 'GOLD'],
		['plan', '--email', suite.email, '--plan', 'GOLD'],
		['plan', '--email', suite.email],
		['plan', '--email', 'nobody@example.com', '--plan', 'PRO'],
		['pause', '--email', suite.email, '--minutes', '0'],
		['pause', '--email', suite.email, '--minutes', '5x'],
		['pause', '--email', suite.email, '--reason', 'x'.repeat(151)],
		['pause', '--email', 'nobody@example.com'],
	]) {
		const { status, error } = vereda('account', ...args)
		assert.notEqual(status, 0, args.join(' '))
		assert.match(error, /^vereda: /)
	}
	assert.equal((await account()).plan, 'UNLIMITED')
	assert.equal((await account()).pause, null)
})

test('a new UTC month brings the messages and the campaigns back, a restart does not', async () => {
	setPlan('STARTER')
	await restart()
	assert.equal((await suite.send(PEER, 'still this month')).status, 403)
	await restart(31 * DAY_MS)
	const { usage } = await account()
	assert.equal(usage.messagesThisMonth, 0)
	assert.equal(usage.campaignsThisMonth, 0)
	const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => suite.send(PEER, `next month ${i}`)))
	assert.equal(answers.filter((a) => a.status === 200).length, 3)
	for (const a of answers.filter((one) => one.status !== 200))
		assert.deepEqual(a.body, refusal('STARTER plan limit reached: 3 of 3 messages per month used', 'STARTER', 3, 3))
	assert.equal((await account()).usage.messagesThisMonth, 3)
})

test('a pause ends by itself, and outlives a restart until then', async () => {
	setPlan('UNLIMITED')
	run('account', 'pause', '--email', suite.email, '--minutes', '60')
	await restart()
	assert.equal((await suite.send(PEER, 'x')).status, 429)
	await restart(3600000)
	assert.equal((await suite.send(PEER, 'over')).status, 200)
})
