// What the documentation page shows to copy is run as it stands.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { languages, requestOf } from '../../apid/docs/snippets.js'
import { Suite } from '../lib/suite.mjs'
import { Document } from '../lib/openapi.mjs'
import { png } from '../lib/media.mjs'

const BOB = '+15550002222'
// A shell's, JavaScript's and Java's own characters must come through as they are.
const HOSTILE = `it's "quoted" \\ $HOME \`id\` \${x} """ ünïcödé\nsecond line`
let suite, doc, folder, token
before(async () => {
	suite = await Suite.start({ env: { VEREDA_SAFETY_ENABLED: 'false' } })
	doc = new Document((await suite.api('GET', '/openapi.json')).body)
	await suite.phone(BOB)
	token = (await suite.api('POST', '/v1/auth/login', { body: { email: suite.email, password: suite.password } })).body.accessToken
	folder = mkdtempSync(join(tmpdir(), 'snippets-'))
	writeFileSync(join(folder, 'file.bin'), png(5, 5))
})
after(async () => {
	rmSync(folder, { recursive: true, force: true })
	await suite.stop()
})

const language = (name) => languages.find((l) => l.name === name).make
const has = (program, ...args) => spawnSync(program, args).status === 0

function requestFor(id, { values = {}, body, key = suite.apiKey } = {}) {
	const { path, method, operation } = doc.operation(id)
	return requestOf(suite.baseUrl, path, method, operation, { resolve: (node) => doc.resolve(node), key, values: { deviceUid: suite.deviceUid, ...values }, body })
}

// [what, request, status, what the answer must hold]
const requests = () => [
	['a list', requestFor('listDevices'), 200, suite.deviceUid],
	['a path and a query', requestFor('listMessages', { values: { limit: '5' } }), 200, '"limit":5'],
	['a message', requestFor('sendTextMessage', { body: { deviceUid: suite.deviceUid, to: BOB, text: HOSTILE } }), 200, 'messageId'],
	['a created key', requestFor('createApiKey', { body: { name: `o'key` } }), 201, `o'key`],
	['an upload', requestFor('uploadMedia'), 201, 'image/png'],
	['nothing by that id', requestFor('getMessage'), 404, 'Not Found'],
	['a session token', requestFor('listDevices', { key: token }), 200, suite.deviceUid],
	['no credentials', requestFor('checkLiveness'), 200, 'ok'],
]

test('the cURL snippets run', () => {
	for (const [what, request, status, holds] of requests()) {
		const run = spawnSync('sh', ['-c', `${language('cURL')(request)} -s -w '\\n%{http_code}'`], { encoding: 'utf8', cwd: folder })
		const lines = run.stdout.trimEnd().split('\n')
		assert.equal(lines.pop(), String(status), `${what}: ${run.stdout}${run.stderr}`)
		assert.ok(lines.join('\n').includes(holds), `${what}: ${run.stdout}`)
	}
})

test('the JavaScript snippets run', () => {
	for (const [what, request, status, holds] of requests()) {
		const before = request.file ? `import { openAsBlob } from 'node:fs'\nconst file = await openAsBlob('file.bin')\n` : ''
		const file = join(folder, 'snippet.mjs')
		writeFileSync(file, before + language('JavaScript')(request))
		const run = spawnSync(process.execPath, [file], { encoding: 'utf8', cwd: folder })
		assert.ok(run.stdout.startsWith(`${status} `) && run.stdout.includes(holds), `${what}: ${run.stdout}${run.stderr}`)
	}
})

test('a text arrives as it was written', async () => {
	const { data } = (await suite.api('GET', '/v1/developer/messages')).body
	assert.deepEqual(data.map((m) => m.text), [HOSTILE, HOSTILE])
})

test('the Python snippets compile', { skip: !has('python3', '--version') && 'no python3 here' }, () => {
	for (const [what, request] of requests()) {
		const run = spawnSync('python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], { input: language('Python')(request), encoding: 'utf8' })
		assert.equal(run.status, 0, `${what}: ${run.stderr}`)
	}
})

test('the Java snippets compile', { skip: !has('javac', '--version') && 'no javac here' }, () => {
	const files = requests().map(([, request], i) => {
		const file = join(folder, `Main${i}.java`)
		writeFileSync(file, language('Java')(request).replace('class Main ', `class Main${i} `))
		return file
	})
	const run = spawnSync('javac', ['-d', folder, ...files], { encoding: 'utf8' })
	assert.equal(run.status, 0, run.stderr)
})

test('every operation has a snippet in every language', () => {
	for (const { id } of doc.operations()) {
		const request = requestFor(id)
		assert.ok(!request.url.includes('{'), id)
		for (const { name, make } of languages) assert.ok(make(request).includes(request.method), `${id} in ${name}`)
	}
})
