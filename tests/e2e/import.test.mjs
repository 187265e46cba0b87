// Contacts from CSV, XLSX and XLS files into groups and tags.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { BIN, Suite, eventually, sleep } from '../lib/suite.mjs'
import { form, png } from '../lib/media.mjs'
import { csv, xlsx, zip } from '../lib/sheets.mjs'

const GROUPS = '/v1/contact-groups', TAGS = '/v1/contact-tags'
const XLS = readFileSync(new URL('../data/contacts.xls', import.meta.url))

let suite, otherKey
const cli = (...args) => JSON.parse(execFileSync(join(BIN, 'vereda'), [...args, '--state', suite.state, '--json'], { encoding: 'utf8' }))
const account = (name) => cli('account', 'create', '--name', name, '--email', `${name}@example.com`, '--password', 'correct horse').apiKey
const onPlan = (name, plan) => {
	const key = account(name)
	cli('account', 'plan', '--email', `${name}@example.com`, '--plan', plan)
	return key
}
before(async () => {
	suite = await Suite.start({ env: { VEREDA_PLAN_STARTER_CONTACTS: '5', VEREDA_PLAN_STARTER_CONTACT_IMPORT: 'false',
		VEREDA_PLAN_GROWTH_CONTACTS: '5', VEREDA_PLAN_GROWTH_CONTACT_IMPORT: 'true' } })
	otherKey = account('other')
})
after(async () => { await suite.stop({ allowErrors: [/name=apid/] }) })

let n = 0
const create = async (base, options = {}) => {
	const answer = await suite.api('POST', base, { body: { name: `Segment ${++n}` }, ...options })
	assert.equal(answer.status, 201, answer.text)
	return answer.body.id
}
const post = (path, file, { key, headers, ...options } = {}) => {
	const body = form(file, { name: 'contacts.bin', ...options })
	return suite.api('POST', path, { raw: body.raw, headers: { ...body.headers, ...headers }, timeoutMs: 120000, ...(key ? { key } : {}) })
}
const into = (base, id, file, options) => post(`${base}/${id}/import`, file, options)
async function imported(base, id, file, options) {
	const answer = await into(base, id, file, options)
	assert.equal(answer.status, 200, answer.text)
	return answer.body
}
const members = async (base, id, options) => (await suite.api('GET', `${base}/${id}?limit=1000`, options)).body
const byPhone = async (phone, options) => {
	const { data } = (await suite.api('GET', `/v1/developer/contacts?search=${encodeURIComponent(phone)}`, options)).body
	assert.equal(data.length, 1, phone)
	return data[0]
}
// Phones that no other test has.
const phones = (count) => Array.from({ length: count }, () => `1555${String(1000000 + n++).padStart(7, '0')}`)

test('the three formats give the same contacts', async () => {
	const rows = [['Name', 'Phone', 'City', 'Since'], ['Ana Ünal', 15550007001, 'Łódź', '2024-02-29'],
		['Bo', '+1 (555) 000-7002', 7.25], [], ['Cy', 'bad'], [null, null, null], ['Di', 15550007003, '1']]
	const errors = [{ row: 5, message: 'Invalid phone number' }]
	for (const [format, file] of Object.entries({ csv: csv(rows, ';'), xlsx: xlsx(rows), xls: XLS })) {
		const key = account(`format-${format}`)
		const id = await create(GROUPS, { key })
		assert.deepEqual(await imported(GROUPS, id, file, { key }), { linked: 0, created: 3, errors, errorCount: 1 }, format)
		const group = await members(GROUPS, id, { key })
		assert.equal(group.contactCount, 3)
		assert.deepEqual(group.contacts.map((c) => [c.name, c.phone]),
			[['Ana Ünal', '+15550007001'], ['Bo', '+15550007002'], ['Di', '+15550007003']], format)
		const ana = await byPhone('15550007001', { key })
		assert.deepEqual(ana.fields, { City: 'Łódź', Since: '2024-02-29' }, format)
		assert.deepEqual((await byPhone('15550007003', { key })).fields, { City: '1' }, format)
	}
})

