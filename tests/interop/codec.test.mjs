// Our node codec against Baileys' own, both directions, on random nodes.
//
// Baileys knows only text, so a node is made once in our typed form and once in its form.  The
// differences that are known and harmless, and where they are dealt with:
//  - Baileys writes any text with an '@' as an address, we only what is typed as one: such
//    text is compared after decoding, not byte by byte (hasLooseAt);
//  - it writes AD_JID for a written ":0" and JID_PAIR for hosted devices 0, we leave ":0" out and always
//    use AD_JID for hosted: no ":0" is generated for it, and hosted addresses have a device;
//  - it shows the bare server as "@s.whatsapp.net", interop and msgr always with ":device", which it
//    cannot write itself (asBaileysText; only our encoder makes those);
//  - an empty child list and no content at all are one thing to us (normalise).
// Not a difference, but to be known: text content that travels raw is read back as bytes by both
// (asRead).
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { deflateSync } from 'node:zlib'
import { encodeBinaryNode, decodeBinaryNode } from 'baileys'
import { SINGLE_BYTE_TOKENS, DOUBLE_BYTE_TOKENS } from 'baileys/lib/WABinary/constants.js'
import { ask, randomFrom } from './lib/linetool.mjs'

const NODES = 6000
const tokens = [...SINGLE_BYTE_TOKENS.slice(1), ...DOUBLE_BYTE_TOKENS.flat()]

// ---- making nodes ----

const alphabets = ['0123456789-.', '0123456789ABCDEF', '0123456789abcdef', 'abcxyz', 'aé€😀 "\\\n', '09AF-._:', 'g\u0000h']

function randomText(random) {
	if (random.chance(0.4))
		return random.pick(tokens)
	const length = random.chance(0.9) ? 1 + random.below(24) : random.pick([126, 127, 128, 129, 255, 256, 300])
	// By code points: half an emoji is no text.
	return random.text(length, [...random.pick(alphabets)])
}

function randomAddress(random) {
	const user = random.digits(1 + random.below(15))
	const device = 1 + random.below(255)
	return random.pick([
		`${user}@s.whatsapp.net`, `${user}:${device}@s.whatsapp.net`,
		`${user}@lid`, `${user}:${device}@lid`,
		`${user}:${device}@hosted`, `${user}:${device}@hosted.lid`,
		`${user}@g.us`, `${user}-1600000000@g.us`, 'status@broadcast', `${user}@newsletter`,
		`${user}@bot`, `${user}@c.us`, `${user}@call`, 's.whatsapp.net', 'g.us',
	])
}

function randomValue(random) {
	if (random.chance(0.3))
		return { j: randomAddress(random) }
	if (random.chance(0.03))
		return { s: '' }
	return { s: randomText(random) }
}

// A key that JavaScript objects keep in order.
function randomKey(random) {
	for (;;) {
		const key = randomText(random)
		if (!/^\d+$/.test(key) && !key.includes('\0') && key !== '__proto__')
			return key
	}
}

function randomNode(random, depth = 1) {
	const attrs = new Map()
	for (let n = random.below(5); n > 0; n--)
		attrs.set(randomKey(random), randomValue(random))
	return { tag: randomKey(random), attrs: [...attrs], content: randomContent(random, depth) }
}

function randomContent(random, depth) {
	const kind = random.below(depth < 5 ? 6 : 4)
	if (kind === 0)
		return null
	if (kind === 1)
		return randomValue(random)
	if (kind <= 3)
		return { b: random.bytes(random.pick([0, 1, 16, 32, 33, 255, 256, 600])).toString('hex') }
	if (random.chance(0.005))
		return Array.from({ length: 300 }, () => ({ tag: 'item', attrs: [], content: null }))
	return Array.from({ length: 1 + random.below(2) }, () => randomNode(random, depth + 1))
}

// ---- from our form to Baileys', which has only text and bytes ----

