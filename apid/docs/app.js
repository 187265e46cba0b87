// Shows /openapi.json.  Whatever the document says goes into the page as text, never as HTML.
import { languages, requestOf, exampleOf } from '/docs/snippets.js'

const $ = (id) => document.getElementById(id)
const METHODS = ['get', 'post', 'put', 'patch', 'delete']
const state = { document: null, key: '', language: 0, refresh: [] }

// el('p', {class: 'x'}, 'text', child)
function el(name, attributes, ...children) {
	const node = document.createElement(name)
	for (const [key, value] of Object.entries(attributes || {})) {
		if (typeof value === 'function') node.addEventListener(key, value)
		else if (value !== undefined && value !== false) node.setAttribute(key, value)
	}
	node.append(...children.filter((child) => child !== null && child !== undefined))
	return node
}

// A <details> whose inside is made when it is opened first.
function folded(summary, make) {
	const details = el('details', {}, summary)
	details.addEventListener('toggle', () => { if (details.open && details.childNodes.length === 1) details.append(make()) })
	return details
}

function resolve(node) {
	for (let hops = 0; node && node.$ref && hops < 8; hops++)
		node = node.$ref.slice(2).split('/').reduce((at, step) => at && at[step], state.document)
	return node
}

const nameOf = (schema) => (schema && schema.$ref ? schema.$ref.split('/').pop() : null)
const pretty = (value) => JSON.stringify(value, null, 2)

function typeOf(schema) {
	if (!schema) return 'any'
	if (schema.$ref) return nameOf(schema)
	if (schema.enum) return schema.enum.map((word) => JSON.stringify(word)).join(' | ')
	if (schema.const !== undefined) return JSON.stringify(schema.const)
	if (schema.anyOf) return schema.anyOf.map(typeOf).join(' | ')
	const types = [].concat(schema.type || 'any')
	if (types[0] === 'array') types[0] = `${typeOf(schema.items)}[]`
	return types.join(' | ') + (schema.format ? ` (${schema.format})` : '')
}

function limitsOf(schema) {
	const words = []
	const range = (low, high, what) => {
		if (low !== undefined && high !== undefined) words.push(`${low} to ${high}${what}`)
		else if (low !== undefined) words.push(`at least ${low}${what}`)
		else if (high !== undefined) words.push(`at most ${high}${what}`)
	}
	range(schema.minLength, schema.maxLength, ' characters')
	range(schema.minimum, schema.maximum, '')
	range(schema.minItems, schema.maxItems, ' items')
	if (schema.pattern) words.push(`matches ${schema.pattern}`)
	return words.join(', ')
}

// ---- tables ----

function memberRow(name, place, schema, required, text) {
	const limits = limitsOf(schema)
	return el('tr', {},
		el('td', {}, el('code', {}, name), ' ', required ? el('span', { class: 'need' }, 'required') : null),
		el('td', {}, el('code', {}, typeOf(schema)), el('div', { class: 'dim' }, place)),
		el('td', {}, text || schema.description || '', limits ? el('div', { class: 'dim' }, limits) : null))
}

function membersOf(schema, depth = 0) {
	const shape = resolve(schema)
	if (!shape || !shape.properties) return null
	const table = el('table', {})
	for (const [name, property] of Object.entries(shape.properties)) {
		table.append(memberRow(name, '', property, (shape.required || []).includes(name)))
		const inner = property.items || property
		if (depth < 3 && resolve(inner) && resolve(inner).properties)
			table.append(el('tr', {}, el('td', { colspan: 3 }, folded(el('summary', { class: 'dim' }, `${name}: ${typeOf(property)}`), () => membersOf(inner, depth + 1)))))
	}
	return table
}

function parametersOf(operation) {
	const table = el('table', {})
	for (const parameter of (operation.parameters || []).map(resolve))
		table.append(memberRow(parameter.name, parameter.in, parameter.schema, parameter.required, parameter.description))
	for (const [type, media] of Object.entries((operation.requestBody || {}).content || {})) {
		const schema = resolve(media.schema)
		for (const [name, property] of Object.entries(schema.properties || {}))
			table.append(memberRow(name, type === 'application/json' ? 'body' : 'form', property, (schema.required || []).includes(name)))
	}
	return table.children.length > 0 ? [el('h4', {}, 'Parameters'), table] : []
}

