// Auto-replies and spintax: rules answer what phones write, once, within their bounds.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { BIN, Suite, eventually, sleep } from '../lib/suite.mjs'

const BASE = '/v1/developer/auto-reply'
const NOBODY = '00000000-0000-7000-8000-000000000000'
// What is counted by the hour is counted in the middle of one.
const HALF_PAST = { VEREDA_CLOCK_SHIFT_MS: String(1800000 - Date.now() % 3600000) }
let suite
let last = 15556660000

before(async () => {
	suite = await Suite.start({ env: { ...HALF_PAST, VEREDA_SAFETY_ENABLED: 'false', VEREDA_AUTO_REPLY_PER_CHAT_HOURLY: '3' } })
})
after(async () => { await suite.stop() })

async function good(answer, status = 200) {
	const { status: got, text, body } = await answer
	assert.equal(got, status, text)
	return body
}

async function refused(answer, status, message) {
	const { status: got, text, body } = await answer
	assert.equal(got, status, text)
	assert.equal(body.statusCode, status)
	assert.match(body.message, message)
}

const newPhone = async (s = suite) => {
	const phone = String(++last)
	await s.phone(phone)
	return phone
}
const write = (phone, text, extra = {}, s = suite) =>
	s.sandboxCall('POST', `/phones/${phone}/send`, { to: s.devicePhone, text, ...extra })
const texts = async (phone, s = suite) => (await s.inbox(phone)).map((m) => m.text)
const RULE = { triggerType: 'CONTAINS', triggerValue: 'price', replyText: 'Our prices start at $15.99/mo.' }
const create = (rule = {}, s = suite) => good(s.api('POST', BASE, { body: { deviceUid: s.deviceUid, ...RULE, ...rule } }))
const remove = (rule, s = suite) => good(s.api('DELETE', `${BASE}/${rule.id}`))
const list = (query = `?deviceUid=${suite.deviceUid}`) => good(suite.api('GET', BASE + query))

// Runs with these rules and no others.
async function withRules(rules, run) {
	const made = []
	try {
		for (const rule of rules) made.push(await create(rule))
		return await run(made)
	} finally {
		for (const rule of made) await suite.api('DELETE', `${BASE}/${rule.id}`)
	}
}

// What the phone has got once a later message has been answered: replies go out in order.
async function answersTo(phone, messages) {
	const end = await create({ triggerType: 'EXACT', triggerValue: 'the end', replyText: 'end of answers', order: 0 })
	try {
		for (const message of messages) await write(phone, message)
		await write(phone, 'the end')
		return await eventually(`${phone} has its last answer`, async () => {
			const got = await texts(phone)
			return got.at(-1) === 'end of answers' ? got.slice(0, -1) : null
		})
	} finally {
		await remove(end)
	}
}

test('a rule is made, listed, read, changed and deleted', async () => {
	const rule = await create()
	assert.deepEqual({ ...rule, id: 0, createdAt: 0, updatedAt: 0 },
		{ id: 0, deviceUid: suite.deviceUid, ...RULE, enabled: true, order: 0, createdAt: 0, updatedAt: 0 })
	assert.equal(rule.createdAt, rule.updatedAt)
	assert.deepEqual(await good(suite.api('GET', `${BASE}/${rule.id}`)), rule)
	assert.deepEqual(await list(), { data: [rule], total: 1, page: 1, limit: (await list()).limit })
	const changed = await good(suite.api('PATCH', `${BASE}/${rule.id}`, { body: { replyText: 'other', enabled: false } }))
	assert.deepEqual({ ...changed, updatedAt: 0 }, { ...rule, replyText: 'other', enabled: false, updatedAt: 0 })
	const put = await good(suite.api('PUT', `${BASE}/${rule.id}`, { body: { deviceUid: suite.deviceUid, triggerType: 'EXACT', triggerValue: 'x', order: 5 } }))
	assert.deepEqual([put.triggerType, put.triggerValue, put.replyText, put.enabled, put.order], ['EXACT', 'x', 'other', false, 5])
	assert.deepEqual(await remove(rule), { deleted: true })
	await refused(suite.api('GET', `${BASE}/${rule.id}`), 404, /^auto-reply rule not found$/)
	await refused(suite.api('DELETE', `${BASE}/${rule.id}`), 404, /^auto-reply rule not found$/)
	await refused(suite.api('PATCH', `${BASE}/${rule.id}`, { body: {} }), 404, /^auto-reply rule not found$/)
	assert.equal((await list()).total, 0)
})

test('the list of rules is whole', async () => {
	await withRules(Array.from({ length: 21 }, (_, i) => ({ triggerValue: `word ${i}` })), async (rules) => {
		const all = await list()
		assert.equal(all.total, 21)
		assert.deepEqual(all.data.map((r) => r.id), rules.map((r) => r.id))
	})
})