function asBaileysText(jid) {
	if (!jid.includes('@'))
		return '@' + jid
	const [user, server] = jid.split('@')
	return (server === 'msgr' || server === 'interop') && !user.includes(':') ? `${user}:0@${server}` : jid
}

function asBaileysValue(value) {
	if (value === null)
		return undefined
	if (value.b !== undefined)
		return Buffer.from(value.b, 'hex')
	if (value.x !== undefined)
		return Buffer.from(value.x, 'hex').toString('utf8')
	return value.j !== undefined ? asBaileysText(value.j) : value.s
}

const asName = (name) => (typeof name === 'string' ? name : asBaileysValue(name))

function asBaileys(node) {
	const attrs = {}
	for (const [key, value] of node.attrs)
		attrs[asName(key)] = asBaileysValue(value)
	const content = Array.isArray(node.content) ? node.content.map(asBaileys) : asBaileysValue(node.content)
	return { tag: asName(node.tag), attrs, content }
}

function normalise(node) {
	const content = Array.isArray(node.content) ? node.content.map(normalise) : node.content
	return { tag: node.tag, attrs: { ...node.attrs }, content: Array.isArray(content) && content.length === 0 ? undefined : content }
}

function* valuesOf(node) {
	for (const [, value] of node.attrs)
		yield value
	if (Array.isArray(node.content)) {
		for (const child of node.content)
			yield* valuesOf(child)
	} else if (node.content !== null) {
		yield node.content
	}
}

const tokenSet = new Set(tokens)
const isRaw = (text) => !tokenSet.has(text) && !(text.length <= 127 && /^([0-9.-]+|[0-9A-F]+)$/.test(text))

// What a reader makes of a node.
function asRead(node) {
	let { content } = node
	if (Array.isArray(content))
		content = content.map(asRead)
	else if (content?.s !== undefined && isRaw(content.s))
		content = { b: Buffer.from(content.s).toString('hex') }
	return { ...node, content }
}

// Text that Baileys would take for an address.
const hasLooseAt = (node) => [...valuesOf(node)].some((value) => value.s?.includes('@'))

const random = randomFrom(20260821)
const nodes = Array.from({ length: NODES }, () => randomNode(random))
const encoded = nodes.map((node) => encodeBinaryNode(asBaileys(node)))

// ---- the tests ----

test(`${NODES} nodes: our bytes are Baileys' bytes`, async () => {
	const answers = await ask('nodecodec', nodes.map((node) => ({ encode: node })))
	nodes.forEach((node, i) => {
		assert.equal(hasLooseAt(node), false)
		assert.equal(answers[i].hex, encoded[i].toString('hex'), JSON.stringify(node).slice(0, 1000))
	})
})

test(`${NODES} nodes: what Baileys encodes, we decode to the same typed node`, async () => {
	const answers = await ask('nodecodec', encoded.map((bytes) => ({ decode: bytes.toString('hex') })))
	nodes.forEach((node, i) => assert.deepEqual(answers[i].node, asRead(node)))
})

test(`${NODES} nodes: what we encode, Baileys decodes`, async () => {
	const answers = await ask('nodecodec', nodes.map((node) => ({ encode: node })))
	for (const [i, node] of nodes.entries()) {
		const decoded = await decodeBinaryNode(Buffer.from(answers[i].hex, 'hex'))
		assert.deepEqual(normalise(decoded), normalise(asBaileys(asRead(node))))
	}
})

test('contents around the borders of the length forms', async () => {
	const some = [255, 256, 65535, 65536, (1 << 20) - 1, 1 << 20, (1 << 20) + 1]
		.map((n) => ({ tag: 'enc', attrs: [], content: { b: 'ab'.repeat(n) } }))
	const ours = await ask('nodecodec', some.map((node) => ({ encode: node })))
	const theirs = some.map((node) => encodeBinaryNode(asBaileys(node)).toString('hex'))
	const answers = await ask('nodecodec', theirs.map((hex) => ({ decode: hex })))
	some.forEach((node, i) => {
		assert.ok(ours[i].hex === theirs[i])
		assert.ok(answers[i].node.content.b === node.content.b)
	})
})

