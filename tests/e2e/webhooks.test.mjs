// Webhook delivery: attempts, history, order under failure, refused targets, redirects; pauses, replays, secrets, tests.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { Webhook } from 'standardwebhooks'
import { Suite, receiver, eventually, sleep } from '../lib/suite.mjs'

const PEER = '15550005555'
const env = { VEREDA_SAFETY_ENABLED: 'false', VEREDA_WEBHOOK_BACKOFF_BASE_MS: '100', VEREDA_WEBHOOK_BACKOFF_MAX_MS: '400', VEREDA_WEBHOOK_TIMEOUT_SEC: '1' }
const put = (suite, body) => suite.api('PUT', '/v1/developer/webhooks', { body: { deviceUid: suite.deviceUid, ...body } })
const history = async (suite, query = '') => (await suite.api('GET', `/v1/developer/webhooks/history?limit=100${query}`)).body

test('three attempts with the same webhook-id, then the next event; every attempt in the history', async () => {
	const suite = await Suite.start({ env })
	let failing = true
	const hook = await receiver(() => (failing ? 500 : 200))
	try {
		await suite.phone(PEER, { readAfterMs: -1 })
		await put(suite, { personalWebhookUrl: hook.url })
		const first = (await suite.send(PEER, 'fails')).body
		await eventually('three attempts', () => hook.got.filter((g) => g.event.data.messageId === first.messageId && g.event.type === 'message.sent').length === 3)
		failing = false
		const sent = hook.got.filter((g) => g.event.type === 'message.sent')
		assert.equal(new Set(sent.map((g) => g.headers['webhook-id'])).size, 1)
		assert.ok(sent[2].at - sent[1].at >= 0)
		const second = (await suite.send(PEER, 'passes')).body
		await eventually('the later event', () => hook.events('message.delivered').find((e) => e.data.messageId === second.messageId))
		const all = await eventually('the good delivery is recorded', async () => {
			const answer = await history(suite)
			return answer.data.some((a) => a.deliveryStatus === 'SUCCESS' && a.responseStatusCode === 200) ? answer : null
		})
		const attempts = all.data.filter((a) => a.eventId === sent[0].headers['webhook-id']).sort((a, b) => a.attempt - b.attempt)
		assert.deepEqual(attempts.map((a) => [a.attempt, a.deliveryStatus, a.responseStatusCode]),
			[[1, 'RETRYING', 500], [2, 'RETRYING', 500], [3, 'FAILED', 500]])
		assert.ok((await history(suite, '&status=FAILED')).data.every((a) => a.deliveryStatus === 'FAILED'))
	} finally {
		await suite.stop()
		await hook.close()
	}
})

test('a receiver that hangs times out; redirects are not followed', async () => {
	const suite = await Suite.start({ env })
	const target = await receiver()
	const hook = await receiver((entry, req, res) => {
		if (entry.event.type === 'message.sent') return undefined // never answers
		res.writeHead(302, { Location: target.url })
		res.end()
		return undefined
	})
	try {
		await suite.phone(PEER, { readAfterMs: -1 })
		await put(suite, { personalWebhookUrl: hook.url })
		await suite.send(PEER, 'x')
		const rows = await eventually('both events are given up', async () => {
			const { data } = await history(suite, '&status=FAILED')
			return data.length >= 2 ? data : null
		}, 30000)
		const hung = rows.find((a) => a.eventType === 'message.sent')
		assert.equal(hung.responseStatusCode, null)
		assert.match(hung.error, /time/i)
		assert.equal(rows.find((a) => a.eventType === 'message.delivered').responseStatusCode, 302)
		assert.equal(target.got.length, 0)
	} finally {
		await suite.stop()
		await hook.close()
		await target.close()
	}
})

