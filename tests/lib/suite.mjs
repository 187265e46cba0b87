// Starts a whole suite (`vereda up`) in a directory of its own and talks to it.
import { spawn } from 'node:child_process'
import { createServer, request as httpRequest, Agent } from 'node:http'
import { mkdtempSync, rmSync, readdirSync, readFileSync, existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'

export const BIN = process.env.VEREDA_BIN
if (!BIN) throw new Error('VEREDA_BIN must name the directory of the built programs')

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

// Polls until check() returns something truthy; the message names what was awaited.
export async function eventually(what, check, timeoutMs = 20000) {
	const end = Date.now() + timeoutMs
	let last
	for (;;) {
		try {
			last = await check()
			if (last) return last
		} catch (error) {
			last = error
		}
		if (Date.now() > end)
			throw new Error(`timed out waiting until ${what}; last: ${last && last.stack ? last.stack : JSON.stringify(last)}`)
		await sleep(50)
	}
}

const agent = new Agent({ keepAlive: true, maxSockets: 256 })

// One HTTP request; the answer is {status, headers, body, text, bytes} with JSON parsed.
export function http(method, url, { headers = {}, body, raw, timeoutMs = 30000 } = {}) {
	return new Promise((resolve, reject) => {
		const payload = raw !== undefined ? raw : body !== undefined ? JSON.stringify(body) : undefined
		const all = { ...headers }
		if (payload !== undefined) {
			if (!Object.keys(all).some((k) => k.toLowerCase() === 'content-type')) all['content-type'] = 'application/json'
			all['content-length'] = Buffer.byteLength(payload)
		}
		const req = httpRequest(url, { method, headers: all, agent }, (res) => {
			const chunks = []
			res.on('data', (c) => chunks.push(c))
			res.on('end', () => {
				const bytes = Buffer.concat(chunks)
				const text = bytes.toString('utf8')
				let parsed = text
				if ((res.headers['content-type'] || '').includes('json')) {
					try {
						parsed = JSON.parse(text)
					} catch (error) {
						return reject(new Error(`answer is not JSON: ${text}`))
					}
				}
				resolve({ status: res.statusCode, headers: res.headers, body: parsed, text, bytes })
			})
			res.on('error', reject)
		})
		req.setTimeout(timeoutMs, () => req.destroy(new Error(`${method} ${url}: no answer in ${timeoutMs} ms`)))
		// A kept connection that the server closes just as it is used again: not an answer, try anew.
		req.on('error', (error) => (req.reusedSocket && error.code === 'ECONNRESET' && method !== 'POST' ?
			http(method, url, { headers, body, raw, timeoutMs }).then(resolve, reject) : reject(error)))
		if (payload !== undefined) req.write(payload)
		req.end()
	})
}

// A webhook receiver that keeps what it got; answer(event) may return another status.
export async function receiver(answer = () => 200) {
	const got = []
	const server = createServer((req, res) => {
		const chunks = []
		req.on('data', (c) => chunks.push(c))
		req.on('end', async () => {
			const text = Buffer.concat(chunks).toString('utf8')
			const entry = { headers: req.headers, text, path: req.url, at: Date.now() }
			try {
				entry.event = JSON.parse(text)
			} catch {
				entry.event = null
			}
			got.push(entry)
			const result = await answer(entry, req, res)
			if (result === undefined || res.writableEnded) return
			res.writeHead(result)
			res.end()
		})
	})
	server.keepAliveTimeout = 60000
	server.listen(0, '127.0.0.1')
	await once(server, 'listening')
	return {
		got,
		url: `http://127.0.0.1:${server.address().port}/hook`,
		events: (type) => got.filter((g) => g.event && (!type || g.event.type === type)).map((g) => g.event),
		close: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve) }),
	}
}

export class Suite {
	// env: extra environment, e.g. { VEREDA_SAFETY_ENABLED: 'false' }
	static async start({ env = {}, state, keep = false, args = [], sandbox = true } = {}) {
		const suite = new Suite()
		suite.state = state || mkdtempSync(join(tmpdir(), 'vereda-'))
		suite.keep = keep || Boolean(state)
		suite.env = env
		suite.args = args
		suite.sandbox = sandbox
		suite.log = ''
		await suite.up()
		return suite
	}

