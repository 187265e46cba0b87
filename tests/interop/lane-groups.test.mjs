// Groups and status: our lane, unmodified Baileys clients and virtual phones in one group of twenty.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { Suite, receiver, eventually, sleep } from '../lib/suite.mjs'
import { Client } from './lib/baileys.mjs'

const ALICE = '15553330001'
const BOB = '15553330002'
const STRANGER = '15553330003'
const PHONES = Array.from({ length: 17 }, (_, i) => `155533301${String(i).padStart(2, '0')}`)
let suite, hook, groupHook, alice, bob, own, group

const scan = (phone) => (qr) => suite.sandboxCall('POST', `/phones/${phone}/scan`, { qr })
const api = async (method, path, body, status = 200) => {
	const answer = await suite.api(method, `/v1/devices/${suite.deviceUid}${path}`, { body })
	assert.equal(answer.status, status, answer.text)
	return answer.body
}
const say = (to, text, extra = {}) => api('POST', '/messages', { to, type: 'TEXT', text, ...extra })
const inGroup = (phone, text) => suite.inbox(phone).then((all) => all.find((e) => e.text === text && e.chat === group))
const heardBy = (client, text, chat = group) => eventually(`${client.name} has "${text}"`, () =>
	client.messages.find((m) => m.key.remoteJid === chat && (m.message?.conversation ?? m.message?.extendedTextMessage?.text) === text), 30000)
const groupText = (text) => eventually(`the group webhook has "${text}"`, () =>
	groupHook.events('message.received').map((e) => e.data).find((d) => d.text === text), 30000)

before(async () => {
	suite = await Suite.start({ env: { VEREDA_SAFETY_ENABLED: 'false' } })
	hook = await receiver()
	groupHook = await receiver()
	own = suite.devicePhone.replace('+', '')
	await suite.api('PUT', '/v1/developer/webhooks', { body: { deviceUid: suite.deviceUid, personalWebhookUrl: hook.url, groupWebhookUrl: groupHook.url } })
	for (const phone of [ALICE, BOB, STRANGER, ...PHONES]) await suite.phone(phone, { name: `P${phone.slice(-3)}`, readAfterMs: 300 })
	const wsUrl = suite.sandboxUrl.replace('http', 'ws') + '/ws/chat'
	alice = new Client({ wsUrl, name: 'alice' })
	bob = new Client({ wsUrl, name: 'bob' })
	await alice.pairByQr(scan(ALICE))
	await bob.pairByQr(scan(BOB))
	for (const client of [alice, bob]) await client.available()
})
after(async () => {
	for (const client of [alice, bob]) await client?.close()
	await suite.stop()
	await hook.close()
	await groupHook.close()
})

test('a group of twenty is created, listed and known by its members', async () => {
	const made = await api('POST', '/groups', { subject: 'Twenty', participants: [ALICE, BOB, ...PHONES].map((p) => '+' + p) }, 201)
	group = made.id
	assert.match(group, /@g\.us$/)
	assert.equal(made.participants.length, 20)
	assert.equal(made.participants.filter((p) => p.role === 'superadmin').length, 1)
	const list = await api('GET', '/groups')
	const groups = list.groups ?? list.items ?? list
	assert.ok(groups.some((g) => g.id === group && g.subject === 'Twenty'))
	const seen = await eventually('alice knows the group', () => alice.socket.groupMetadata(group).catch(() => null))
	assert.equal(seen.participants.length, 20)
})

test('one message reaches all nineteen others, Baileys and phones alike', async () => {
	const sent = await say(group, 'hello all')
	const [a, b] = [await heardBy(alice, 'hello all'), await heardBy(bob, 'hello all')]
	assert.equal(a.key.id, sent.providerMessageId)
	assert.equal(b.key.id, sent.providerMessageId)
	for (const phone of PHONES) await eventually(`${phone} has it`, () => inGroup(phone, 'hello all'))
	const second = await say(group, 'again, without new keys')
	for (const client of [alice, bob]) await heardBy(client, 'again, without new keys')
	for (const phone of PHONES) await eventually(`${phone} has it`, () => inGroup(phone, 'again, without new keys'))
	for (const client of [alice, bob]) await client.markRead(client.messages.find((m) => m.key.id === second.providerMessageId))
	const read = await suite.waitStatus(second.messageId, 'READ', 30000)
	assert.equal(read.receipts?.length ?? 19, 19)
})

