// A day of a busy number, with all that can go wrong in it: random faults of network, server, people and processes
// while messages flow both ways.  In the end the device is connected, and nothing is lost or there twice.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { Suite, receiver, eventually, sleep } from '../lib/suite.mjs'
import { png, upload } from '../lib/media.mjs'

const SECONDS = Number(process.env.FAULT_DAY_SECONDS || 75)
const SETTLE_MS = 240000 // after the last fault: the longest wait of a retry and some more
const SENDERS = 4, WRITERS = 3, IMAGES = 8
const PHONES = Array.from({ length: 10 }, (_, i) => `1555110${String(i).padStart(4, '0')}`)
const CHURN = PHONES[9] // comes and goes in the group
const VERSION = '2.3000.1045649367', NEWER = 1999999999
const ENV = {
	VEREDA_SAFETY_ENABLED: 'false',
	VEREDA_SENDER_ACK_TIMEOUT_SEC: '5', VEREDA_SENDER_STALL_SEC: '5',
	VEREDA_SENDER_PING_MIN_SEC: '2', VEREDA_SENDER_PING_MAX_SEC: '3', VEREDA_SENDER_PING_DEADLINE_SEC: '2',
	VEREDA_SENDER_BACKOFF_BASE_MS: '100', VEREDA_SENDER_BACKOFF_MAX_SEC: '2',
	VEREDA_WEBHOOK_BACKOFF_BASE_MS: '50', VEREDA_WEBHOOK_ATTEMPTS: '20',
}

// ---- chance: one generator for the faults and one for each who writes, so that the seed repeats what each does ----

const seed = Number(process.env.FAULT_SEED || Date.now() % 100000)
function chance(salt) {
	let state = (seed * 2654435761 + salt * 40503) >>> 0
	const next = () => {
		state = (state + 0x6d2b79f5) >>> 0
		let t = Math.imul(state ^ (state >>> 15), state | 1)
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
		return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
	}
	return { next, below: (n) => Math.floor(next() * n), pick: (list) => list[Math.floor(next() * list.length)] }
}

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')
const tally = (list) => list.reduce((counts, key) => ({ ...counts, [key]: (counts[key] || 0) + 1 }), {})

// ---- what goes wrong ----