test('a tag takes an import as a group does, and a repeat links everything', async () => {
	const [a, b, c] = phones(3)
	const tag = await create(TAGS), group = await create(GROUPS)
	const file = csv([['name', 'phone'], ['A', a], ['B', b]])
	assert.deepEqual(await imported(TAGS, tag, file), { linked: 0, created: 2, errors: [], errorCount: 0 })
	assert.deepEqual(await imported(TAGS, tag, file), { linked: 2, created: 0, errors: [], errorCount: 0 })
	assert.equal((await members(TAGS, tag)).contactCount, 2)
	// Saved before, but not in this one.
	assert.deepEqual(await imported(GROUPS, group, csv([['phone'], [a], [c]])), { linked: 1, created: 1, errors: [], errorCount: 0 })
	assert.deepEqual((await members(GROUPS, group)).contacts.map((m) => m.name), ['A', null])
	assert.equal((await into(GROUPS, tag, file)).status, 404, 'a tag is no group')
	assert.equal((await into(TAGS, group, file)).status, 404, 'a group is no tag')
})

test('columns are found by their names, whatever their case and spaces', async () => {
	const cases = [
		[['FULL NAME', 'Phone Number'], ['Eve', '?'], 'Eve'],
		[['mobile', 'First Name', 'LastName'], ['?', 'Eve', 'Ray'], 'Eve Ray'],
		[['tel', 'last_name', 'first-name'], ['?', 'Ray', 'Eve'], 'Eve Ray'],
		[['Number', 'WhatsApp', 'name'], ['17', '?', ' Eve \n Ray '], 'Eve Ray', { Number: '17' }],
		[['number'], ['?'], null],
		[['Phone', 'phone', 'Name', '1st city', 'E-mail (work)', 'Ort', 'ORT', 'город', ''], ['?', '2', 'Eve', '3', '4', '5', '6', '7', '8'], 'Eve',
			{ phone_2: '2', _1st_city: '3', 'E-mail_work': '4', Ort: '5', ORT_2: '6', column_8: '7' }],
	]
	for (const [header, row, name, fields = {}] of cases) {
		const [phone] = phones(1)
		const id = await create(GROUPS)
		const result = await imported(GROUPS, id, csv([header, row.map((v) => v === '?' ? phone : v)]))
		assert.deepEqual([result.created, result.errors], [1, []], header.join())
		const contact = await byPhone(phone)
		assert.deepEqual([contact.name, contact.fields], [name, fields], header.join())
	}
})

test('without a header the first two columns are a name and a phone', async () => {
	const [a, b, c, d] = phones(4)
	for (const rows of [[['Ann', a, 'x'], ['Ben', b]], [[c, 'Ann'], [d, 'Ben']]]) {
		const id = await create(GROUPS)
		assert.equal((await imported(GROUPS, id, csv(rows))).created, 2)
		assert.deepEqual((await members(GROUPS, id)).contacts.map((m) => m.name), ['Ann', 'Ben'])
	}
	assert.deepEqual((await byPhone(a)).fields, {})
	const id = await create(GROUPS)
	for (const rows of [[['name', 'city'], ['Ann', 'Rome']], [['Ann', 'Rome', phones(1)[0]]]]) {
		const answer = await into(GROUPS, id, csv(rows))
		assert.equal(answer.status, 400)
		assert.match(answer.body.message, /^No phone column/)
	}
	const empty = await into(GROUPS, id, Buffer.from('\r\n,,\r\n'))
	assert.deepEqual([empty.status, empty.body.message], [400, 'The file has no rows'])
})

