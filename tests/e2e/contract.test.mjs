// The contract: every operation of /openapi.json is called, well and wrongly, and each answer is what the document says, no less and no more.
//
// It grows with the document: a new operation is called with its own example, its path filled with what was created before. Only
// what cannot be guessed is written down here, in `given`.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { request as httpRequest } from 'node:http'
import { randomUUID } from 'node:crypto'
import { BIN, Suite, eventually, receiver } from '../lib/suite.mjs'
import { Document } from '../lib/openapi.mjs'
import { form, png, upload, wav } from '../lib/media.mjs'

const BOB = '+15550002222', CAROL = '+15550003333', DAVE = '+15550004444'
const JPEG = Buffer.from('/9j/4AAQSkZJRgABAgAAAQABAAD//gAQTGF2YzU5LjM3LjEwMAD/2wBDAAgoKC8oLzc3Nzc3N0E8QUNDQ0FBQUFDQ0NISEhVVVVISEhDQ0hIUFBVVVxfXFdXVVdf' +
	'X2RkZHh4c3OMjJGsrM//xABMAAEBAAAAAAAAAAAAAAAAAAAABgEBAQAAAAAAAAAAAAAAAAAABgcQAQAAAAAAAAAAAAAAAAAAAAARAQAAAAAAAAAAAAAAAAAAAAD/wAAR' +
	'CAAQABADASIAAhEAAxEA/9oADAMBAAIRAxEAPwCLAFF/f//Z', 'base64')

// What cannot succeed here, and why.
const CANNOT_SUCCEED = {
	answerPasskeyRequest: 'the sandbox network does not ask for passkeys',
	confirmLinkingCode: 'the sandbox network does not ask for passkeys',
}

let suite, doc, otherKey, hook
const ids = {} // path of a collection -> id of what was created there
const known = {} // what several calls need
const seen = {} // operationId -> statuses

const hourAhead = () => new Date(Date.now() + 3600e3).toISOString()
const fresh = () => ({ path: { deviceUid: known.freshUid } })
const behindProxy = () => ({ path: { deviceUid: known.proxiedUid } })
const inGroup = () => ({ path: { jid: known.group } })
const withBob = () => ({ path: { jid: BOB, id: BOB } })