// Each is done once before any is done again.  phone: the device's own, whose companion is the lane.
function faultsOf(suite, group, page) {
	const own = suite.devicePhone.replace('+', '')
	const add = (body) => suite.sandboxCall('POST', '/faults', { ...(body.direction === 'out' && body.kind.startsWith('media_') ? {} : { phone: own }), ...body })
	const call = (path, body = {}) => suite.sandboxCall('POST', path, body)
	const cut = () => add({ kind: 'cut', now: true })
	// A real connection keeps its order: what a client says is lost with all that it says after it, but for what it asks
	// anew by itself.  What goes out lies in the server's queue until it is answered.
	const stanza = (kind, tags) => (r) => add({ kind, ...r.pick([{ stanza: r.pick(tags), direction: 'out' }, { stanza: 'iq', direction: 'in' }]), count: 1 + r.below(3), delayMs: kind === 'delay' ? 200 + r.below(1500) : undefined })
	const media = (kind, extra = () => ({})) => (r) => add({ kind, direction: 'out', count: 1, ...extra(r) })
	return {
		cut, cut_mid_frame: () => add({ kind: 'cut_mid_frame', now: true }),
		cut_in_a_stanza: (r) => add({ kind: 'cut_mid_frame', stanza: r.pick(['message', 'receipt', 'ack', 'iq']), after: r.below(5) }),
		async silence(r) {
			const { id } = await add({ kind: 'silence', direction: r.pick(['in', 'out']) })
			await sleep(4500)
			await suite.sandboxCall('DELETE', `/faults/${id}`)
		},
		drop: stanza('drop', ['message', 'receipt', 'ack', 'iq']),
		duplicate: stanza('duplicate', ['message', 'receipt', 'ack', 'notification']),
		delay: stanza('delay', ['message', 'receipt', 'ack', 'iq']),
		reorder: stanza('reorder', ['message', 'receipt', 'ack']),
		corrupt_in: (r) => add({ kind: 'corrupt', count: 1 + r.below(3) }),
		corrupt_at_phone: (r) => add({ kind: 'corrupt', phone: r.pick(PHONES), device: 0, count: 1 + r.below(2) }),
		ack_drop: (r) => add({ kind: 'ack_drop', count: 1 + r.below(4) }),
		ack_delay: (r) => add({ kind: 'ack_delay', count: 1 + r.below(4), delayMs: 500 + r.below(3000) }),
		ack_503: (r) => add({ kind: 'ack_error', code: 503, count: 1 + r.below(2) }),
		ack_479: () => add({ kind: 'ack_error', code: 479, count: 1 }),
		ack_phash: (r) => add({ kind: 'ack_phash', count: 1 + r.below(2) }),
		login_503: async (r) => { await add({ kind: 'login_failure', code: 503, count: 1 + r.below(2) }); await cut() },
		async login_405() {
			if (page.revision === NEWER) return cut() // it is followed once
			page.revision = NEWER
			await add({ kind: 'login_failure', code: 405, version: VERSION, count: 1000 })
			return cut()
		},
		stream_515: () => add({ kind: 'stream_error', code: 515, now: true }),
		stream_503: () => add({ kind: 'stream_error', code: 503, now: true }),
		media_gone: media('media_error', () => ({ code: 404 })), media_500: media('media_error', (r) => ({ code: r.pick([500, 503]) })),
		media_truncate: media('media_truncate'), media_flip: media('media_flip'),
		upload_500: (r) => add({ kind: 'media_error', direction: 'in', code: 500, count: 1 + r.below(2) }),
		no_one_time_key: (r) => add({ kind: 'no_one_time_key', ...(r.next() < 0.5 ? { phone: r.pick(PHONES), device: 0 } : {}) }),
		no_sender_key: (r) => add({ kind: 'no_sender_key', count: 1 + r.below(2), ...(r.next() < 0.5 ? { phone: r.pick(PHONES), device: 0 } : {}) }),
		identity: (r) => call(`/phones/${r.pick(PHONES)}/identity`),
		lid_migration: () => call(`/phones/${own}/lid-migration`, { phones: PHONES }),
		async group_change() {
			const { members } = await suite.sandboxCall('GET', `/groups/${group}`)
			return call(`/groups/${group}/${members.some((m) => m.phone === `+${CHURN}`) ? 'remove' : 'add'}`, { phone: CHURN })
		},
		kill_lane: () => suite.kill('lane'), kill_senderd: () => suite.kill('senderd'),
		kill_apid: () => suite.kill('apid'), kill_webhookd: () => suite.kill('webhookd'),
	}
}

async function troubles(run, faults) {
	const r = chance(1)
	let bag = []
	while (!run.over()) {
		if (bag.length === 0) bag = Object.keys(faults)
		const [name] = bag.splice(r.below(bag.length), 1)
		await faults[name](r)
		run.faults.push(name)
		await sleep(250 + r.below(900))
	}
}

// ---- traffic out: through the API, again with the same client id until it is accepted ----

// One of the kinds, by chance.
function order(run, r, n) {
	const to = r.next() < 0.25 ? run.group : r.pick(PHONES)
	const mine = run.out.filter((o) => o.to === to && o.type === 'TEXT')
	const kind = r.next()
	if (kind < 0.12) return { to, type: 'IMAGE', text: `image ${n}`, mediaId: run.images[Math.floor(n / 20) % IMAGES] }
	if (kind < 0.2 && mine.length > 0) return { to, type: 'EDIT', text: `edit ${n}`, target: { messageId: r.pick(mine).messageId } }
	if (kind < 0.28 && mine.length > 0)
		return { to, type: 'REACTION', text: String.fromCodePoint(0x1f300 + run.reactions++), target: { messageId: r.pick(mine).messageId } }
	return { to, type: 'TEXT', text: `text ${n}` }
}