function responseOf(status, answer) {
	const response = resolve(answer)
	const box = el('details', { open: status < '300' }, el('summary', {}, el('strong', {}, status), ` ${response.description}`))
	for (const [type, media] of Object.entries(response.content || {})) {
		if (type !== 'application/json') {
			box.append(el('p', { class: 'dim' }, type))
			continue
		}
		if (media.example !== undefined) box.append(el('pre', {}, pretty(media.example)))
		const choices = media.schema.anyOf || [media.schema]
		for (const schema of choices)
			if ((resolve(schema) || {}).properties) box.append(folded(el('summary', { class: 'dim' }, nameOf(schema) || 'Members'), () => membersOf(schema)))
	}
	return box
}

// ---- snippets and trying ----

// Browsers have a clipboard for pages of https and localhost alone; elsewhere the text is selected.
function copyOf(pre) {
	getSelection().selectAllChildren(pre)
	if (navigator.clipboard) navigator.clipboard.writeText(pre.textContent)
}

function snippetOf(make) {
	const pre = el('pre', {})
	const show = () => { pre.textContent = languages[state.language].make(make()) }
	const copy = el('button', { type: 'button', click: () => copyOf(pre) }, 'Copy')
	show()
	state.refresh.push(show)
	return [el('h4', {}, 'Request'), pre, el('div', { class: 'row' }, copy)]
}

async function showAnswer(into, response, took) {
	const type = response.headers.get('content-type') || ''
	into.replaceChildren(el('div', { class: 'dim' }, `${response.status} ${response.statusText}, ${took} ms, ${type || 'no body'}`))
	if (type.startsWith('image/') && !response.bodyUsed) {
		into.append(el('img', { alt: 'answer', src: URL.createObjectURL(await response.blob()) }))
		return
	}
	const text = await response.text()
	let shown = text
	try {
		shown = pretty(JSON.parse(text))
	} catch { /* it is no JSON */ }
	into.append(el('pre', {}, shown.slice(0, 200000)))
}

function tryOf(path, method, operation) {
	const values = {}
	const fields = (operation.parameters || []).map(resolve).filter((p) => p.in !== 'header').map((p) => {
		const input = el('input', { placeholder: p.required ? 'required' : '', autocomplete: 'off' })
		values[p.name] = input
		return el('label', {}, p.name, input)
	})
	const content = (operation.requestBody || {}).content || {}
	const json = content['application/json']
	const body = json ? el('textarea', { spellcheck: 'false' }, pretty(json.example ?? exampleOf(json.schema, resolve))) : null
	const file = content['multipart/form-data'] ? el('input', { type: 'file' }) : null
	const answer = el('div', { class: 'answer', 'aria-live': 'polite' })
	const run = async () => {
		try {
			const given = Object.fromEntries(Object.entries(values).filter(([, input]) => input.value !== '').map(([name, input]) => [name, input.value]))
			const missing = (operation.parameters || []).map(resolve).filter((p) => p.in === 'path' && given[p.name] === undefined)
			if (missing.length > 0) throw new Error(`${missing.map((p) => p.name).join(', ')}: a value is needed`)
			const request = requestOf(location.origin, path, method, operation, { resolve, key: state.key, values: given, body: body ? JSON.parse(body.value) : undefined })
			await send(request, file, answer)
		} catch (error) {
			answer.replaceChildren(el('pre', {}, String(error.message || error)))
		}
	}
	return el('details', {}, el('summary', {}, 'Try it'),
		el('div', { class: 'try' }, ...fields, body, file, el('div', { class: 'row' }, el('button', { type: 'button', class: 'go', click: run }, 'Send')), answer))
}

async function send(request, file, answer) {
	const options = { method: request.method, headers: { ...request.headers } }
	if (!state.key) delete options.headers['X-API-Key']
	if (request.body !== undefined) {
		options.headers['Content-Type'] = 'application/json'
		options.body = JSON.stringify(request.body)
	}
	if (file) {
		if (!file.files[0]) throw new Error('choose a file')
		options.body = new FormData()
		options.body.append('file', file.files[0])
	}
	const began = performance.now()
	const response = await fetch(request.url, options)
	if ((response.headers.get('content-type') || '').startsWith('text/event-stream')) {
		await showStream(response, answer)
		return
	}
	await showAnswer(answer, response, Math.round(performance.now() - began))
}

// An event stream never ends by itself: what comes in ten seconds.
async function showStream(response, answer) {
	const pre = el('pre', {})
	const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
	const timer = setTimeout(() => reader.cancel(), 10000)
	answer.replaceChildren(pre)
	for (let part = await reader.read(); !part.done; part = await reader.read()) pre.textContent += part.value
	clearTimeout(timer)
	pre.textContent += '(closed)'
}

