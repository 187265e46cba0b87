// One request in four languages.  A request is {method, url, headers: {name: value}, body, file}: body is a value to be sent as JSON,
// file the name of a file to be sent as a form's part "file"; fields are further parts of that form.  Pure text in, text out.

const headerLines = (request) => Object.entries(request.headers || {})
const hasBody = (request) => request.body !== undefined
const fields = (request) => Object.entries(request.fields || {})

const indent = (text, by) => text.split('\n').join(`\n${by}`)
const single = (text) => `'${text.replaceAll("'", `'\\''`)}'` // for a shell
const quoted = (text) => JSON.stringify(text)

function curl(request) {
	const parts = [`curl -X ${request.method} ${single(request.url)}`]
	for (const [name, value] of headerLines(request)) parts.push(`-H ${single(`${name}: ${value}`)}`)
	if (hasBody(request)) {
		parts.push(`-H 'Content-Type: application/json'`)
		parts.push(`-d ${single(JSON.stringify(request.body, null, 2))}`)
	}
	for (const [name, value] of fields(request)) parts.push(`-F ${single(`${name}=${value}`)}`)
	if (request.file) parts.push(`-F ${single(`file=@${request.file}`)}`)
	return parts.join(' \\\n  ')
}

function javascript(request) {
	const headers = headerLines(request).map(([name, value]) => `${quoted(name)}: ${quoted(value)}`)
	const lines = []
	if (request.file) {
		lines.push(`const form = new FormData()`)
		for (const [name, value] of fields(request)) lines.push(`form.append(${quoted(name)}, ${quoted(value)})`)
		lines.push(`form.append('file', file) // a File or Blob, ${quoted(request.file)} say`)
	}
	if (hasBody(request)) headers.push(`'Content-Type': 'application/json'`)
	lines.push(`const response = await fetch(${quoted(request.url)}, {`)
	lines.push(`  method: ${quoted(request.method)},`)
	if (headers.length > 0) lines.push(`  headers: {\n    ${headers.join(',\n    ')},\n  },`)
	if (hasBody(request)) lines.push(`  body: JSON.stringify(${indent(JSON.stringify(request.body, null, 2), '  ')}),`)
	if (request.file) lines.push(`  body: form,`)
	lines.push(`})`, `console.log(response.status, await response.text())`)
	return lines.join('\n')
}

// JSON as Python writes it.
function pythonValue(value, by) {
	const inner = `${by}    `
	if (value === null) return 'None'
	if (value === true) return 'True'
	if (value === false) return 'False'
	if (Array.isArray(value))
		return value.length === 0 ? '[]' : `[\n${value.map((v) => inner + pythonValue(v, inner)).join(',\n')},\n${by}]`
	if (typeof value === 'object') {
		const members = Object.entries(value).map(([name, v]) => `${inner}${quoted(name)}: ${pythonValue(v, inner)}`)
		return members.length === 0 ? '{}' : `{\n${members.join(',\n')},\n${by}}`
	}
	return JSON.stringify(value)
}

function python(request) {
	const lines = ['import requests', '', 'response = requests.request(', `    ${quoted(request.method)},`, `    ${quoted(request.url)},`]
	const headers = Object.fromEntries(headerLines(request))
	if (Object.keys(headers).length > 0) lines.push(`    headers=${pythonValue(headers, '    ')},`)
	if (hasBody(request)) lines.push(`    json=${pythonValue(request.body, '    ')},`)
	if (fields(request).length > 0) lines.push(`    data=${pythonValue(request.fields, '    ')},`)
	if (request.file) lines.push(`    files={"file": open(${quoted(request.file)}, "rb")},`)
	lines.push('    timeout=30,', ')', 'print(response.status_code, response.text)')
	return lines.join('\n')
}

// A JSON text as Java's text block: backslashes and quotes of three are escaped.
function javaBlock(text, by) {
	const escaped = text.replaceAll('\\', '\\\\').replaceAll('"""', '\\"\\"\\"')
	return `"""\n${by}${indent(escaped, by)}"""`
}

function javaForm(request) {
	const part = (name, value) => `        form.write(("--" + boundary + "\\r\\nContent-Disposition: form-data; name=\\"${name}\\"\\r\\n\\r\\n${value}\\r\\n").getBytes());`
	return [
		`        var boundary = java.util.UUID.randomUUID().toString();`,
		`        var form = new java.io.ByteArrayOutputStream();`,
		...fields(request).map(([name, value]) => part(name, value)),
		`        form.write(("--" + boundary + "\\r\\nContent-Disposition: form-data; name=\\"file\\"; filename=${JSON.stringify(quoted(request.file)).slice(1, -1)}\\r\\n\\r\\n").getBytes());`,
		`        form.write(java.nio.file.Files.readAllBytes(java.nio.file.Path.of(${quoted(request.file)})));`,
		`        form.write(("\\r\\n--" + boundary + "--\\r\\n").getBytes());`,
	]
}

