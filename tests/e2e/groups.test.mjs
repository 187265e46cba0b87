// Groups, chats, contacts, presence and privacy: what the API asks of a device's lane.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { BIN, Suite, eventually } from '../lib/suite.mjs'
import { png, upload, wav } from '../lib/media.mjs'

const BOB = '+15550002222', CAROL = '+15550003333', DAVE = '+15550004444', NOBODY = '+15559990000'

let suite, otherKey
before(async () => {
	suite = await Suite.start({ env: { VEREDA_SAFETY_ENABLED: 'false' } })
	for (const phone of [BOB, CAROL, DAVE]) await suite.phone(phone)
	otherKey = JSON.parse(execFileSync(`${BIN}/vereda`, ['account', 'create', '--name', 'Other', '--email', 'other@example.com',
		'--password', 'correct horse', '--state', suite.state, '--json'], { encoding: 'utf8' })).apiKey
})
after(async () => { await suite.stop() })

const call = (method, path, body, options = {}) => suite.api(method, `/v1/devices/${suite.deviceUid}${path}`, { body, ...options })
const inGroup = (jid, path = '') => `/groups/${encodeURIComponent(jid)}${path}`
const phones = (group) => group.participants.map((p) => p.phone).sort()

async function good(answer, status = 200) {
	assert.equal(answer.status, status, answer.text)
	return answer.body
}

async function newGroup(subject, participants = [BOB]) {
	return good(await call('POST', '/groups', { subject, participants }), 201)
}

const shown = (messageId, phone) =>
	eventually(`${phone} shows ${messageId}`, async () => (await suite.inbox(phone)).find((m) => m.id === messageId))

test('a group is made, found, renamed and left', async () => {
	const group = await newGroup('Team', [BOB, CAROL])
	assert.match(group.id, /^\d+@g\.us$/)
	assert.deepEqual([group.subject, phones(group)], ['Team', [suite.devicePhone, BOB, CAROL].map((p) => `+${p.replace('+', '')}`).sort()])
	assert.ok((await good(await call('GET', '/groups'))).groups.some((g) => g.id === group.id))
	assert.equal((await good(await call('GET', inGroup(group.id)))).subject, 'Team')
	await good(await call('PATCH', inGroup(group.id), { subject: 'Crew', description: 'who we are', announcement: true }))
	const renamed = await good(await call('GET', inGroup(group.id)))
	assert.deepEqual([renamed.subject, renamed.description, renamed.announcement], ['Crew', 'who we are', true])
	await good(await call('DELETE', inGroup(group.id)))
	assert.ok(!(await good(await call('GET', '/groups'))).groups.some((g) => g.id === group.id))
})

test('members are added, raised, lowered and removed', async () => {
	const group = await newGroup('Members')
	const change = (action, who) => call('POST', inGroup(group.id, '/participants'), { action, participants: [who] })
	const role = async (phone) => (await good(await call('GET', inGroup(group.id)))).participants.find((p) => p.phone === phone)?.role
	await good(await change('add', CAROL))
	assert.equal(await role(CAROL), 'member')
	await good(await change('promote', CAROL))
	assert.equal(await role(CAROL), 'admin')
	await good(await change('demote', CAROL))
	assert.equal(await role(CAROL), 'member')
	await good(await change('remove', CAROL))
	assert.equal(await role(CAROL), undefined)
})

test('an invite link shows its group, and a new one voids the old', async () => {
	const group = await newGroup('Invited')
	const { code } = await good(await call('GET', inGroup(group.id, '/invite')))
	assert.equal((await good(await call('GET', `/groups/invites/${code}`))).subject, 'Invited')
	const renewed = await good(await call('POST', inGroup(group.id, '/invite/reset')))
	assert.notEqual(renewed.code, code)
	assert.ok([400, 403, 404].includes((await call('GET', `/groups/invites/${code}`)).status))
	const theirs = await suite.sandboxCall('POST', '/groups', { creator: BOB.slice(1), subject: 'Theirs', members: [CAROL.slice(1)] })
	assert.ok((await call('GET', inGroup(theirs.jid ?? theirs.id))).status >= 400)
})

