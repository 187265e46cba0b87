// The address book: contacts with an API key, groups and tags with a session token, as the reference has it.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { BIN, Suite, eventually } from '../lib/suite.mjs'

const CONTACTS = '/v1/developer/contacts', GROUPS = '/v1/contact-groups', TAGS = '/v1/contact-tags'
const NOBODY = '0197c7a0-4a3e-7b51-9d2f-2f6a1c1f0e99'
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const KINDS = [{ base: GROUPS, filter: 'groupId', word: 'Group' }, { base: TAGS, filter: 'tagId', word: 'Tag' }]

let suite, token, otherKey
const cli = (...args) => JSON.parse(execFileSync(join(BIN, 'vereda'), [...args, '--state', suite.state, '--json'], { encoding: 'utf8' }))
before(async () => {
	suite = await Suite.start({ env: { VEREDA_SAFETY_ENABLED: 'false', VEREDA_PLAN_STARTER_CONTACTS: '2' } })
	const login = await suite.api('POST', '/v1/auth/login', { key: null, body: { email: suite.email, password: suite.password } })
	token = login.body.accessToken
	otherKey = cli('account', 'create', '--name', 'Other', '--email', 'other@example.com', '--password', 'correct horse').apiKey
})
after(async () => { await suite.stop() })

// Contacts speak with the key; groups and tags with the token.
const bearer = (method, path, options = {}) =>
	suite.api(method, path, { key: null, headers: { Authorization: `Bearer ${token}` }, ...options })
let next = 15551000000
const phone = () => `+${++next}`
async function made(answer, status = 201) {
	const { status: got, body, text } = await answer
	assert.equal(got, status, text)
	return body
}
const create = (body = {}) => made(suite.api('POST', CONTACTS, { body: { phone: phone(), ...body } }))
const segment = (base, body = {}) => made(bearer('POST', base, { body: { name: `Segment ${++next}`, ...body } }))
const change = (method, base, id, contactIds) => bearer(method, `${base}/${id}/contacts`, { body: { contactIds } })
const query = (params) => suite.api('GET', `${CONTACTS}?${new URLSearchParams(params)}`)
const found = async (params) => (await made(query(params), 200)).data.map((c) => c.id)

// The envelope of every refusal; @message is a part of its sentence.
async function refused(answer, status, message) {
	const { body, status: got, text } = await answer
	const words = { 400: 'Bad Request', 401: 'Unauthorized', 404: 'Not Found', 409: 'Conflict' }
	assert.equal(got, status, text)
	assert.deepEqual(Object.keys(body).sort(), ['error', 'message', 'statusCode'])
	assert.equal(body.statusCode, status)
	assert.equal(body.error, words[status])
	assert.match(body.message, message)
}

// ---- contacts ----

test('a contact is created, read, changed and deleted', async () => {
	const number = phone()
	const contact = await made(suite.api('POST', CONTACTS, { body: { phone: number, name: 'John Doe', fields: { city: 'Berlin' } } }))
	assert.deepEqual(Object.keys(contact).sort(), ['createdAt', 'fields', 'groupIds', 'id', 'name', 'phone', 'tagIds', 'updatedAt'])
	assert.match(contact.id, UUID)
	assert.match(contact.createdAt, ISO)
	assert.deepEqual([contact.phone, contact.name, contact.fields], [number, 'John Doe', { city: 'Berlin' }])
	const path = `${CONTACTS}/${contact.id}`
	assert.deepEqual(await made(suite.api('GET', path), 200), contact)

	const moved = phone()
	const changed = await made(suite.api('PATCH', path, { body: { phone: moved } }), 200)
	assert.deepEqual([changed.id, changed.phone, changed.name, changed.fields], [contact.id, moved, 'John Doe', { city: 'Berlin' }])
	assert.ok(Date.parse(changed.updatedAt) >= Date.parse(contact.updatedAt))
	const renamed = await made(suite.api('PATCH', path, { body: { name: 'Jane', fields: { tier: 'gold' } } }), 200)
	assert.deepEqual([renamed.phone, renamed.name, renamed.fields], [moved, 'Jane', { tier: 'gold' }])
	assert.deepEqual(await made(suite.api('PATCH', path, { body: {} }), 200), renamed)
	const cleared = await made(suite.api('PATCH', path, { body: { name: '', fields: {} } }), 200)
	assert.deepEqual([cleared.name, cleared.fields], [null, {}])
	assert.equal(cleared.createdAt, contact.createdAt)

	assert.deepEqual(await made(suite.api('DELETE', path), 200), { deleted: true })
	for (const [method, body] of [['GET'], ['PATCH', { name: 'x' }], ['DELETE']])
		await refused(suite.api(method, path, { body }), 404, /^Contact not found$/)
	await create({ phone: moved }) // the number is free again
})