async function accepted(run, body) {
	for (let attempt = 0; attempt < 1200; attempt++) {
		const answer = await run.suite.api('POST', `/v1/devices/${run.suite.deviceUid}/messages`, { body }).catch(() => null)
		if (answer?.status === 200) return answer.body
		if (answer) assert.ok([500, 503, 504].includes(answer.status), `${JSON.stringify(body)}: ${answer.status} ${answer.text}`)
		await sleep(50)
	}
	throw new Error(`never accepted: ${JSON.stringify(body)}`)
}

async function sender(run, salt) {
	const r = chance(salt)
	while (!run.over()) {
		await sleep(100 + r.below(400))
		const n = run.next++
		const body = order(run, r, n)
		const { messageId, providerMessageId } = await accepted(run, { ...body, clientMessageId: `day-${n}` })
		run.out.push({ n, to: body.to, type: body.type, text: body.text, messageId, waId: providerMessageId })
	}
}

// ---- traffic in: what virtual phones write ----

async function writer(run, salt) {
	const r = chance(salt)
	const own = run.suite.devicePhone
	while (!run.over()) {
		await sleep(120 + r.below(500))
		const n = run.nextIn++
		const from = r.pick(PHONES)
		const toGroup = from !== CHURN && r.next() < 0.25
		const entry = { n, from, group: toGroup, text: `in ${n}` }
		const where = toGroup ? { group: run.group } : { to: own }
		if (r.next() < 0.15) {
			const file = randomBytes(1000 + r.below(40000))
			entry.sha256 = sha256(file)
			Object.assign(where, { kind: 'document', media: file.toString('base64'), mimetype: 'application/octet-stream', fileName: `${n}.bin`, caption: entry.text })
		} else {
			where.text = entry.text
		}
		entry.id = (await run.suite.sandboxCall('POST', `/phones/${from}/send`, where)).id
		run.in.push(entry)
	}
}

// ---- the reckoning ----

const shown = (entry) => entry.edit?.text ?? entry.reaction?.text ?? entry.text

const inboxes = async (suite) => new Map(await Promise.all(PHONES.map(async (phone) => [phone, await suite.inbox(phone)])))

// Who must have it, and who may.
const mustHave = (run, o) => (o.to === run.group ? PHONES.filter((p) => p !== CHURN) : [o.to])
const mayHave = (run, o) => (o.to === run.group ? PHONES : [o.to])

const REACHED = ['SENT', 'DELIVERED', 'READ', 'PLAYED']

// A second 479 for the same message is the server's last word; nothing else of this run is.
function failureIsExplained(run, reason) {
	return reason === 'refused_invalid' && run.faults.filter((f) => f === 'ack_479').length > 1
}

async function settled(run) {
	const states = new Map()
	await eventually('every accepted message has its end', async () => {
		for (const o of run.out) {
			if (states.has(o.messageId)) continue
			const m = await run.suite.message(o.messageId)
			if (!REACHED.includes(m.status) && m.status !== 'FAILED')
				throw new Error(`${o.type} ${o.messageId} (${o.waId}) to ${o.to} is ${m.status} ${m.reason || ''}`)
			states.set(o.messageId, m)
		}
		return true
	}, SETTLE_MS)
	return states
}

async function checkOut(run, states) {
	const sent = run.out.filter((o) => states.get(o.messageId).status !== 'FAILED')
	let boxes
	await eventually('every sent message is where it belongs', async () => {
		boxes = await inboxes(run.suite)
		const ids = new Map([...boxes].map(([phone, entries]) => [phone, new Set(entries.map((e) => e.id))]))
		const missing = sent.flatMap((o) => mustHave(run, o).filter((p) => !ids.get(p).has(o.waId)).map((p) => `${o.text} ${o.messageId} ${o.waId} at ${p}`))
		if (missing.length > 0) throw new Error(`${missing.length} are missing: ${missing.slice(0, 8).join('; ')}`)
		return true
	}, SETTLE_MS)
	const problems = run.out.filter((o) => states.get(o.messageId).status === 'FAILED' && !failureIsExplained(run, states.get(o.messageId).reason))
		.map((o) => `${o.type} ${o.messageId} (${o.waId}) failed: ${states.get(o.messageId).reason}`)
	for (const o of run.out) {
		for (const [phone, entries] of boxes) {
			const copies = entries.filter((e) => shown(e) === o.text)
			if (copies.length > 1) problems.push(`${o.text} is ${copies.length} times at ${phone}: ${copies.map((e) => e.id)}`)
			if (copies.length > 0 && !mayHave(run, o).includes(phone)) problems.push(`${o.text} went to ${phone} instead of ${o.to}`)
			if (copies.some((e) => e.id !== o.waId)) problems.push(`${o.text} came as ${copies.map((e) => e.id)} instead of ${o.waId}`)
		}
	}
	assert.deepEqual(problems, [])
	return { sent: sent.length, failed: run.out.length - sent.length, copies: [...boxes.values()].flat().length }
}

