// Nothing lost, nothing twice: daemons are killed at random moments while messages flow.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { Suite, receiver, eventually, sleep } from '../lib/suite.mjs'

const MESSAGES = Number(process.env.FAULT_MESSAGES || 2000)
const CONNECTIONS = 8
const PHONES = 10
const VICTIMS = ['apid', 'lane', 'senderd', 'webhookd', 'schedulerd', 'socket']

// A small seeded generator, so that a failure can be run again.
const seed = Number(process.env.FAULT_SEED || Date.now() % 100000)
let state = seed
const random = () => {
	state = (state * 1103515245 + 12345) & 0x7fffffff
	return state / 0x7fffffff
}

async function kill(suite, victim) {
	if (victim === 'socket')
		return suite.sandboxCall('POST', '/faults', { kind: random() < 0.5 ? 'cut' : 'cut_mid_frame', phone: suite.devicePhone.replace('+', ''), now: true }).catch(() => {})
	suite.kill(victim)
	return undefined
}

test(`${MESSAGES} messages while everything is killed in turn (seed ${seed})`, { timeout: 600000 }, async (t) => {
	const suite = await Suite.start({ env: { VEREDA_SAFETY_ENABLED: 'false', VEREDA_SENDER_ACK_TIMEOUT_SEC: '5', VEREDA_WEBHOOK_BACKOFF_BASE_MS: '50' } })
	const hook = await receiver()
	try {
		const phones = Array.from({ length: PHONES }, (_, i) => `1555100${String(i).padStart(4, '0')}`)
		for (const phone of phones) await suite.phone(phone, { readAfterMs: -1 })
		assert.equal((await suite.api('PUT', '/v1/developer/webhooks', { body: { deviceUid: suite.deviceUid, personalWebhookUrl: hook.url } })).status, 200)

		const accepted = new Map() // client id -> {messageId, to}
		let next = 0
		let done = false
		const killed = {}
		const sender = async () => {
			while (next < MESSAGES) {
				const n = next++
				await sleep(random() * 150) // long enough for every victim to die more than once
				const to = phones[n % PHONES]
				for (let attempt = 0; ; attempt++) {
					try {
						const answer = await suite.send(to, `message ${n}`, { clientMessageId: `c${n}` })
						if (answer.status === 200) {
							accepted.set(n, { messageId: answer.body.messageId, waId: answer.body.providerMessageId, to })
							break
						}
						assert.ok([500, 503, 504].includes(answer.status), `status ${answer.status} ${answer.text}`)
					} catch (error) {
						if (error.code === 'ERR_ASSERTION') throw error
					}
					assert.ok(attempt < 1200, `message ${n} was never accepted`)
					await sleep(50)
				}
			}
		}
		const killer = async () => {
			for (let i = 0; !done; i++) {
				await sleep(500 + random() * 1000)
				const victim = VICTIMS[i < VICTIMS.length * 2 ? i % VICTIMS.length : Math.floor(random() * VICTIMS.length)]
				await kill(suite, victim)
				killed[victim] = (killed[victim] || 0) + 1
			}
		}
		const kills = killer()
		await Promise.all(Array.from({ length: CONNECTIONS }, sender))
		await sleep(2000)
		done = true
		await kills
		assert.equal(accepted.size, MESSAGES)
		for (const victim of VICTIMS) assert.ok(killed[victim] >= 2, `${victim} was killed ${killed[victim]} times`)
		t.diagnostic(`killed: ${JSON.stringify(killed)}`)

		// Every accepted message is in exactly one phone's inbox exactly once.
		const total = async () => {
			let n = 0
			for (const phone of phones) n += (await suite.inbox(phone)).length
			return n
		}
		await eventually('every message arrived', async () => (await total()) >= MESSAGES, 120000)
		await sleep(1500)
		const seen = new Map()
		for (const phone of phones) {
			for (const entry of await suite.inbox(phone)) {
				const n = Number(entry.text.replace('message ', ''))
				assert.ok(!seen.has(n), `message ${n} came twice`)
				seen.set(n, phone)
				assert.equal(accepted.get(n).to, phone)
				assert.equal(accepted.get(n).waId, entry.id)
			}
		}
		assert.equal(seen.size, MESSAGES)

		// Its events reached the receiver at least once, with a stable webhook-id.
		const wanted = new Set([...accepted.values()].map((a) => a.messageId))
		for (const type of ['message.sent', 'message.delivered']) {
			const missing = () => {
				const got = new Set(hook.events(type).map((e) => e.data.messageId))
				return [...wanted].filter((id) => !got.has(id))
			}
			await eventually(`all ${type} events arrived`, () => missing().length === 0, 60000).catch(async (error) => {
				const rows = await Promise.all(missing().slice(0, 3).map((id) => suite.message(id)))
				throw new Error(`${missing().length} ${type} events are missing, of ${JSON.stringify(rows)}; ${error.message}`)
			})
		}
		const ids = new Map()
		for (const { event, headers } of hook.got) {
			if (!event.data.messageId) continue
			const key = `${event.type} ${event.data.messageId}`
			if (!ids.has(key)) ids.set(key, headers['webhook-id'])
			assert.equal(headers['webhook-id'], ids.get(key), `${key} came under two ids`)
			assert.equal(headers['webhook-id'], event.id)
		}
	} finally {
		await suite.stop({ allowErrors: [/ended|exited|killed|signal|restart|commit failed|not answer|child/i] })
		await hook.close()
	}
})