test('private, loopback, link-local and metadata targets are refused unless configured', async () => {
	const suite = await Suite.start({ env: { ...env, VEREDA_WEBHOOK_ALLOW_PRIVATE_TARGETS: 'false' } })
	const hook = await receiver()
	try {
		await suite.phone(PEER, { readAfterMs: -1 })
		const port = new URL(hook.url).port
		for (const url of [hook.url, `http://localhost:${port}/`, `http://[::1]:${port}/`, `http://[::ffff:127.0.0.1]:${port}/`, 'http://169.254.169.254/latest/', `http://0.0.0.0:${port}/`, `http://2130706433:${port}/`]) {
			await put(suite, { personalWebhookUrl: url })
			const { messageId } = (await suite.send(PEER, url)).body
			await suite.waitStatus(messageId, ['DELIVERED'])
			await eventually(`${url} is refused`, async () => {
				const { data } = await history(suite)
				return data.some((a) => a.url.startsWith(url.slice(0, 12)) && a.deliveryStatus === 'REFUSED')
			})
		}
		assert.equal(hook.got.length, 0)
		for (const bad of ['ftp://example.com/', 'javascript:alert(1)', 'http://', 'nonsense', 'x'.repeat(3000)])
			assert.equal((await put(suite, { personalWebhookUrl: bad })).status, 400, bad.slice(0, 30))
	} finally {
		await suite.stop()
		await hook.close()
	}
})

test('webhooks are listed, paused and removed', async () => {
	const suite = await Suite.start({ env })
	const hook = await receiver()
	try {
		await suite.phone(PEER, { readAfterMs: -1 })
		const created = (await put(suite, { personalWebhookUrl: hook.url, groupWebhookUrl: hook.url + '/g' })).body
		const again = (await put(suite, { isActive: false })).body
		assert.equal(again.id, created.id)
		assert.ok(!('secret' in again))
		assert.equal(again.personalWebhookUrl, hook.url)
		const list = (await suite.api('GET', `/v1/developer/webhooks?deviceUid=${suite.deviceUid}`)).body
		assert.equal(list.data.length, 1)
		assert.equal(list.data[0].isActive, false)
		const { messageId } = (await suite.send(PEER, 'while paused')).body
		await suite.waitStatus(messageId, 'DELIVERED')
		await sleep(300)
		assert.equal(hook.got.length, 0)
		await put(suite, { isActive: true })
		const { messageId: later } = (await suite.send(PEER, 'after the pause')).body
		await eventually('what happens from now on is delivered', () => hook.events('message.delivered').find((e) => e.data.messageId === later))
		assert.ok(!hook.events().some((e) => e.data.messageId === messageId), 'what happened while it was paused stays away')
		assert.equal((await put(suite, { personalWebhookUrl: null })).body.personalWebhookUrl, null)
	} finally {
		await suite.stop()
		await hook.close()
	}
})

// ---- pauses ----

const PAUSING = { ...env, VEREDA_WEBHOOK_ATTEMPTS: '2', VEREDA_WEBHOOK_BREAKER_FAILURES: '3', VEREDA_WEBHOOK_BREAKER_BASE_SEC: '1', VEREDA_WEBHOOK_BREAKER_MAX_SEC: '2' }
const one = async (suite, id) => (await suite.api('GET', `/v1/developer/webhooks/${id}`)).body
const state = async (suite, id, kind = 'personal') => (await one(suite, id)).endpoints.find((e) => e.kind === kind)
const sendMany = async (suite, n, text) => {
	const ids = []
	for (let i = 0; i < n; i++) ids.push((await suite.send(PEER, `${text} ${i}`)).body.messageId)
	for (const id of ids) await suite.waitStatus(id, ['DELIVERED', 'READ'])
	return ids
}
// The account's events as they were logged, from the numbers that receivers see.
const seqs = (entries) => entries.map((g) => g.event.seq)
const unique = (list) => [...new Set(list)]
const isAscending = (list) => list.every((n, i) => i === 0 || n > list[i - 1])