test('phones are cleaned, and refused with their row', async () => {
	const good = [['+1 (555) 010-8001', '15550108001'], ['0049 170.555.8002', '491705558002'], ['+49 (0)170 5558003', '491705558003'],
		['\u202a+1\u00a0555\u2011010\u20118004\u202c', '15550108004'], ['[1555] 0108005', '15550108005']]
	const bad = ['123456', '1234567890123456', '+1555 CALL ME', '', '1.5550001111E+10', '++15550108006', '1555;0108007']
	const id = await create(GROUPS)
	const result = await imported(GROUPS, id, csv([['phone', 'name'], ...good.map(([p]) => [p, 'x']), ...bad.map((p) => [p, 'x'])], '\t'))
	assert.equal(result.created, good.length)
	assert.deepEqual((await members(GROUPS, id)).contacts.map((m) => m.phone), good.map(([, p]) => '+' + p))
	assert.deepEqual(result.errors, bad.map((_, i) => ({ row: i + 2 + good.length, message: 'Invalid phone number' })))
})

test('a phone that comes again, a name or a field that is too long: errors of their rows', async () => {
	const [a, b, c] = phones(3)
	const id = await create(GROUPS)
	const result = await imported(GROUPS, id, csv([['phone', 'name', 'note'], [a, 'first'], ['+' + a, 'second'], [],
		[b, 'é'.repeat(201)], [c, 'c', 'é'.repeat(501)], [b, 'é'.repeat(200), 'é'.repeat(500)], [a, 'third']]))
	assert.deepEqual([result.created, result.linked, result.errorCount], [2, 0, 4])
	assert.deepEqual(result.errors, [
		{ row: 3, message: 'Duplicate phone number in file' }, { row: 5, message: 'Name is longer than 200 characters' },
		{ row: 6, message: 'note is longer than 500 characters' }, { row: 8, message: 'Duplicate phone number in file' }])
	assert.equal((await byPhone(a)).name, 'first')
})

test('what a contact has stays, unless the file names it', async () => {
	const [a] = phones(1)
	const id = await create(GROUPS)
	await imported(GROUPS, id, csv([['phone', 'name', 'city', 'age'], [a, 'Ann', 'Rome', '7']]))
	await imported(GROUPS, id, csv([['phone', 'name', 'city', 'job'], [a, '', 'Oslo', 'cook']]))
	const ann = await byPhone(a)
	assert.deepEqual([ann.name, ann.fields], ['Ann', { city: 'Oslo', age: '7', job: 'cook' }])
	const more = Array.from({ length: 18 }, (_, i) => `f${i}`)
	const full = await imported(GROUPS, id, csv([['phone', ...more], [a, ...more]]))
	assert.deepEqual(full.errors, [{ row: 2, message: 'The contact has too many fields' }])
})

test('a thousand errors are listed, all are counted', async () => {
	const id = await create(GROUPS)
	const result = await imported(GROUPS, id, csv([['phone'], ...Array(2500).fill(['x'])]))
	assert.deepEqual([result.errors.length, result.errorCount, result.created], [1000, 2500, 0])
	assert.deepEqual(result.errors.at(-1), { row: 1001, message: 'Invalid phone number' })
})

test('only the owner, only a known segment, only a form with one file', async () => {
	const id = await create(GROUPS), file = csv([['phone'], phones(1)])
	assert.equal((await into(GROUPS, id, file, { key: otherKey })).status, 404)
	assert.equal((await into(GROUPS, suite.accountId, file)).status, 404)
	assert.equal((await into(GROUPS, 'nonsense', file)).status, 404)
	assert.equal((await suite.api('POST', `${GROUPS}/${id}/import`, { key: null, ...form(file) })).status, 401)
	assert.equal((await suite.api('GET', `${GROUPS}/${id}/import`)).status, 405)
	assert.equal((await suite.api('POST', `${GROUPS}/${id}/import`, { body: { file: 'x' } })).status, 400)
	for (const options of [{ field: 'data' }, { fields: { kind: 'document' } }])
		assert.equal((await into(GROUPS, id, file, options)).status, 400)
	assert.equal((await into(GROUPS, id, null, { fields: {} })).status, 400)
	assert.equal((await into(GROUPS, id, Buffer.alloc(0))).status, 400)
	assert.equal((await members(GROUPS, id)).contactCount, 0)
})

