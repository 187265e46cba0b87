// What keeps a number linked and out of trouble: proxies, new-chat locks, refused versions, stalls.
import test, { after, before } from 'node:test'
import assert from 'node:assert/strict'
import { createServer as createHttp } from 'node:http'
import { createServer as createTcp, connect } from 'node:net'
import { once } from 'node:events'
import { Suite, eventually } from '../lib/suite.mjs'

let suite
const servers = []

function listening(server) {
	server.listen(0, '127.0.0.1')
	servers.push(server)
	return once(server, 'listening').then(() => server.address().port)
}

// An HTTP proxy that knows CONNECT with a password, and counts.
async function httpProxy() {
	const seen = { connects: 0, bytes: 0, refused: 0 }
	const server = createHttp()
	server.on('connect', (req, socket) => {
		if (req.headers['proxy-authorization'] !== `Basic ${Buffer.from('user:secret').toString('base64')}`) {
			seen.refused++
			socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n')
			return
		}
		seen.connects++
		const [host, port] = req.url.split(':')
		const far = connect(Number(port), host, () => socket.write('HTTP/1.1 200 OK\r\n\r\n'))
		socket.on('data', (d) => { seen.bytes += d.length; far.write(d) })
		far.on('data', (d) => socket.write(d))
		for (const [a, b] of [[socket, far], [far, socket]]) {
			a.on('close', () => b.destroy())
			a.on('error', () => b.destroy())
		}
	})
	const port = await listening(server)
	return { seen, url: `http://user:secret@127.0.0.1:${port}`, shown: `http://127.0.0.1:${port}` }
}

// SOCKS5 without a password.
async function socksProxy() {
	const seen = { connects: 0, bytes: 0 }
	const server = createTcp((socket) => {
		let step = 0
		let far
		socket.on('error', () => far?.destroy())
		socket.on('close', () => far?.destroy())
		socket.on('data', (d) => {
			if (step === 2) {
				seen.bytes += d.length
				far.write(d)
			} else if (step === 0) {
				step = 1
				socket.write(Buffer.from([5, 0]))
			} else {
				step = 2
				seen.connects++
				const isName = d[3] === 3
				const host = isName ? d.subarray(5, 5 + d[4]).toString() : [...d.subarray(4, 8)].join('.')
				const at = isName ? 5 + d[4] : 8
				far = connect(d.readUInt16BE(at), host, () => socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0])))
				far.on('data', (x) => socket.write(x))
				far.on('error', () => socket.destroy())
				far.on('close', () => socket.destroy())
			}
		})
	})
	const port = await listening(server)
	return { seen, url: `socks5h://127.0.0.1:${port}` }
}

const device = async () => (await suite.api('GET', `/v1/devices/${suite.deviceUid}`)).body
const connected = (since = '') => eventually('the device is connected', async () => {
	const d = await device()
	return d.status === 'CONNECTED' && d.health.lastFrameAt !== since ? d : null
}, 30000)
const setProxy = (url) => suite.api('PUT', `/v1/devices/${suite.deviceUid}/proxy`, { body: { url } })
const fault = (body) => suite.sandboxCall('POST', '/faults', { phone: suite.devicePhone, ...body })

let revision = 0
before(async () => {
	const page = createHttp((req, res) => res.end(`self.x={"client_revision":${revision},"y":1}`))
	const port = await listening(page)
	suite = await Suite.start({
		env: {
			VEREDA_SAFETY_ENABLED: 'false',
			VEREDA_SENDER_STALL_SEC: '1',
			VEREDA_WHATSAPP_VERSION_SOURCE: `http://127.0.0.1:${port}/sw.js`,
		},
	})
})
after(async () => {
	await suite.stop({ allowErrors: [/health|proxy|connection/] })
	for (const server of servers) {
		server.closeAllConnections?.()
		server.close()
	}
})

test('a device goes through an HTTP proxy with a password, and the password is never shown', async () => {
	const proxy = await httpProxy()
	const answer = await setProxy(proxy.url)
	assert.equal(answer.status, 200)
	assert.equal(answer.body.proxy, proxy.shown)
	await eventually('the proxy was used', () => proxy.seen.connects > 0, 30000)
	await connected()
	await suite.phone('15550102001')
	const before = proxy.seen.bytes
	const sent = await suite.send('+15550102001', 'through the proxy')
	await suite.waitStatus(sent.body.messageId, ['DELIVERED', 'READ'])
	assert.ok(proxy.seen.bytes > before, 'the message went another way')
	const shown = await suite.api('GET', `/v1/devices/${suite.deviceUid}/proxy`)
	assert.deepEqual(shown.body, { deviceUid: suite.deviceUid, proxy: proxy.shown })
	assert.ok(!suite.log.includes('secret'), 'the password is in the log')
})