// Deliveries may repeat, events may not: they are told apart by their ids.
const eventsOf = (hook, type) => [...new Map(hook.events(type).map((e) => [e.id, e])).values()]

async function checkIn(run) {
	const received = () => {
		const byText = new Map()
		for (const e of eventsOf(run.hook, 'message.received')) byText.set(e.data.text, [...(byText.get(e.data.text) || []), e])
		return byText
	}
	await eventually('every inbound message was told', () => {
		const missing = run.in.filter((i) => !received().has(i.text))
		if (missing.length > 0) throw new Error(`${missing.length} are missing: ${missing.slice(0, 8).map((i) => `${i.text} ${i.id} from ${i.from}${i.group ? ' in the group' : ''}`).join('; ')}`)
		return true
	}, SETTLE_MS)
	await sleep(1500) // one that came twice may still be on its way
	const told = received()
	const problems = []
	for (const i of run.in) {
		const events = told.get(i.text)
		const { data } = events[0]
		if (events.length > 1) problems.push(`${i.text} (${i.id}) was told ${events.length} times: ${events.map((e) => e.id)}`)
		if (data.providerMessageId !== i.id || data.from !== `+${i.from}` || (data.chat === run.group) !== i.group)
			problems.push(`${i.text} (${i.id} of ${i.from}) was told as ${JSON.stringify(data)}`)
	}
	const written = new Set(run.in.map((i) => i.text))
	for (const text of told.keys()) if (!written.has(text)) problems.push(`${JSON.stringify(text)} was told, but nobody wrote it: ${told.get(text)[0].data.providerMessageId}`)
	assert.deepEqual(problems, [])
	return told
}

async function checkMedia(run, told) {
	const expected = run.in.filter((i) => i.sha256)
	const mediaOf = (i) => told.get(i.text)[0].data.content.media.id
	await eventually('every received file is here', () => {
		const ready = new Set(eventsOf(run.hook, 'media.ready').map((e) => e.data.mediaId))
		const failed = new Map(eventsOf(run.hook, 'media.failed').map((e) => [e.data.mediaId, e.data]))
		const missing = expected.filter((i) => !ready.has(mediaOf(i)))
		if (missing.length > 0)
			throw new Error(`${missing.length} are missing: ${missing.map((i) => `${i.text} ${i.id} ${mediaOf(i)}${failed.has(mediaOf(i)) ? ' FAILED' : ''}`).join('; ')}`)
		return true
	}, SETTLE_MS)
	for (const i of expected) {
		const file = await run.suite.api('GET', `/v1/media/${mediaOf(i)}/download`)
		assert.equal(file.status, 200, `${i.text} ${mediaOf(i)}`)
		assert.equal(sha256(file.bytes), i.sha256, `${i.text} ${mediaOf(i)} has other bytes`)
	}
	return expected.length
}

async function versionPage() {
	const page = { revision: 0 }
	page.server = createServer((req, res) => res.end(`{"client_revision":${page.revision}}`)).listen(0, '127.0.0.1')
	await once(page.server, 'listening')
	page.url = `http://127.0.0.1:${page.server.address().port}/sw.js`
	return page
}