test('a receiver that is down is paused; nothing is lost, and all comes in order, also over kill -9', async () => {
	const suite = await Suite.start({ env: PAUSING })
	let down = true
	const hook = await receiver(() => (down ? 503 : 200))
	try {
		await suite.phone(PEER, { readAfterMs: -1 })
		const { id } = (await put(suite, { personalWebhookUrl: hook.url })).body
		assert.deepEqual({ ...(await state(suite, id)), behind: 0 }, { kind: 'personal', url: hook.url, state: 'ok', pausedUntil: null, consecutiveFailures: 0, behind: 0 })
		await sendMany(suite, 10, 'while it is down') // 20 events
		const paused = await eventually('it is paused', async () => {
			const s = await state(suite, id)
			return s.state === 'paused' ? s : null
		})
		assert.equal(paused.consecutiveFailures, 3)
		assert.ok(Date.parse(paused.pausedUntil) > Date.now() - 3000)
		assert.ok(paused.behind >= 10)
		const failed = (await history(suite, '&status=FAILED')).data
		assert.equal(failed.length, 3, 'three events used up their attempts, then no more')
		// Probes are single attempts with the next event, and are shown.
		const probes = await eventually('two probes have failed', async () => {
			const answer = await history(suite, '&status=RETRYING')
			const list = answer.data.filter((a) => !failed.some((f) => f.eventId === a.eventId))
			return list.length >= 2 ? list : null
		})
		assert.equal(unique(probes.map((p) => p.eventId)).length, 1)
		assert.equal(suite.kill('webhookd'), 1)
		await eventually('webhookd is back', () => suite.pids('webhookd').length === 1)
		await sleep(500)
		assert.equal((await state(suite, id)).state, 'paused', 'the pause outlived the daemon')
		const before = hook.got.length
		down = false
		await eventually('all that waited has come', async () => (await state(suite, id)).behind === 0 && (await state(suite, id)).state === 'ok')
		const late = hook.got.slice(before)
		assert.ok(isAscending(seqs(late)), seqs(late).join())
		const want = 20 - 3 // the given up ones are for a replay
		assert.equal(unique(seqs(late)).length, want)
		assert.equal(Math.max(...seqs(late)) - Math.min(...seqs(late)), want - 1, 'without a gap')
		assert.equal((await state(suite, id)).consecutiveFailures, 0)
		// And what was given up comes by a replay, under its first ids.
		const givenUp = failed.map((f) => f.eventId)
		const at = hook.got.length
		for (const f of failed) assert.equal((await suite.api('POST', `/v1/developer/webhooks/history/${f.id}/replay`)).status, 202)
		await eventually('they are replayed', () => hook.got.length >= at + 3)
		assert.deepEqual(hook.got.slice(at).map((g) => g.headers['webhook-id']), givenUp)
	} finally {
		await suite.stop()
		await hook.close()
	}
})

test('naming the URL again ends a pause at once', async () => {
	const suite = await Suite.start({ env: { ...PAUSING, VEREDA_WEBHOOK_BREAKER_BASE_SEC: '3600', VEREDA_WEBHOOK_BREAKER_MAX_SEC: '3600' } })
	let down = true
	const hook = await receiver(() => (down ? 500 : 200))
	try {
		await suite.phone(PEER, { readAfterMs: -1 })
		const { id } = (await put(suite, { personalWebhookUrl: hook.url })).body
		await sendMany(suite, 4, 'x')
		await eventually('it is paused', async () => (await state(suite, id)).state === 'paused')
		down = false
		const before = hook.got.length
		await put(suite, { groupWebhookUrl: hook.url + '/g' }) // the other kind changes nothing
		await sleep(300)
		assert.equal(hook.got.length, before)
		await put(suite, { isActive: true })
		await eventually('what waited has come', async () => (await state(suite, id)).behind === 0)
		assert.equal(hook.got.length - before, 8 - 3)
		assert.equal((await state(suite, id)).state, 'ok')
		await put(suite, { isActive: false })
		assert.equal((await state(suite, id)).state, 'inactive')
	} finally {
		await suite.stop()
		await hook.close()
	}
})

test('one dead receiver of ten does not slow the others', async () => {
	const suite = await Suite.start({ env: { ...env, VEREDA_WEBHOOK_TIMEOUT_SEC: '5', VEREDA_WEBHOOK_MAX_CONCURRENT: '4' } })
	const hooks = await Promise.all(Array.from({ length: 10 }, (_, i) => receiver(() => (i === 0 ? undefined : 200))))
	try {
		const uids = [suite.deviceUid]
		for (let i = 1; i < 10; i++) uids.push((await suite.api('POST', '/v1/devices', { body: { name: `d${i}` } })).body.deviceUid)
		for (const [i, deviceUid] of uids.entries()) await suite.api('PUT', '/v1/developer/webhooks', { body: { deviceUid, personalWebhookUrl: hooks[i].url } })
		const testAll = () => Promise.all(uids.map((deviceUid) => suite.api('POST', '/v1/developer/webhooks/test', { body: { deviceUid } })))
		await testAll()
		await eventually('the dead one holds its place', () => hooks[0].got.length === 1)
		const began = Date.now()
		for (let i = 0; i < 20; i++) await testAll()
		await eventually('the nine have all', () => hooks.slice(1).every((h) => h.got.length === 21))
		assert.ok(Date.now() - began < 4500, 'before the dead one has timed out once')
		assert.equal(hooks[0].got.length, 1)
		for (const h of hooks.slice(1)) assert.ok(isAscending(seqs(h.got)))
	} finally {
		await suite.stop()
		for (const h of hooks) await h.close()
	}
})

