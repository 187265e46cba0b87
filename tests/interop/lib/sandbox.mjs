// Starts sandboxd alone, on a free port and in a directory of its own, and drives its control API.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { BIN, http } from '../../lib/suite.mjs'

const READY = / listening url=(http:\/\/127\.0\.0\.1:\d+) root=([0-9a-f]{64})/

export class Sandbox {
	static async start({ env = {} } = {}) {
		const sandbox = new Sandbox()
		sandbox.state = mkdtempSync(join(tmpdir(), 'sandbox-'))
		sandbox.log = ''
		sandbox.child = spawn(join(BIN, 'sandboxd'), ['--state', sandbox.state], {
			env: {
				...process.env,
				VEREDA_SANDBOX_PORT: '0',
				VEREDA_SANDBOX_READ_AFTER_MS: '300',
				ASAN_OPTIONS: 'detect_leaks=1:abort_on_error=0:exitcode=99',
				UBSAN_OPTIONS: 'print_stacktrace=1',
				...env,
			},
			stdio: ['ignore', 'ignore', 'pipe'],
		})
		sandbox.exited = once(sandbox.child, 'exit')
		await new Promise((resolve, reject) => {
			const timer = setTimeout(() => reject(new Error(`sandboxd is not ready\n${sandbox.log}`)), 20000)
			sandbox.child.stderr.on('data', (bytes) => {
				sandbox.log += bytes
				const found = sandbox.url ? null : READY.exec(sandbox.log)
				if (!found) return
				clearTimeout(timer)
				;[, sandbox.url, sandbox.rootKey] = found
				resolve()
			})
			sandbox.child.once('exit', (code) => reject(new Error(`sandboxd ended with ${code}\n${sandbox.log}`)))
		})
		sandbox.wsUrl = `${sandbox.url.replace('http', 'ws')}/ws/chat`
		return sandbox
	}

	// One request of the control API; an answer other than 2xx is an error.
	async ask(method, path, body) {
		const answer = await http(method, this.url + path, { body })
		if (answer.status < 200 || answer.status > 299)
			throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
		return answer.body
	}

	createPhone(phone, more = {}) { return this.ask('POST', '/phones', { phone, ...more }) }
	scan(phone, qr) { return this.ask('POST', `/phones/${phone}/scan`, { qr }) }
	enterCode(phone, code) { return this.ask('POST', `/phones/${phone}/scan`, { code }) }
	send(phone, to, text) { return this.ask('POST', `/phones/${phone}/send`, { to, text }) }
	inbox(phone) { return this.ask('GET', `/phones/${phone}/inbox`) }
	devices(phone) { return this.ask('GET', `/phones/${phone}/devices`).then((answer) => answer.devices) }
	unlink(phone, device) { return this.ask('DELETE', `/phones/${phone}/devices/${device}`) }
	outbox(phone) { return this.ask('GET', `/phones/${phone}/outbox`) }
	fault(fault) { return this.ask('POST', '/faults', fault) }

	get errors() { return this.log.split('\n').filter((line) => / error | ERROR: |runtime error/.test(line)) }

	// Ends it and returns its exit code; 0 also means that the sanitizers found nothing.
	async stop() {
		if (this.child.exitCode === null) this.child.kill('SIGTERM')
		const [code, signal] = await this.exited
		rmSync(this.state, { recursive: true, force: true })
		return code ?? signal
	}
}
