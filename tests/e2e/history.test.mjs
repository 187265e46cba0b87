// The history of a busy phone: thousands of chats and a hundred thousand messages, read without the lane growing or
// going quiet meanwhile.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { BIN, Suite, receiver, eventually, sleep } from '../lib/suite.mjs'

const IS_SAN = Boolean(process.env.VEREDA_SAN) || /san\b/.test(BIN)
const SCALE = IS_SAN ? 10 : 1
const CHATS = 5000 / SCALE, MESSAGES = 100000 / SCALE, CHUNKS = 10
const ORDER_DAYS = 60, KEPT_DAYS = 30
const AFTER_KB = 3 * 1024, PEAK_KB = 12 * 1024
const FRIENDS = ['15551200001', '15551200002', '15551200003']

let suite, hook
before(async () => {
	suite = await Suite.start({ env: { VEREDA_SAFETY_ENABLED: 'false', VEREDA_HISTORY_MODE: 'messages', VEREDA_HISTORY_DAYS: String(KEPT_DAYS) } })
	hook = await receiver()
	for (const phone of FRIENDS) await suite.phone(phone, { readAfterMs: -1 })
	await suite.api('PUT', '/v1/developer/webhooks', { body: { deviceUid: suite.deviceUid, personalWebhookUrl: hook.url } })
})
after(async () => {
	await suite.stop()
	await hook.close()
})

// What the lane alone keeps in memory, in KB.
function uss() {
	const [pid] = suite.pids('lane')
	const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
	return [...text.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+)/gm)].reduce((sum, m) => sum + Number(m[1]), 0)
}

const total = async (path) => {
	const answer = await suite.api('GET', `${path}${path.includes('?') ? '&' : '?'}limit=1`)
	assert.equal(answer.status, 200, answer.text)
	return answer.body.total
}
const chunksRead = () => suite.log.split('\n').filter((line) => /history id=\S+ status=read /.test(line) && !/ chats=0 /.test(line)).length

// A talk in both directions that goes on until it is told to stop; what was said, and how long an answer took.
async function talk(said) {
	for (let n = 0; !said.over; n++) {
		const friend = FRIENDS[n % FRIENDS.length]
		const began = Date.now()
		const { body } = await suite.send(friend, `out ${n}`)
		await suite.waitStatus(body.messageId, ['DELIVERED', 'READ'])
		said.out.push({ text: `out ${n}`, friend, ms: Date.now() - began })
		await suite.sandboxCall('POST', `/phones/${friend}/send`, { to: suite.devicePhone, text: `in ${n}` })
		said.in.push(`in ${n}`)
		await sleep(100)
	}
}

const received = () => hook.events('message.received').map((e) => e.data)

test(`${MESSAGES} messages in ${CHATS} chats are taken within the lane's memory, while messages flow`, { timeout: 120000 }, async (t) => {
	await suite.send(FRIENDS[0], 'a session is there')
	await sleep(2000)
	const before = uss()
	const pid = suite.pids('lane')[0]
	let peak = before
	const watch = setInterval(() => { peak = Math.max(peak, uss()) }, 50)
	const said = { out: [], in: [], over: false }
	const began = Date.now()
	const talking = talk(said)
	try {
		await suite.sandboxCall('POST', `/phones/${suite.devicePhone.replace('+', '')}/history`, { chats: CHATS, messages: MESSAGES, days: ORDER_DAYS, chunks: CHUNKS })
		await eventually('the history is read', () => chunksRead() >= CHUNKS, 100000)
	} finally {
		said.over = true
		clearInterval(watch)
	}
	const seconds = (Date.now() - began) / 1000
	await talking
	await sleep(2000)
	const after = uss()
	assert.equal(suite.pids('lane')[0], pid, 'the lane was started anew')
	const slowest = Math.max(...said.out.map((o) => o.ms))
	t.diagnostic(`${seconds.toFixed(1)} s; lane USS ${before} KB before, ${peak} KB at most, ${after} KB after; ` +
		`${said.out.length} messages out (slowest ${slowest} ms) and ${said.in.length} in meanwhile`)

	// Everything is listed: messages as far back as they are wanted.
	assert.equal(await total(`/v1/devices/${suite.deviceUid}/chats`), CHATS)
	const contacts = await total(`/v1/devices/${suite.deviceUid}/contacts`)
	assert.ok(contacts >= CHATS - 1, `${contacts} contacts`)
	const expected = MESSAGES * KEPT_DAYS / ORDER_DAYS
	const live = 1 + said.out.length + said.in.length
	const stored = await total(`/v1/developer/messages?deviceUid=${suite.deviceUid}`) - live
	assert.ok(stored > expected * 0.99 && stored <= expected + 1, `${stored} messages of the history instead of about ${expected}`)
	const { data } = (await suite.api('GET', `/v1/developer/messages?deviceUid=${suite.deviceUid}&to=19990000123`)).body
	assert.ok(data.length > 0, 'what was written to one of them is not listed')
	for (const m of data) {
		assert.match(m.text, /^123\/\d+ /)
		assert.ok(Date.now() - Date.parse(m.createdAt) < (KEPT_DAYS + 1) * 86400000, `${m.createdAt} is too old`)
	}

	// The past raises no events; the present does.
	await eventually('all live messages were told', () => received().length >= said.in.length)
	await sleep(500)
	assert.deepEqual(received().map((d) => d.text).sort(), [...said.in].sort())
	for (const phone of FRIENDS) {
		const texts = (await suite.inbox(phone)).map((e) => e.text)
		for (const o of said.out.filter((s) => s.friend === phone)) assert.equal(texts.filter((text) => text === o.text).length, 1, o.text)
	}
	assert.ok(said.out.length >= 1, 'no message went out meanwhile')
	assert.ok(seconds < 60, `it took ${seconds} s`)
	if (IS_SAN) return
	assert.ok(peak <= before + PEAK_KB, `the lane grew from ${before} to ${peak} KB`)
	assert.ok(after <= before + AFTER_KB, `the lane kept ${after - before} KB`)
})
