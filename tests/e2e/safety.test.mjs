// Account safety: the documented limits hold, also under concurrency.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { Suite, eventually } from '../lib/suite.mjs'
import { png, upload, wav } from '../lib/media.mjs'

const PEER = '15550003333'
const DAY_MS = 86400000

// Noon of today: a test of a day's limit is not cut in two by midnight.
const noonShift = () => {
	const now = new Date()
	return Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate(), 12) - now.getTime()
}
const safetyOf = async (suite) => (await suite.api('GET', `/v1/developer/devices/${suite.deviceUid}`)).body.safety

test('40 sends at once on a new device: exactly the minute limit passes, the rest get the 429 body', async () => {
	const suite = await Suite.start()
	try {
		await suite.phone(PEER)
		const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => suite.send(PEER, `m${i}`)))
		const passed = answers.filter((a) => a.status === 200)
		const refused = answers.filter((a) => a.status === 429)
		// A minute boundary inside the burst may let a second minute's worth through.
		assert.ok(passed.length === 5 || passed.length === 10, `${passed.length} passed`)
		assert.equal(passed.length + refused.length, 40)
		for (const { body, headers } of refused) {
			const wait = Number(headers['retry-after'])
			assert.ok(Math.abs(Date.now() + wait * 1000 - Date.parse(body.resetsAt)) < 10000, `Retry-After: ${wait}`)
			assert.equal(body.statusCode, 429)
			assert.equal(body.error, 'Account Send Limit')
			assert.match(body.message, /limit reached .* Try again after \d{4}-/)
			assert.match(body.accountId, /^[0-9a-f-]{36}$/)
			assert.ok(Date.parse(body.resetsAt) > Date.now())
		}
		const { safety } = (await suite.api('GET', `/v1/developer/devices/${suite.deviceUid}`)).body
		assert.equal(safety.dailySent, passed.length)
		assert.equal(safety.dailyRemaining, 10 - passed.length)
		assert.equal((await suite.api('GET', '/v1/developer/messages')).body.total, passed.length)
	} finally {
		await suite.stop()
	}
})

test('the daily limit names its tier and the end of the UTC day, and survives a restart', async () => {
	const env = { VEREDA_SAFETY_MINUTE_LIMIT: '1000', VEREDA_SAFETY_HOURLY_LIMIT: '1000' }
	const suite = await Suite.start({ env, keep: true })
	try {
		await suite.phone(PEER)
		for (let i = 0; i < 10; i++) assert.equal((await suite.send(PEER, `m${i}`)).status, 200)
		const expected = { ...(await suite.send(PEER, 'one too many')).body }
		assert.match(expected.message, /^Daily account safety limit reached \(10 messages per day for accounts at this age\)\. Try again after \d{4}-\d\d-\d\dT23:59:59\.999Z\.$/)
		await suite.down()
		await suite.up()
		const again = await suite.send(PEER, 'still too many')
		assert.equal(again.status, 429)
		assert.deepEqual(again.body, expected)
		const { safety } = (await suite.api('GET', `/v1/developer/devices/${suite.deviceUid}`)).body
		assert.equal(safety.canSend, false)
		assert.equal(safety.blockedReason, expected.message)
	} finally {
		suite.keep = false
		await suite.stop()
	}
})

test('the safety object is the documented one, and its limits grow with the age of the device', async () => {
	const shift = noonShift()
	const suite = await Suite.start({ env: { VEREDA_CLOCK_SHIFT_MS: String(shift) }, keep: true })
	try {
		for (const [days, daily, hourly] of [[0, 10, 10], [1, 10, 10], [2, 25, 25], [7, 25, 25], [8, 75, 30], [15, 150, 30], [31, 200, 30]]) {
			if (days > 0) {
				await suite.down()
				suite.env.VEREDA_CLOCK_SHIFT_MS = String(shift + days * DAY_MS)
				await suite.up()
			}
			const today = new Date(Date.now() + shift + days * DAY_MS).toISOString().slice(0, 10)
			assert.deepEqual(await safetyOf(suite), {
				dailyLimit: daily, dailySent: 0, dailyRemaining: daily,
				hourlyLimit: hourly, hourlySent: 0, hourlyRemaining: hourly,
				minuteLimit: 5, minuteSent: 0, minuteRemaining: 5,
				accountAgeDays: days, canSend: true, blockedReason: null, resetsAt: `${today}T23:59:59.999Z`,
				campaignDelayMinSec: 18, campaignDelayMaxSec: 50, variantRecipientsPerVariant: 8,
			})
			const { items } = (await suite.api('GET', '/v1/developer/devices')).body
			assert.deepEqual(items[0].safety, await safetyOf(suite))
		}
	} finally {
		suite.keep = false
		await suite.stop()
	}
})