test('messages go to a group and come from it', async () => {
	const group = await newGroup('Talk', [BOB, CAROL])
	const send = (body) => call('POST', '/messages', { to: group.id, ...body })
	const text = await good(await send({ type: 'TEXT', text: 'hello all', mentions: [BOB] }))
	for (const phone of [BOB, CAROL]) assert.equal((await shown(text.providerMessageId, phone)).text, 'hello all')
	const image = (await upload(suite, png(20, 20))).body
	const picture = await good(await send({ type: 'IMAGE', mediaId: image.id, text: 'us' }))
	assert.deepEqual([(await shown(picture.providerMessageId, CAROL)).type], ['image'])
	const stored = await eventually('both have read it', async () => {
		const m = await suite.message(text.messageId)
		return m.readBy === 2 ? m : null
	})
	assert.deepEqual([stored.to, stored.chat, stored.recipients, stored.deliveredTo], [group.id, group.id, 2, 2])
	assert.deepEqual(stored.receipts.map((r) => r.phone).sort(), [BOB, CAROL])
	assert.ok(stored.receipts.every((r) => /^[0-9a-f-]{36}$/.test(r.contactId) && r.readAt))

	const said = await suite.sandboxCall('POST', `/phones/${BOB.slice(1)}/send`, { group: group.id, text: 'hi there' })
	const got = await eventually('it was received', async () =>
		(await suite.api('GET', '/v1/developer/messages?limit=5')).body.data.find((m) => m.providerMessageId === said.id))
	assert.deepEqual([got.chat, got.from, got.text], [group.id, BOB, 'hi there'])
	const reply = await good(await send({ type: 'TEXT', text: 'welcome', quote: { messageId: got.id } }))
	assert.deepEqual((({ id, text: t }) => [id, t])((await shown(reply.providerMessageId, CAROL)).quoted), [said.id, 'hi there'])
	const emoji = await good(await send({ type: 'REACTION', text: '!', target: { messageId: got.id } }))
	assert.equal((await shown(emoji.providerMessageId, BOB)).reaction.target.id, said.id)
})

test('group settings that make no sense are refused before the lane hears of them', async () => {
	const group = '120363012345678901@g.us'
	const cases = [
		['POST', '/groups', {}, /subject is required/],
		['POST', '/groups', { subject: 'x', participants: [] }, /participants/],
		['POST', '/groups', { subject: 'x', participants: ['bob'] }, /participants must hold/],
		['POST', '/groups', { subject: 'x'.repeat(101), participants: [BOB] }, /subject must have 1 to 100 characters/],
		['PATCH', inGroup(group), { announcement: 'yes' }, /announcement must be true or false/],
		['PATCH', inGroup(group), { memberAddMode: 'some' }, /memberAddMode/],
		['PATCH', inGroup(group), { nope: 1 }, /nope should not exist/],
		['POST', inGroup(group, '/participants'), { action: 'kick', participants: [BOB] }, /action/],
		['POST', inGroup(group, '/requests'), { action: 'add', participants: [BOB] }, /action/],
		['POST', '/groups/join', {}, /code is required/],
		['PUT', inGroup(group, '/picture'), {}, /mediaId is required/],
		['PUT', inGroup(group, '/picture'), { mediaId: '00000000-0000-7000-8000-000000000000' }, /no media with this id/],
		['PATCH', `/chats/${BOB}`, { mutedUntil: 'tomorrow' }, /mutedUntil/],
		['POST', `/chats/${BOB}/typing`, { state: 'thinking' }, /state/],
		['POST', `/chats/${BOB}/read`, { messageIds: [] }, /messageIds/],
		['POST', '/presence', {}, /state is required/],
		['PATCH', '/privacy', { last: 'friends' }, /last/],
		['PUT', '/profile', { name: '' }, /name/],
		['POST', '/history', { chat: 'bob' }, /chat/],
		['POST', '/history', { chat: BOB, count: 0 }, /count/],
	]
	for (const [method, path, body, message] of cases) {
		const answer = await call(method, path, body)
		assert.equal(answer.status, 400, `${method} ${path} ${answer.text}`)
		assert.match(answer.body.message, message)
	}
	for (const [method, path] of [['GET', '/groups/nonsense'], ['GET', '/groups/900002@lid'], ['GET', '/contacts/bob'], ['PATCH', '/chats/bob'],
		['GET', '/contacts/00000000-0000-7000-8000-000000000000']])
		assert.equal((await call(method, path, method === 'GET' ? undefined : {})).status, 404, path)
})

test('contacts are known by phone, address and id', async () => {
	const bob = await good(await call('GET', `/contacts/${encodeURIComponent(BOB)}`))
	assert.equal(bob.phone, BOB)
	assert.equal((await call('GET', `/contacts/${encodeURIComponent(NOBODY)}`)).status, 404)
	await suite.sandboxCall('POST', `/phones/${DAVE.slice(1)}/send`, { to: suite.devicePhone, text: 'it is me' })
	const dave = await eventually('Dave is a contact', async () =>
		(await good(await call('GET', '/contacts?limit=100'))).data.find((c) => c.phone === DAVE))
	assert.match(dave.id, /^[0-9a-f-]{36}$/)
	assert.equal((await good(await call('GET', `/contacts/${dave.id}`))).phone, DAVE)
	const { data, total, page, limit } = await good(await call('GET', '/contacts?page=1&limit=1'))
	assert.deepEqual([data.length, page, limit], [1, 1, 1])
	assert.ok(total >= 2)
})

