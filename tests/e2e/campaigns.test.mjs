// Campaigns: what is asked for, what is refused, what is shown, and a few that run to their end.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { BIN, Suite, eventually, sleep } from '../lib/suite.mjs'
import { png, wav, upload } from '../lib/media.mjs'

const BASE = '/v1/developer/campaigns'
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
let careful // as it comes: safety, variants and pauses
let quick // no pauses, no budgets
let second // another device of the quick one

before(async () => {
	careful = await Suite.start()
	quick = await Suite.start({
		env: {
			VEREDA_SAFETY_ENABLED: 'false',
			VEREDA_SAFETY_CAMPAIGN_DELAY_MIN_SEC: '0',
			VEREDA_SAFETY_CAMPAIGN_DELAY_MAX_SEC: '0',
			VEREDA_SAFETY_COOLDOWN_EVERY: '0',
			VEREDA_SANDBOX_READ_AFTER_MS: '100',
		},
	})
	second = await link(quick, '15557770009')
})
after(async () => {
	await careful.stop()
	await quick.stop()
})

async function link(suite, number) {
	const { deviceUid } = (await suite.api('POST', '/v1/devices', { body: { name: 'Second line' } })).body
	await suite.phone(number)
	const code = await eventually('there is a code', async () => {
		const answer = await suite.api('POST', `/v1/devices/${deviceUid}/pairing-code`, { body: { phone: '+' + number } })
		return answer.status === 200 ? answer.body.code : null
	})
	await suite.sandboxCall('POST', `/phones/${number}/scan`, { code })
	await eventually('the device is connected', async () =>
		(await suite.api('GET', `/v1/devices/${deviceUid}`)).body.status === 'CONNECTED')
	return deviceUid
}

let n = 0
const name = () => `Campaign ${++n}`
const numbers = (count, from) => Array.from({ length: count }, (_, i) => '+' + String(from + i))
const body = (suite, extra) => ({ deviceUid: suite.deviceUid, name: name(), text: 'Hi {name}!', ...extra })
const create = (suite, extra) => suite.api('POST', BASE, { body: body(suite, extra) })
const preview = (suite, extra) => suite.api('POST', `${BASE}/preview`, { body: body(suite, extra) })
const get = async (suite, id, tail = '') => (await suite.api('GET', `${BASE}/${id}${tail}`)).body
const control = (suite, id, what) => suite.api('POST', `${BASE}/${id}/${what}`)
const ids = async (suite) => (await suite.api('GET', BASE)).body.data.map((c) => c.id)
const completed = (suite, id) => eventually('it is COMPLETED', async () => {
	const c = await get(suite, id)
	return c.status === 'COMPLETED' ? c : null
}, 30000)

async function contact(suite, phone, contactName) {
	return (await suite.api('POST', '/v1/developer/contacts', { body: { phone, name: contactName } })).body.id
}
async function segment(suite, path, segmentName, contactIds) {
	const answer = await suite.api('POST', path, { body: { name: segmentName, contactIds } })
	assert.equal(answer.status, 201, answer.text)
	return answer.body.id
}

// ---- account safety ----

test('80 recipients and 3 variants are refused with the documented words', async () => {
	const asked = { text: '{Hello|Hi|Hey} there', phoneNumbers: numbers(80, 15551000000) }
	const expected = 'Account safety: this campaign has 80 recipients but only 3 unique message variant(s). ' +
		'Provide at least 10 variants (one per every 8 recipients) using spintax like {Hello|Hi|Hey} ' +
		'or separate message options in your template.'
	for (const answer of [await create(careful, asked), await preview(careful, asked)]) {
		assert.equal(answer.status, 400)
		assert.equal(answer.body.statusCode, 400)
		assert.equal(answer.body.message, expected)
	}
	assert.deepEqual(await ids(careful), [])
})