// By operation: what its own example does not know. path, query, body (members over the example), form, headers; retry: not at once.
const given = {
	createApiKey: () => ({ body: { name: 'contract' } }),
	logIn: () => ({ body: { email: suite.email, password: suite.password } }),
	createDevice: () => ({ body: { name: 'Another' } }),
	unlinkDevice: () => ({ path: { deviceUid: known.goneUid } }),
	restartLane: fresh, setProxy: behindProxy, getProxy: behindProxy, removeProxy: behindProxy,
	getPairingQr: () => ({ ...fresh(), retry: true }),
	getPairingCode: () => ({ ...fresh(), body: { phone: '+15557770001' }, retry: true }),
	getPasskeyRequest: () => ({ ...fresh(), retry: true }),
	answerPasskeyRequest: fresh, confirmLinkingCode: fresh,
	sendVoiceMessage: () => ({ body: { mediaId: known.sound } }),
	checkWhatsappNumbers: () => ({ body: { numbers: [BOB, '+15559990000'] } }),
	getMessage: () => ({ path: { id: known.message } }),
	uploadMedia: () => ({ form: form(png(3, 3), { name: 'a.png' }) }),
	getMedia: () => ({ path: { id: known.media } }),
	deleteMedia: () => ({ path: { id: known.jpeg } }),
	createScheduledMessage: () => ({ body: { scheduledAt: hourAhead() } }),
	cancelScheduledMessageByPost: async () => ({ path: { id: await anotherSchedule() } }),
	streamEvents: () => ({ stream: true }),
	downloadMedia: () => ({ path: { id: known.media } }),
	createGroup: () => ({ body: { subject: 'Made', participants: [BOB] } }),
	joinByInvite: () => ({ body: { code: known.invite } }),
	getInvite: () => ({ path: { code: known.invite } }),
	getGroup: inGroup, updateGroup: inGroup, getInviteLink: inGroup, resetInviteLink: inGroup, listJoinRequests: inGroup,
	changeMembers: () => ({ ...inGroup(), body: { action: 'add', participants: [CAROL] } }),
	decideJoinRequests: () => ({ ...inGroup(), body: { action: 'reject', participants: [DAVE] } }),
	setGroupPicture: () => ({ ...inGroup(), body: { mediaId: known.jpeg } }),
	leaveGroup: () => ({ path: { jid: known.toLeave } }),
	updateChat: withBob, markAsRead: withBob, showTyping: withBob, getPerson: withBob, followPresence: withBob, blockPerson: withBob, unblockPerson: withBob,
	getPictureOfPerson: withBob,
	askForHistory: () => ({ body: { chat: CAROL, count: 5 } }),
	changeProfile: () => ({ body: { name: 'Acme', about: 'Mondays', pictureMediaId: known.jpeg } }),
	sendAnyMessage: () => ({ body: { to: BOB } }),
	importContactsToGroup: () => ({ form: form(Buffer.from('name,phone\nEve,+15551230002\n'), { name: 'people.csv' }) }),
	importContactsToTag: () => ({ form: form(Buffer.from('name,phone\nEve,+15551230002\n'), { name: 'people.csv' }) }),
	createOrUpdateWebhook: () => ({ body: { personalWebhookUrl: hook.url, groupWebhookUrl: hook.url } }),
	previewCampaign: () => ({ body: { name: 'Preview' } }),
	pauseCampaign: async () => ({ path: { id: await runningCampaign() } }),
	resumeCampaign: async () => ({ path: { id: await pausedCampaign() } }),
	replayEvents: () => ({ body: { fromSeq: 1, toSeq: 2 } }),
	replayDelivery: async () => ({ path: { id: await delivery() } }),
}

// Further good or refused calls: [operationId, call, status].
const more = [
	['downloadMedia', () => ({ path: { id: known.media }, headers: { Range: 'bytes=0-3' } }), 206],
	['downloadMedia', () => ({ path: { id: known.media }, headers: { Range: 'bytes=9999999-' } }), 416],
	['downloadMedia', () => ({ path: { id: known.media }, headers: { 'If-None-Match': '*' } }), 304],
	['getPairingQr', () => ({ path: { deviceUid: suite.deviceUid } }), 409],
	['getPairingQr', () => ({ path: { deviceUid: known.freshUid }, query: { format: 'svg' }, retry: true }), 200],
	['getPairingCode', () => ({ path: { deviceUid: suite.deviceUid }, body: { phone: BOB } }), 409],
	['getPasskeyRequest', () => ({ path: { deviceUid: suite.deviceUid } }), 409],
	['listGroups', () => ({ path: { deviceUid: known.freshUid } }), 409],
	['getPerson', () => ({ path: { id: '+15559990000' } }), 404],
	['getGroup', () => ({ path: { jid: '120363999999999999@g.us' } }), 404],
	['cancelScheduledMessage', async () => ({ path: { id: await cancelledSchedule() } }), 409],
	['updateScheduledMessage', async () => ({ path: { id: await cancelledSchedule() }, body: { text: 'late' } }), 409],
	['updateScheduledMessageByPut', async () => ({ path: { id: await cancelledSchedule() }, body: { text: 'late' } }), 409],
	['createScheduledMessage', () => ({ body: { scheduledAt: '2020-01-01T00:00:00Z' } }), 400],
	['logIn', () => ({ body: { email: suite.email, password: 'wrong' } }), 401],
	['sendMediaMessage', () => ({ body: { mediaId: randomUUID() } }), 400],
	['sendTextMessage', () => ({ body: { deviceUid: known.freshUid } }), 400],
	['checkWhatsappNumbers', () => ({ body: { deviceUid: known.freshUid } }), 400],
	['uploadMedia', () => ({ query: { kind: 'video' }, form: form(png(3, 3), { name: 'a.png' }) }), 400],
	['createContact', () => ({ body: { phone: known.phone } }), 409],
	['createCampaign', () => ({ body: { contactGroupIds: [randomUUID()] } }), 400],
	['getOpenapiDocument', async () => ({ headers: { 'If-None-Match': (await suite.api('GET', '/openapi.json')).headers.etag } }), 304],
	...['TEXT', 'POLL', 'CONTACT', 'REACTION'].map((type) => ['sendAnyMessage', () => ({ only: kinds()[type] }), 200]),
	['sendAnyMessage', () => ({ only: { to: known.group, type: 'TEXT', text: 'to all', mentions: [BOB] } }), 200],
	['sendAnyMessage', () => ({ only: { to: BOB, type: 'PRODUCT' } }), 400],
	['sendAnyMessage', () => ({ only: { to: BOB, type: 'TEXT', text: 'x', noSuch: 1 } }), 400],
	['createApiKey', () => ({ headers: { 'Idempotency-Key': 'contract' }, body: { name: 'once' } }), 201],
	['createApiKey', () => ({ headers: { 'Idempotency-Key': 'contract' }, body: { name: 'twice' } }), 409],
	['createApiKey', () => ({ headers: { 'Idempotency-Key': 'x'.repeat(201) } }), 400],
	['getMessage', async () => ({ path: { id: await groupMessage() } }), 200],
	['listMessages', () => ({ query: { deviceUid: suite.deviceUid, to: BOB, page: 1, limit: 50 } }), 200],
	['listMedia', () => ({ query: { kind: 'image', limit: 1 } }), 200],
	['listScheduledMessages', () => ({ query: { status: 'PENDING' } }), 200],
]