test('people are blocked and let back in', async () => {
	const blocked = async () => (await good(await call('GET', '/blocklist'))).blocked.map((b) => b.phone)
	await good(await call('PUT', `/blocklist/${encodeURIComponent(CAROL)}`))
	assert.ok((await blocked()).includes(CAROL))
	await good(await call('DELETE', `/blocklist/${encodeURIComponent(CAROL)}`))
	assert.ok(!(await blocked()).includes(CAROL))
})

test('privacy, presence and chats are the lane\'s to change', async () => {
	await good(await call('PATCH', '/privacy', { last: 'contacts' }))
	assert.equal((await good(await call('GET', '/privacy'))).last, 'contacts')
	await good(await call('POST', '/presence', { state: 'available' }))
	await good(await call('POST', `/chats/${encodeURIComponent(BOB)}/typing`, { state: 'composing' }))
	await good(await call('POST', `/chats/${encodeURIComponent(BOB)}/read`, {}))
	await good(await call('PATCH', `/chats/${encodeURIComponent(BOB)}`, { archived: true, mutedUntil: 'forever' }))
	const chat = await eventually('the chat is archived and muted', async () =>
		(await good(await call('GET', '/chats'))).data.find((c) => c.jid.startsWith(BOB.slice(1)) && c.archived && c.mutedUntil === 'forever'))
	assert.equal(chat.pinned, false)
	await good(await call('PATCH', `/chats/${encodeURIComponent(BOB)}`, { archived: false, mutedUntil: null, pinned: true }))
	await eventually('it is back and pinned', async () =>
		(await good(await call('GET', '/chats'))).data.find((c) => c.jid.startsWith(BOB.slice(1)) && !c.archived && c.pinned && c.mutedUntil === null))
})

test('another account\'s device is not there', async () => {
	for (const [method, path, body] of [['GET', '/groups'], ['POST', '/groups', { subject: 'x', participants: [BOB] }], ['GET', '/chats'], ['GET', '/contacts'],
		['GET', `/contacts/${encodeURIComponent(BOB)}`], ['GET', '/blocklist'], ['GET', '/privacy'], ['POST', '/presence', { state: 'available' }],
		['POST', '/messages', { to: BOB, type: 'TEXT', text: 'x' }]])
		assert.equal((await call(method, path, body, { key: otherKey })).status, 404, `${method} ${path}`)
})

test('a device that is not connected says so', async () => {
	const fresh = (await good(await suite.api('POST', '/v1/devices', { body: { name: 'Fresh' } }), 201)).deviceUid
	const answer = await suite.api('GET', `/v1/devices/${fresh}/groups`)
	assert.equal(answer.status, 409)
	assert.match(answer.body.message, /not connected \(PAIRING\)/)
	const send = await suite.api('POST', `/v1/devices/${fresh}/messages`, { body: { to: BOB, type: 'TEXT', text: 'x' } })
	assert.equal(send.status, 400)
})

test('a group message costs one of the budget, a reaction none, and media is told of the limit', async () => {
	const tight = await Suite.start()
	try {
		await tight.phone(BOB)
		const send = (body) => tight.api('POST', `/v1/devices/${tight.deviceUid}/messages`, { body })
		const group = await good(await tight.api('POST', `/v1/devices/${tight.deviceUid}/groups`, { body: { subject: 'G', participants: [BOB] } }), 201)
		const sound = (await upload(tight, wav(1))).body
		const left = async () => (await tight.api('GET', `/v1/devices/${tight.deviceUid}`)).body.safety.minuteRemaining
		const before = await left()
		const text = await good(await send({ to: group.id, type: 'TEXT', text: 'x' }))
		assert.equal(await left(), before - 1)
		for (let i = 0; i < 10; i++) await good(await send({ to: group.id, type: 'REACTION', text: '!', target: { messageId: text.messageId } }))
		assert.equal(await left(), before - 1)
		for (let i = 1; i < before; i++) await good(await send({ to: BOB, type: 'TEXT', text: `${i}` }))
		for (const [path, body] of [['send-media', { mediaId: sound.id }], ['send-voice', { mediaId: sound.id }]]) {
			const limited = await tight.api('POST', `/v1/developer/messages/${path}`, { body: { deviceUid: tight.deviceUid, to: BOB, ...body } })
			assert.equal(limited.status, 429)
			assert.deepEqual([limited.body.statusCode, limited.body.error], [429, 'Account Send Limit'])
			assert.match(limited.body.accountId, /^[0-9a-f-]{36}$/)
			assert.ok(Date.parse(limited.body.resetsAt) > Date.now())
		}
	} finally {
		await tight.stop()
	}
})