test('the content decides, not the name; what is none of the three is refused', async () => {
	const id = await create(GROUPS)
	assert.equal((await imported(GROUPS, id, xlsx([['phone'], [Number(phones(1)[0])]]), { name: 'contacts.csv' })).created, 1)
	const bomb = '<!DOCTYPE w [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><w><sheet id="&b;"/></w>'
	const bad = { picture: png(8, 8), cut: XLS.subarray(0, 900), 'entity bomb': zip({ 'xl/workbook.xml': bomb }),
		'other archive': zip({ 'a.txt': 'hello' }), 'open quote': Buffer.from('phone\n"15550001111\n'),
		'zip bomb': zip({ 'xl/workbook.xml': Buffer.alloc(600 << 20, ' ') }) }
	for (const [what, file] of Object.entries(bad)) {
		const answer = await into(GROUPS, id, file)
		assert.equal(answer.status, 400, `${what}: ${answer.text}`)
		assert.equal(answer.body.error, 'Bad Request')
	}
	assert.equal((await members(GROUPS, id)).contactCount, 1)
})

test('a file of up to 16 MiB is taken, a larger one is not', async () => {
	const [phone] = phones(1)
	const padded = (bytes) => Buffer.concat([csv([['phone', 'note'], [phone, 'x']]), Buffer.alloc(bytes, ',')])
	for (const base of [GROUPS, TAGS]) {
		const id = await create(base)
		const { created, linked } = await imported(base, id, padded(15 << 20))
		assert.equal(created + linked, 1)
		const large = await into(base, id, padded(16 << 20))
		assert.deepEqual([large.status, large.body.message], [413, 'the file must not be larger than 16 MiB'])
	}
})

test('a plan without imports: 403', async () => {
	const key = onPlan('starter', 'STARTER')
	const id = await create(GROUPS, { key })
	const answer = await into(GROUPS, id, csv([['phone'], phones(1)]), { key })
	assert.equal(answer.status, 403)
	assert.equal(answer.body.error, 'PLAN_FEATURE_UNAVAILABLE')
	assert.equal((await members(GROUPS, id, { key })).contactCount, 0)
})

test('the plan\'s contacts: those that fit are saved, then rows are errors, and 403 when none fits', async () => {
	const key = onPlan('growth', 'GROWTH')
	const id = await create(GROUPS, { key }), all = phones(7)
	const first = await imported(GROUPS, id, csv([['phone'], ...all.slice(0, 3).map((p) => [p])]), { key })
	assert.equal(first.created, 3)
	const second = await imported(GROUPS, id, csv([['phone'], ...all.map((p) => [p])]), { key })
	assert.deepEqual([second.linked, second.created, second.errorCount], [3, 2, 2])
	assert.deepEqual(second.errors.map((e) => e.row), [7, 8])
	assert.match(second.errors[0].message, /^PLAN_LIMIT_EXCEEDED: .*5 of 5 contacts/)
	const third = await into(GROUPS, id, csv([['phone'], ...phones(2).map((p) => [p])]), { key })
	assert.deepEqual([third.status, third.body.error, third.body.limit, third.body.used], [403, 'PLAN_LIMIT_EXCEEDED', 5, 5])
	// Those that are saved may still be linked.
	const tag = await create(TAGS, { key })
	assert.equal((await imported(TAGS, tag, csv([['phone'], [all[4]], [all[5]]]), { key })).linked, 1)
	assert.equal((await members(GROUPS, id, { key })).contactCount, 5)
})