const kinds = () => ({
	TEXT: { to: BOB, type: 'TEXT', text: 'quoting', quote: { messageId: known.message } },
	POLL: { to: BOB, type: 'POLL', text: 'When?', poll: { options: ['now', 'then'], selectable: 1 } },
	CONTACT: { to: BOB, type: 'CONTACT', contacts: [{ name: 'Carol', phone: CAROL }] },
	REACTION: { to: BOB, type: 'REACTION', text: '!', target: { messageId: known.message } },
})

async function anotherSchedule() {
	const answer = await suite.api('POST', '/v1/developer/scheduled-messages', { body: { deviceUid: suite.deviceUid, to: BOB, text: 'x', scheduledAt: hourAhead() } })
	return answer.body.id
}

async function cancelledSchedule() {
	const id = await anotherSchedule()
	await suite.api('DELETE', `/v1/developer/scheduled-messages/${id}`)
	return id
}

// Three recipients: the pause between two of them is longer than the test.
async function runningCampaign() {
	const answer = await suite.api('POST', '/v1/developer/campaigns', { body: { deviceUid: suite.deviceUid, name: `Campaign ${randomUUID()}`,
		text: '{Hi|Hello} there', phoneNumbers: [BOB, CAROL, DAVE] } })
	return answer.body.id
}

async function pausedCampaign() {
	const id = await runningCampaign()
	await suite.api('POST', `/v1/developer/campaigns/${id}/pause`)
	return id
}

async function delivery() {
	const history = () => suite.api('GET', '/v1/developer/webhooks/history')
	return (await eventually('something was delivered', async () => (await history()).body.data.find((d) => d.id))).id
}

async function groupMessage() {
	const answer = await suite.api('POST', `/v1/devices/${suite.deviceUid}/messages`, { body: { to: known.group, type: 'TEXT', text: 'counted' } })
	return (await suite.waitStatus(answer.body.messageId, ['DELIVERED', 'READ'])).id
}