function java(request) {
	const lines = [
		'import java.net.URI;', 'import java.net.http.HttpClient;', 'import java.net.http.HttpRequest;', 'import java.net.http.HttpResponse;', '',
		'public class Main {', '    public static void main(String[] args) throws Exception {']
	if (request.file) lines.push(...javaForm(request))
	lines.push(`        var request = HttpRequest.newBuilder(URI.create(${quoted(request.url)}))`)
	for (const [name, value] of headerLines(request)) lines.push(`            .header(${quoted(name)}, ${quoted(value)})`)
	let publisher = 'HttpRequest.BodyPublishers.noBody()'
	if (hasBody(request)) {
		lines.push(`            .header("Content-Type", "application/json")`)
		publisher = `HttpRequest.BodyPublishers.ofString(${javaBlock(JSON.stringify(request.body, null, 2), '                ')})`
	}
	if (request.file) {
		lines.push(`            .header("Content-Type", "multipart/form-data; boundary=" + boundary)`)
		publisher = 'HttpRequest.BodyPublishers.ofByteArray(form.toByteArray())'
	}
	lines.push(`            .method(${quoted(request.method)}, ${publisher})`, '            .build();')
	lines.push('        var response = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());')
	lines.push('        System.out.println(response.statusCode() + " " + response.body());', '    }', '}')
	return lines.join('\n')
}

export const languages = [
	{ name: 'cURL', make: curl },
	{ name: 'JavaScript', make: javascript },
	{ name: 'Python', make: python },
	{ name: 'Java', make: java },
]

// An example of what a schema allows, for what the document has no example of.
export function exampleOf(schema, resolve, depth = 0) {
	const s = resolve(schema)
	if (s === undefined || s === null || depth > 6) return null
	if (s.example !== undefined) return s.example
	if (s.const !== undefined) return s.const
	if (s.enum) return s.enum[0]
	if (s.anyOf) return exampleOf(s.anyOf[0], resolve, depth + 1)
	const type = Array.isArray(s.type) ? s.type[0] : s.type
	if (type === 'object') {
		const wanted = new Set(s.required || Object.keys(s.properties || {}))
		return Object.fromEntries(Object.entries(s.properties || {}).filter(([name]) => wanted.has(name))
			.map(([name, property]) => [name, exampleOf(property, resolve, depth + 1)]))
	}
	if (type === 'array') return Array.from({ length: Math.max(1, s.minItems || 1) }, () => exampleOf(s.items || {}, resolve, depth + 1))
	if (type === 'integer' || type === 'number') return Math.max(s.minimum ?? 1, Math.min(1, s.maximum ?? 1))
	if (type === 'boolean') return true
	if (type === 'string') return textOf(s)
	return null
}

function textOf(s) {
	if (s.format === 'uuid') return '0197c7a0-4a3e-7b51-9d2f-2f6a1c1f0e10'
	if (s.format === 'date-time') return '2030-12-25T10:00:00Z'
	if (s.format === 'uri') return 'https://example.com/hook'
	if (s.pattern && s.pattern.startsWith('^#')) return '#6366f1'
	if (s.pattern && s.pattern.includes('g\\.us') && !s.pattern.includes('lid')) return '120363012345678901@g.us'
	if (s.pattern) return '+15551234567'
	return 'text'.slice(0, s.maxLength ?? 4)
}

// Keys begin with wak_; whatever else is given is a session token.
const credentials = (key) => (key.startsWith('wak_') ? { 'X-API-Key': key } : { Authorization: `Bearer ${key}` })

// The request of an operation, with @values for its path and query parameters where they are known.
export function requestOf(base, path, method, operation, { resolve, key = '', values = {}, body } = {}) {
	const parameters = (operation.parameters || []).map(resolve)
	const valueOf = (p) => values[p.name] ?? String(exampleOf(p.schema, resolve))
	let url = path
	const query = []
	for (const p of parameters) {
		if (p.in === 'path') url = url.replace(`{${p.name}}`, encodeURIComponent(values[p.name] ?? (p.name === 'deviceUid' ? 'dev_4f8c2a1e' : valueOf(p))))
		if (p.in === 'query' && (p.required || values[p.name] !== undefined)) query.push(`${encodeURIComponent(p.name)}=${encodeURIComponent(p.name === 'deviceUid' ? values[p.name] ?? 'dev_4f8c2a1e' : valueOf(p))}`)
	}
	const request = { method: method.toUpperCase(), url: base + url + (query.length > 0 ? `?${query.join('&')}` : ''), headers: {} }
	if (!operation.security || operation.security.length > 0) Object.assign(request.headers, credentials(key || 'wak_your_api_key_here'))
	const content = operation.requestBody && operation.requestBody.content
	const json = content && content['application/json']
	const form = content && content['multipart/form-data']
	if (json && body !== undefined) request.body = body
	else if (json) request.body = json.example ?? exampleOf(json.schema, resolve)
	if (form) request.file = 'file.bin'
	return request
}
