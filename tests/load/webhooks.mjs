// A hundred webhooks of which ten are dead: what the ninety that answer notice of it.  Events are
// webhook.test ones, so that nothing but apid, the store and webhookd works.
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { once } from 'node:events'
import { Suite, eventually, http, sleep } from '../lib/suite.mjs'

const RECEIVERS = 100, DEAD = 10
const ROUNDS = 60 // events of each device in a backlog
const RATE = 400, SECONDS = 7 // of the steady load

async function closedPort() {
	const server = createServer().listen(0, '127.0.0.1')
	await once(server, 'listening')
	const { port } = server.address()
	server.close()
	await once(server, 'close')
	return port
}

export async function deadReceivers(note = () => {}) {
	const child = spawn(join(process.env.VEREDA_TOOLS, 'hookcount'), { stdio: ['ignore', 'pipe', 'inherit'] })
	const suite = await Suite.start({ env: { VEREDA_SAFETY_ENABLED: 'false' } })
	try {
		const [line] = await once(child.stdout, 'data')
		const url = `http://127.0.0.1:${JSON.parse(line).port}`
		const refusing = `http://127.0.0.1:${await closedPort()}/`
		const count = async () => (await http('GET', `${url}/count`)).body
		const put = (deviceUid, personalWebhookUrl) => suite.api('PUT', '/v1/developer/webhooks', { body: { deviceUid, personalWebhookUrl } })
		const fire = async (deviceUid) => {
			const { status, text } = await suite.api('POST', '/v1/developer/webhooks/test', { body: { deviceUid } })
			if (status !== 202) throw new Error(`${status} ${text}`)
		}

		const uids = [suite.deviceUid]
		while (uids.length < RECEIVERS) uids.push((await suite.api('POST', '/v1/devices', { body: { name: `d${uids.length}` } })).body.deviceUid)
		for (const [i, uid] of uids.entries()) await put(uid, i < DEAD ? `${url}/aside` : `${url}/${i}`)

		// Everything waits at once: how fast does it go out?
		const backlog = async () => {
			await http('GET', `${url}/reset`)
			suite.kill('webhookd', 'SIGSTOP')
			for (let i = 0; i < ROUNDS; i++) await Promise.all(uids.map(fire))
			const began = process.hrtime.bigint()
			suite.kill('webhookd', 'SIGCONT')
			const goal = (RECEIVERS - DEAD) * ROUNDS
			await eventually('the ninety have all', async () => (await count()).count >= goal, 60000)
			const seconds = ((await count()).lastUs - Number(began / 1000n)) / 1e6
			return { deliveries: goal, seconds: Number(seconds.toFixed(2)), per_second: Math.round(goal / seconds) }
		}
		// A steady load: how late does an event arrive?
		const steady = async () => {
			await http('GET', `${url}/reset`)
			const under = []
			const began = Date.now()
			for (let n = 0; n < RATE * SECONDS;) {
				for (const due = (Date.now() - began) / 1000 * RATE; n < due && n < RATE * SECONDS; n++) under.push(fire(uids[n % uids.length]))
				await sleep(2)
			}
			await Promise.all(under)
			const goal = RATE * SECONDS * (RECEIVERS - DEAD) / RECEIVERS
			await eventually('the ninety have all', async () => (await count()).count >= goal, 60000)
			return { events_per_second: RATE, ...(await count()).lag }
		}

		note('all answer')
		const all_answer = { backlog: await backlog(), lag: await steady() }
		for (let i = 0; i < DEAD; i++) await put(uids[i], i % 2 ? refusing : `${url}/hang`)
		note(`${DEAD} are dead`)
		const ten_dead = { backlog: await backlog(), lag: await steady() }
		const states = {}
		for (const { endpoints } of (await suite.api('GET', '/v1/developer/webhooks')).body.data) states[endpoints[0].state] = (states[endpoints[0].state] ?? 0) + 1
		return { receivers: RECEIVERS, dead: { refuse: DEAD / 2, never_answer: DEAD / 2 }, all_answer, ten_dead, states }
	} finally {
		await suite.stop({ allowErrors: [/./] })
		child.kill()
	}
}

if (import.meta.url === `file://${process.argv[1]}`) console.log(JSON.stringify(await deadReceivers((text) => process.stderr.write(`webhooks: ${text}\n`)), null, 2))