// ---- replays ----

test('a stretch of the log is replayed in order under the first ids, while live events flow', async () => {
	const suite = await Suite.start({ env })
	const hook = await receiver()
	const groupHook = await receiver()
	try {
		await suite.phone(PEER, { readAfterMs: -1 })
		await put(suite, { personalWebhookUrl: hook.url, groupWebhookUrl: groupHook.url })
		await sendMany(suite, 15, 'first')
		const got = await eventually('30 events', () => (hook.got.length >= 30 ? [...hook.got] : null))
		const idOf = new Map(got.map((g) => [g.event.seq, g.headers['webhook-id']]))
		const [fromSeq, toSeq] = [got[4].event.seq, got[23].event.seq]
		const replay = (body) => suite.api('POST', '/v1/developer/webhooks/replay', { body: { deviceUid: suite.deviceUid, ...body } })
		const before = hook.got.length
		const [answer] = await Promise.all([replay({ fromSeq, toSeq }), sendMany(suite, 10, 'meanwhile')])
		assert.equal(answer.status, 202)
		assert.equal(answer.body.events, 20)
		assert.match(answer.body.replayId, /^[0-9a-f-]{36}$/)
		await eventually('replayed and live', () => hook.got.length >= before + 20 + 20)
		const after = hook.got.slice(before)
		const replayed = after.filter((g) => g.event.seq <= toSeq), live = after.filter((g) => g.event.seq > toSeq)
		assert.deepEqual(seqs(replayed), Array.from({ length: 20 }, (_, i) => fromSeq + i))
		for (const g of replayed) assert.equal(g.headers['webhook-id'], idOf.get(g.event.seq), 'the same id: a receiver drops it')
		assert.ok(isAscending(seqs(live)))
		assert.equal(unique(hook.got.map((g) => g.headers['webhook-id'])).length, 50, 'after dropping what is known nothing is twice')
		assert.equal(groupHook.got.length, 0, 'only events of its kind')
		const rows = await eventually('the attempts are marked', async () => {
			const { data } = await history(suite)
			return data.filter((a) => a.isReplay).length === 20 ? data : null
		})
		assert.ok(rows.every((a) => a.deliveryStatus === 'SUCCESS'))

		// By time; and one by its attempt.
		const [from, to] = [got[0].event.timestamp, got[9].event.timestamp]
		const inTime = got.filter((g) => g.event.timestamp >= from && g.event.timestamp <= to)
		const at = hook.got.length
		assert.equal((await replay({ from, to })).body.events, inTime.length)
		await eventually('the stretch of time', () => hook.got.length >= at + inTime.length)
		assert.deepEqual(seqs(hook.got.slice(at)), seqs(inTime))
		const attempt = rows.find((a) => a.eventId === idOf.get(fromSeq) && !a.isReplay)
		const single = await suite.api('POST', `/v1/developer/webhooks/history/${attempt.id}/replay`)
		assert.equal(single.status, 202)
		assert.equal(single.body.events, 1)
		await eventually('the one', () => hook.got[at + inTime.length]?.headers['webhook-id'] === attempt.eventId)
		const ofEvent = await eventually('all of its attempts', async () => {
			const answer = (await history(suite, `&eventId=${attempt.eventId}`))
			return answer.total >= 3 ? answer : null
		})
		assert.ok(ofEvent.data.every((a) => a.eventId === attempt.eventId))
		assert.equal(ofEvent.data.filter((a) => !a.isReplay).length, 1)
		assert.equal((await history(suite, `&eventId=${attempt.eventId}&status=FAILED`)).total, 0)

		assert.equal((await replay({})).status, 400)
		assert.equal((await replay({ toSeq: 5 })).status, 400)
		assert.equal((await replay({ fromSeq: 9, toSeq: 5 })).status, 400)
		assert.equal((await replay({ fromSeq: 0 })).status, 400)
		assert.equal((await replay({ from: 'yesterday' })).status, 400)
		assert.equal((await replay({ from: '2026-05-02', to: '2026-05-01' })).status, 400)
		assert.equal((await replay({ fromSeq: 1000000 })).status, 404)
		assert.equal((await suite.api('POST', '/v1/developer/webhooks/history/0197c7a0-4a3e-7b51-9d2f-2f6a1c1f0e21/replay')).status, 404)
		assert.equal((await suite.api('POST', '/v1/developer/webhooks/history/nonsense/replay')).status, 404)
	} finally {
		await suite.stop()
		await hook.close()
		await groupHook.close()
	}
})

