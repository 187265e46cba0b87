// Our protobuf schema against Baileys': first field by field, then random messages both ways.
//
// Known differences: Baileys' schema file lacks what only newer clients have (NEWER), and our
// `static_key` is its `static`, which C does not allow as a name.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import protobuf from 'protobufjs'
import { proto } from 'baileys'
import { ask, randomFrom } from './lib/linetool.mjs'

const MESSAGES_A_TYPE = 300
const NEWER = [
	'ClientPairingProps.is_hs_thumbnail_sync_enabled', 'ClientPairingProps.subscription_sync_payload', 'HistorySync.nct_salt',
]
// Ours is flat, Baileys' nests; what is below these is found through their fields.
const roots = {
	HandshakeMessage: 'HandshakeMessage', CertChain: 'CertChain', NoiseCertificateDetails: 'CertChain.NoiseCertificate.Details',
	ClientPayload: 'ClientPayload', DeviceProps: 'DeviceProps',
	ADVSignedDeviceIdentityHMAC: 'ADVSignedDeviceIdentityHMAC', ADVSignedDeviceIdentity: 'ADVSignedDeviceIdentity',
	ADVDeviceIdentity: 'ADVDeviceIdentity', ADVSignedKeyIndexList: 'ADVSignedKeyIndexList', ADVKeyIndexList: 'ADVKeyIndexList',
	ClientPairingProps: 'ClientPairingProps', Message: 'Message', HistorySync: 'HistorySync',
	LIDMigrationMappingSyncPayload: 'LIDMigrationMappingSyncPayload', WebMessageInfo: 'WebMessageInfo',
}

const require = createRequire(import.meta.url)
const file = join(dirname(require.resolve('baileys')), '..', 'WAProto', 'WAProto.proto')
const theirs = (await protobuf.load(file)).resolveAll().lookup('proto')
const [ours] = await ask('pbcodec', [{ schema: true }])

const plain = (name) => name.replaceAll('_', '').toLowerCase()
const theirField = (type, number) => Object.values(type.fields).find((field) => field.id === number)

// ---- the schema ----

// Calls visit(our message, our field, their field or undefined) for every field below a root.
function walk(visit) {
	const seen = new Set()
	const walkMessage = (name, type) => {
		if (seen.has(name + type.fullName))
			return
		seen.add(name + type.fullName)
		for (const field of ours[name]) {
			const other = theirField(type, field.number)
			visit(name, field, other)
			if (field.message !== null && other?.resolvedType)
				walkMessage(field.message, other.resolvedType)
		}
	}
	for (const [name, path] of Object.entries(roots))
		walkMessage(name, theirs.lookupType(path))
}

function theirTypeName(field) {
	if (field.resolvedType instanceof protobuf.Enum)
		return 'enum'
	return field.resolvedType ? 'message' : field.type
}

test('every field of ours has the number, name, type and count of theirs', () => {
	let fields = 0
	const missing = []
	walk((message, field, other) => {
		const name = `${message}.${field.name}`
		fields++
		if (other === undefined) {
			missing.push(name)
			return
		}
		assert.equal(plain(field.name).replace('statickey', 'static'), plain(other.name), name)
		assert.equal(field.repeated, other.repeated, name)
		// An enumeration that we do not spell out is a number.
		if (!(field.type === 'int32' && theirTypeName(other) === 'enum'))
			assert.equal(field.type, theirTypeName(other), name)
	})
	assert.deepEqual(missing, NEWER)
	assert.ok(fields > 400, `${fields} fields`)
})

// ---- random messages ----

const random = randomFrom(20260521)

function randomScalar(field, other) {
	switch (field.type) {
	case 'bool': return random.chance(0.5)
	case 'string': return random.text(random.below(12), [...'aé€😀 "\\0'])
	case 'bytes': return random.bytes(random.below(40)).toString('hex')
	case 'double': return random.below(1000000) / 64 - 8000
	case 'uint32':
	case 'fixed32': return random.pick([0, 1, 127, 128, 4294967295, random.below(4294967296)])
	case 'sfixed32': return random.pick([0, -1, 2147483647, -2147483648])
	case 'uint64': return random.pick(['0', '1', '18446744073709551615', String(random.below(2 ** 50))])
	case 'int64': return random.pick(['0', '-1', '9223372036854775807', '-9223372036854775808', String(random.below(2 ** 50))])
	case 'enum': return random.pick(Object.values(other.resolvedType.values))
	case 'int32': return other.resolvedType ? random.pick(Object.values(other.resolvedType.values)) : random.pick([0, 1, -1, 2147483647, -2147483648])
	default: throw new Error(`no random ${field.type}`)
	}
}

// One message in both forms: [ours, Baileys' plain object].
function randomMessage(name, type, depth = 0) {
	const mine = {}, their = {}
	for (const field of ours[name]) {
		const other = theirField(type, field.number)
		if (other === undefined || random.chance(depth === 0 ? 0.6 : 0.5))
			continue
		if (field.type === 'message' && depth > 4)
			continue
		// The many contents of a Message would multiply.
		if (name === 'Message' && depth > 0 && random.chance(0.9))
			continue
		const one = () => field.type === 'message' ?
			randomMessage(field.message, other.resolvedType, depth + 1) :
			Array(2).fill(randomScalar(field, other))
		const items = Array.from({ length: field.repeated ? 1 + random.below(3) : 1 }, one)
		mine[field.name] = field.repeated ? items.map(([m]) => m) : items[0][0]
		const asTheirs = items.map(([, t]) => (field.type === 'bytes' ? Buffer.from(t, 'hex') : t))
		their[other.name] = field.repeated ? asTheirs : asTheirs[0]
	}
	return [mine, their]
}

function theirClass(path) {
	return path.split('.').reduce((at, part) => at[part], proto)
}

const readable = { longs: String, bytes: Buffer }

for (const [name, path] of Object.entries(roots)) {
	const Their = theirClass(path)
	const pairs = Array.from({ length: MESSAGES_A_TYPE }, () => randomMessage(name, theirs.lookupType(path)))

	test(`${name}: what Baileys packs, we unpack`, async () => {
		const answers = await ask('pbcodec', pairs.map(([, their]) => ({
			type: name, decode: Buffer.from(Their.encode(Their.fromObject(their)).finish()).toString('hex'),
		})))
		pairs.forEach(([mine], i) => assert.deepEqual(answers[i].value, mine))
	})

	test(`${name}: what we pack, Baileys unpacks`, async () => {
		const answers = await ask('pbcodec', pairs.map(([mine]) => ({ type: name, encode: mine })))
		pairs.forEach(([, their], i) => {
			const decoded = Their.toObject(Their.decode(Buffer.from(answers[i].hex, 'hex')), readable)
			assert.deepEqual(decoded, Their.toObject(Their.fromObject(their), readable))
		})
	})
}

test('fields that we do not have are kept by number', async () => {
	const message = proto.Message.fromObject({ conversation: 'hi', orderMessage: { orderId: '1' }, stickerPackMessage: { stickerPackId: '1' } })
	const hex = Buffer.from(proto.Message.encode(message).finish()).toString('hex')
	const [answer] = await ask('pbcodec', [{ type: 'Message', decode: hex }])
	assert.deepEqual(answer.value, { conversation: 'hi', unknown: [38, 86] })
})

test('an unknown value of an enumeration survives', async () => {
	const hex = Buffer.from(proto.Message.encode({ protocolMessage: { type: 30 } }).finish()).toString('hex')
	const [answer] = await ask('pbcodec', [{ type: 'Message', decode: hex }])
	assert.deepEqual(answer.value, { protocol_message: { type: 30 } })
})