// ---- the page ----

function insideOf(path, method, operation) {
	const box = el('div', { class: 'body' })
	if (operation.description) box.append(el('p', {}, operation.description))
	box.append(...snippetOf(() => requestOf(location.origin, path, method, operation, { resolve, key: state.key })))
	box.append(...parametersOf(operation), el('h4', {}, 'Responses'))
	for (const [status, answer] of Object.entries(operation.responses)) box.append(responseOf(status, answer))
	box.append(el('h4', {}, 'Try'), tryOf(path, method, operation))
	return box
}

function articleOf({ path, method, operation }) {
	const summary = el('summary', {}, el('span', { class: `verb ${method}` }, method.toUpperCase()), el('h3', {}, operation.summary), el('code', { class: 'dim' }, path))
	return el('article', { id: operation.operationId }, folded(summary, () => insideOf(path, method, operation)))
}

function operationsOf(tag) {
	const out = []
	for (const [path, item] of Object.entries(state.document.paths))
		for (const method of METHODS)
			if (item[method] && item[method].tags.includes(tag)) out.push({ path, method, operation: item[method] })
	return out
}

function groupOf(tag) {
	const operations = operationsOf(tag.name)
	const section = el('section', {}, el('h2', {}, tag.name), tag.description ? el('p', { class: 'dim' }, tag.description) : null)
	const list = el('ul', {})
	for (const entry of operations) {
		const { operation, method, path } = entry
		const words = `${tag.name} ${operation.summary} ${method} ${path} ${operation.description || ''}`.toLowerCase()
		section.append(articleOf(entry))
		list.append(el('li', { 'data-words': words }, el('a', { href: `#${operation.operationId}` },
			el('span', { class: `verb ${method}` }, method.toUpperCase()), operation.summary)))
	}
	$('groups').append(el('div', {}, el('h2', {}, `${tag.name}`), list))
	return section
}

function openHash() {
	const article = location.hash ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null
	if (!article || article.tagName !== 'ARTICLE') return
	article.querySelector('details').open = true
	article.scrollIntoView()
}

function search() {
	const words = $('search').value.toLowerCase().split(/\s+/).filter(Boolean)
	for (const item of document.querySelectorAll('#groups li')) {
		const fits = words.every((word) => item.dataset.words.includes(word))
		item.hidden = !fits
		document.getElementById(item.querySelector('a').hash.slice(1)).hidden = !fits
	}
	for (const group of document.querySelectorAll('#groups > div')) group.hidden = !group.querySelector('li:not([hidden])')
	for (const section of document.querySelectorAll('main section')) section.hidden = !section.querySelector('article:not([hidden])')
}

const refresh = () => state.refresh.forEach((show) => show())

function controls() {
	const kept = (name) => { try { return sessionStorage.getItem(name) || '' } catch { return '' } }
	const keep = (name, value) => { try { sessionStorage.setItem(name, value) } catch { /* storage is off */ } }
	languages.forEach((language, i) => $('language').append(el('option', { value: i }, language.name)))
	state.key = $('key').value = kept('key')
	document.documentElement.dataset.theme = kept('theme')
	$('key').addEventListener('input', () => { state.key = $('key').value.trim(); keep('key', state.key); refresh() })
	$('language').addEventListener('change', () => { state.language = Number($('language').value); refresh() })
	$('search').addEventListener('input', search)
	$('theme').addEventListener('click', () => {
		const root = document.documentElement
		const isDark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches
		root.dataset.theme = isDark ? 'light' : 'dark'
		keep('theme', root.dataset.theme)
	})
	document.addEventListener('keydown', (event) => {
		if (event.key !== '/' || /INPUT|TEXTAREA|SELECT/.test(event.target.tagName)) return
		event.preventDefault()
		$('search').focus()
	})
	window.addEventListener('hashchange', openHash)
}

async function start() {
	controls()
	const response = await fetch('/openapi.json')
	if (!response.ok) throw new Error(`/openapi.json: ${response.status}`)
	state.document = await response.json()
	const { info, tags } = state.document
	$('version').textContent = info.version
	document.title = info.title
	$('main').replaceChildren(el('p', {}, info.description), ...tags.map(groupOf))
	openHash()
}

start().catch((error) => $('main').replaceChildren(el('p', {}, `The document could not be shown: ${error.message}`)))