test('a SOCKS5 proxy works, also for a message that waited', async () => {
	const proxy = await socksProxy()
	assert.equal((await setProxy(proxy.url)).status, 200)
	const sent = await suite.send('+15550102001', 'through socks')
	await suite.waitStatus(sent.body.messageId, ['DELIVERED', 'READ'], 30000)
	assert.ok(proxy.seen.connects > 0)
})

test('with a dead proxy the device stays away, and never goes without', async () => {
	assert.equal((await setProxy('http://127.0.0.1:1')).status, 200)
	await eventually('the device is disconnected', async () => (await device()).status === 'DISCONNECTED', 30000)
	const sent = await suite.send('+15550102001', 'waits')
	await new Promise((resolve) => setTimeout(resolve, 1500))
	assert.equal((await suite.message(sent.body.messageId)).status, 'QUEUED')
	const gone = await suite.api('DELETE', `/v1/devices/${suite.deviceUid}/proxy`)
	assert.equal(gone.status, 200)
	assert.equal(gone.body.proxy, null)
	await suite.waitStatus(sent.body.messageId, ['DELIVERED', 'READ'], 30000)
})

test('what is no proxy is refused with 400, a device of nobody with 404', async () => {
	for (const url of ['proxy:3128', 'ftp://a:21', 'http://noport', '', 7, null]) {
		const answer = await setProxy(url)
		assert.equal(answer.status, 400, JSON.stringify(url))
	}
	assert.equal((await suite.api('PUT', '/v1/devices/dev_aaaaaaaa/proxy', { body: { url: 'http://a:1' } })).status, 404)
})

test('error 463 pauses new chats with reason and time, while replies flow', async () => {
	await connected()
	for (const p of ['15550102101', '15550102102', '15550102103']) await suite.phone(p)
	// One of them has written to us.
	await suite.sandboxCall('POST', '/phones/15550102103/send', { to: suite.devicePhone, text: 'hello' })
	await eventually('it arrived', async () => (await suite.api('GET', '/v1/developer/messages?to=15550102103')).body.total > 0)
	await fault({ kind: 'ack_error', code: 463, count: 1, to: '15550102101' })
	const first = await suite.send('+15550102101', 'cold')
	const failed = await suite.waitStatus(first.body.messageId, 'FAILED')
	assert.equal(failed.reason, 'refused_new_chat_restricted')
	const paused = await eventually('the pause is shown', async () => {
		const d = await device()
		return d.newChats.allowed === false ? d.newChats : null
	})
	assert.equal(paused.reason, 'reach_out_time_lock')
	assert.ok(Date.parse(paused.pausedUntil) > Date.now() + 3500 * 1000)
	const cold = await suite.send('+15550102102', 'also cold')
	const waits = await eventually('it says why it waits', async () => {
		const m = await suite.message(cold.body.messageId)
		return m.reason && m.reason.startsWith('new_chats_paused_until:') ? m : null
	})
	assert.equal(waits.status, 'QUEUED')
	const warm = await suite.send('+15550102103', 'an answer')
	await suite.waitStatus(warm.body.messageId, ['DELIVERED', 'READ'])
	assert.equal((await suite.message(cold.body.messageId)).status, 'QUEUED')
	// It outlives the lane.
	suite.kill('lane')
	await connected()
	assert.equal((await device()).newChats.allowed, false)
})

test('a lane whose messages are never acknowledged says degraded and repairs itself', async () => {
	// Neither acks nor the receipts that could stand in for them.
	await fault({ kind: 'ack_drop', count: 1 })
	await fault({ kind: 'drop', stanza: 'receipt', direction: 'out', count: 20 })
	const sent = await suite.send('+15550102103', 'never acknowledged')
	const health = await eventually('the device is degraded', async () => {
		const d = await device()
		return d.health.status === 'degraded' ? d.health : null
	}, 30000)
	assert.match(health.reason, /no acknowledgement/)
	await suite.waitStatus(sent.body.messageId, ['SENT', 'DELIVERED', 'READ'], 60000)
	await eventually('the device is well again', async () => (await device()).health.status === 'ok', 30000)
	const copies = (await suite.inbox('15550102103')).filter((e) => e.text === 'never acknowledged')
	assert.equal(copies.length, 1, 'the recipient saw it more than once')
})

test('a refused client version is looked up anew and the device comes back', async () => {
	revision = 1999999999
	await fault({ kind: 'login_failure', code: 405, version: '2.3000.1045649367', count: 1000 })
	suite.kill('lane')
	await eventually('it was refused', () => /status=refused version=2\.3000\.1045649367/.test(suite.log), 30000)
	await eventually('the newer one is known', () => /client_version status=known version=2\.3000\.1999999999/.test(suite.log), 60000)
	await connected()
})