test('text, media, voice and schedules take of one budget; looking a number up takes nothing', async () => {
	const suite = await Suite.start({ env: {
		VEREDA_CLOCK_SHIFT_MS: String(noonShift()),
		VEREDA_SAFETY_DAILY_TIERS: '0:4', VEREDA_SAFETY_MINUTE_LIMIT: '1000',
	} })
	const post = (path, body) => suite.api('POST', path, { body: { deviceUid: suite.deviceUid, ...body } })
	const refused = async (answer) => {
		const { resetsAt } = await safetyOf(suite)
		assert.equal(answer.status, 429)
		assert.deepEqual(answer.body, {
			statusCode: 429, error: 'Account Send Limit',
			message: `Daily account safety limit reached (4 messages per day for accounts at this age). Try again after ${resetsAt}.`,
			accountId: suite.accountId, deviceUid: suite.deviceUid, resetsAt,
		})
		assert.match(resetsAt, /T23:59:59\.999Z$/)
	}
	try {
		await suite.phone(PEER)
		const picture = (await upload(suite, png(8, 8), { name: 'a.png' })).body.id
		const sound = (await upload(suite, wav(1), { name: 'a.wav' })).body.id
		const text = (await suite.send(PEER, 'one')).body
		assert.equal((await safetyOf(suite)).dailySent, 1)
		assert.equal((await post('/v1/developer/messages/send-media', { to: PEER, mediaId: picture })).status, 200)
		assert.equal((await safetyOf(suite)).dailySent, 2)
		assert.equal((await post('/v1/developer/messages/send-voice', { to: PEER, mediaId: sound })).status, 200)
		assert.equal((await safetyOf(suite)).dailySent, 3)
		assert.equal((await post('/v1/developer/messages/check-whatsapp', { numbers: [PEER, '15550009999'] })).status, 200)
		assert.equal((await suite.api('POST', `/v1/devices/${suite.deviceUid}/messages`, {
			body: { to: PEER, type: 'REACTION', text: '+', target: { messageId: text.messageId } } })).status, 200)
		assert.equal((await safetyOf(suite)).dailySent, 3)
		const at = () => new Date(Date.now() + Number(suite.env.VEREDA_CLOCK_SHIFT_MS) + 500).toISOString()
		const schedule = async (words) => (await post('/v1/developer/scheduled-messages', { to: '+' + PEER, text: words, scheduledAt: at() })).body.id
		const look = async (id) => (await suite.api('GET', `/v1/developer/scheduled-messages/${id}`)).body
		const fourth = await schedule('four')
		await eventually('the fourth is SENT', async () => (await look(fourth)).status === 'SENT')
		const { dailySent, dailyRemaining, canSend } = await safetyOf(suite)
		assert.deepEqual([dailySent, dailyRemaining, canSend], [4, 0, false])

		await refused(await suite.send(PEER, 'five'))
		await refused(await post('/v1/developer/messages/send-media', { to: PEER, mediaId: picture }))
		await refused(await post('/v1/developer/messages/send-voice', { to: PEER, mediaId: sound }))
		const fifth = await schedule('five')
		const waiting = await eventually('the fifth is put off', async () => {
			const s = await look(fifth)
			return s.reason ? s : null
		})
		assert.equal(waiting.status, 'PENDING')
		assert.match(waiting.reason, /^Daily account safety limit reached/)
		const past = Date.parse(waiting.scheduledAt) - Date.parse((await safetyOf(suite)).resetsAt)
		assert.ok(past > 0 && past <= 2001, `${past} ms past the reset`)
	} finally {
		await suite.stop()
	}
})