test('the name is optional, and a phone is written with or without its plus', async () => {
	const number = phone()
	const contact = await made(suite.api('POST', CONTACTS, { body: { phone: number.slice(1) } }))
	assert.deepEqual([contact.phone, contact.name, contact.fields], [number, null, {}])
})

test('a phone is saved once: 409 on create and on update', async () => {
	const a = await create({ name: 'A' }), b = await create({ name: 'B' })
	await refused(suite.api('POST', CONTACTS, { body: { phone: a.phone, name: 'again' } }), 409, /phone number exists/)
	await refused(suite.api('POST', CONTACTS, { body: { phone: a.phone.slice(1) } }), 409, /phone number exists/)
	await refused(suite.api('PATCH', `${CONTACTS}/${b.id}`, { body: { phone: a.phone, name: 'C' } }), 409, /phone number exists/)
	assert.deepEqual(await made(suite.api('GET', `${CONTACTS}/${b.id}`), 200), b)
	assert.equal((await made(suite.api('PATCH', `${CONTACTS}/${b.id}`, { body: { phone: b.phone } }), 200)).phone, b.phone)
})

test('wrong input is a 400 that names it, and saves nothing', async () => {
	const total = (await query({})).body.total
	const twentyOne = Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`f${i}`, 'x']))
	const cases = [
		[{}, /phone is required/],
		[{ phone: '12345' }, /phone must match/],
		[{ phone: '+1 555 000 1111' }, /phone must match/],
		[{ phone: 15550001111 }, /phone must be a string/],
		[{ name: 'x'.repeat(201) }, /name must have at most 200 characters/],
		[{ name: null }, /name must be a string/],
		[{ colour: 'red' }, /colour should not exist/],
		[{ fields: [] }, /fields must be an object/],
		[{ fields: 'x' }, /fields must be an object/],
		[{ fields: { a: 1 } }, /fields\.a must be a text/],
		[{ fields: { a: 'x'.repeat(501) } }, /fields\.a must be a text of at most 500/],
		[{ fields: { '1a': 'x' } }, /names of fields/],
		[{ fields: { 'a b': 'x' } }, /names of fields/],
		[{ fields: { ['a'.repeat(65)]: 'x' } }, /names of fields/],
		[{ fields: { '': 'x' } }, /names of fields/],
		[{ fields: twentyOne }, /more than 20/],
		[{ groupIds: ['x'] }, /groupIds must hold UUIDs/],
		[{ tagIds: NOBODY }, /tagIds must be an array/],
	]
	for (const [body, message] of cases)
		await refused(suite.api('POST', CONTACTS, { body: message.source.includes('phone') ? body : { phone: phone(), ...body } }), 400, message)
	const { id } = await create({ name: 'Input' })
	for (const [body, message] of cases.filter(([, m]) => !/required|Ids/.test(m.source)))
		await refused(suite.api('PATCH', `${CONTACTS}/${id}`, { body }), 400, message)
	assert.equal((await query({})).body.total, total + 1)
	const longest = { name: 'ü'.repeat(200), fields: { ['a'.repeat(64)]: 'ü'.repeat(500) } }
	const kept = await create(longest)
	assert.deepEqual({ name: kept.name, fields: kept.fields }, longest)
})

