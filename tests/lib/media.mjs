// Files made up for tests, and forms that carry them.
import { deflateSync, crc32 } from 'node:zlib'
import { randomBytes } from 'node:crypto'

function pngChunk(type, data) {
	const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
	const out = Buffer.alloc(body.length + 8)
	out.writeUInt32BE(data.length, 0)
	body.copy(out, 4)
	out.writeUInt32BE(checksum(body), body.length + 4)
	return out
}

export function checksum(bytes) {
	if (crc32) return crc32(bytes)
	let crc = 0xffffffff
	for (const byte of bytes) {
		crc ^= byte
		for (let k = 0; k < 8; k++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
	}
	return (crc ^ 0xffffffff) >>> 0
}

// A picture in one colour, which tells two of them apart.
export function png(width, height, [r, g, b] = [200, 30, 30]) {
	const header = Buffer.alloc(13)
	header.writeUInt32BE(width, 0)
	header.writeUInt32BE(height, 4)
	header.set([8, 2, 0, 0, 0], 8)
	const row = Buffer.concat([Buffer.from([0]), Buffer.alloc(width * 3, Buffer.from([r, g, b]))])
	return Buffer.concat([
		Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]),
		pngChunk('IHDR', header),
		pngChunk('IDAT', deflateSync(Buffer.concat(Array(height).fill(row)))),
		pngChunk('IEND', Buffer.alloc(0)),
	])
}

// A tone: 16 bit, mono.
export function wav(seconds, rate = 16000, hertz = 440) {
	const n = Math.round(seconds * rate)
	const out = Buffer.alloc(44 + 2 * n)
	out.write('RIFF', 0, 'latin1')
	out.writeUInt32LE(36 + 2 * n, 4)
	out.write('WAVEfmt ', 8, 'latin1')
	out.writeUInt32LE(16, 16)
	out.writeUInt16LE(1, 20)
	out.writeUInt16LE(1, 22)
	out.writeUInt32LE(rate, 24)
	out.writeUInt32LE(rate * 2, 28)
	out.writeUInt16LE(2, 32)
	out.writeUInt16LE(16, 34)
	out.write('data', 36, 'latin1')
	out.writeUInt32LE(2 * n, 40)
	for (let i = 0; i < n; i++) out.writeInt16LE(Math.round(12000 * Math.sin((2 * Math.PI * hertz * i) / rate)), 44 + 2 * i)
	return out
}

export function pdf(pages = 1) {
	const kids = Array.from({ length: pages }, (_, i) => `${3 + i} 0 R`).join(' ')
	const objects = [`<< /Type /Catalog /Pages 2 0 R >>`, `<< /Type /Pages /Kids [${kids}] /Count ${pages} >>`]
	for (let i = 0; i < pages; i++) objects.push('<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>')
	let text = '%PDF-1.4\n'
	const at = []
	objects.forEach((object, i) => {
		at.push(text.length)
		text += `${i + 1} 0 obj\n${object}\nendobj\n`
	})
	const xref = text.length
	text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n`
	for (const offset of at) text += `${String(offset).padStart(10, '0')} 00000 n \n`
	text += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${xref}\n%%EOF\n`
	return Buffer.from(text, 'latin1')
}

// What suite.api() takes to upload: one file, and fields.
export function form(file, { name = 'file.bin', fields = {}, field = 'file', boundary = randomBytes(12).toString('hex') } = {}) {
	const parts = Object.entries(fields).map(([key, value]) =>
		Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${key}"\r\n\r\n${value}\r\n`))
	if (file)
		parts.push(Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${field}"; filename="${name.replaceAll('"', '%22')}"\r\n` +
			'Content-Type: application/octet-stream\r\n\r\n'), file, Buffer.from('\r\n'))
	parts.push(Buffer.from(`--${boundary}--\r\n`))
	return { raw: Buffer.concat(parts), headers: { 'content-type': `multipart/form-data; boundary=${boundary}` } }
}

export async function upload(suite, file, { kind, ...options } = {}) {
	return suite.api('POST', `/v1/developer/media/upload${kind ? `?kind=${kind}` : ''}`, form(file, options))
}