const vereda = (...args) => JSON.parse(execFileSync(`${BIN}/vereda`, [...args, '--state', suite.state, '--json'], { encoding: 'utf8' }) || '{}')
const device = (path) => `/v1/devices/${suite.deviceUid}${path}`
const post = async (path, body) => (await suite.api('POST', path, { body })).body

before(async () => {
	suite = await Suite.start({ env: { VEREDA_SAFETY_ENABLED: 'false' } })
	doc = new Document((await suite.api('GET', '/openapi.json')).body)
	for (const phone of [BOB, CAROL, DAVE]) await suite.phone(phone)
	otherKey = vereda('account', 'create', '--name', 'Other', '--email', 'other@example.com', '--password', 'correct horse').apiKey
	hook = await receiver()
	await suite.sandboxCall('PUT', `/phones/${BOB.slice(1)}/profile`, { picture: JPEG.toString('base64') })
	known.goneUid = (await post('/v1/devices', { name: 'Gone' })).deviceUid
	known.proxiedUid = (await post('/v1/devices', { name: 'Proxied' })).deviceUid
	known.freshUid = (await post('/v1/devices', { name: 'Fresh' })).deviceUid
	known.media = (await upload(suite, png(20, 20), { name: 'red.png' })).body.id
	known.jpeg = (await upload(suite, JPEG, { name: 'me.jpg' })).body.id
	known.sound = (await upload(suite, wav(1), { name: 'tone.wav' })).body.id
	known.message = (await suite.send(BOB, 'the first')).body.messageId
	await suite.waitStatus(known.message, ['DELIVERED', 'READ'])
	known.group = (await post(device('/groups'), { subject: 'Contract', participants: [BOB] })).id
	known.toLeave = (await post(device('/groups'), { subject: 'To leave', participants: [BOB] })).id
	known.invite = (await suite.sandboxCall('POST', '/groups', { creator: BOB.slice(1), subject: 'Theirs', members: [CAROL.slice(1)] })).inviteCode
	await suite.sandboxCall('POST', `/phones/${CAROL.slice(1)}/send`, { to: suite.devicePhone, text: 'hello' })
})
after(async () => {
	await hook.close()
	await suite.stop()
})

// ---- calls ----

// Values of our world in place of those that an example made up.
function realBody(example) {
	const body = structuredClone(example)
	const put = (name, value) => { if (name in body && value !== undefined) body[name] = value }
	put('deviceUid', suite.deviceUid)
	put('deviceUids', [suite.deviceUid])
	put('to', BOB)
	put('mediaId', known.media)
	put('phone', known.phone ??= '+15551230001')
	put('phoneNumbers', [BOB])
	put('contactIds', ids['/v1/developer/contacts'] && [ids['/v1/developer/contacts']])
	put('contactGroupIds', ids['/v1/contact-groups'] && [ids['/v1/contact-groups']])
	put('tagIds', ids['/v1/contact-tags'] && [ids['/v1/contact-tags']])
	put('participants', [BOB])
	return body
}

const contentOf = (entry) => (entry.operation.requestBody || {}).content || {}
const bodySchema = (entry) => contentOf(entry)['application/json'] && doc.resolve(contentOf(entry)['application/json'].schema)
const parametersOf = (entry) => (entry.operation.parameters || []).map((p) => doc.resolve(p))

// The call that should succeed; @extra is laid over it.
async function goodCall(entry, extra) {
	const own = extra ?? (given[entry.id] ? await given[entry.id]() : {})
	const json = contentOf(entry)['application/json']
	const call = { headers: {}, query: {}, ...own, path: {} }
	for (const p of parametersOf(entry)) {
		const collection = entry.path.slice(0, entry.path.indexOf(`/{${p.name}}`))
		if (p.in === 'path') call.path[p.name] = own.path?.[p.name] ?? (p.name === 'deviceUid' ? suite.deviceUid : ids[collection])
		if (p.in === 'query' && p.required && call.query[p.name] === undefined) call.query[p.name] = p.name === 'deviceUid' ? suite.deviceUid : '1'
	}
	if (own.only) call.body = own.only
	else if (json) call.body = { ...realBody(json.example ?? {}), ...own.body }
	return call
}