test('rules stand in their order, and a list has pages', async () => {
	await withRules([{ triggerValue: 'a' }, { triggerValue: 'b' }, { triggerValue: 'c', order: 0 }], async ([a]) => {
		const order = async (query = '') => (await list(`?deviceUid=${suite.deviceUid}${query}`)).data.map((r) => [r.triggerValue, r.order])
		assert.deepEqual(await order(), [['c', 0], ['a', 1], ['b', 2]])
		assert.deepEqual(await order('&page=2&limit=2'), [['b', 2]])
		assert.equal((await list(`?deviceUid=${suite.deviceUid}&limit=1`)).total, 3)
		await good(suite.api('PATCH', `${BASE}/${a.id}`, { body: { order: 0 } }))
		assert.deepEqual(await order(), [['a', 0], ['c', 1], ['b', 2]])
	})
})

test('what is wrong with a rule is said', async () => {
	const post = (rule) => suite.api('POST', BASE, { body: { deviceUid: suite.deviceUid, ...RULE, ...rule } })
	for (const [rule, message] of [
		[{ triggerType: 'REGEX' }, /triggerType/],
		[{ triggerType: undefined }, /triggerType/],
		[{ triggerValue: '' }, /triggerValue/],
		[{ triggerValue: 'x'.repeat(501) }, /triggerValue/],
		[{ triggerValue: ' \t\u00a0' }, /^triggerValue must not be white space alone$/],
		[{ triggerValue: undefined }, /triggerValue/],
		[{ replyText: '' }, /replyText/],
		[{ replyText: 'ä'.repeat(32769) }, /^replyText must not be longer than 65536 bytes$/],
		[{ replyText: undefined }, /replyText/],
		[{ order: -1 }, /order/],
		[{ enabled: 'yes' }, /enabled/],
		[{ deviceUid: undefined }, /deviceUid/],
		[{ surprise: 1 }, /surprise/],
	]) await refused(post(rule), 400, message)
	await refused(post({ deviceUid: 'dev_nosuch00' }), 404, /^device not found$/)
	await refused(suite.api('GET', BASE), 400, /deviceUid/)
	await refused(suite.api('GET', `${BASE}/not-a-uuid`), 404, /does not exist$/)
	await refused(suite.api('GET', `${BASE}/${NOBODY}`), 404, /^auto-reply rule not found$/)
	assert.equal((await suite.api('GET', `${BASE}?deviceUid=x`, { key: 'wak_wrong' })).status, 401)
	assert.deepEqual((await list('?deviceUid=dev_nosuch00')).data, [])
	await withRules([{ triggerValue: 'x'.repeat(500), replyText: 'ä'.repeat(32768) }], async ([rule]) => {
		const patch = (body) => suite.api('PATCH', `${BASE}/${rule.id}`, { body })
		await refused(patch({ triggerValue: ' ' }), 400, /^triggerValue must not be white space alone$/)
		await refused(patch({ replyText: 'ä'.repeat(32769) }), 400, /bytes$/)
		await refused(patch({ deviceUid: 'dev_another0' }), 400, /^deviceUid cannot be changed$/)
		assert.deepEqual(await good(suite.api('GET', `${BASE}/${rule.id}`)), rule)
	})
})

test('rules of another account are not there', async () => {
	const key = JSON.parse(execFileSync(`${BIN}/vereda`, ['account', 'create', '--name', 'Other', '--email', 'other@example.com',
		'--password', 'correct horse', '--state', suite.state, '--json'], { encoding: 'utf8' })).apiKey
	await withRules([{}], async ([rule]) => {
		for (const method of ['GET', 'PATCH', 'PUT', 'DELETE'])
			await refused(suite.api(method, `${BASE}/${rule.id}`, { key, ...(method[0] === 'P' ? { body: { enabled: false } } : {}) }), 404, /not found$/)
		await refused(suite.api('POST', BASE, { key, body: { deviceUid: suite.deviceUid, ...RULE } }), 404, /^device not found$/)
		assert.equal((await good(suite.api('GET', `${BASE}?deviceUid=${suite.deviceUid}`, { key }))).total, 0)
		assert.deepEqual(await good(suite.api('GET', `${BASE}/${rule.id}`)), rule)
	})
})

