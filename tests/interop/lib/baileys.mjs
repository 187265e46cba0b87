// An unmodified Baileys client with its state in memory, made easy to wait for.
import makeWASocket, {
	DisconnectReason,
	initAuthCreds,
	makeCacheableSignalKeyStore,
	proto,
	WAMessageStatus,
} from 'baileys'
import P from 'pino'
import { eventually } from '../../lib/suite.mjs'

// The Signal library of Baileys prints whole sessions, with their keys.
for (const method of ['info', 'warn', 'error', 'log']) {
	const print = console[method]
	console[method] = (...args) => {
		if (!/^(Closing|Opening|Removing|Session|Failed to decrypt|Decrypted message|Migrating)/.test(String(args[0]))) print(...args)
	}
}

// Baileys leaves a timer of 30 s behind at every prekey upload; the test shall not wait for it.
const setTimer = globalThis.setTimeout
globalThis.setTimeout = Object.assign((fn, ms, ...args) => {
	const timer = setTimer(fn, ms, ...args)
	return ms >= 30000 ? timer.unref() : timer
}, setTimer)

const silent = P({ level: process.env.BAILEYS_LOG || 'silent' })

// What Baileys keeps between connections: credentials, and records by type and id.
export class Auth {
	creds = initAuthCreds()
	records = new Map()

	keys = {
		get: async (type, ids) => {
			const found = {}
			for (const id of ids) {
				const value = this.records.get(`${type}/${id}`)
				if (value !== undefined) found[id] = value
			}
			return found
		},
		set: async (data) => {
			for (const type in data)
				for (const id in data[type]) {
					const value = data[type][id]
					if (value === null || value === undefined) this.records.delete(`${type}/${id}`)
					else this.records.set(`${type}/${id}`, value)
				}
		},
	}

	// The other side's ratchets are gone, as after a restore from an old backup.
	forgetSessions() {
		for (const key of [...this.records.keys()])
			if (key.startsWith('session/')) this.records.delete(key)
	}
}

const textOf = (message) => message.message?.conversation ?? message.message?.extendedTextMessage?.text

export class Client {
	// history: take part in the history sync of a first login, as an application does by default.
	// socket: more options of makeWASocket.
	constructor({ wsUrl, history = false, auth = new Auth(), name = 'client', socket = {} }) {
		this.options = { wsUrl, history, socket }
		this.auth = auth
		this.name = name
		this.messages = [] // every message of messages.upsert, in order
		this.statuses = new Map() // message id -> highest status seen
		this.histories = [] // of messaging-history.set
		this.ends = [] // status codes of connections that ended
		this.restarts = 0
		this.askedAgain = 0 // retry receipts for what this client sent
		this.sent = new Map() // message id -> content, for resends
	}

	get jid() { return this.auth.creds.me?.id }
	get lid() { return this.auth.creds.me?.lid }
	get isOpen() { return this.state === 'open' }
	texts() { return this.messages.map(textOf).filter(Boolean) }

	// Connects; goes on connecting after 515 only, so that a test decides about the rest.
	connect() {
		this.state = 'connecting'
		this.qrs = []
		const socket = makeWASocket({
			waWebSocketUrl: this.options.wsUrl,
			auth: { creds: this.auth.creds, keys: makeCacheableSignalKeyStore(this.auth.keys, silent) },
			logger: silent,
			getMessage: async (key) => this.sent.get(key.id),
			retryRequestDelayMs: 20,
			...(this.options.history ? {} : { shouldSyncHistoryMessage: () => false }),
			...this.options.socket,
		})
		this.socket = socket
		socket.ev.on('creds.update', (update) => Object.assign(this.auth.creds, update))
		socket.ev.on('connection.update', (update) => this.#onConnection(socket, update))
		socket.ev.on('messages.upsert', ({ messages }) => messages.forEach((m) => this.#onMessage(m)))
		socket.ev.on('messages.update', (updates) => updates.forEach(({ key, update }) => this.#onStatus(key.id, update.status)))
		socket.ws.on('CB:receipt,type:retry', () => this.askedAgain++)
		socket.ev.on('messaging-history.set', (set) => this.histories.push(set))
		return this
	}

	#onConnection(socket, { connection, lastDisconnect, qr }) {
		if (socket !== this.socket) return
		if (qr) this.qrs.push(qr)
		if (connection) this.state = connection
		if (connection !== 'close') return
		const code = lastDisconnect?.error?.output?.statusCode
		this.ends.push(code)
		if (code !== DisconnectReason.restartRequired) return
		this.restarts++
		this.connect()
	}

	#onMessage(message) {
		this.messages.push(message)
		if (message.key.fromMe) this.#onStatus(message.key.id, message.status)
	}

	#onStatus(id, status) {
		if (typeof status !== 'number') return
		this.statuses.set(id, Math.max(status, this.statuses.get(id) ?? 0))
	}

	// Like eventually(), with what this client has seen in the error.
	async #until(what, check, timeoutMs = 20000) {
		try {
			return await eventually(`${this.name} ${what}`, check, timeoutMs)
		} catch (error) {
			error.message += `; state: ${this.state}, ends: ${this.ends}, texts: ${JSON.stringify(this.texts())}`
			throw error
		}
	}

	#waitForQr() { return this.#until('shows a QR code', () => this.qrs[0]) }

	// scan(qr) is the phone's part.
	async pairByQr(scan) {
		this.connect()
		await scan(await this.#waitForQr())
		return this.open()
	}

	// enter(code) is the phone's part; it fails until the server has heard of the code.
	async pairByCode(phone, enter) {
		this.connect()
		await this.#waitForQr() // from here on the socket is ready for a code
		const code = await this.socket.requestPairingCode(phone)
		await eventually('the phone takes the code', () => enter(code).then(() => true))
		return this.open()
	}

	async open(timeoutMs = 30000) {
		if (!this.socket || this.state === 'close') this.connect()
		await this.#until('is open', () => this.isOpen, timeoutMs)
		return this
	}

	// Ends the connection as a client does that goes offline.
	async close() {
		const socket = this.socket
		this.socket = undefined
		if (!socket || this.state === 'close') return
		this.state = 'close'
		await socket.end(undefined)
	}

	logout() { return this.socket.logout() }

	// Without a known push name Baileys holds back "available", and its receipts tell nothing.
	async available() {
		await this.#until('knows its push name', () => this.auth.creds.me?.name && this.auth.creds.me.name !== '~')
		await this.socket.sendPresenceUpdate('available')
	}

	async sendText(to, text) {
		const message = await this.socket.sendMessage(to.includes('@') ? to : `${to}@s.whatsapp.net`, { text })
		this.sent.set(message.key.id, message.message)
		return message.key.id
	}

	waitForText(text, timeoutMs) {
		return this.#until(`has the text "${text}"`, () => this.messages.find((m) => textOf(m) === text), timeoutMs)
	}

	waitForStatus(id, status, timeoutMs) {
		return this.#until(`has status ${status} of ${id}`, () => (this.statuses.get(id) ?? 0) >= status, timeoutMs)
	}

	// The n-th connection that ended with this code, counted from 1.
	waitForEnd(code, n = 1, timeoutMs) {
		return this.#until(`ends with ${code}`, () => this.ends.filter((end) => end === code).length >= n, timeoutMs)
	}

	markRead(message) { return this.socket.readMessages([message.key]) }
}

export const Status = WAMessageStatus ?? proto.WebMessageInfo.Status