test('a replay goes on after kill -9; ten may wait for a URL', async () => {
	const suite = await Suite.start({ env })
	let hold = 0
	const hook = await receiver(async () => { if (hold) await sleep(hold); return 200 })
	try {
		await suite.phone(PEER, { readAfterMs: -1 })
		const { id } = (await put(suite, { personalWebhookUrl: hook.url })).body
		await sendMany(suite, 15, 'x')
		await eventually('30 events', () => hook.got.length >= 30)
		await eventually('they are recorded', async () => (await state(suite, id)).behind === 0)
		const ids = hook.got.slice(0, 30).map((g) => g.headers['webhook-id'])
		const fromSeq = hook.got[0].event.seq
		hold = 100
		const replay = () => suite.api('POST', '/v1/developer/webhooks/replay', { body: { deviceUid: suite.deviceUid, fromSeq } })
		for (let i = 0; i < 10; i++) assert.equal((await replay()).status, 202)
		const refused = await replay()
		assert.equal(refused.status, 409)
		assert.equal(refused.body.error, 'Conflict')
		await eventually('it has begun', () => hook.got.length >= 35)
		assert.equal(suite.kill('webhookd'), 1)
		hold = 0
		await eventually('everything was replayed', () => hook.got.length >= 330, 60000)
		const firstRound = unique(hook.got.slice(30, 61).map((g) => g.headers['webhook-id']))
		assert.deepEqual(firstRound, ids, 'from where it stood')
		assert.ok(hook.got.length <= 332, 'what was under way came twice at most')
		await eventually('a place is free again', async () => (await replay()).status === 202)
	} finally {
		await suite.stop()
		await hook.close()
	}
})

// ---- secrets, tests, one webhook ----

test('a replaced secret signs beside the new one for its time', async () => {
	const suite = await Suite.start({ env })
	const hook = await receiver()
	try {
		const { id, secret: first } = (await put(suite, { personalWebhookUrl: hook.url })).body
		const rotate = (body) => suite.api('POST', `/v1/developer/webhooks/${id}/rotate-secret`, { body })
		const verifies = (secret, g) => {
			try {
				new Webhook(secret).verify(g.text, g.headers)
				return true
			} catch {
				return false
			}
		}
		const next = async () => {
			const n = hook.got.length
			await suite.api('POST', '/v1/developer/webhooks/test', { body: { deviceUid: suite.deviceUid } })
			return eventually('it has come', () => hook.got[n])
		}
		assert.ok(verifies(first, await next()))
		const rotated = await rotate({ overlapSec: 3 })
		assert.equal(rotated.status, 200)
		assert.deepEqual(Object.keys(rotated.body).sort(), ['deviceUid', 'id', 'oldSecretUntil', 'secret'])
		const second = rotated.body.secret
		assert.match(second, /^whsec_/)
		assert.notEqual(second, first)
		const both = await eventually('both sign', async () => {
			const g = await next()
			return g.headers['webhook-signature'].includes(' ') ? g : null
		}, 2500)
		assert.ok(verifies(first, both) && verifies(second, both))
		assert.equal((await one(suite, id)).oldSecretUntil, rotated.body.oldSecretUntil)
		await sleep(Date.parse(rotated.body.oldSecretUntil) - Date.now() + 50)
		const after = await next()
		assert.ok(!verifies(first, after) && verifies(second, after))
		await eventually('the old one is wiped', async () => (await one(suite, id)).oldSecretUntil === null)
		const third = (await rotate({ overlapSec: 0 })).body
		assert.equal(third.oldSecretUntil, null)
		await eventually('only the newest signs', async () => {
			const g = await next()
			return verifies(third.secret, g) && !verifies(second, g) && !g.headers['webhook-signature'].includes(' ')
		})
		const byDefault = (await rotate()).body
		assert.ok(Math.abs(Date.parse(byDefault.oldSecretUntil) - Date.now() - 86400000) < 60000)
		assert.ok(!JSON.stringify(await one(suite, id)).includes('whsec_'), 'never shown again')
		assert.equal((await rotate({ overlapSec: -1 })).status, 400)
		assert.equal((await rotate({ overlapSec: 30 * 86400 + 1 })).status, 400)
	} finally {
		await suite.stop()
		await hook.close()
	}
})