test('what members say reaches the group webhook once, with who said it', async () => {
	await alice.sendText(group, 'from alice')
	const data = await groupText('from alice')
	assert.equal(data.chat, group)
	assert.equal(data.isGroup, true)
	assert.equal(data.from, '+' + ALICE)
	assert.ok(data.contactId)
	await suite.sandboxCall('POST', `/phones/${PHONES[3]}/send`, { group, text: 'from a phone' })
	await groupText('from a phone')
	await heardBy(bob, 'from a phone')
	await bob.sendText(group, 'from bob')
	await groupText('from bob')
	assert.equal(groupHook.events('message.received').filter((e) => e.data.text === 'from alice').length, 1)
	assert.equal(hook.events('message.received').length, 0, 'a group message came to the personal webhook')
})

test('a member that lost its keys asks, and gets the message by retry', async () => {
	for (const key of [...bob.auth.records.keys()])
		if (/^(session|sender-key)/.test(key)) bob.auth.records.delete(key)
	await bob.close()
	await bob.open()
	await say(group, 'for who lost everything')
	await heardBy(bob, 'for who lost everything')
	await heardBy(alice, 'for who lost everything')
})

test('after a removal the key is new: who was removed reads nothing more', async () => {
	const target = PHONES[0]
	const result = await api('POST', `/groups/${group}/participants`, { action: 'remove', participants: ['+' + BOB, '+' + target] })
	assert.deepEqual(result.participants.map((p) => p.status), ['ok', 'ok'])
	await eventually('the group has eighteen', async () => (await api('GET', `/groups/${group}`)).participants.length === 18)
	const before = bob.messages.length
	await say(group, 'without bob')
	await heardBy(alice, 'without bob')
	for (const phone of PHONES.slice(1)) await eventually(`${phone} has it`, () => inGroup(phone, 'without bob'))
	await alice.sendText(group, 'alice after the removal')
	await groupText('alice after the removal')
	await sleep(500)
	assert.equal(await inGroup(target, 'without bob'), undefined)
	assert.ok(!bob.messages.slice(before).some((m) => m.message?.conversation === 'without bob'))
	const event = await eventually('group.participants', () => groupHook.events('group.participants').map((e) => e.data).find((d) => d.action === 'remove'))
	assert.equal(event.chat, group)
})

test('a member that comes back reads from then on', async () => {
	await api('POST', `/groups/${group}/participants`, { action: 'add', participants: ['+' + BOB] })
	await eventually('the group has nineteen', async () => (await api('GET', `/groups/${group}`)).participants.length === 19)
	await say(group, 'welcome back bob')
	await heardBy(bob, 'welcome back bob')
})