test('each kind of trigger answers what it fits, whatever the letter case', async () => {
	for (const [rule, fits, others] of [
		[{ triggerType: 'CONTAINS' }, 'what is the PRICE?', 'what does it cost?'],
		[{ triggerType: 'EXACT' }, '  Price\n', 'price?'],
		[{ triggerType: 'STARTS_WITH' }, 'PRICE of it', 'the price'],
		[{ triggerType: 'ENDS_WITH', triggerValue: ' ПРИВЕТ ' }, 'ну привет', 'привет!'],
	]) {
		await withRules([{ ...rule, replyText: `by ${rule.triggerType}` }], async () => {
			const phone = await newPhone()
			assert.deepEqual(await answersTo(phone, [others, fits, others]), [`by ${rule.triggerType}`])
		})
	}
})

test('the first enabled rule answers, alone; the reply is a message like others', async () => {
	await withRules([
		{ replyText: 'disabled', enabled: false },
		{ replyText: '{first|first} {unknown}' },
		{ replyText: 'second' },
	], async () => {
		const phone = await newPhone()
		assert.deepEqual(await answersTo(phone, ['the price']), ['first {unknown}'])
		const sent = (await good(suite.api('GET', `/v1/developer/messages?to=${phone}&limit=100`))).data.filter((m) => m.text === 'first {unknown}')
		assert.equal(sent.length, 1)
		await suite.waitStatus(sent[0].id, ['DELIVERED', 'READ'])
	})
})

test('a caption is answered; a group, a status, a reaction and an edit are not', async () => {
	await withRules([{ replyText: 'answered' }], async () => {
		const phone = await newPhone(), other = await newPhone()
		const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
		const group = await good(suite.api('POST', `/v1/devices/${suite.deviceUid}/groups`, { body: { subject: 'Team', participants: [`+${phone}`, `+${other}`] } }), 201)
		await suite.sandboxCall('POST', `/phones/${phone}/send`, { group: group.id, text: 'price' })
		await suite.sandboxCall('POST', `/phones/${phone}/send`, { status: [suite.devicePhone], text: 'price' })
		const { id } = await write(phone, 'hello')
		await write(phone, 'price', { kind: 'edit', target: id })
		await write(phone, undefined, { kind: 'reaction', target: id, emoji: '👍' })
		await write(other, undefined, { kind: 'image', media: png, mimetype: 'image/png', caption: 'the price of it' })
		await eventually('the caption is answered', async () => (await texts(other)).includes('answered'))
		// What it writes now comes after what it wrote elsewhere.
		assert.ok(!(await answersTo(phone, [])).includes('answered'))
	})
})

test('a chat gets three replies an hour here, another chat has its own three', async () => {
	await withRules([{ replyText: 'again' }], async () => {
		const phone = await newPhone(), other = await newPhone()
		for (let i = 0; i < 6; i++) await write(phone, `price ${i}`)
		await write(other, 'price')
		await eventually('all are answered', async () => (await texts(other)).length === 1 && (await texts(phone)).length >= 3)
		assert.equal(suite.log.split('the chat had its 3 replies of this hour').length - 1, 3)
		await sleep(300)
		assert.deepEqual(await texts(phone), ['again', 'again', 'again'])
	})
})

test('two devices that answer each other come to an end', async () => {
	const phone = await newPhone()
	const { deviceUid } = await good(suite.api('POST', '/v1/devices', { body: { name: 'Second' } }), 201)
	const code = await eventually('there is a code', async () => {
		const answer = await suite.api('POST', `/v1/devices/${deviceUid}/pairing-code`, { body: { phone: `+${phone}` } })
		return answer.status === 200 ? answer.body.code : null
	})
	await suite.sandboxCall('POST', `/phones/${phone}/scan`, { code })
	await eventually('the second device is connected', async () =>
		(await good(suite.api('GET', `/v1/devices/${deviceUid}`))).status === 'CONNECTED')
	await withRules([{ triggerValue: 'ping', replyText: 'ping' }, { triggerValue: 'ping', replyText: 'ping', deviceUid }], async () => {
		await good(suite.send(`+${phone}`, 'ping'))
		const replies = async () => (await good(suite.api('GET', '/v1/developer/messages?limit=100'))).data.filter((m) => m.text === 'ping' && m.direction === 'OUTBOUND').length - 1
		await eventually('both had their three', async () => await replies() === 6)
		await sleep(1000)
		assert.equal(await replies(), 6)
	})
	await good(suite.api('DELETE', `/v1/devices/${deviceUid}`))
})

test('a lane that is killed again and again answers each message once', async () => {
	await withRules([{ triggerType: 'STARTS_WITH', triggerValue: 'ask', replyText: 'answer' }], async () => {
		const phones = await Promise.all(Array.from({ length: 12 }, () => newPhone()))
		for (let i = 0; i < phones.length; i++) {
			await write(phones[i], 'ask 1')
			await write(phones[i], 'ask 2')
			if (i % 4 === 1) await eventually('a lane was there to be killed', () => suite.kill('lane') > 0)
		}
		for (const phone of phones)
			await eventually(`${phone} has both answers`, async () => (await texts(phone)).length >= 2, 40000)
		await sleep(1500)
		for (const phone of phones) assert.deepEqual(await texts(phone), ['answer', 'answer'])
		assert.equal((await good(suite.api('GET', `/v1/devices/${suite.deviceUid}`))).status, 'CONNECTED')
	})
})