test('a new contact can be put into groups and tags; an unknown one saves nothing', async () => {
	const group = await segment(GROUPS), tag = await segment(TAGS)
	const contact = await create({ groupIds: [group.id, group.id], tagIds: [tag.id] })
	assert.deepEqual([contact.groupIds, contact.tagIds], [[group.id], [tag.id]])
	assert.equal((await made(bearer('GET', `${GROUPS}/${group.id}`), 200)).contactCount, 1)
	const body = { phone: phone(), groupIds: [group.id], tagIds: [NOBODY] }
	await refused(suite.api('POST', CONTACTS, { body }), 404, new RegExp(`^Tag ${NOBODY} not found$`))
	await refused(suite.api('POST', CONTACTS, { body: { phone: body.phone, groupIds: [tag.id] } }), 404, new RegExp(`^Group ${tag.id} not found$`))
	assert.deepEqual(await found({ search: body.phone }), [])
	assert.equal((await made(bearer('GET', `${GROUPS}/${group.id}`), 200)).contactCount, 1)
})

test('a number that WhatsApp told of keeps its contact id, and outlives the entry', async () => {
	const number = '15557770001'
	await suite.phone(number)
	const sent = await made(suite.send('+' + number, 'hello'), 200)
	await suite.waitStatus(sent.messageId, ['DELIVERED', 'READ'])
	await suite.sandboxCall('POST', `/phones/${number}/send`, { to: suite.devicePhone, text: 'hi' })
	const known = async () => (await made(suite.api('GET', `/v1/devices/${suite.deviceUid}/contacts?limit=100`), 200)).data
	const met = await eventually('the device knows the contact', async () => (await known()).find((c) => c.phone === '+' + number))
	await refused(suite.api('GET', `${CONTACTS}/${met.id}`), 404, /^Contact not found$/) // known, but not saved
	const saved = await made(suite.api('POST', CONTACTS, { body: { phone: number, name: 'Known' } }))
	assert.equal(saved.id, met.id)
	await made(suite.api('DELETE', `${CONTACTS}/${saved.id}`), 200)
	await refused(suite.api('GET', `${CONTACTS}/${met.id}`), 404, /^Contact not found$/)
	assert.ok((await known()).some((c) => c.id === met.id))
})

test('who is only saved is not in the list of a device', async () => {
	const before = (await suite.api('GET', `/v1/devices/${suite.deviceUid}/contacts`)).body.total
	await create()
	assert.equal((await suite.api('GET', `/v1/devices/${suite.deviceUid}/contacts`)).body.total, before)
})

// ---- lists and search ----

test('the list is paged, oldest first, with its total', async () => {
	const ids = []
	for (let i = 0; i < 3; i++) ids.push((await create({ name: `leaf ${i}` })).id)
	const all = await made(query({ limit: 100 }), 200)
	assert.deepEqual(all.data.slice(-3).map((c) => c.id), ids)
	assert.deepEqual(Object.keys(all.data[0]).sort(), ['createdAt', 'fields', 'id', 'name', 'phone', 'updatedAt'])
	assert.deepEqual([all.page, all.limit, all.total], [1, 100, all.data.length])
	const two = await made(query({ search: 'leaf', limit: 2, page: 2 }), 200)
	assert.deepEqual([two.data.map((c) => c.id), two.total, two.page, two.limit], [[ids[2]], 3, 2, 2])
	assert.equal((await query({})).body.limit, 20)
	await refused(query({ limit: 101 }), 400, /limit must be 1 to 100/)
	await refused(query({ page: 0 }), 400, /page must be 1 to 1000000/)
	await refused(query({ name: 'x' }), 400, /name should not exist/)
})

