// The document as tests use it: checks of values against its schemas.
import Ajv2020 from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

export const METHODS = ['get', 'post', 'put', 'patch', 'delete']

export class Document {
	constructor(document) {
		this.document = document
		this.ajv = new Ajv2020({ strict: false, allErrors: true })
		addFormats(this.ajv)
		this.ajv.addSchema(closed(document), 'document')
		this.checks = new Map()
	}

	// Everything that can be called, in the document's order.
	operations() {
		const out = []
		for (const [path, item] of Object.entries(this.document.paths))
			for (const method of METHODS)
				if (item[method]) out.push({ path, method, operation: item[method], id: item[method].operationId })
		return out
	}

	operation(id) {
		const found = this.operations().find((o) => o.id === id)
		if (!found) throw new Error(`the document has no operation ${id}`)
		return found
	}

	resolve(node) {
		return this.at(node).node
	}

	// Where a node really is: {node, pointer}.
	at(node, pointer = '') {
		for (let hops = 0; node && node.$ref && hops < 8; hops++) {
			pointer = node.$ref.slice(1)
			node = node.$ref.slice(2).split('/').reduce((x, step) => x && x[step], this.document)
		}
		return { node, pointer }
	}

	// What is wrong with a value by the schema at a JSON pointer: [] when nothing.
	problems(pointer, value) {
		let check = this.checks.get(pointer)
		if (!check) {
			check = this.ajv.compile({ $ref: `document#${pointer}` })
			this.checks.set(pointer, check)
		}
		return check(value) ? [] : check.errors.map((e) => `${e.instancePath || '/'} ${e.message} ${JSON.stringify(e.params)}`)
	}

	// The pointers of a response of an operation: {response, pointer}; undefined when the status is not documented.
	response({ path, method, operation }, status) {
		const own = `/paths/${escaped(path)}/${method}/responses/${status}`
		const answer = operation.responses[status]
		if (!answer) return undefined
		const { node, pointer } = this.at(answer, own)
		return { response: node, pointer }
	}

	// What is wrong with an answer of suite.api() to an operation.
	wrongAnswer(entry, answer) {
		const found = this.response(entry, answer.status)
		const types = Object.keys((found && found.response.content) || {})
		const type = (answer.headers['content-type'] || '').split(';')[0]
		if (!found) return [`status ${answer.status} is not documented: ${answer.text.slice(0, 300)}`]
		if (types.length === 0) return answer.text === '' ? [] : [`a body where none is documented: ${answer.text.slice(0, 200)}`]
		const known = types.find((t) => t.split(';')[0] === type) || (types.includes('application/octet-stream') && type !== 'application/json' ? 'application/octet-stream' : undefined)
		if (!known) return [`content type ${type} is not documented, only ${types.join(', ')}`]
		if (known !== 'application/json') return []
		return this.problems(`${found.pointer}/content/application~1json/schema`, answer.body)
	}
}

export const escaped = (text) => encodeURI(text.replaceAll('~', '~0').replaceAll('/', '~1'))

// Answers may grow for clients, but not behind the document's back: here every object has the members that it names, and no others.
function closed(node) {
	if (Array.isArray(node)) return node.map(closed)
	if (node === null || typeof node !== 'object') return node
	const out = {}
	for (const [key, value] of Object.entries(node)) out[key] = key === 'example' ? value : closed(value)
	if (node.type === 'object' && node.properties && node.additionalProperties === undefined) out.additionalProperties = false
	return out
}