test('settings, promotion, invite link and leaving', async () => {
	await api('PATCH', `/groups/${group}`, { subject: 'Nineteen', description: 'about us', announcement: true, memberAddMode: 'admins' })
	const seen = await eventually('the group has its new name', async () => {
		const g = await api('GET', `/groups/${group}`)
		return g.subject === 'Nineteen' && g.announcement ? g : null
	})
	assert.equal(seen.description, 'about us')
	assert.equal(seen.memberAddMode, 'admins')
	await assert.rejects(alice.socket.sendMessage(group, { text: 'x' }).then(async (m) => {
		await eventually('refused', () => alice.statuses.get(m.key.id) === 0, 3000)
		throw new Error('refused')
	}))
	await api('POST', `/groups/${group}/participants`, { action: 'promote', participants: ['+' + ALICE] })
	await alice.sendText(group, 'an admin may speak')
	await groupText('an admin may speak')
	const invite = await api('GET', `/groups/${group}/invite`)
	assert.match(invite.link, /^https:\/\/chat\.whatsapp\.com\//)
	const fresh = await api('POST', `/groups/${group}/invite/reset`)
	assert.notEqual(fresh.code, invite.code)
	await api('PATCH', `/groups/${group}`, { announcement: false })
})

test('an edit, a reaction and a revoke work in a group', async () => {
	const sent = await say(group, 'mistake')
	const seen = await heardBy(alice, 'mistake')
	await alice.socket.sendMessage(group, { react: { text: '😮', key: seen.key } })
	const reaction = await eventually('the reaction', () => groupHook.events('message.received').map((e) => e.data).find((d) => d.messageType === 'REACTION'))
	assert.equal(reaction.content.target.id, sent.providerMessageId)
	await api('POST', '/messages', { to: group, type: 'REVOKE', target: { messageId: sent.messageId } })
	await eventually('alice sees it revoked', () => alice.messages.find((m) => m.message?.protocolMessage?.key?.id === sent.providerMessageId))
})

test('a group in the old mode works both ways too', async () => {
	const old = (await suite.sandboxCall('POST', '/groups', { creator: ALICE, subject: 'Old', members: [own, BOB, PHONES[5]], mode: 'pn' })).jid
	await eventually('we know it', async () => JSON.stringify(await api('GET', '/groups')).includes(old))
	await say(old, 'in the old mode')
	await heardBy(alice, 'in the old mode', old)
	await heardBy(bob, 'in the old mode', old)
	await bob.sendText(old, 'bob in the old mode')
	await groupText('bob in the old mode')
})

test('a status is seen by a contact and not by a stranger', async () => {
	await suite.sandboxCall('POST', `/phones/${own}/contacts`, { entries: [{ phone: ALICE, name: 'Alice' }, { phone: PHONES[7], name: 'Seven' }] })
	await eventually('the contacts are here', async () => {
		const list = (await suite.api('GET', `/v1/devices/${suite.deviceUid}/contacts`)).body
		return JSON.stringify(list).includes('Seven')
	}, 30000)
	const posted = await suite.api('POST', '/v1/developer/status/text', { body: { deviceUid: suite.deviceUid, text: 'my story', backgroundColor: '#FF0000' } })
	assert.equal(posted.status, 200, posted.text)
	assert.equal(posted.body.accepted, true)
	const story = await heardBy(alice, 'my story', 'status@broadcast')
	assert.equal(story.message.extendedTextMessage.backgroundArgb >>> 0, 0xffff0000)
	await eventually('the phone has it', async () => (await suite.inbox(PHONES[7])).find((e) => e.text === 'my story' && e.chat === 'status@broadcast'))
	await sleep(500)
	assert.ok(!(await suite.inbox(STRANGER)).some((e) => e.text === 'my story'))
	const privacy = await suite.api('GET', `/v1/developer/status/privacy/${suite.deviceUid}`)
	assert.equal(privacy.body.privacy, 'contacts')
})

test('a status of a contact reaches the webhook', async () => {
	await suite.sandboxCall('POST', `/phones/${PHONES[7]}/send`, { status: [own], text: 'story of a phone' })
	const data = await eventually('the story', () => hook.events('message.received').map((e) => e.data).find((d) => d.text === 'story of a phone'), 30000)
	assert.equal(data.chat, 'status@broadcast')
	assert.equal(data.isStatus, true)
})

test('leaving', async () => {
	await api('DELETE', `/groups/${group}`)
	const answer = await suite.api('POST', `/v1/devices/${suite.deviceUid}/messages`, { body: { to: group, type: 'TEXT', text: 'gone' } })
	if (answer.status === 200) {
		const failed = await suite.waitStatus(answer.body.messageId, 'FAILED')
		assert.match(failed.reason, /member|group/)
	}
})