	async up() {
		const args = ['up', ...(this.sandbox ? ['--sandbox'] : []), '--state', this.state, '--port', '0', '--json', ...this.args]
		this.child = spawn(join(BIN, 'vereda'), args, {
			env: {
				...process.env,
				VEREDA_SENDER_BACKOFF_BASE_MS: '200',
				ASAN_OPTIONS: 'detect_leaks=1:abort_on_error=0:exitcode=99',
				UBSAN_OPTIONS: 'print_stacktrace=1',
				...this.env,
			},
			stdio: ['ignore', 'pipe', 'pipe'],
		})
		this.child.stderr.on('data', (d) => { this.log += d })
		let out = ''
		const ready = await new Promise((resolve, reject) => {
			const timer = setTimeout(() => reject(new Error(`not ready in 60 s\n${out}\n${this.log}`)), 60000)
			this.child.stdout.on('data', (d) => {
				out += d
				for (const line of out.split('\n')) {
					if (!line.startsWith('{')) continue
					try {
						const event = JSON.parse(line)
						if (event.event === 'ready') {
							clearTimeout(timer)
							resolve(event)
						}
					} catch { /* a line that is not whole yet */ }
				}
			})
			this.child.on('exit', (code, signal) => {
				clearTimeout(timer)
				reject(new Error(`vereda up ended (${code ?? signal})\n${out}\n${this.log}`))
			})
		})
		Object.assign(this, ready)
		this.baseUrl = ready.baseUrl.replace(/\/$/, '')
		return this
	}

	api(method, path, { headers = {}, key = this.apiKey, ...rest } = {}) {
		return http(method, this.baseUrl + path, { ...rest, headers: { ...(key ? { 'X-API-Key': key } : {}), ...headers } })
	}

	async sandboxCall(method, path, body) {
		const answer = await http(method, this.sandboxUrl + path, { body })
		if (answer.status >= 300) throw new Error(`sandbox ${method} ${path}: ${answer.status} ${answer.text}`)
		return answer.body
	}

	phone(number, options = {}) {
		return this.sandboxCall('POST', '/phones', { phone: number, ...options })
	}

	async inbox(number) {
		const entries = []
		for (let since = 0; ;) {
			const page = await this.sandboxCall('GET', `/phones/${number.replace('+', '')}/inbox?since=${since}&limit=1000`)
			const items = page.entries || page.items || page.messages || page.data || page
			if (items.length === 0) return entries
			entries.push(...items)
			since = items[items.length - 1].seq
		}
	}

	send(to, text, extra = {}) {
		return this.api('POST', '/v1/developer/messages/send', { body: { deviceUid: this.deviceUid, to, text, ...extra } })
	}

	async message(id) {
		return (await this.api('GET', `/v1/developer/messages/${id}`)).body
	}

	async waitStatus(id, statuses, timeoutMs = 20000) {
		const wanted = [].concat(statuses)
		return eventually(`message ${id} is ${wanted.join('|')}`, async () => {
			const m = await this.message(id)
			return wanted.includes(m.status) ? m : null
		}, timeoutMs)
	}

	// Pids of a daemon of this suite, by its process name and state directory.
	pids(name) {
		const out = []
		for (const pid of readdirSync('/proc').filter((d) => /^\d+$/.test(d))) {
			try {
				const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
				const comm = readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
				const status = readFileSync(`/proc/${pid}/status`, 'utf8')
				if (/^State:\s+Z/m.test(status)) continue
				if (!this.isOurs(Number(pid))) continue
				if (comm === name || comm.startsWith(name) || (argv[0] || '').endsWith('/' + name)) out.push(Number(pid))
			} catch { /* it ended meanwhile */ }
		}
		return out
	}

	// Is the process a descendant of our `vereda up`?
	isOurs(pid) {
		for (let p = pid, depth = 0; p > 1 && depth < 6; depth++) {
			if (p === this.child.pid) return true
			const stat = readFileSync(`/proc/${p}/stat`, 'utf8')
			p = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
		}
		return false
	}

	kill(name, signal = 'SIGKILL') {
		const pids = this.pids(name)
		for (const pid of pids) {
			try {
				process.kill(pid, signal)
			} catch { /* gone */ }
		}
		return pids.length
	}

	async down() {
		if (!this.child || this.child.exitCode !== null) return
		const exited = once(this.child, 'exit')
		this.child.kill('SIGTERM')
		const timer = setTimeout(() => this.child.kill('SIGKILL'), 20000)
		const [code, signal] = await exited
		clearTimeout(timer)
		this.exit = code ?? signal
	}

	// Stops, and fails on sanitizer reports and on error lines that the test did not name.
	async stop({ allowErrors = [] } = {}) {
		await this.down()
		if (!this.keep) rmSync(this.state, { recursive: true, force: true })
		const bad = this.log.split('\n').filter((line) =>
			/ERROR: (Address|Leak)Sanitizer|runtime error:|AddressSanitizer:DEADLYSIGNAL/.test(line) ||
			(/(level=error| error | ERROR )/.test(line) && !allowErrors.some((re) => re.test(line))))
		if (bad.length > 0) throw new Error(`the suite's log has ${bad.length} errors:\n${bad.slice(0, 10).join('\n')}\n---\n${this.log.slice(-6000)}`)
	}
}