test('a search finds any part of a name or number, in any case, and takes nothing for its own language', async () => {
	const anna = await create({ name: 'Anna Größe', phone: '+498911112222' })
	const obrien = await create({ name: 'Pat "The" O\'Brien (50%)', phone: '+498933334444' })
	const cases = [
		['anna', [anna]], ['NNA GR', [anna]], ['GRÖSSE', []], ['grÖß', [anna]], ['o\'brien', [obrien]], ['"the"', [obrien]],
		['(50%)', [obrien]], ['1111', [anna]], ['+49 89-1111', [anna]], ['+49 89', [anna, obrien]], ['49893333', [obrien]],
		['an', [anna]], ['pa', [obrien]], ['" OR "', []], ['an*', []], ['NOT anna', []], ['%nna', []], ['_nna', []],
		['8911112222', [anna]], ['89111122223', []],
	]
	for (const [search, expected] of cases)
		assert.deepEqual(await found({ search }), expected.map((c) => c.id), search)
	assert.ok((await found({ search: '', limit: 100 })).length >= 2)
	await refused(query({ search: 'x'.repeat(101) }), 400, /search must have at most 100 characters/)
	await made(suite.api('PATCH', `${CONTACTS}/${anna.id}`, { body: { name: 'Berta' } }), 200)
	assert.deepEqual(await found({ search: 'anna' }), [])
	assert.deepEqual(await found({ search: 'berta' }), [anna.id])
	await made(suite.api('DELETE', `${CONTACTS}/${anna.id}`), 200)
	assert.deepEqual(await found({ search: 'berta' }), [])
})

test('groupId and tagId filter, together and with a search', async () => {
	const group = await segment(GROUPS), tag = await segment(TAGS)
	const a = await create({ name: 'filter one', groupIds: [group.id] })
	const b = await create({ name: 'filter two', groupIds: [group.id], tagIds: [tag.id] })
	const c = await create({ name: 'filter three', tagIds: [tag.id] })
	const cases = [
		[{ groupId: group.id }, [a, b]], [{ tagId: tag.id }, [b, c]], [{ groupId: group.id, tagId: tag.id }, [b]],
		[{ groupId: group.id, search: 'one' }, [a]], [{ tagId: tag.id, search: 'filter t' }, [b, c]], [{ tagId: tag.id, search: 'one' }, []],
		[{ groupId: tag.id }, []], [{ groupId: NOBODY }, []], [{ tagId: NOBODY, search: 'filter' }, []],
	]
	for (const [params, expected] of cases) {
		const { data, total } = await made(query(params), 200)
		assert.deepEqual(data.map((x) => x.id), expected.map((x) => x.id), JSON.stringify(params))
		assert.equal(total, expected.length)
	}
	await refused(query({ groupId: 'x' }), 400, /groupId must be a UUID/)
})

// ---- groups and tags ----

test('a group has a name and a description, a tag a name and a colour', async () => {
	const group = await segment(GROUPS, { name: 'VIP Clients', description: 'High-value customers' })
	assert.deepEqual(Object.keys(group).sort(), ['contactCount', 'createdAt', 'description', 'id', 'name', 'updatedAt'])
	assert.deepEqual([group.name, group.description, group.contactCount], ['VIP Clients', 'High-value customers', 0])
	assert.match(group.id, UUID)
	assert.match(group.createdAt, ISO)
	assert.equal((await segment(GROUPS)).description, null)
	const tag = await segment(TAGS, { name: 'Leads', color: '#22C55E' })
	assert.deepEqual(Object.keys(tag).sort(), ['color', 'contactCount', 'createdAt', 'id', 'name', 'updatedAt'])
	assert.deepEqual([tag.name, tag.color, tag.contactCount], ['Leads', '#22c55e', 0])
	assert.equal((await segment(TAGS)).color, '#6366f1')

	const hot = await made(bearer('PATCH', `${TAGS}/${tag.id}`, { body: { name: 'Hot Leads', color: '#ef4444' } }), 200)
	assert.deepEqual([hot.id, hot.name, hot.color, hot.contactCount], [tag.id, 'Hot Leads', '#ef4444', 0])
	assert.equal((await made(bearer('PATCH', `${TAGS}/${tag.id}`, { body: { color: '#000000' } }), 200)).name, 'Hot Leads')
	const plain = await made(bearer('PATCH', `${GROUPS}/${group.id}`, { body: { description: '' } }), 200)
	assert.deepEqual([plain.name, plain.description], ['VIP Clients', null])
})

