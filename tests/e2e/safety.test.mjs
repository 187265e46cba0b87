// Account safety: the documented limits hold, also under concurrency.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { Suite } from '../lib/suite.mjs'

const PEER = '15550003333'

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
		for (const { body } of refused) {
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
