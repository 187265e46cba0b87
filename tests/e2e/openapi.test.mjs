// The OpenAPI document and the page that shows it.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Suite } from '../lib/suite.mjs'
import { Document, escaped } from '../lib/openapi.mjs'

// What the Msgera reference says of its operations: statuses, fields [name, place, required], members of the answers that it shows.
const reference = JSON.parse(readFileSync(new URL('reference.json', import.meta.url)))

let suite, answer, doc
before(async () => {
	suite = await Suite.start()
	answer = await suite.api('GET', '/openapi.json', { key: null })
	doc = new Document(answer.body)
})
after(async () => { await suite.stop() })

test('the document is there for everybody, and is kept until it changes', async () => {
	assert.equal(answer.status, 200)
	assert.match(answer.headers['content-type'], /^application\/json/)
	assert.match(answer.headers.etag, /^"[0-9a-f]{32}"$/)
	const again = await suite.api('GET', '/openapi.json', { key: null, headers: { 'If-None-Match': answer.headers.etag } })
	assert.deepEqual([again.status, again.text, again.headers.etag], [304, '', answer.headers.etag])
	const other = await suite.api('GET', '/openapi.json', { headers: { 'If-None-Match': '"other"' } })
	assert.deepEqual([other.status, other.text === answer.text], [200, true])
	const head = await fetch(`${suite.baseUrl}/openapi.json`, { method: 'HEAD' })
	assert.deepEqual([head.status, await head.text(), Number(head.headers.get('content-length'))], [200, '', answer.bytes.length])
})

test('an independent validator finds no fault with it', async () => {
	const result = await new Validator().validate(structuredClone(answer.body))
	assert.deepEqual(result.errors ?? [], [])
	assert.ok(result.valid)
	assert.equal(answer.body.openapi, '3.1.0')
})

test('it says nothing about an account', () => {
	for (const secret of [suite.accountId, suite.deviceUid, suite.apiKey, suite.email]) assert.ok(!answer.text.includes(secret), secret)
})

test('every operation has a name of its own, a known group and words', () => {
	const ids = doc.operations().map((o) => o.id)
	assert.deepEqual(ids, [...new Set(ids)])
	assert.ok(ids.every((id) => /^[a-z][A-Za-z0-9]+$/.test(id)))
	const tags = answer.body.tags.map((t) => t.name)
	for (const { operation } of doc.operations()) {
		assert.ok(operation.tags.every((tag) => tags.includes(tag)))
		assert.ok(operation.summary)
	}
	assert.deepEqual(tags.slice(0, 4), ['API Keys', 'Devices', 'Messaging', 'Media'])
	assert.ok(answer.body.tags.every((t) => t.description), 'a group without words')
})

test('paths name their parameters, and only them', () => {
	for (const { path, operation, id } of doc.operations()) {
		const named = [...path.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort()
		const given = (operation.parameters || []).map((p) => doc.resolve(p)).filter((p) => p.in === 'path').map((p) => p.name).sort()
		assert.deepEqual(given, named, id)
	}
})

test('examples are what their schemas say', () => {
	const wrong = []
	let n = 0
	const check = (content, pointer, what) => {
		for (const [type, media] of Object.entries(content || {})) {
			if (media.example === undefined) continue
			n++
			const problems = doc.problems(`${pointer}/content/${escaped(type)}/schema`, media.example)
			if (problems.length > 0) wrong.push(`${what}: ${problems.join('; ')}`)
		}
	}
	for (const { path, method, operation, id } of doc.operations()) {
		const own = `/paths/${escaped(path)}/${method}`
		check((operation.requestBody || {}).content, `${own}/requestBody`, `${id} request`)
		for (const [status, response] of Object.entries(operation.responses))
			check(response.content, `${own}/responses/${status}`, `${id} ${status}`)
	}
	assert.deepEqual(wrong, [])
	assert.ok(n > 80, `only ${n} examples`)
})

// Paths of members that an answer has in the reference and not in the schema.
function missingMembers(shown, schema, path = '') {
	const s = doc.resolve(schema)
	if (s.anyOf) {
		const tries = s.anyOf.map((choice) => missingMembers(shown, choice, path))
		return tries.sort((a, b) => a.length - b.length)[0]
	}
	if (Array.isArray(shown)) return shown.flatMap((item) => missingMembers(item, s.items ?? {}, `${path}[]`))
	if (shown === null) return []
	return Object.entries(shown).flatMap(([name, inner]) =>
		(s.properties && name in s.properties ? missingMembers(inner, s.properties[name], `${path}.${name}`) : [`${path}.${name}`]))
}

test('it has every operation of the reference, with its statuses, fields and answers', () => {
	const missing = []
	for (const { method, path, statuses, fields = [], answers = {} } of reference) {
		const entry = doc.operations().find((o) => o.path === path && o.method === method.toLowerCase())
		const say = (what) => missing.push(`${method} ${path}: ${what}`)
		if (!entry) {
			say('operation')
			continue
		}
		for (const status of statuses) if (!entry.operation.responses[status]) say(`status ${status}`)
		const given = (entry.operation.parameters || []).map((p) => doc.resolve(p)).map((p) => [p.name, p.in, Boolean(p.required)])
		for (const media of Object.values((entry.operation.requestBody || {}).content || {})) {
			const schema = doc.resolve(media.schema)
			for (const name of Object.keys(schema.properties)) given.push([name, 'body', (schema.required || []).includes(name)])
		}
		for (const [name, place, required] of fields) {
			const found = given.find((g) => g[0] === name && g[1] === place)
			if (!found) say(`${place} ${name}`)
			else if (found[2] && !required) say(`${place} ${name} must not be required`)
		}
		for (const [status, shown] of Object.entries(answers)) {
			const { response } = doc.response(entry, status) ?? {}
			const media = response && response.content && response.content['application/json']
			for (const member of media ? missingMembers(shown, media.schema) : ['all']) say(`${status} ${member}`)
		}
	}
	assert.deepEqual(missing, [])
})

test('good answers that are JSON have a shape and an example', () => {
	const bare = []
	for (const { operation, id } of doc.operations())
		for (const [status, response] of Object.entries(operation.responses)) {
			const media = Number(status) < 300 && (response.content || {})['application/json']
			if (media && (Object.keys(media.schema).length === 0 || media.example === undefined)) bare.push(`${id} ${status}`)
		}
	// What it is made of is in the document itself.
	assert.deepEqual(bare.filter((b) => b !== 'getOpenapiDocument 200'), [])
})

test('the page comes whole from this server and may do nothing else', async () => {
	const page = await suite.api('GET', '/docs', { key: null })
	assert.equal(page.status, 200)
	assert.match(page.headers['content-type'], /^text\/html/)
	const policy = page.headers['content-security-policy']
	for (const rule of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"]) assert.ok(policy.includes(rule), rule)
	assert.ok(!policy.includes('unsafe'))
	assert.ok(!/<script(?![^>]*src=)|\son\w+=|style=|https?:\/\//.test(page.text), 'inline script, style or a foreign address')
	const loads = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map((m) => m[1])
	assert.ok(loads.includes('/docs/app.js') && loads.includes('/docs/app.css'))
	for (const path of [...loads, '/docs/snippets.js']) {
		const part = await suite.api('GET', path, { key: null })
		assert.equal(part.status, 200, path)
		assert.equal(part.headers['x-content-type-options'], 'nosniff')
		assert.ok(path === '/openapi.json' || !/innerHTML|insertAdjacentHTML|document\.write|\beval\(/.test(part.text), path)
	}
	assert.equal((await suite.api('GET', '/docs/nope.js', { key: null })).status, 404)
})
