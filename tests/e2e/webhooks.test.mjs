// Webhook delivery: attempts, history, order under failure, refused targets, redirects.
import { test } from 'node:test'
import assert from 'node:assert/strict'
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