function urlOf(entry, call) {
	const path = entry.path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(call.path[name] ?? randomUUID()))
	const query = Object.entries(call.query || {}).map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
	return path + (query.length > 0 ? `?${query.join('&')}` : '')
}

const describe = (entry, call) => `${entry.method.toUpperCase()} ${urlOf(entry, call)} ${JSON.stringify(call.body ?? null).slice(0, 160)}`

// One call; the answer is held against the document.  Problems are collected, so that one run shows all.
async function run(entry, call, expected, problems) {
	const options = { headers: { ...call.headers } }
	if ('key' in call) options.key = call.key
	if (call.raw !== undefined) options.raw = call.raw
	else if (call.form) Object.assign(options, { raw: call.form.raw, headers: { ...options.headers, ...call.form.headers } })
	else if (call.body !== undefined) options.body = call.body
	const ask = () => (call.stream ? streamHead(urlOf(entry, call), options) : suite.api(entry.method.toUpperCase(), urlOf(entry, call), options))
	let answer
	if (call.retry) await eventually(describe(entry, call), async () => { answer = await ask(); return [].concat(expected).includes(answer.status) }).catch(() => {})
	else answer = await ask()
	;(seen[entry.id] ??= new Set()).add(answer.status)
	if (expected !== undefined && ![].concat(expected).includes(answer.status))
		problems.push(`${entry.id}: ${describe(entry, call)}: ${answer.status} instead of ${expected}: ${answer.text.slice(0, 200)}`)
	for (const problem of doc.wrongAnswer(entry, answer)) problems.push(`${entry.id}: ${describe(entry, call)}: ${answer.status}: ${problem}`)
	return answer
}

// An event stream does not end: its head is all.
function streamHead(url, { headers, key = suite.apiKey }) {
	return new Promise((resolve, reject) => {
		const req = httpRequest(suite.baseUrl + url, { headers: { ...headers, ...(key ? { 'X-API-Key': key } : {}) } }, (res) => {
			let text = ''
			const done = () => {
				let body = text
				try { body = JSON.parse(text) } catch { /* a stream */ }
				resolve({ status: res.statusCode, headers: res.headers, text, body })
			}
			res.on('data', (d) => {
				text += d
				if (res.statusCode === 200) { done(); req.destroy() }
			})
			res.on('end', done)
		})
		req.on('error', (error) => { if (error.code !== 'ECONNRESET') reject(error) })
		req.end()
	})
}

const successOf = (entry) => Number(Object.keys(entry.operation.responses).find((s) => s < '300'))

// ---- wrong calls, made up from the schema ----

// A value that the schema does not allow; undefined when it allows all.
function wrongValue(schema) {
	const s = doc.resolve(schema)
	if (s.anyOf) return {}
	const type = [].concat(s.type)[0]
	return { string: 7, integer: 'x', number: 'x', boolean: 'yes', array: 'x', object: 7 }[type]
}

// Right in type, wrong in value.
function badValues(schema) {
	const s = doc.resolve(schema)
	const type = [].concat(s.type)[0]
	const out = []
	if (type === 'string' && s.minLength) out.push('')
	if (type === 'string' && s.maxLength < 5000) out.push('x'.repeat(s.maxLength + 1))
	if (type === 'string' && (s.enum || s.pattern || s.format)) out.push('no such')
	if (type === 'integer' && s.minimum !== undefined) out.push(s.minimum - 1)
	if (type === 'integer' && s.maximum < Number.MAX_SAFE_INTEGER) out.push(s.maximum + 1)
	if (type === 'integer') out.push(1.5)
	if (type === 'array' && s.minItems) out.push([])
	if (type === 'array' && s.items) out.push([wrongValue(s.items) ?? 7])
	return out
}