test('a test event goes to each configured URL; a webhook is got and deleted', async () => {
	const suite = await Suite.start({ env })
	const hook = await receiver(), groupHook = await receiver()
	const testIt = (deviceUid = suite.deviceUid) => suite.api('POST', '/v1/developer/webhooks/test', { body: { deviceUid } })
	try {
		assert.equal((await testIt()).status, 404)
		assert.equal((await testIt('dev_nothere1')).status, 404)
		const { id, secret } = (await put(suite, { personalWebhookUrl: hook.url, groupWebhookUrl: groupHook.url })).body
		const { status, body } = await testIt()
		assert.equal(status, 202)
		assert.equal(body.accepted, true)
		assert.equal(body.eventIds.length, 2)
		assert.equal(body.eventId, body.eventIds[0])
		for (const [i, h] of [hook, groupHook].entries()) {
			const g = await eventually('the test has come', () => h.got[0])
			new Webhook(secret).verify(g.text, g.headers)
			assert.equal(g.event.type, 'webhook.test')
			assert.equal(g.event.id, body.eventIds[i])
			assert.deepEqual(g.event.data, { deviceUid: suite.deviceUid, webhookId: id, kind: ['personal', 'group'][i] })
		}
		const seen = await eventually('it is in the history', async () => {
			const answer = await history(suite, `&eventId=${body.eventId}&deviceUid=${suite.deviceUid}`)
			return answer.total === 1 ? answer.data[0] : null
		})
		assert.deepEqual([seen.eventType, seen.deliveryStatus, seen.isReplay], ['webhook.test', 'SUCCESS', false])
		await put(suite, { isActive: false })
		assert.equal((await testIt()).status, 409)
		assert.equal((await suite.api('POST', `/v1/developer/webhooks/history/${seen.id}/replay`)).status, 409)

		const webhook = await one(suite, id)
		assert.deepEqual(webhook, (await suite.api('GET', '/v1/developer/webhooks')).body.data[0])
		assert.deepEqual(webhook.endpoints.map((e) => [e.kind, e.state]), [['personal', 'inactive'], ['group', 'inactive']])
		for (const [method, path] of [['GET', ''], ['DELETE', ''], ['POST', '/rotate-secret']]) {
			assert.equal((await suite.api(method, `/v1/developer/webhooks/0197c7a0-4a3e-7b51-9d2f-2f6a1c1f0e21${path}`)).status, 404)
			assert.equal((await suite.api(method, `/v1/developer/webhooks/nonsense${path}`)).status, 404)
			assert.equal((await suite.api(method, `/v1/developer/webhooks/${id}${path}`, { key: 'wak_wrong' })).status, 401)
		}
		assert.deepEqual((await suite.api('DELETE', `/v1/developer/webhooks/${id}`)).body, { deleted: true })
		assert.equal((await suite.api('GET', `/v1/developer/webhooks/${id}`)).status, 404)
		assert.equal((await suite.api('GET', '/v1/developer/webhooks')).body.total, 0)
		assert.equal((await history(suite)).total, 2, 'the history stays')
		assert.equal((await suite.api('POST', `/v1/developer/webhooks/history/${seen.id}/replay`)).status, 404)
	} finally {
		await suite.stop()
		await hook.close()
		await groupHook.close()
	}
})
