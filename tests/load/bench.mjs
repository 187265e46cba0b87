// Prints the suite's figures as one JSON document.  Needs a build without sanitizers.
import { spawn, execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { join } from 'node:path'
import { existsSync, readFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { BIN, Suite, eventually, http, receiver, sleep } from '../lib/suite.mjs'
import { upload } from '../lib/media.mjs'
import { lists } from './lists.mjs'
import { deadReceivers } from './webhooks.mjs'

const run = promisify(execFile)
const TOOLS = process.env.VEREDA_TOOLS
const MESSAGES = Number(process.env.BENCH_MESSAGES || 20000)
const LANES = Number(process.env.BENCH_LANES || 50)
const PHONES = 100
const HOOK_DEVICES = 4
const MEDIA_MIB = [1, 4, 16]
const MEDIA_ROUNDS = 3
const GROUP_SIZE = 200
const HISTORY = { chats: 5000, messages: 100000, days: 60, chunks: 10 }
const figures = { lane_uss_kb: {} }
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

// The largest USS of the device's lane until stop() is called.
function watchLane(suite) {
	const [pid] = suite.pids('lane')
	let peak = uss(pid)
	const timer = setInterval(() => { peak = Math.max(peak, uss(pid)) }, 50)
	return { pid, stop: () => { clearInterval(timer); return Math.max(peak, uss(pid)) } }
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
	const watch = watchLane(suite)
	await eventually('everything arrived', async () => (await arrived()) >= goal, 300000)
	figures.lane_uss_kb.under_load_max = watch.stop()
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
	figures.lane_uss_kb.idle = { lanes: sizes.length, median: median(sizes), max: Math.max(...sizes) }
	await suite.stop({ allowErrors: [/./] })
}

const waitFor = async (what, check, timeoutMs = 120000) => { // finer than eventually(), for what takes milliseconds
	for (const end = Date.now() + timeoutMs; Date.now() < end; await sleep(2)) if (await check()) return
	throw new Error(`timed out waiting until ${what}`)
}
const perSecond = (mib, ms) => Number((mib * 1.048576 / (ms / 1000)).toFixed(1))

// One JSON document a line, or nothing where the tool is not built.
async function tool(name, ...args) {
	if (!existsSync(join(TOOLS, name))) return []
	const { stdout } = await run(join(TOOLS, name), args)
	return stdout.trim().split('\n').map((line) => JSON.parse(line))
}

// Through everything: from the request to the file at the media host, and to the phone that has opened it; from the
// phone's message to the file that is ready for download.
async function media() {
	const suite = await Suite.start({ env: { VEREDA_SAFETY_ENABLED: 'false' } })
	const hook = await receiver()
	const friend = '15557000001', own = suite.devicePhone.replace('+', '')
	await suite.phone(friend, { readAfterMs: -1 })
	await suite.api('PUT', '/v1/developer/webhooks', { body: { deviceUid: suite.deviceUid, personalWebhookUrl: hook.url } })
	const inbox = async () => (await suite.sandboxCall('GET', `/phones/${friend}`)).inboxCount
	const ready = () => hook.events('media.ready').length
	const stored = () => suite.log.split(`status=stored by=${own}`).length
	await suite.send(friend, 'warm up')
	await waitFor('the warm-up arrived', async () => (await inbox()) === 1)
	note('media')
	figures.media = []
	for (const mib of MEDIA_MIB) {
		const up = [], shown = [], down = []
		for (let round = 0; round < MEDIA_ROUNDS; round++) {
			const file = (await upload(suite, randomBytes(mib << 20), { name: 'a.bin' })).body
			const had = await inbox(), hosted = stored()
			let began = Date.now()
			await suite.api('POST', '/v1/developer/messages/send-media', { body: { deviceUid: suite.deviceUid, to: friend, mediaId: file.id } })
			await waitFor('the file is at the host', () => stored() > hosted)
			up.push(Date.now() - began)
			await waitFor('the phone has opened it', async () => (await inbox()) > had)
			shown.push(Date.now() - began)
			const before = ready()
			// A few bytes more each time: what the same host has already would not be moved.
			const mediaBytes = (mib << 20) - round * 16
			await suite.sandboxCall('POST', `/phones/${friend}/send`, { to: own, kind: 'document', mediaBytes, mimetype: 'application/octet-stream', fileName: 'b.bin' })
			began = Date.now()
			await waitFor('the file was received', () => ready() > before)
			down.push(Date.now() - began)
		}
		figures.media.push({ mib, upload_ms: median(up), upload_mb_s: perSecond(mib, median(up)), opened_by_phone_ms: median(shown), download_ms: median(down), download_mb_s: perSecond(mib, median(down)) })
	}
	await suite.stop({ allowErrors: [/./] })
	await hook.close()
	figures.mediaxfer = (await tool('xferbench', join(BIN, 'mediaxfer'))).map(({ op, mib, mb_s, cpu_ms, peak_kib }) => ({ op, mib, mb_s, cpu_ms, peak_rss_kib: peak_kib }))
	figures.voice = (await tool('convbench', join(BIN, 'mediaconv'), '60'))[0] ?? null
}

// The first message to a large group pays for its members' devices and keys, those that follow for one encryption.
async function group() {
	const suite = await Suite.start({ env: { VEREDA_SAFETY_ENABLED: 'false' } })
	note(`a group of ${GROUP_SIZE}`)
	const phones = Array.from({ length: GROUP_SIZE - 1 }, (_, i) => `1555600${String(i).padStart(4, '0')}`)
	for (const phone of phones) await suite.phone(phone, { readAfterMs: -1 })
	const { jid } = await suite.sandboxCall('POST', '/groups', { creator: phones[0], subject: 'Large', members: [suite.devicePhone, ...phones.slice(1)] })
	await sleep(2000)
	const arrived = async () => (await count(suite)).counts.inbox
	const one = async (text) => {
		const before = await arrived()
		const { status, body } = await suite.api('POST', `/v1/devices/${suite.deviceUid}/messages`, { body: { to: jid, type: 'TEXT', text } })
		const began = Date.now()
		if (status !== 200) throw new Error(JSON.stringify(body))
		await waitFor('all have it', async () => (await arrived()) >= before + phones.length)
		const all_ms = Date.now() - began
		const m = await suite.waitStatus(body.messageId, ['SENT', 'DELIVERED', 'READ'])
		return { all_have_it_ms: all_ms, server_ack_ms: Date.parse(m.sentAt) - Date.parse(m.createdAt) }
	}
	const first = await one('the first')
	const following = []
	for (let i = 0; i < 5; i++) following.push(await one(`following ${i}`))
	const of = (key) => median(following.map((f) => f[key]))
	figures.group_send = { members: GROUP_SIZE, first, following: { all_have_it_ms: of('all_have_it_ms'), server_ack_ms: of('server_ack_ms') } }
	await suite.stop({ allowErrors: [/./] })
}

async function history() {
	const suite = await Suite.start({ env: { VEREDA_SAFETY_ENABLED: 'false', VEREDA_HISTORY_MODE: 'messages' } })
	note(`a history of ${HISTORY.messages} messages`)
	await sleep(2000)
	const watch = watchLane(suite)
	const before_kb = uss(watch.pid)
	const began = Date.now()
	await suite.sandboxCall('POST', `/phones/${suite.devicePhone.replace('+', '')}/history`, HISTORY)
	const read = () => suite.log.split('\n').filter((line) => /history id=\S+ status=read /.test(line) && !/ chats=0 /.test(line)).length
	await eventually('the history is read', () => read() >= HISTORY.chunks, 120000)
	const seconds = (Date.now() - began) / 1000
	await sleep(2000)
	const after_kb = uss(watch.pid)
	figures.lane_uss_kb.history = { ...HISTORY, seconds, before: before_kb, max: watch.stop(), after: after_kb }
	await suite.stop({ allowErrors: [/./] })
}

await coldStart()
const suite = await Suite.start({ env: { VEREDA_SAFETY_ENABLED: 'false' } })
await sends(suite)
await webhooks(suite)
await suite.stop({ allowErrors: [/./] })
await media()
await group()
await history()
await lanes()
figures.store = await lists(note)
figures.dead_receivers = await deadReceivers(note)
console.log(JSON.stringify(figures, null, 2))