function wrongQueries(entry) {
	const out = [{ 'no-such': '1' }]
	for (const p of parametersOf(entry).filter((x) => x.in === 'query')) {
		const s = doc.resolve(p.schema)
		const type = [].concat(s.type)[0]
		if (type === 'integer') out.push({ [p.name]: 'x' }, { [p.name]: String(s.minimum - 1) })
		if (type === 'boolean') out.push({ [p.name]: 'maybe' })
		if (s.enum || s.pattern || s.format) out.push({ [p.name]: 'no such' })
	}
	return out
}

function wrongBodies(entry, good) {
	const schema = bodySchema(entry)
	if (!schema) return []
	const out = ['{', '[]', '"x"', '{"a":1,"a":2}'].map((raw) => ({ raw, headers: { 'content-type': 'application/json' } }))
	out.push({ raw: JSON.stringify(good.body), headers: { 'content-type': 'text/plain' } })
	if (schema.additionalProperties === false) out.push({ body: { ...good.body, noSuch: 1 } })
	for (const name of schema.required || []) {
		const { [name]: _, ...rest } = good.body
		out.push({ body: rest })
	}
	for (const [name, property] of Object.entries(schema.properties || {})) {
		const wrong = wrongValue(property)
		if (wrong !== undefined) out.push({ body: { ...good.body, [name]: wrong } })
		for (const bad of badValues(property)) out.push({ body: { ...good.body, [name]: bad } })
	}
	return out
}

function wrongForms(entry) {
	if (!contentOf(entry)['multipart/form-data']) return []
	return [{ form: form(null) }, { form: form(png(2, 2), { field: 'other' }) }, { form: undefined, body: { file: 'x' } }, { form: undefined, raw: 'x', headers: { 'content-type': 'multipart/form-data' } }]
}

const needsCredentials = (entry) => !entry.operation.security || (entry.operation.security.length > 0 && !entry.operation.security.some((s) => Object.keys(s).length === 0))

async function wrongCalls(entry, good, problems) {
	if (needsCredentials(entry)) {
		await run(entry, { ...good, key: null, retry: false }, 401, problems)
		await run(entry, { ...good, key: 'wak_nobody', retry: false }, 401, problems)
	}
	for (const query of wrongQueries(entry)) await run(entry, { ...good, query: { ...good.query, ...query }, retry: false }, 400, problems)
	for (const wrong of [...wrongBodies(entry, good), ...wrongForms(entry)])
		await run(entry, { ...good, form: undefined, ...wrong, headers: { ...good.headers, ...wrong.headers }, retry: false }, 400, problems)
	await unknownResources(entry, good, problems)
}

async function unknownResources(entry, good, problems) {
	const named = parametersOf(entry).filter((p) => p.in === 'path')
	for (const p of named.filter((x) => x.name !== 'code')) {
		const unknown = p.name === 'deviceUid' ? 'dev_nosuch00' : p.name === 'id' && doc.resolve(p.schema).format === 'uuid' ? randomUUID() : 'nonsense'
		await run(entry, { ...good, path: { ...good.path, [p.name]: unknown }, retry: false }, 404, problems)
	}
	// What the body names belongs to somebody else as well.
	const refused = Object.keys(good.body ?? {}).some((name) => /mediaId$/i.test(name)) ? [400, 404] : 404
	if (named.length > 0 && needsCredentials(entry)) await run(entry, { ...good, key: otherKey, retry: false }, refused, problems)
	// Somebody else's device in a body: refused one way or the other, as documented.
	if (good.body && 'deviceUid' in good.body) {
		await run(entry, { ...good, key: otherKey }, [400, 404], problems)
		await run(entry, { ...good, body: { ...good.body, deviceUid: 'dev_nosuch00' } }, [400, 404], problems)
	}
}

// ---- the tests ----

// What creates comes first, what takes away last.
const isRemoval = (entry) => entry.method === 'delete' && !contentOf(entry)['application/json']
const creates = (entry) => ['post', 'put'].includes(entry.method) && !entry.path.includes('{')
const creating = () => doc.operations().filter(creates)
const using = () => doc.operations().filter((entry) => !creates(entry) && !isRemoval(entry))
const removing = () => doc.operations().filter(isRemoval)