test('as many variants as ceil(recipients / 8) are enough, and the template counts instead of the text', async () => {
	const eight = await preview(careful, { text: 'Hi', phoneNumbers: numbers(8, 15551000000) })
	assert.deepEqual([eight.status, eight.body.uniqueVariants, eight.body.requiredVariants], [200, 1, 1])
	assert.equal((await preview(careful, { text: 'Hi', phoneNumbers: numbers(9, 15551000000) })).status, 400)
	const nine = await preview(careful, { text: '{Hi|Hello}', phoneNumbers: numbers(9, 15551000000) })
	assert.deepEqual([nine.status, nine.body.uniqueVariants, nine.body.requiredVariants], [200, 2, 2])
	const template = await preview(careful, { text: 'Hi', spintaxTemplate: '{a|b|c} {x|y}', phoneNumbers: numbers(41, 15551000000) })
	assert.deepEqual([template.status, template.body.uniqueVariants, template.body.requiredVariants], [200, 6, 6])
	assert.equal((await preview(careful, { text: '{a|b|c}', spintaxTemplate: 'Hi', phoneNumbers: numbers(9, 15551000000) })).status, 400)
	assert.equal((await preview(careful, { text: 'Hi', phoneNumbers: ['+15551000000'] })).body.requiredVariants, 1)
})

test('media and voice campaigns need no variants', async () => {
	const picture = await upload(careful, png(32, 32), { name: 'a.png' })
	const answer = await preview(careful, { messageType: 'MEDIA', mediaId: picture.body.id, text: undefined, phoneNumbers: numbers(80, 15551000000) })
	assert.deepEqual([answer.status, answer.body.totalRecipients, answer.body.requiredVariants], [200, 80, 1], answer.text)
})

test('a preview has its estimate and makes nothing', async () => {
	const answer = await preview(careful, { text: '{a|b|c|d|e|f|g|h|i|j}', phoneNumbers: numbers(80, 15551000000) })
	assert.equal(answer.status, 200, answer.text)
	assert.deepEqual(Object.keys(answer.body).sort(), ['accountIds', 'accounts', 'estimatedCompletion', 'estimatedCompletionAt',
		'requiredVariants', 'totalRecipients', 'uniqueVariants'])
	assert.deepEqual(answer.body.accountIds, [careful.deviceUid])
	const [account] = answer.body.accounts
	assert.deepEqual(Object.keys(account).sort(), ['id', 'name', 'phone'])
	assert.match(account.phone, /^\+\d+$/)
	const completion = answer.body.estimatedCompletion
	assert.equal(completion.estimatedCompletionAt, answer.body.estimatedCompletionAt)
	assert.equal(completion.accountCount, 1)
	assert.ok(completion.calendarDaysSpanned >= 3, JSON.stringify(completion)) // 10 a day, then 25
	assert.match(completion.estimatedDurationLabel, /^~\d+ days$/)
	assert.deepEqual(await ids(careful), [])
})

test('more than the day allows is accepted, and not sent at once', async () => {
	const answer = await create(careful, { text: '{a|b|c|d|e|f|g|h|i|j}', phoneNumbers: numbers(80, 15551000000) })
	assert.equal(answer.status, 201, answer.text)
	assert.deepEqual(Object.keys(answer.body).sort(), ['accountIds', 'accounts', 'estimatedCompletion', 'estimatedCompletionAt', 'id',
		'status', 'totalRecipients'])
	assert.match(answer.body.id, UUID)
	assert.equal(answer.body.status, 'RUNNING')
	assert.equal(answer.body.totalRecipients, 80)
	const shown = await get(careful, answer.body.id)
	assert.ok(shown.sentCount <= 1)
	assert.ok(Date.parse(shown.estimatedCompletionAt) > Date.now() + 86400000)
	assert.equal((await control(careful, answer.body.id, 'pause')).status, 200)
	assert.equal((await get(careful, answer.body.id)).estimatedCompletionAt, null)
})

// ---- what is refused ----