test('a reply costs the budgets that direct sends cost, and is left out when they are used up', async () => {
	const env = { ...HALF_PAST, VEREDA_SAFETY_MINUTE_LIMIT: '1000', VEREDA_SAFETY_HOURLY_LIMIT: '3' }
	const own = await Suite.start({ env })
	try {
		const phone = await newPhone(own), other = await newPhone(own)
		await create({ replyText: 'answer' }, own)
		await write(phone, 'price', {}, own)
		await eventually('it is answered', async () => (await texts(phone, own)).length === 1)
		const safety = async () => (await good(own.api('GET', `/v1/developer/devices/${own.deviceUid}`))).safety
		assert.equal((await safety()).dailySent, 1)
		for (let i = 0; i < 2; i++) await good(own.send(`+${other}`, `direct ${i}`))
		assert.equal((await own.send(`+${other}`, 'one too many')).status, 429)
		await write(other, 'price', {}, own)
		await eventually('the refusal is logged', () => /auto_reply .*status=not_sent .*Hourly account safety limit/.test(own.log))
		assert.equal((await safety()).dailySent, 3)
		await eventually('the direct ones are there', async () => (await texts(other, own)).length >= 2)
		assert.deepEqual(await texts(other, own), ['direct 0', 'direct 1'])
	} finally {
		await own.stop()
	}
})

const spintax = (what, body) => suite.api('POST', `/v1/developer/spintax/${what}`, { body })

test('a preview has different samples, as many as asked for or as there are', async () => {
	const template = '{Hi|Hello|Hey} {there|friend}!'
	const all = ['Hi', 'Hello', 'Hey'].flatMap((a) => ['there', 'friend'].map((b) => `${a} ${b}!`)).sort()
	const preview = async (body) => good(spintax('preview', body))
	const five = await preview({ template })
	assert.equal(five.samples.length, 5)
	assert.equal(new Set(five.samples).size, 5)
	assert.ok(five.samples.every((s) => all.includes(s)))
	assert.equal(five.uniqueVariants, '6')
	assert.equal((await preview({ template, count: 2 })).samples.length, 2)
	assert.deepEqual((await preview({ template, count: 50 })).samples.sort(), all)
	assert.deepEqual(await preview({ template: 'plain {name}' }), { samples: ['plain {name}'], uniqueVariants: '1' })
	assert.equal((await preview({ template: '{a|ab}{bc|c}' })).uniqueVariants, '3')
	assert.equal((await preview({ template: '{0|1|2|3|4|5|6|7|8|9}'.repeat(30) })).uniqueVariants, `1${'0'.repeat(30)}`)
	const hostile = await preview({ template: `${'{a|b|}'.repeat(40)}a${'{a|b}'.repeat(40)}`, count: 50 })
	assert.deepEqual([hostile.samples.length, hostile.uniqueVariants], [50, null])
})

test('spin gives one result, with variables as they are written', async () => {
	const seen = new Set()
	for (let i = 0; i < 60; i++) seen.add((await good(spintax('spin', { template: '{a|b|c} {name}' }))).result)
	assert.deepEqual([...seen].sort(), ['a {name}', 'b {name}', 'c {name}'])
})

test('what is wrong with a template is said, with the place', async () => {
	for (const what of ['preview', 'spin']) {
		await refused(spintax(what, { template: 'Hello {a|b' }), 400, /^'\{' at character 7 is never closed$/)
		await refused(spintax(what, { template: 'Hello}' }), 400, /^'\}' at character 6 was never opened$/)
		await refused(spintax(what, { template: '{x|'.repeat(33) + '}'.repeat(33) }), 400, /more than 32 deep$/)
		await refused(spintax(what, { template: '' }), 400, /template/)
		await refused(spintax(what, {}), 400, /template/)
		await refused(spintax(what, { template: 5 }), 400, /template/)
		await refused(spintax(what, { template: 'x', surprise: 1 }), 400, /surprise/)
		assert.equal((await suite.api('POST', `/v1/developer/spintax/${what}`, { key: 'wak_wrong', body: { template: 'x' } })).status, 401)
	}
	await refused(spintax('preview', { template: 'x', count: 0 }), 400, /count/)
	await refused(spintax('preview', { template: 'x', count: 51 }), 400, /count/)
})