test('two processes that send at once share the last of the budget without one too many', async () => {
	const suite = await Suite.start({ env: {
		VEREDA_CLOCK_SHIFT_MS: String(noonShift()), VEREDA_SAFETY_MINUTE_LIMIT: '1000',
	} })
	try {
		await suite.phone(PEER)
		const due = Date.now() + 1500
		const scheduledAt = new Date(due + Number(suite.env.VEREDA_CLOCK_SHIFT_MS)).toISOString()
		const made = await Promise.all(Array.from({ length: 20 }, (_, i) => suite.api('POST', '/v1/developer/scheduled-messages', {
			body: { deviceUid: suite.deviceUid, to: '+' + PEER, text: `due ${i}`, scheduledAt } })))
		assert.ok(made.every((m) => m.status === 201))
		while (Date.now() < due) await new Promise((resolve) => setTimeout(resolve, 1))
		let passed = 0
		for (let i = 0; i < 40; i++) passed += (await suite.send(PEER, `direct ${i}`)).status === 200
		await eventually('every schedule is sent or put off', async () => {
			const { data } = (await suite.api('GET', '/v1/developer/scheduled-messages?limit=100')).body
			return data.every((s) => s.status === 'SENT' || s.reason)
		})
		const { data } = (await suite.api('GET', '/v1/developer/scheduled-messages?limit=100')).body
		const sent = data.filter((s) => s.status === 'SENT').length
		assert.equal(passed + sent, 10)
		assert.equal((await suite.api('GET', '/v1/developer/messages')).body.total, 10)
		assert.equal((await safetyOf(suite)).dailySent, 10)
	} finally {
		await suite.stop()
	}
})

test('campaigns and auto-replies take of the same budget, and stop with it', async () => {
	const suite = await Suite.start({ env: {
		VEREDA_CLOCK_SHIFT_MS: String(noonShift()),
		VEREDA_SAFETY_DAILY_TIERS: '0:3', VEREDA_SAFETY_MINUTE_LIMIT: '1000',
		VEREDA_SAFETY_CAMPAIGN_DELAY_MIN_SEC: '0', VEREDA_SAFETY_CAMPAIGN_DELAY_MAX_SEC: '0',
	} })
	const post = async (path, body) => {
		const answer = await suite.api('POST', path, { body: { deviceUid: suite.deviceUid, ...body } })
		assert.ok(answer.status < 300, answer.text)
		return answer.body
	}
	const spent = (n) => eventually(`${n} are spent`, async () => (await safetyOf(suite)).dailySent === n)
	const others = ['15550003334', '15550003335', '15550003336']
	try {
		for (const phone of [PEER, ...others]) await suite.phone(phone)
		await post('/v1/developer/auto-reply', { triggerType: 'CONTAINS', triggerValue: 'price', replyText: 'It is 5.' })
		const ask = () => suite.sandboxCall('POST', `/phones/${PEER}/send`, { to: suite.devicePhone, text: 'what price?' })
		await ask()
		await spent(1)
		await post('/v1/developer/campaigns', { name: 'Spring', text: 'Hi', phoneNumbers: others.map((p) => '+' + p) })
		await spent(3)
		const received = async () => (await Promise.all(others.map((p) => suite.inbox(p)))).flat().length
		await eventually('two have got it', async () => (await received()) === 2)
		await ask()
		await eventually('the second question is stored', async () => {
			const { data } = (await suite.api('GET', '/v1/developer/messages')).body
			return data.filter((m) => m.text === 'what price?').length === 2
		})
		assert.equal((await suite.send(PEER, 'direct')).status, 429)
		assert.equal((await safetyOf(suite)).dailySent, 3)
		assert.equal((await suite.inbox(PEER)).length, 1)
		assert.equal(await received(), 2)
	} finally {
		await suite.stop()
	}
})