test('text with an @ is raw for us, an address for Baileys, and the same text for both readers', async () => {
	const texts = ['mail me @ home', 'a@b', '12345@lid', '12345:3@s.whatsapp.net', '@', '😀@😀', '@nobody@']
	const plain = texts.map((s) => ({ tag: 'iq', attrs: [['notify', { s }]], content: null }))
	const ours = await ask('nodecodec', plain.map((node) => ({ encode: node })))
	for (const [i, node] of plain.entries()) {
		assert.ok(hasLooseAt(node))
		const decoded = await decodeBinaryNode(Buffer.from(ours[i].hex, 'hex'))
		assert.equal(decoded.attrs.notify, texts[i])
	}
	// Baileys refuses an address without server itself, and keeps only what is before a second '@'.
	const written = plain.filter((node) => !/@$/.test(node.attrs[0][1].s))
	const theirs = await ask('nodecodec', written.map((node) => ({ decode: encodeBinaryNode(asBaileys(node)).toString('hex') })))
	for (const [i, node] of written.entries()) {
		const [[, value]] = theirs[i].node.attrs
		assert.equal(value.s ?? value.j, node.attrs[0][1].s)
	}
})

test('addresses of other networks, which Baileys reads but cannot write', async () => {
	const addresses = ['100@msgr', '100:300@msgr', '7-user@interop', '7-user:258@interop', '0-a-b:1@interop']
	const answers = await ask('nodecodec', addresses.map((j) => ({ encode: { tag: 'x', attrs: [['from', { j }]], content: null } })))
	for (const [i, address] of addresses.entries()) {
		const decoded = await decodeBinaryNode(Buffer.from(answers[i].hex, 'hex'))
		assert.equal(decoded.attrs.from, asBaileysText(address))
	}
})

test("a device written as ':0' by Baileys is the bare address for us", async () => {
	const written = encodeBinaryNode({ tag: 'x', attrs: { to: '12345:0@s.whatsapp.net' } }).toString('hex')
	const [answer] = await ask('nodecodec', [{ decode: written }])
	assert.deepEqual(answer.node.attrs, [['to', { j: '12345@s.whatsapp.net' }]])
})

test('compressed nodes are read by both', async () => {
	const packed = encoded.slice(0, 1000).map((bytes) => Buffer.concat([Buffer.from([2]), deflateSync(bytes.subarray(1))]))
	const answers = await ask('nodecodec', packed.map((bytes) => ({ decode: bytes.toString('hex') })))
	for (const [i, bytes] of packed.entries()) {
		assert.deepEqual(answers[i].node, asRead(nodes[i]))
		assert.deepEqual(normalise(await decodeBinaryNode(bytes)), normalise(asBaileys(asRead(nodes[i]))))
	}
})

// We may be stricter, but where both read damaged bytes they must read the same.  Left out: addresses of
// other networks, whose text differs (see above) when damage put them into the ordinary form.
test('damaged nodes: what we accept, Baileys accepts with the same content', async () => {
	const small = encoded.filter((bytes) => bytes.length < 300)
	const damaged = Array.from({ length: 20000 }, () => {
		const bytes = Buffer.from(random.pick(small))
		for (let n = 1 + random.below(3); n > 0; n--)
			bytes[1 + random.below(bytes.length - 1)] = random.below(256)
		return bytes
	})
	const answers = await ask('nodecodec', damaged.map((bytes) => ({ decode: bytes.toString('hex') })))
	let accepted = 0
	for (const [i, bytes] of damaged.entries()) {
		if (answers[i].error !== undefined || /@(msgr|interop)"/.test(JSON.stringify(answers[i])))
			continue
		accepted++
		const decoded = await decodeBinaryNode(bytes)
		assert.deepEqual(normalise(decoded), normalise(asBaileys(answers[i].node)), bytes.toString('hex'))
	}
	assert.ok(accepted > 2000, `${accepted} accepted`)
})
