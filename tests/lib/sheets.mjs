// Spreadsheets made up for tests.
import { deflateRawSync } from 'node:zlib'
import { checksum } from './media.mjs'

// A zip archive of { path: text }.
export function zip(parts) {
	const files = [], directory = []
	let at = 0
	for (const [path, content] of Object.entries(parts)) {
		const name = Buffer.from(path), bytes = Buffer.from(content), packed = deflateRawSync(bytes)
		const common = Buffer.alloc(26)
		common.writeUInt16LE(20, 0)
		common.writeUInt16LE(8, 4) // deflate
		common.writeUInt16LE(0x21, 8) // 1980-01-01
		common.writeUInt32LE(checksum(bytes), 10)
		common.writeUInt32LE(packed.length, 14)
		common.writeUInt32LE(bytes.length, 18)
		common.writeUInt16LE(name.length, 22)
		files.push(Buffer.from('PK\x03\x04', 'latin1'), common, name, packed)
		directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, Buffer.alloc(10), u32(at), name)
		at += 30 + name.length + packed.length
	}
	const n = Object.keys(parts).length, central = Buffer.concat(directory)
	const end = Buffer.alloc(18)
	end.writeUInt16LE(n, 4)
	end.writeUInt16LE(n, 6)
	end.writeUInt32LE(central.length, 8)
	end.writeUInt32LE(at, 12)
	return Buffer.concat([...files, central, Buffer.from('PK\x05\x06', 'latin1'), end])
}

function u32(value) {
	const out = Buffer.alloc(4)
	out.writeUInt32LE(value)
	return out
}

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
const letter = (column) => String.fromCharCode(65 + column)

// Rows of texts, numbers and nulls, as Excel writes them: texts are shared.
export function xlsx(rows) {
	const strings = []
	const cell = (value, y, x) => {
		if (value === null || value === undefined) return ''
		const ref = `${letter(x)}${y + 1}`
		if (typeof value === 'number') return `<c r="${ref}"><v>${value}</v></c>`
		return `<c r="${ref}" t="s"><v>${strings.push(value) - 1}</v></c>`
	}
	const data = rows.map((row, y) => row.length ? `<row r="${y + 1}">${row.map((v, x) => cell(v, y, x)).join('')}</row>` : '').join('')
	const ns = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
	return zip({
		'xl/workbook.xml': `<workbook xmlns:r="${ns}"><sheets><sheet name="Contacts" sheetId="1" r:id="rId1"/></sheets></workbook>`,
		'xl/_rels/workbook.xml.rels': `<Relationships><Relationship Id="rId1" Type="${ns}/worksheet" Target="worksheets/sheet1.xml"/>` +
			`<Relationship Id="rId2" Type="${ns}/sharedStrings" Target="sharedStrings.xml"/></Relationships>`,
		'xl/sharedStrings.xml': `<sst>${strings.map((s) => `<si><t>${escaped(s)}</t></si>`).join('')}</sst>`,
		'xl/worksheets/sheet1.xml': `<worksheet><sheetData>${data}</sheetData></worksheet>`,
	})
}

export const csv = (rows, delimiter = ',') => Buffer.from(rows.map((row) => row.map((v) =>
	v === null || v === undefined ? '' : /["\n,;\t]/.test(String(v)) ? `"${String(v).replaceAll('"', '""')}"` : String(v)).join(delimiter)).join('\r\n') + '\r\n')