for (const { base, filter, word } of KINDS) {
	test(`${base}: all are listed with their counts`, async () => {
		const before = (await made(bearer('GET', base), 200)).total
		const contact = await create()
		const a = await segment(base), b = await segment(base, { contactIds: [contact.id] })
		const list = await made(bearer('GET', base), 200)
		assert.deepEqual(list.data.slice(0, 2), [b, a]) // newest first
		assert.deepEqual([list.total, list.data.length, b.contactCount, a.contactCount], [before + 2, before + 2, 1, 0])
		const second = await made(bearer('GET', `${base}?limit=1&page=2`), 200)
		assert.deepEqual([second.data, second.page, second.limit, second.total], [[a], 2, 1, before + 2])
	})

	test(`${base}: a name is unique in the account`, async () => {
		const a = await segment(base, { name: `Unique ${word}` }), b = await segment(base)
		await refused(bearer('POST', base, { body: { name: a.name } }), 409, /name already exists/)
		await refused(bearer('PATCH', `${base}/${b.id}`, { body: { name: a.name } }), 409, /name already exists/)
		assert.equal((await made(bearer('PATCH', `${base}/${a.id}`, { body: { name: a.name } }), 200)).name, a.name)
		await made(suite.api('POST', base, { key: otherKey, body: { name: a.name } }))
	})

	test(`${base}: members are added and removed, and counted once`, async () => {
		const { id } = await segment(base)
		const [a, b, c] = [await create({ name: 'A' }), await create(), await create()]
		assert.deepEqual(await made(change('POST', base, id, [a.id, b.id]), 200), { added: 2 })
		assert.deepEqual(await made(change('POST', base, id, [b.id, c.id, c.id]), 200), { added: 1 })
		const seen = await made(bearer('GET', `${base}/${id}`), 200)
		assert.equal(seen.contactCount, 3)
		assert.deepEqual(seen.contacts, [a, b, c].map((x) => ({ id: x.id, name: x.name, phone: x.phone })))
		assert.deepEqual([seen.page, seen.limit], [1, 1000])
		const page = await made(bearer('GET', `${base}/${id}?limit=2&page=2`), 200)
		assert.deepEqual([page.contacts.map((x) => x.id), page.contactCount], [[c.id], 3])
		assert.deepEqual(await made(change('DELETE', base, id, [a.id, c.id]), 200), { removed: 2 })
		assert.deepEqual(await made(change('DELETE', base, id, [a.id]), 200), { removed: 0 })
		assert.deepEqual(await found({ [filter]: id }), [b.id])
		await made(suite.api('GET', `${CONTACTS}/${a.id}`), 200) // it is only out of the segment
		await made(suite.api('DELETE', `${CONTACTS}/${b.id}`), 200)
		assert.equal((await made(bearer('GET', `${base}/${id}`), 200)).contactCount, 0)
	})

	test(`${base}: an unknown contact is named, and nothing is changed`, async () => {
		const contact = await create()
		const theirs = await made(suite.api('POST', CONTACTS, { key: otherKey, body: { phone: phone() } }))
		const { id } = await segment(base)
		for (const unknown of [NOBODY, theirs.id]) {
			const message = new RegExp(`^Contact ${unknown} not found$`)
			await refused(change('POST', base, id, [contact.id, unknown]), 404, message)
			assert.equal((await made(bearer('GET', `${base}/${id}`), 200)).contactCount, 0)
			await refused(bearer('POST', base, { body: { name: 'Not made', contactIds: [contact.id, unknown] } }), 404, message)
		}
		await made(change('POST', base, id, [contact.id]), 200)
		await refused(change('DELETE', base, id, [contact.id, NOBODY]), 404, /not found/)
		assert.equal((await made(bearer('GET', `${base}/${id}`), 200)).contactCount, 1)
		assert.ok(!(await made(bearer('GET', base), 200)).data.some((s) => s.name === 'Not made'))
	})

	test(`${base}: wrong input is a 400 that names it`, async () => {
		const { id } = await segment(base)
		const ids = (n) => Array.from({ length: n }, () => NOBODY)
		const other = base === GROUPS ? [{ name: 'x', description: 'x'.repeat(501) }, /description must have at most 500 characters/]
			: [{ name: 'x', color: 'red' }, /color must be a colour/]
		const foreign = base === GROUPS ? [{ name: 'x', color: '#000000' }, /color should not exist/]
			: [{ name: 'x', description: 'x' }, /description should not exist/]
		for (const [body, message] of [other, foreign, [{ name: '' }, /name must not be empty/],
			[{ name: 'x'.repeat(101) }, /name must have 1 to 100 characters/], [{ name: 1 }, /name must be a string/]]) {
			await refused(bearer('POST', base, { body }), 400, message)
			await refused(bearer('PATCH', `${base}/${id}`, { body }), 400, message)
		}
		await refused(bearer('POST', base, { body: {} }), 400, /name is required/)
		for (const method of ['POST', 'DELETE']) {
			await refused(bearer(method, `${base}/${id}/contacts`, { body: {} }), 400, /contactIds is required/)
			await refused(change(method, base, id, []), 400, /contactIds must be an array/)
			await refused(change(method, base, id, ['x']), 400, /contactIds must hold UUIDs/)
			await refused(change(method, base, id, ids(1001)), 400, /contactIds must be an array/)
			await refused(change(method, base, id, ids(1000)), 404, /not found/)
		}
		await refused(bearer('GET', `${base}/${id}?limit=1001`), 400, /limit must be 1 to 1000/)
	})

	test(`${base}: what does not exist, or is of the other kind, is 404`, async () => {
		const wrong = await segment(base === GROUPS ? TAGS : GROUPS)
		const contact = await create()
		for (const id of [NOBODY, wrong.id, 'not-a-uuid']) {
			const message = id === 'not-a-uuid' ? /does not exist/ : new RegExp(`^${word} ${id} not found$`)
			await refused(bearer('GET', `${base}/${id}`), 404, message)
			await refused(bearer('PATCH', `${base}/${id}`, { body: { name: 'x' } }), 404, message)
			await refused(bearer('DELETE', `${base}/${id}`), 404, message)
			await refused(change('POST', base, id, [contact.id]), 404, message)
			await refused(change('DELETE', base, id, [contact.id]), 404, message)
		}
		await made(bearer('GET', `${base === GROUPS ? TAGS : GROUPS}/${wrong.id}`), 200)
	})

	test(`${base}: deleting takes more than one slice, and leaves the contacts`, async () => {
		const ids = []
		for (let i = 0; i < 12; i++) ids.push(...await Promise.all(Array.from({ length: 50 }, async () => (await create({ name: 'sliced' })).id)))
		const { id, name } = await segment(base, { contactIds: ids })
		assert.equal((await made(bearer('GET', `${base}/${id}`), 200)).contacts.length, 600)
		assert.deepEqual(await made(bearer('DELETE', `${base}/${id}`), 200), { deleted: true })
		await refused(bearer('GET', `${base}/${id}`), 404, /not found/)
		await refused(bearer('DELETE', `${base}/${id}`), 404, /not found/)
		assert.ok(!(await made(bearer('GET', base), 200)).data.some((s) => s.id === id))
		const left = await made(suite.api('GET', `${CONTACTS}/${ids[599]}`), 200)
		assert.deepEqual([left.groupIds, left.tagIds], [[], []])
		await segment(base, { name }) // the name is free again
		await Promise.all(ids.map((x) => suite.api('DELETE', `${CONTACTS}/${x}`)))
	})
}