test('wrong requests are 400 with their member named', async () => {
	const phoneNumbers = ['+15551000000']
	const unlinked = (await quick.api('POST', '/v1/devices', { body: { name: 'Never linked' } })).body.deviceUid
	const cases = [
		[{}, /at least one of contactGroupIds, tagIds or phoneNumbers/],
		[{ phoneNumbers: [] }, /at least one of/],
		[{ phoneNumbers, name: undefined }, /name is required/],
		[{ phoneNumbers, name: 'x'.repeat(201) }, /name must have 1 to 200 characters/],
		[{ phoneNumbers, text: undefined }, /text is required/],
		[{ phoneNumbers, text: 'Hi {a|b' }, /text: .*never closed/],
		[{ phoneNumbers, spintaxTemplate: '{' }, /spintaxTemplate: /],
		[{ phoneNumbers: ['123'] }, /phoneNumbers/],
		[{ contactGroupIds: ['nope'] }, /contactGroupIds must hold UUIDs/],
		[{ contactGroupIds: [quick.accountId] }, /contactGroupIds: there is no group/],
		[{ tagIds: [quick.accountId] }, /tagIds: there is no tag/],
		[{ phoneNumbers, deviceUid: 'dev_nosuch00' }, /there is no device dev_nosuch00/],
		[{ phoneNumbers, deviceUids: ['dev_nosuch00'] }, /there is no device dev_nosuch00/],
		[{ phoneNumbers, deviceUid: unlinked }, /disconnected accounts: Never linked .*PAIRING/],
		[{ phoneNumbers, deviceUids: [unlinked] }, /disconnected accounts: Never linked/],
		[{ phoneNumbers, messageType: 'IMAGE' }, /messageType/],
		[{ phoneNumbers, messageType: 'MEDIA' }, /mediaId is required/],
		[{ phoneNumbers, messageType: 'VOICE', mediaId: quick.accountId }, /there is no media/],
		[{ phoneNumbers, scheduledAt: new Date(Date.now() - 1000).toISOString() }, /scheduledAt must be in the future/],
		[{ phoneNumbers, scheduledAt: 'tomorrow' }, /scheduledAt must be an ISO 8601 date/],
		[{ phoneNumbers, recurrence: { frequency: 'HOURLY' } }, /frequency/],
		[{ phoneNumbers, recurrence: 'DAILY' }, /recurrence/],
		[{ phoneNumbers, color: 'red' }, /color should not exist/],
	]
	for (const [extra, words] of cases) {
		for (const answer of [await create(quick, extra), await preview(quick, extra)]) {
			assert.equal(answer.status, 400, `${JSON.stringify(extra)}: ${answer.text}`)
			assert.match(answer.body.message, words, JSON.stringify(extra))
		}
	}
	assert.deepEqual(await ids(quick), [])
})

test('media must fit the type', async () => {
	const picture = (await upload(quick, png(32, 32), { name: 'a.png' })).body.id
	const voice = await create(quick, { phoneNumbers: ['+15551000000'], messageType: 'VOICE', mediaId: picture })
	assert.equal(voice.status, 400)
	const text = await create(quick, { phoneNumbers: ['+15551000000'], mediaId: picture })
	assert.deepEqual([text.status, text.body.message], [400, 'a campaign of type TEXT has no mediaId'])
	const long = await create(quick, { phoneNumbers: ['+15551000000'], messageType: 'MEDIA', mediaId: picture, text: 'x'.repeat(1025) })
	assert.equal(long.status, 400)
})

test('an empty group reaches nobody', async () => {
	const group = await segment(quick, '/v1/contact-groups', 'Empty', undefined)
	const answer = await create(quick, { contactGroupIds: [group] })
	assert.equal(answer.status, 400)
	assert.match(answer.body.message, /audience is empty/)
})

test('without credentials it is 401', async () => {
	assert.equal((await quick.api('POST', BASE, { key: 'wak_' + '0'.repeat(48), body: {} })).status, 401)
	assert.equal((await quick.api('GET', BASE, { key: null })).status, 401)
})

// ---- the audience ----

test('a person in a group, a tag and the numbers is one recipient, called by name', async () => {
	const a = await contact(quick, '+15552000001', 'Ada'), b = await contact(quick, '+15552000002', 'Bob')
	const c = await contact(quick, '+15552000003', 'Cid'), d = await contact(quick, '+15552000004', 'Dan')
	const group = await segment(quick, '/v1/contact-groups', 'VIP', [a, b])
	const tag = await segment(quick, '/v1/contact-tags', 'Leads', [b, c])
	const scheduledAt = new Date(Date.now() + 3600000).toISOString()
	const answer = await create(quick, {
		contactGroupIds: [group, group], tagIds: [tag], scheduledAt,
		phoneNumbers: ['15552000001', '+15552000004', '+15552000009', '15552000009', '+15552000003'],
	})
	assert.equal(answer.status, 201, answer.text)
	assert.equal(answer.body.totalRecipients, 5)
	assert.equal(answer.body.status, 'SCHEDULED')
	assert.equal(answer.body.estimatedCompletion.startsAt, scheduledAt)
	const list = await get(quick, answer.body.id, '/recipients')
	assert.deepEqual(list.data.map((r) => [r.phone, r.contactName]), [['+15552000001', 'Ada'], ['+15552000002', 'Bob'],
		['+15552000003', 'Cid'], ['+15552000004', 'Dan'], ['+15552000009', null]])
	assert.ok(d)
	assert.equal((await get(quick, answer.body.id)).scheduledAt, scheduledAt)
})

