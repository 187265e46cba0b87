// What lists cost with ten thousand and with a million rows; a campaign for a million contacts; an import.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { join } from 'node:path'
import { readFileSync, rmSync } from 'node:fs'
import { Suite } from '../lib/suite.mjs'

const run = promisify(execFile)
const TOOLS = process.env.VEREDA_TOOLS
const SMALL = 10000
const LARGE = Number(process.env.BENCH_ROWS || 1000000)
const IMPORT_ROWS = Number(process.env.BENCH_IMPORT || 200000)
const ROUNDS = 40
const WHAT = ['messages', 'attempts', 'scheduled', 'media', 'contacts', 'tags', 'campaign']
const ENV = { VEREDA_SAFETY_ENABLED: 'false' }

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]
const last = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length * 0.99)]

async function cost(suite, path) {
	const times = []
	for (let i = 0; i < ROUNDS; i++) {
		const began = performance.now()
		const { status, text } = await suite.api('GET', path)
		times.push(performance.now() - began)
		if (status !== 200) throw new Error(`${path}: ${status} ${text}`)
	}
	return { p50_ms: Number(median(times).toFixed(2)), p99_ms: Number(last(times).toFixed(2)) }
}

const paths = (suite, ids, rows) => {
	const deep = Math.floor(rows / 200) // the middle, in pages of a hundred
	const list = (path) => [`${path}${path.includes('?') ? '&' : '?'}limit=100`, `${path}${path.includes('?') ? '&' : '?'}limit=100&page=${deep}`]
	return [
		...list('/v1/developer/messages'), ...list(`/v1/developer/messages?deviceUid=${suite.deviceUid}`),
		'/v1/developer/messages?to=12000007919&limit=20', `/v1/developer/messages/${ids.message}`,
		...list('/v1/developer/webhooks/history'), '/v1/developer/webhooks/history?status=FAILED&limit=100',
		...list('/v1/developer/scheduled-messages'), '/v1/developer/scheduled-messages?status=PENDING&limit=100',
		...list('/v1/developer/media'), '/v1/developer/media?kind=video&limit=100',
		...list('/v1/developer/contacts'), ...list(`/v1/developer/contacts?groupId=${ids.contacts}`),
		'/v1/developer/contacts?search=Grace%2042&limit=20', '/v1/developer/contacts?search=0000791&limit=20',
		'/v1/contact-groups', `/v1/contact-groups/${ids.contacts}`, ...list('/v1/contact-tags'),
		'/v1/developer/campaigns', `/v1/developer/campaigns/${ids.campaign}`, `/v1/developer/campaigns/${ids.campaign}/progress`,
		`/v1/developer/campaigns/${ids.campaign}/analytics`, ...list(`/v1/developer/campaigns/${ids.campaign}/recipients`),
		`/v1/developer/campaigns/${ids.campaign}/recipients?status=PENDING&limit=100`,
	]
}

async function fill(suite, rows) {
	const { stdout } = await run(join(TOOLS, 'fillstore'), [join(suite.state, 'vereda.db'), suite.email, suite.deviceUid, String(rows), ...WHAT])
	return Object.fromEntries(stdout.trim().split('\n').map((line) => JSON.parse(line)).map((f) => [f.what, f]))
}

const rssMb = (pid) => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024

// The rows of a page are shown by their generic name: ids differ from run to run.
const named = (path, ids, suite) => path.replace(ids.message, ':id').replace(ids.contacts, ':group').replace(ids.campaign, ':campaign').replace(suite.deviceUid, ':device').replace(/page=\d+/, 'page=middle')

async function campaign(suite, groupId) {
	const pid = suite.pids('apid')[0]
	const before = rssMb(pid)
	const began = Date.now()
	const { status, body, text } = await suite.api('POST', '/v1/developer/campaigns', { body: { deviceUid: suite.deviceUid, name: 'Everybody', text: 'Hello', spintaxTemplate: '{a|b|c|d|e|f|g|h}'.repeat(8), contactGroupIds: [groupId] } })
	if (status !== 201) throw new Error(text)
	const seconds = (Date.now() - began) / 1000
	await suite.api('POST', `/v1/developer/campaigns/${body.id}/pause`)
	return { recipients: body.totalRecipients, seconds, apid_rss_mb: { before, peak: rssMb(pid) } }
}

async function imported(suite) {
	const rows = ['name,phone,city']
	for (let i = 0; i < IMPORT_ROWS; i++) rows.push(`Person ${i},+49${1500000000 + i},Berlin`)
	const { body: group } = await suite.api('POST', '/v1/contact-groups', { body: { name: 'Imported' } })
	const form = new FormData()
	form.append('file', new Blob([rows.join('\n')], { type: 'text/csv' }), 'people.csv')
	const pid = suite.pids('apid')[0]
	const began = Date.now()
	const answer = await fetch(`${suite.baseUrl}/v1/contact-groups/${group.id}/import`, { method: 'POST', body: form, headers: { 'X-API-Key': suite.apiKey } })
	const text = await answer.text()
	if (answer.status !== 200) throw new Error(text)
	const seconds = (Date.now() - began) / 1000
	return { rows: JSON.parse(text).created, seconds, rows_per_second: Math.round(IMPORT_ROWS / seconds), apid_peak_rss_mb: rssMb(pid) }
}

export async function lists(note = () => {}) {
	const suite = await Suite.start({ env: ENV, keep: true })
	const figures = { rows: {}, fill_rows_per_second: {} }
	try {
		note('an import')
		figures.csv_import = await imported(suite)
		for (const rows of [SMALL, LARGE]) {
			await suite.down()
			note(`filling ${rows} rows of each kind`)
			const filled = await fill(suite, rows)
			for (const what of WHAT) figures.fill_rows_per_second[what] = filled[what].rows_per_second
			await suite.up()
			const ids = { contacts: filled.contacts.id, campaign: filled.campaign.id, message: (await suite.api('GET', '/v1/developer/messages?limit=1&page=5000')).body.data[0].id }
			for (const path of paths(suite, ids, rows)) {
				const name = named(path, ids, suite)
				figures.rows[name] ??= {}
				figures.rows[name][rows] = await cost(suite, path)
			}
			if (rows === LARGE) {
				note(`a campaign for ${rows}`)
				figures.campaign = await campaign(suite, ids.contacts)
			}
		}
	} finally {
		await suite.down()
		rmSync(suite.state, { recursive: true, force: true })
	}
	return figures
}

if (import.meta.url === `file://${process.argv[1]}`) console.log(JSON.stringify(await lists((text) => process.stderr.write(`bench: ${text}\n`)), null, 2))