test('an Idempotency-Key saves once', async () => {
	const options = { headers: { 'Idempotency-Key': 'contact-1' }, body: { phone: phone(), name: 'Once' } }
	const first = await made(suite.api('POST', CONTACTS, options))
	assert.deepEqual(await made(suite.api('POST', CONTACTS, options)), first)
	assert.equal((await found({ search: 'Once' })).length, 1)
})

// ---- who may ----

test('key and token are both taken everywhere, and nothing goes without', async () => {
	const contact = await create(), group = await segment(GROUPS), tag = await segment(TAGS)
	const paths = [CONTACTS, `${CONTACTS}/${contact.id}`, GROUPS, `${GROUPS}/${group.id}`, TAGS, `${TAGS}/${tag.id}`]
	for (const path of paths) {
		assert.deepEqual(await made(suite.api('GET', path), 200), await made(bearer('GET', path), 200))
		await refused(suite.api('GET', path, { key: null }), 401, /./)
		await refused(suite.api('GET', path, { key: 'wak_' + '0'.repeat(48) }), 401, /./)
		await refused(bearer('GET', path, { headers: { Authorization: 'Bearer x.y.z' } }), 401, /./)
	}
	const writes = [['POST', CONTACTS], ['PATCH', paths[1]], ['DELETE', paths[1]]]
	for (const base of [`${GROUPS}/${group.id}`, `${TAGS}/${tag.id}`])
		writes.push(['PATCH', base], ['DELETE', base], ['POST', `${base}/contacts`], ['DELETE', `${base}/contacts`])
	writes.push(['POST', GROUPS], ['POST', TAGS])
	for (const [method, path] of writes)
		await refused(suite.api(method, path, { key: null, body: {} }), 401, /./)
	await made(suite.api('GET', paths[1]), 200)
})