test('a thousand numbers are listed in pages without a gap', async () => {
	const scheduledAt = new Date(Date.now() + 3600000).toISOString()
	const phoneNumbers = numbers(1234, 15553000000)
	const answer = await create(quick, { phoneNumbers, scheduledAt, deviceUids: [quick.deviceUid, second] })
	assert.equal(answer.status, 201, answer.text)
	assert.deepEqual(answer.body.accountIds, [quick.deviceUid, second])
	const seen = []
	for (let page = 1; page <= 13; page++) {
		const list = await get(quick, answer.body.id, `/recipients?page=${page}&limit=100`)
		assert.deepEqual([list.total, list.page, list.limit], [1234, page, 100])
		seen.push(...list.data)
	}
	assert.deepEqual(seen.map((r) => r.phone), phoneNumbers)
	assert.equal(new Set(seen.map((r) => r.id)).size, 1234)
	assert.ok(seen.every((r) => UUID.test(r.id)))
	assert.deepEqual(seen.slice(0, 4).map((r) => r.accountId), [quick.deviceUid, second, quick.deviceUid, second])
	assert.equal((await get(quick, answer.body.id, '/recipients?page=14&limit=100')).data.length, 0)
	assert.equal((await get(quick, answer.body.id, '/recipients?status=FAILED')).total, 0)
	assert.equal((await quick.api('GET', `${BASE}/${answer.body.id}/recipients?status=QUEUED`)).status, 400)
})

// ---- shown ----

test('a campaign, its progress and its analytics have the members of the reference', async () => {
	const scheduledAt = new Date(Date.now() + 3600000).toISOString()
	const { id } = (await create(quick, { phoneNumbers: numbers(3, 15554000000), scheduledAt, text: '{Hi|Hello} there!' })).body
	const shown = await get(quick, id)
	for (const member of ['id', 'name', 'status', 'accountId', 'accountIds', 'accountName', 'accounts', 'text', 'spintaxTemplate',
		'totalRecipients', 'sentCount', 'failedCount', 'startedAt', 'completedAt', 'estimatedCompletionAt'])
		assert.ok(member in shown, member)
	assert.deepEqual([shown.text, shown.spintaxTemplate, shown.totalRecipients, shown.startedAt, shown.messageType, shown.parentId],
		['{Hi|Hello} there!', null, 3, null, 'TEXT', null])
	assert.equal(shown.accountId, quick.deviceUid)
	assert.deepEqual(Object.keys(await get(quick, id, '/progress')), ['status', 'totalRecipients', 'sentCount', 'failedCount',
		'pendingCount', 'startedAt', 'completedAt', 'estimatedCompletionAt', 'accountIds'])
	const analytics = await get(quick, id, '/analytics')
	assert.deepEqual(Object.keys(analytics), ['status', 'totalRecipients', 'sent', 'delivered', 'read', 'failed', 'pending',
		'deliveryRate', 'readRate', 'failureRate', 'startedAt', 'completedAt', 'estimatedCompletionAt', 'durationSec'])
	assert.deepEqual([analytics.pending, analytics.deliveryRate, analytics.readRate, analytics.durationSec], [3, 0, 0, null])
	const [row] = (await get(quick, id, '/recipients')).data
	assert.deepEqual(Object.keys(row), ['id', 'phone', 'contactName', 'accountId', 'accountName', 'accountPhone', 'messageStatus',
		'status', 'sentAt', 'deliveredAt', 'readAt', 'failedAt', 'error'])
	assert.equal(row.messageStatus, 'PENDING')
})

test('the list is newest first, in pages, and parents can be had alone', async () => {
	const scheduledAt = new Date(Date.now() + 3600000).toISOString()
	const recurring = await create(quick, { phoneNumbers: ['+15554000000'], scheduledAt, recurrence: { frequency: 'DAILY' } })
	assert.equal(recurring.status, 201, recurring.text)
	assert.deepEqual([recurring.body.status, recurring.body.totalRecipients], ['SCHEDULED', 1])
	const all = (await quick.api('GET', `${BASE}?limit=100`)).body
	assert.equal(all.total, all.data.length)
	assert.equal(all.data[0].id, recurring.body.id)
	assert.deepEqual(all.data[0].recurrence, { frequency: 'DAILY' })
	assert.equal(all.data[0].runs, 0)
	const page = (await quick.api('GET', `${BASE}?limit=2&page=2`)).body
	assert.deepEqual(page.data.map((c) => c.id), all.data.slice(2, 4).map((c) => c.id))
	const parents = (await quick.api('GET', `${BASE}?parentOnly=true&limit=100`)).body
	assert.equal(parents.total, all.total)
	assert.equal((await control(quick, recurring.body.id, 'pause')).body.updated, true)
})