test('an Idempotency-Key gives the first answer again', async () => {
	const id = await create(GROUPS), rows = [['phone'], ...phones(3).map((p) => [p])]
	const headers = { 'Idempotency-Key': `import-${id}` }
	const first = await imported(GROUPS, id, csv(rows), { headers })
	assert.deepEqual([first.created, first.linked], [3, 0])
	assert.deepEqual(await imported(GROUPS, id, csv(rows), { headers }), first)
	assert.equal((await into(GROUPS, id, csv(rows.slice(0, 2)), { headers })).status, 409, 'another file')
	assert.deepEqual((await imported(GROUPS, id, csv(rows))).linked, 3)
})

test('several imports at once, the same file into two segments among them', async () => {
	const all = phones(3000), rows = [['phone'], ...all.map((p) => [p])]
	const ids = await Promise.all([create(GROUPS), create(TAGS), create(GROUPS)])
	const results = await Promise.all([imported(GROUPS, ids[0], csv(rows)), imported(TAGS, ids[1], xlsx(rows)),
		imported(GROUPS, ids[2], csv(rows.slice(0, 1001)))])
	assert.equal(results.reduce((sum, r) => sum + r.created, 0), 3000)
	assert.deepEqual(results.map((r) => r.created + r.linked), [3000, 3000, 1000])
	assert.equal((await members(GROUPS, ids[0])).contactCount, 3000)
	assert.equal((await members(TAGS, ids[1])).contactCount, 3000)
})

test('the converter dies: that file is refused, the next one is read', async () => {
	const id = await create(GROUPS)
	// Spaces without end keep the XML parser busy for a moment.
	const slow = zip({ 'xl/workbook.xml': Buffer.alloc(400 << 20, ' ') })
	const answer = into(GROUPS, id, slow)
	await eventually('the converter runs', () => suite.kill('mediaconv') > 0, 10000)
	const refused = await answer
	assert.deepEqual([refused.status, refused.body.message], [400, 'The file could not be read'])
	assert.equal((await imported(GROUPS, id, csv([['phone'], phones(1)]))).created, 1)
})

test('a long import holds up nobody, and ends with its group', async () => {
	const id = await create(GROUPS), all = phones(60000)
	const running = into(GROUPS, id, csv([['phone'], ...all.map((p) => [p])]))
	await eventually('rows are there', async () => (await members(GROUPS, id)).contactCount > 0)
	for (let i = 0; i < 10; i++) {
		const began = Date.now()
		await create(TAGS)
		assert.ok(Date.now() - began < 2000)
	}
	assert.equal((await suite.api('DELETE', `${GROUPS}/${id}`)).status, 200)
	// It may have been at its end.
	assert.ok([404, 200].includes((await running).status))
	assert.equal((await suite.api('GET', `${GROUPS}/${id}`)).status, 404)
})

test('apid dies in the middle: what was saved stays, and the same file completes it', async () => {
	const id = await create(GROUPS), all = phones(60000)
	const file = csv([['phone', 'name'], ...all.map((p) => [p, 'x'])])
	const lost = into(GROUPS, id, file).then(() => 'answered', () => 'lost')
	await eventually('rows are there', async () => (await members(GROUPS, id)).contactCount > 0)
	assert.equal(suite.kill('apid'), 1)
	assert.equal(await lost, 'lost')
	await eventually('apid is back', async () => (await suite.api('GET', '/healthz', { timeoutMs: 1000 })).status === 200)
	const again = await imported(GROUPS, id, file)
	assert.ok(again.linked > 0 && again.created > 0, JSON.stringify(again))
	assert.equal(again.linked + again.created, 60000)
	assert.equal((await members(GROUPS, id)).contactCount, 60000)
	const last = await imported(GROUPS, id, file)
	assert.deepEqual([last.linked, last.created], [60000, 0])
})

test('nothing is left of the files', async () => {
	assert.deepEqual(readdirSync(join(suite.state, 'media', 'tmp')).length <= 1, true, 'at most the one that apid had when it was killed')
})
