// A campaign over three devices while schedulerd, senderd and the lanes are killed and the campaign is paused and
// resumed: everybody gets the message, nobody gets it twice, and the counts add up.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { Suite, eventually, sleep } from '../lib/suite.mjs'
import { create, control, link, look, recipients, CAMPAIGNS } from '../lib/campaign.mjs'

const RECIPIENTS = Number(process.env.CAMPAIGN_RECIPIENTS || 3000)
const STRIKES = 20
const VICTIMS = ['schedulerd', 'lane', 'senderd', 'pause']
const TEXT = '{Hi|Hello|Hey|Dear} {friend|reader|guest|you}{,|!|.|:} {we|they|all} {have|had|got} {news|offers|gifts|' +
	'plans|more} {today|now|here|there|again} {for|to} {you|all}: {phone}'

// A small seeded generator, so that a failure can be run again.
const seed = Number(process.env.FAULT_SEED || Date.now() % 100000)
let state = seed
const random = () => {
	state = (state * 1103515245 + 12345) & 0x7fffffff
	return state / 0x7fffffff
}

async function inParallel(items, n, work) {
	let next = 0
	await Promise.all(Array.from({ length: n }, async () => {
		while (next < items.length) await work(items[next++])
	}))
}

// A call that meets a daemon that is just dead is made again.
const again = (what, call) => eventually(what, async () => {
	try {
		return await call()
	} catch (error) {
		if (error.code === 'ERR_ASSERTION') throw error
		return null
	}
}, 60000)

async function strike(suite, id, victim) {
	if (victim === 'lane') {
		const pids = suite.pids('lane')
		if (pids.length > 0) process.kill(pids[Math.floor(random() * pids.length)], 'SIGKILL')
		return undefined
	}
	if (victim !== 'pause') return suite.kill(victim)
	// What was on its way may have been the last of it.
	const isOver = async () => (await look(suite, id)).status === 'COMPLETED'
	await again('it is paused', async () => (await isOver()) || control(suite, id, 'pause'))
	await sleep(random() * 1000)
	return again('it is resumed', async () => (await isOver()) || control(suite, id, 'resume'))
}

test(`${RECIPIENTS} recipients over three devices while everything is killed in turn (seed ${seed})`, { timeout: 1800000 }, async (t) => {
	const suite = await Suite.start({ env: {
		VEREDA_SAFETY_ENABLED: 'false',
		VEREDA_SAFETY_CAMPAIGN_DELAY_MIN_SEC: '0',
		VEREDA_SAFETY_CAMPAIGN_DELAY_MAX_SEC: '0',
		VEREDA_SAFETY_COOLDOWN_EVERY: '0',
		VEREDA_SAFETY_FAILURES_BEFORE_PAUSE: '0',
		VEREDA_SAFETY_SPAM_FAILURES: '0',
		VEREDA_CAMPAIGN_IN_FLIGHT: '16',
		VEREDA_SENDER_ACK_TIMEOUT_SEC: '5',
	} })
	try {
		const deviceUids = [suite.deviceUid, await link(suite, '15556000001'), await link(suite, '15556000002')]
		const phones = Array.from({ length: RECIPIENTS }, (_, i) => `15557${String(i).padStart(6, '0')}`)
		const preparing = Date.now()
		await inParallel(phones, 16, (phone) => suite.phone(phone, { readAfterMs: -1 }))
		t.diagnostic(`${RECIPIENTS} phones made in ${((Date.now() - preparing) / 1000).toFixed(1)} s`)

		const began = Date.now()
		const created = await create(suite, { name: 'Proof', text: TEXT, deviceUids, phoneNumbers: phones.map((p) => '+' + p) })
		assert.equal(created.totalRecipients, RECIPIENTS)
		assert.equal(created.status, 'RUNNING')
		t.diagnostic(`made in ${((Date.now() - began) / 1000).toFixed(1)} s`)

		// A strike, then some headway, now and then none: it must also bear being hit while it gets up.
		const struck = {}
		let seen, headway = 0
		for (let i = 0; ; ) {
			await sleep(200 + random() * 1000)
			seen = await again('it is shown', () => look(suite, created.id))
			if (seen.status === 'COMPLETED') break
			assert.ok(['RUNNING', 'PAUSED'].includes(seen.status), JSON.stringify(seen))
			assert.ok(Date.now() - began < 1500000, `not through: ${JSON.stringify(seen)}`)
			if (seen.sentCount < headway && random() > 0.02) continue
			const victim = VICTIMS[i < VICTIMS.length * 2 ? i % VICTIMS.length : Math.floor(random() * VICTIMS.length)]
			await strike(suite, created.id, victim)
			struck[victim] = (struck[victim] || 0) + 1
			headway = seen.sentCount + RECIPIENTS / STRIKES
			i++
		}
		const seconds = (Date.now() - began) / 1000
		t.diagnostic(`through in ${seconds.toFixed(1)} s (${(RECIPIENTS / seconds).toFixed(0)}/s): ${JSON.stringify(struck)}`)
		for (const victim of VICTIMS) assert.ok(struck[victim] >= 1, `${victim} was never struck`)

		// Everybody has it once, in words of their own.
		await inParallel(phones, 16, async (phone) => {
			await eventually(`${phone} has it`, async () => (await suite.inbox(phone)).length >= 1, 60000)
		})
		await sleep(2000)
		await inParallel(phones, 16, async (phone) => {
			const entries = await suite.inbox(phone)
			assert.equal(entries.length, 1, `${phone} has it ${entries.length} times`)
			assert.match(entries[0].text, new RegExp(`^(Hi|Hello|Hey|Dear) .*: \\+?${phone}$`))
		})

		// What the campaign tells is so.
		const counts = await eventually('all are delivered', async () => {
			const { body } = await suite.api('GET', `${CAMPAIGNS}/${created.id}/analytics`)
			return body.delivered === RECIPIENTS ? body : null
		}, 120000)
		assert.equal(counts.totalRecipients, RECIPIENTS)
		assert.deepEqual([counts.sent, counts.failed, counts.pending], [RECIPIENTS, 0, 0])
		assert.ok(counts.completedAt !== null && counts.durationSec >= 0)
		const rows = await recipients(suite, created.id)
		assert.equal(new Set(rows.map((r) => r.phone)).size, RECIPIENTS)
		assert.ok(rows.every((r) => ['DELIVERED', 'READ'].includes(r.messageStatus)))
		const lanes = deviceUids.map((uid) => rows.filter((r) => r.accountId === uid).length)
		for (const n of lanes) assert.ok(n >= Math.floor(RECIPIENTS / 3), `lanes sent ${lanes}`)
	} finally {
		await suite.stop({ allowErrors: [/ended|exited|killed|signal|restart|commit failed|not answer|child/i] })
	}
})