async function start(page) {
	const suite = await Suite.start({ env: { ...ENV, VEREDA_WHATSAPP_VERSION_SOURCE: page.url } })
	const hook = await receiver()
	for (const phone of PHONES) await suite.phone(phone, { readAfterMs: -1 })
	const { jid: group } = await suite.sandboxCall('POST', '/groups', { creator: PHONES[0], subject: 'All day', members: [suite.devicePhone, ...PHONES.slice(1)] })
	await suite.api('PUT', '/v1/developer/webhooks', { body: { deviceUid: suite.deviceUid, personalWebhookUrl: hook.url, groupWebhookUrl: hook.url } })
	const images = []
	for (let i = 0; i < IMAGES; i++) images.push((await upload(suite, png(64, 48, [i * 30, 99, 7]), { name: `${i}.png` })).body.id)
	const end = Date.now() + SECONDS * 1000
	return { suite, hook, group, images, faults: [], out: [], in: [], next: 0, nextIn: 0, reactions: 0, stopped: false, over() { return this.stopped || Date.now() > end } }
}

test(`24 simulated hours of random faults, compressed in time, end connected with nothing lost or doubled (seed ${seed})`, { timeout: 900000 }, async (t) => {
	const page = await versionPage()
	const run = await start(page)
	const { suite } = run
	try {
		const began = Date.now()
		const flows = [troubles(run, faultsOf(suite, run.group, page)),
			...Array.from({ length: SENDERS }, (_, i) => sender(run, 10 + i)), ...Array.from({ length: WRITERS }, (_, i) => writer(run, 50 + i))]
		await Promise.all(flows).finally(() => { run.stopped = true })
		await Promise.allSettled(flows)
		const calm = Date.now()
		await suite.sandboxCall('DELETE', '/faults')
		await suite.sandboxCall('POST', '/faults', { kind: 'cut', phone: suite.devicePhone, now: true }) // what a faulty network swallowed is sent anew
		await eventually('the device is connected and well', async () => {
			const d = (await suite.api('GET', `/v1/devices/${suite.deviceUid}`)).body
			if (d.status !== 'CONNECTED' || d.health.status !== 'ok') throw new Error(JSON.stringify(d))
			return true
		}, 90000)
		const out = await checkOut(run, await settled(run))
		const told = await checkIn(run)
		const files = await checkMedia(run, told)
		for (const phone of PHONES) assert.equal((await suite.sandboxCall('GET', `/phones/${phone}`)).undecryptable, 0, `${phone} gave up on a message`)
		t.diagnostic(`seed ${seed}: ${run.faults.length} faults in ${Math.round((calm - began) / 1000)} s, well ${Math.round((Date.now() - calm) / 1000)} s later; ` +
			`out: ${run.out.length} accepted, ${out.sent} sent, ${out.failed} refused for good, ${out.copies} copies at phones; in: ${run.in.length} told once each, ${files} files byte for byte`)
		t.diagnostic(`faults: ${JSON.stringify(tally(run.faults))}; out: ${JSON.stringify(tally(run.out.map((o) => o.type)))}`)
	} catch (error) {
		error.message = `seed ${seed}: ${error.message}`
		throw error
	} finally {
		run.stopped = true
		if (process.env.FAULT_LOG) writeFileSync(process.env.FAULT_LOG, suite.log)
		page.server.close()
		await run.hook.close()
		await suite.stop({ allowErrors: [/./] })
	}
})

test('what a sender key has moved past is asked for again, not taken for a repetition', { timeout: 90000 }, async () => {
	const page = await versionPage()
	const run = await start(page)
	const { suite, hook, group } = run
	const say = (text) => suite.sandboxCall('POST', `/phones/${PHONES[1]}/send`, { group, text })
	const told = () => eventsOf(hook, 'message.received').map((e) => e.data.text).sort()
	try {
		await suite.sandboxCall('POST', '/faults', { kind: 'drop', stanza: 'message', phone: suite.devicePhone, count: 2 })
		for (const text of ['first, with the key', 'second', 'third, without a key']) await say(text)
		await eventually('the third was asked for, and came with the key', () => told().length === 1)
		await suite.sandboxCall('POST', '/faults', { kind: 'cut', phone: suite.devicePhone, now: true })
		await eventually('what was swallowed came too', () => told().length === 3)
		assert.deepEqual(told(), ['first, with the key', 'second', 'third, without a key'])
	} finally {
		page.server.close()
		await hook.close()
		await suite.stop()
	}
})
