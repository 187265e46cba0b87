// Prints the suite's figures as one JSON document.  Needs a build without sanitizers.
import { spawn, execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import { once } from 'node:events'
import { Suite, eventually, http, sleep } from '../lib/suite.mjs'

const run = promisify(execFile)
const TOOLS = process.env.VEREDA_TOOLS
const MESSAGES = Number(process.env.BENCH_MESSAGES || 20000)
const LANES = Number(process.env.BENCH_LANES || 50)
const PHONES = 100
const HOOK_DEVICES = 4
const figures = {}
const note = (text) => process.stderr.write(`bench: ${text}\n`)

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]

function uss(pid) {
	let kb = 0
	for (const line of readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').split('\n')) {
		const m = /^(Private_Clean|Private_Dirty):\s+(\d+)/.exec(line)
		if (m) kb += Number(m[2])
	}
	return kb
}

async function coldStart() {
	const times = []
	for (let i = 0; i < 5; i++) {
		const began = Date.now()
		const suite = await Suite.start({ args: [] })
		times.push(Date.now() - began)
		await suite.stop({ allowErrors: [/./] })
	}
	figures.up_to_ready_ms = { median: median(times), all: times, with: 'sandbox, a new state directory, one device paired' }
}

const signal = (suite, names, sig) => { for (const name of names) suite.kill(name, sig) }

async function count(suite) {
	const info = await suite.sandboxCall('GET', '/')
	return info
}

async function sends(suite) {
	for (let i = 0; i < PHONES; i++) await suite.phone(`1555${1000000 + i}`, { readAfterMs: -1 })
	// Known recipients: one message to each first.
	for (let i = 0; i < PHONES; i++) await suite.send(`1555${1000000 + i}`, 'warm up')
	const arrived = async () => {
		const info = await count(suite)
		return info.counts?.inbox ?? (await total(suite))
	}
	await eventually('warm-up messages arrived', async () => (await arrived()) >= PHONES, 60000)
	note('accepting, lanes at rest')
	const names = ['lane', 'senderd', 'sandboxd', 'webhookd']
	const port = new URL(suite.baseUrl).port
	const generate = async (connections, n) =>
		JSON.parse((await run(join(TOOLS, 'loadgen'), [port, suite.apiKey, suite.deviceUid, connections, n, PHONES].map(String), { maxBuffer: 1 << 20 })).stdout)
	signal(suite, names, 'SIGSTOP')
	figures.accepted_sends = { connections: 64, ...(await generate(64, MESSAGES)) }
	signal(suite, names, 'SIGCONT')
	note('draining through the lane')
	const began = Date.now()
	const before = await arrived()
	const goal = PHONES + MESSAGES
	await eventually('everything arrived', async () => (await arrived()) >= goal, 300000)
	figures.lane_messages = { count: goal - before, seconds: (Date.now() - began) / 1000, per_second: Math.round((goal - before) / ((Date.now() - began) / 1000)) }
	note('accepting and sending together')
	const goal2 = goal + MESSAGES / 2
	const began2 = Date.now()
	const both = await generate(64, MESSAGES / 2)
	await eventually('everything arrived', async () => (await arrived()) >= goal2, 300000)
	figures.end_to_end = { accepted_per_second: both.per_second, p50_ms: both.p50_ms, p99_ms: both.p99_ms, delivered_per_second: Math.round(MESSAGES / 2 / ((Date.now() - began2) / 1000)) }
}

async function total(suite) {
	let n = 0
	for (let i = 0; i < PHONES; i++) {
		const phone = await suite.sandboxCall('GET', `/phones/1555${1000000 + i}`)
		n += phone.inboxCount ?? phone.inbox
	}
	return n
}

async function pair(suite, name, phone) {
	const { deviceUid } = (await suite.api('POST', '/v1/devices', { body: { name } })).body
	await suite.phone(phone, { readAfterMs: -1 })
	await eventually('scanned', async () => {
		const { status, body } = await suite.api('GET', `/v1/devices/${deviceUid}/qr`)
		if (status === 409) return true
		return status === 200 && (await suite.sandboxCall('POST', `/phones/${phone}/scan`, { qr: body.qr }))
	}, 30000)
	await eventually('connected', async () => (await suite.api('GET', `/v1/devices/${deviceUid}`)).body.status === 'CONNECTED', 30000)
	return deviceUid
}

async function webhooks(suite) {
	const child = spawn(join(TOOLS, 'hookcount'), { stdio: ['ignore', 'pipe', 'inherit'] })
	try {
		const [line] = await once(child.stdout, 'data')
		const url = `http://127.0.0.1:${JSON.parse(line).port}`
		const uids = []
		for (let i = 0; i < HOOK_DEVICES; i++) uids.push(await pair(suite, `hook ${i}`, `15559${String(i).padStart(6, '0')}`))
		const put = (deviceUid, body) => suite.api('PUT', '/v1/developer/webhooks', { body: { deviceUid, ...body } })
		for (const uid of uids) await put(uid, { personalWebhookUrl: url + '/' })
		note('making events while webhookd rests')
		await sleep(1000) // the session events of pairing
		const before = (await http('GET', url + '/count')).body.count
		signal(suite, ['webhookd'], 'SIGSTOP')
		const each = MESSAGES / 10
		const port = new URL(suite.baseUrl).port
		await Promise.all(uids.map((uid) => run(join(TOOLS, 'loadgen'), [port, suite.apiKey, uid, 8, each, PHONES].map(String))))
		await eventually('the messages are delivered', async () => {
			for (const uid of uids) {
				const { body } = await suite.api('GET', `/v1/developer/messages?deviceUid=${uid}&limit=1`)
				if (!body.data[0] || !['DELIVERED', 'READ'].includes(body.data[0].status)) return false
			}
			return true
		}, 120000)
		await sleep(1000)
		const goal = each * HOOK_DEVICES * 2
		note('delivering the backlog')
		const began = process.hrtime.bigint()
		signal(suite, ['webhookd'], 'SIGCONT')
		await eventually('the backlog is delivered', async () => (await http('GET', url + '/count')).body.count >= before + goal, 120000)
		const { count, lastUs } = (await http('GET', url + '/count')).body
		const n = count - before
		const firstUs = Number(began / 1000n) // the same monotonic clock
		figures.webhook_deliveries = { count: n, endpoints: HOOK_DEVICES, seconds: (lastUs - firstUs) / 1e6, per_second: Math.round(n / ((lastUs - firstUs) / 1e6)) }
	} finally {
		child.kill()
	}
}

async function lanes() {
	const suite = await Suite.start({ env: { VEREDA_SAFETY_ENABLED: 'false' } })
	note(`linking ${LANES} lanes`)
	for (let i = 0; i < LANES; i++) await pair(suite, `lane ${i}`, `15558${String(i).padStart(6, '0')}`)
	await sleep(5000)
	const sizes = suite.pids('lane').map(uss)
	figures.idle_lane = { lanes: sizes.length, uss_kb_median: median(sizes), uss_kb_max: Math.max(...sizes) }
	await suite.stop({ allowErrors: [/./] })
}

await coldStart()
const suite = await Suite.start({ env: { VEREDA_SAFETY_ENABLED: 'false' } })
await sends(suite)
await webhooks(suite)
await suite.stop({ allowErrors: [/./] })
await lanes()
console.log(JSON.stringify(figures, null, 2))