// ---- names, repeats, owners ----

test('a name is taken until its campaign is through', async () => {
	const scheduledAt = new Date(Date.now() + 3600000).toISOString()
	const asked = { name: 'Taken', phoneNumbers: ['+15554000000'], scheduledAt }
	const first = await create(quick, asked)
	assert.equal(first.status, 201)
	const again = await create(quick, asked)
	assert.equal(again.status, 409)
	assert.equal((await preview(quick, asked)).status, 409)
	await control(quick, first.body.id, 'pause')
	assert.equal((await create(quick, asked)).status, 409)
})

test('the same name twice at the same time makes one', async () => {
	const asked = { name: 'At once', phoneNumbers: numbers(3000, 15555000000), scheduledAt: new Date(Date.now() + 3600000).toISOString() }
	const answers = await Promise.all([1, 2, 3].map(() => create(quick, asked)))
	assert.deepEqual(answers.map((a) => a.status).sort(), [201, 409, 409])
	assert.equal((await quick.api('GET', `${BASE}?limit=100`)).body.data.filter((c) => c.name === 'At once').length, 1)
})

test('an Idempotency-Key gives the first answer again and makes nothing twice', async () => {
	const asked = body(quick, { phoneNumbers: numbers(5, 15554000000), scheduledAt: new Date(Date.now() + 3600000).toISOString() })
	const send = (b) => quick.api('POST', BASE, { body: b, headers: { 'Idempotency-Key': 'campaign-1' } })
	const first = await send(asked)
	assert.equal(first.status, 201, first.text)
	const again = await send(asked)
	assert.deepEqual([again.status, again.body], [201, first.body])
	assert.equal((await send({ ...asked, name: 'Other' })).status, 409)
	assert.equal((await quick.api('GET', `${BASE}?limit=100`)).body.data.filter((c) => c.name === asked.name).length, 1)
})

test('another account sees nothing of it', async () => {
	const key = JSON.parse(execFileSync(`${BIN}/vereda`, ['account', 'create', '--name', 'Other', '--email', 'other@example.com',
		'--password', 'correct horse', '--state', quick.state, '--json'], { encoding: 'utf8' })).apiKey
	const [id] = await ids(quick)
	for (const tail of ['', '/progress', '/analytics', '/recipients'])
		assert.equal((await quick.api('GET', `${BASE}/${id}${tail}`, { key })).status, 404, tail)
	for (const what of ['pause', 'resume', 'retry-failed'])
		assert.equal((await quick.api('POST', `${BASE}/${id}/${what}`, { key })).status, 404, what)
	assert.deepEqual((await quick.api('GET', BASE, { key })).body, { data: [], total: 0, page: 1, limit: 20 })
	assert.equal((await quick.api('POST', BASE, { key, body: body(quick, { phoneNumbers: ['+15554000000'] }) })).status, 400)
	const group = (await quick.api('GET', '/v1/contact-groups')).body.data[0].id
	assert.equal((await quick.api('POST', BASE, { key, body: body(quick, { contactGroupIds: [group] }) })).status, 400)
})

// ---- control ----

test('pause and resume: once they change something, then they do not', async () => {
	const scheduledAt = new Date(Date.now() + 3600000).toISOString()
	const { id } = (await create(quick, { phoneNumbers: numbers(2, 15554000000), scheduledAt })).body
	assert.deepEqual((await control(quick, id, 'resume')).body, { updated: false })
	assert.deepEqual((await control(quick, id, 'pause')).body, { updated: true })
	assert.deepEqual([(await get(quick, id)).status, (await get(quick, id)).reason], ['PAUSED', 'paused on request'])
	assert.deepEqual((await control(quick, id, 'pause')).body, { updated: false })
	assert.deepEqual((await control(quick, id, 'resume')).body, { updated: true })
	assert.deepEqual([(await get(quick, id)).status, (await get(quick, id)).reason], ['SCHEDULED', null])
	assert.deepEqual((await control(quick, id, 'retry-failed')).body, { updated: false })
	assert.equal((await control(quick, '00000000-0000-7000-8000-000000000000', 'pause')).status, 404)
	assert.equal((await control(quick, 'nonsense', 'pause')).status, 404)
})

