// Our lane and an unmodified whatsmeow client.  Needs a recent Go: without one the test says so and is skipped.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Suite, receiver, eventually } from '../lib/suite.mjs'

const SOURCE = join(dirname(fileURLToPath(import.meta.url)), 'whatsmeow')
const PEER = '15552220001'

function goIsRecent() {
	const { stdout } = spawnSync('go', ['env', 'GOVERSION'], { encoding: 'utf8' })
	const m = /go1\.(\d+)/.exec(stdout || '')
	return m !== null && Number(m[1]) >= 25
}

class Peer {
	constructor(addr, root, state) {
		this.events = []
		this.child = spawn(join(SOURCE, 'whatsmeow-peer'), ['-addr', addr, '-root', root, '-db', join(state, 'wm.db')], { stdio: ['pipe', 'pipe', 'inherit'] })
		createInterface({ input: this.child.stdout }).on('line', (line) => {
			if (line.startsWith('{')) this.events.push(JSON.parse(line))
			else process.stderr.write(line + '\n')
		})
	}
	tell(command) { this.child.stdin.write(JSON.stringify(command) + '\n') }
	wait(event, match = () => true, timeoutMs = 20000) {
		return eventually(`whatsmeow: ${event} (has: ${JSON.stringify(this.events).slice(-600)})`, () => this.events.find((e) => e.event === event && match(e)), timeoutMs)
	}
	stop() { this.child.stdin.end(); this.child.kill() }
}

const skip = goIsRecent() ? false : 'no Go 1.25 or newer is installed: the whatsmeow client was not run'

test('whatsmeow pairs with the sandbox and talks with our lane both ways', { skip, timeout: 300000 }, async () => {
	const built = spawnSync('go', ['build', '-o', 'whatsmeow-peer', '.'], { cwd: SOURCE, encoding: 'utf8' })
	assert.equal(built.status, 0, built.stderr)
	const suite = await Suite.start({ env: { VEREDA_SAFETY_ENABLED: 'false' } })
	const hook = await receiver()
	const state = mkdtempSync(join(tmpdir(), 'wm-'))
	const own = suite.devicePhone.replace('+', '')
	const { noiseRootKey } = await suite.sandboxCall('GET', '/')
	const peer = new Peer(new URL(suite.sandboxUrl).host, noiseRootKey, state)
	const received = (text) => hook.events('message.received').filter((e) => e.data.text === text)
	try {
		await suite.api('PUT', '/v1/developer/webhooks', { body: { deviceUid: suite.deviceUid, personalWebhookUrl: hook.url } })
		await suite.phone(PEER, { name: 'Gopher', readAfterMs: -1 })

		// Pairing: strict about certificates, signatures and typed addresses, unlike Baileys.
		await peer.wait('started')
		peer.tell({ do: 'connect' })
		const qr = await peer.wait('qr', (e) => e.kind === 'code')
		await suite.sandboxCall('POST', `/phones/${PEER}/scan`, { qr: qr.code })
		await peer.wait('paired')
		await peer.wait('connected', undefined, 40000)
		peer.tell({ do: 'presence' })

		// Ours to theirs, with receipts.
		const { body } = await suite.send(PEER, 'hello, Gopher ✓')
		const got = await peer.wait('message', (e) => e.text === 'hello, Gopher ✓')
		assert.equal(got.id, body.providerMessageId)
		await suite.waitStatus(body.messageId, ['DELIVERED', 'READ'])
		peer.tell({ do: 'read', ids: [got.id], from: got.chat })
		await suite.waitStatus(body.messageId, 'READ')

		// Theirs to ours, with receipts.
		peer.tell({ do: 'send', to: `${own}@s.whatsapp.net`, text: 'hello, Vereda ✓' })
		const sent = await peer.wait('sent', (e) => e.text === 'hello, Vereda ✓')
		const event = await eventually('message.received', () => received('hello, Vereda ✓')[0])
		assert.equal(event.data.from, '+' + PEER)
		await peer.wait('receipt', (e) => e.ids.includes(sent.id) && e.type === '')

		// A lost session is repaired by a retry receipt.
		peer.tell({ do: 'disconnect' })
		peer.tell({ do: 'forget' })
		await new Promise((resolve) => setTimeout(resolve, 500))
		const queued = []
		for (let i = 0; i < 3; i++) queued.push((await suite.send(PEER, `while away ${i}`)).body.messageId)
		const before = peer.events.length
		peer.tell({ do: 'connect' })
		await eventually('connected again', () => peer.events.slice(before).some((e) => e.event === 'connected'))
		for (let i = 0; i < 3; i++) await peer.wait('message', (e) => e.text === `while away ${i}`, 40000)
		for (const id of queued) await suite.waitStatus(id, ['DELIVERED', 'READ'])

		// And once more in both directions.
		await suite.send(PEER, 'still there?')
		await peer.wait('message', (e) => e.text === 'still there?')
		peer.tell({ do: 'send', to: `${own}@s.whatsapp.net`, text: 'still here' })
		await eventually('the answer', () => received('still here').length === 1)
		assert.ok(!peer.events.some((e) => e.event === 'fatal'))
	} finally {
		peer.stop()
		await suite.stop()
		await hook.close()
		rmSync(state, { recursive: true, force: true })
	}
})