async function callAll(t, entries) {
	for (const entry of entries)
		await t.test(entry.id, async () => {
			const problems = []
			const good = await goodCall(entry)
			await wrongCalls(entry, good, problems)
			const expected = entry.id in CANNOT_SUCCEED ? undefined : successOf(entry)
			const answer = await run(entry, good, expected, problems)
			if (creates(entry) && answer.body?.id && answer.status < 300) ids[entry.path] ??= answer.body.id
			assert.deepEqual(problems, [])
		})
}

test('what creates, called well and wrongly, answers as documented', (t) => callAll(t, creating()))
test('what reads and changes, called well and wrongly, answers as documented', (t) => callAll(t, using()))

test('ranges, conflicts and other cases answer as documented', async (t) => {
	for (const [id, call, status] of more)
		await t.test(`${id} ${status}`, async () => {
			const problems = []
			const entry = doc.operation(id)
			await run(entry, await goodCall(entry, await call()), status, problems)
			assert.deepEqual(problems, [])
		})
})

test('what removes, called well and wrongly, answers as documented', (t) => callAll(t, removing()))

test('no operation was left out, and each has succeeded where it can', () => {
	const all = doc.operations().map((o) => o.id)
	const success = (id) => [...(seen[id] ?? [])].some((status) => status < 300)
	assert.deepEqual(all.filter((id) => !seen[id]), [], 'not called')
	assert.deepEqual(all.filter((id) => !success(id) && !(id in CANNOT_SUCCEED)), [], 'never succeeded')
	assert.deepEqual(Object.keys(CANNOT_SUCCEED).filter((id) => !all.includes(id) || success(id)), [], 'listed as impossible, but is not')
})

test('limits are told with the bodies that the document has for them', async () => {
	const tight = await Suite.start()
	try {
		const send = doc.operation('sendTextMessage')
		const schema = (name, value) => doc.problems(`/components/schemas/${name}`, value)
		await tight.phone(BOB)
		let answer
		for (let i = 0; i < 6; i++) answer = await tight.send(BOB, `message ${i}`)
		assert.equal(answer.status, 429)
		assert.deepEqual([doc.wrongAnswer(send, answer), schema('AccountSendLimit', answer.body)], [[], []])
		const same = await tight.api('POST', '/v1/developer/campaigns', { body: { deviceUid: tight.deviceUid, name: 'No variants', text: 'the same for all',
			phoneNumbers: Array.from({ length: 20 }, (_, i) => `+1555124${1000 + i}`) } })
		assert.equal(same.status, 400)
		assert.match(same.body.message, /^Account safety: this campaign has 20 recipients but only 1 unique message variant/)
		assert.deepEqual(doc.wrongAnswer(doc.operation('createCampaign'), same), [])
		const command = (...args) => execFileSync(`${BIN}/vereda`, [...args, '--state', tight.state, '--json'])
		command('account', 'pause', '--email', tight.email, '--minutes', '5', '--reason', 'too many failures')
		const paused = await tight.send(BOB, 'paused')
		assert.equal(paused.status, 429)
		assert.deepEqual([doc.wrongAnswer(send, paused), schema('AntiSpamPause', paused.body)], [[], []])
		command('account', 'resume', '--email', tight.email)
		command('account', 'plan', '--email', tight.email, '--plan', 'STARTER')
		const devices = []
		for (let i = 0; i < 2; i++) devices.push(await tight.api('POST', '/v1/devices', { body: { name: `device ${i}` } }))
		assert.deepEqual(devices.map((d) => d.status), [201, 403])
		assert.deepEqual([doc.wrongAnswer(doc.operation('createDevice'), devices[1]), schema('PlanRefusal', devices[1].body)], [[], []])
	} finally {
		await tight.stop()
	}
})