// ---- campaigns that run ----

test('a campaign completes, and the recipients follow the receipts', async () => {
	const phones = numbers(4, 15556000000)
	for (const phone of phones) await quick.phone(phone.slice(1))
	await contact(quick, phones[0], 'Ada')
	const { id, status } = (await create(quick, { phoneNumbers: phones, deviceUids: [second] })).body
	assert.equal(status, 'RUNNING')
	const done = await completed(quick, id)
	assert.ok(Date.parse(done.completedAt) >= Date.parse(done.startedAt))
	assert.equal(done.sentCount, 4)
	await eventually('all have read it', async () => (await get(quick, id, '/analytics')).read === 4)
	const analytics = await get(quick, id, '/analytics')
	assert.deepEqual([analytics.sent, analytics.delivered, analytics.failed, analytics.pending], [4, 4, 0, 0])
	assert.deepEqual([analytics.deliveryRate, analytics.readRate, analytics.failureRate], [100, 100, 0])
	const list = await get(quick, id, '/recipients?status=READ')
	assert.equal(list.total, 4)
	for (const r of list.data) assert.ok(r.sentAt && r.deliveredAt && r.readAt && !r.failedAt)
	const order = list.data.map((r) => Date.parse(r.sentAt))
	assert.deepEqual(order, [...order].sort((a, b) => a - b))
	assert.deepEqual(new Set(list.data.map((r) => r.accountId)), new Set([quick.deviceUid, second]))
	assert.deepEqual((await quick.inbox(phones[0])).map((m) => m.text), ['Hi Ada!'])
	assert.deepEqual((await quick.inbox(phones[1])).map((m) => m.text), ['Hi!'])
	for (const what of ['pause', 'resume']) assert.equal((await control(quick, id, what)).status, 409)
	assert.deepEqual((await control(quick, id, 'retry-failed')).body, { updated: false })
	const again = await create(quick, { name: done.name, phoneNumbers: [phones[0]] })
	assert.equal(again.status, 201) // the name is free again
})

test('numbers that are not on WhatsApp fail, pause after three, and can be tried again', async () => {
	const strangers = numbers(4, 15556100000)
	const { id } = (await create(quick, { phoneNumbers: strangers })).body
	const paused = await eventually('it is PAUSED', async () => {
		const c = await get(quick, id)
		return c.status === 'PAUSED' ? c : null
	})
	assert.equal(paused.reason, '3 consecutive failures')
	assert.equal(paused.failedCount, 3)
	const failed = await get(quick, id, '/recipients?status=FAILED')
	assert.ok(failed.data.every((r) => r.error && r.failedAt && r.messageStatus === 'FAILED'))
	const all = (await get(quick, id, '/recipients')).data.map((r) => r.status)
	assert.deepEqual(all, ['PENDING', 'FAILED', 'FAILED', 'FAILED'])
	assert.equal((await get(quick, id, '/analytics')).failureRate, 75)
	for (const phone of strangers) await quick.phone(phone.slice(1))
	await sleep(100)
	assert.deepEqual((await control(quick, id, 'retry-failed')).body, { updated: true })
	const done = await completed(quick, id)
	assert.deepEqual([done.sentCount, done.failedCount], [4, 0])
})

test('a picture with a caption for everybody, and a voice note made of a sound', async () => {
	const phone = '15556200000'
	await quick.phone(phone)
	const picture = (await upload(quick, png(40, 30), { name: 'a.png' })).body.id
	const first = await create(quick, { phoneNumbers: [phone], messageType: 'MEDIA', mediaId: picture, text: 'For {phone}' })
	assert.equal(first.status, 201, first.text)
	const shown = await completed(quick, first.body.id)
	assert.deepEqual([shown.messageType, shown.mediaId, shown.failedCount], ['MEDIA', picture, 0])
	const sound = (await upload(quick, wav(1), { name: 'a.wav', kind: 'audio' })).body.id
	const voice = await create(quick, { phoneNumbers: [phone], messageType: 'VOICE', mediaId: sound })
	assert.equal(voice.status, 201, voice.text)
	const heard = await completed(quick, voice.body.id)
	assert.deepEqual([heard.messageType, heard.mediaId, heard.failedCount], ['VOICE', sound, 0])
	const inbox = await eventually('both are there', async () => {
		const got = await quick.inbox(phone)
		return got.length === 2 ? got : null
	})
	assert.equal(inbox[0].text ?? inbox[0].caption, 'For +15556200000')
})