test('another account sees and changes nothing', async () => {
	const group = await segment(GROUPS), tag = await segment(TAGS)
	const contact = await create({ name: 'Private', groupIds: [group.id], tagIds: [tag.id] })
	const theirs = (method, path, body) => suite.api(method, path, { key: otherKey, body })
	for (const [method, body] of [['GET'], ['PATCH', { name: 'x' }], ['DELETE']]) {
		await refused(theirs(method, `${CONTACTS}/${contact.id}`, body), 404, /not found/)
		await refused(theirs(method, `${GROUPS}/${group.id}`, body), 404, /not found/)
		await refused(theirs(method, `${TAGS}/${tag.id}`, body), 404, /not found/)
	}
	const own = await made(theirs('POST', CONTACTS, { phone: contact.phone, name: 'Theirs' })) // a book of their own
	assert.notEqual(own.id, contact.id)
	for (const base of [`${GROUPS}/${group.id}`, `${TAGS}/${tag.id}`])
		for (const method of ['POST', 'DELETE'])
			await refused(theirs(method, `${base}/contacts`, { contactIds: [own.id] }), 404, /not found/)
	await refused(theirs('POST', CONTACTS, { phone: phone(), groupIds: [group.id] }), 404, /not found/)
	assert.deepEqual((await made(theirs('GET', `${CONTACTS}?search=Private`), 200)).data, [])
	assert.deepEqual((await made(theirs('GET', `${CONTACTS}?groupId=${group.id}`), 200)).data, [])
	for (const base of [GROUPS, TAGS])
		assert.ok(!(await made(theirs('GET', base), 200)).data.some((s) => [group.id, tag.id].includes(s.id)))
	const seen = await made(suite.api('GET', `${CONTACTS}/${contact.id}`), 200)
	assert.deepEqual([seen.name, seen.groupIds, seen.tagIds], ['Private', [group.id], [tag.id]])
})

test('the plan has room for so many contacts', async () => {
	const key = cli('account', 'create', '--name', 'Small', '--email', 'small@example.com', '--password', 'correct horse', '--plan', 'STARTER').apiKey
	const post = (number) => suite.api('POST', CONTACTS, { key, body: { phone: number } })
	const first = await made(post(phone()))
	await made(post(phone()))
	const full = await post(phone())
	assert.equal(full.status, 403)
	assert.deepEqual([full.body.error, full.body.plan, full.body.limit, full.body.used], ['PLAN_LIMIT_EXCEEDED', 'STARTER', 2, 2])
	assert.equal((await suite.api('GET', CONTACTS, { key })).body.total, 2)
	await made(suite.api('DELETE', `${CONTACTS}/${first.id}`, { key }), 200)
	await made(post(phone()))
})
