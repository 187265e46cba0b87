// What the tests of campaigns share: more devices, and looking at a campaign.
import assert from 'node:assert/strict'
import { eventually } from './suite.mjs'

export const CAMPAIGNS = '/v1/developer/campaigns'

// Links another device, by pairing code, to a new phone; answers its uid.
export async function link(suite, phone) {
	const { deviceUid } = (await suite.api('POST', '/v1/devices', { body: { name: `Line ${phone}` } })).body
	await suite.phone(phone)
	const code = await eventually('there is a pairing code', async () => {
		const answer = await suite.api('POST', `/v1/devices/${deviceUid}/pairing-code`, { body: { phone: '+' + phone } })
		return answer.status === 200 ? answer.body.code : null
	})
	await suite.sandboxCall('POST', `/phones/${phone}/scan`, { code })
	await eventually(`${deviceUid} is connected`, async () =>
		(await suite.api('GET', `/v1/devices/${deviceUid}`)).body.status === 'CONNECTED', 60000)
	return deviceUid
}

export async function create(suite, body, status = 201) {
	const answer = await suite.api('POST', CAMPAIGNS, { body: { deviceUid: suite.deviceUid, messageType: 'TEXT', ...body } })
	assert.equal(answer.status, status, answer.text)
	return answer.body
}

export const look = async (suite, id) => (await suite.api('GET', `${CAMPAIGNS}/${id}`)).body

export async function until(suite, id, status, timeoutMs = 30000) {
	let last
	return eventually(`campaign ${id} is ${status}`, async () => {
		last = await look(suite, id)
		return last.status === status ? last : null
	}, timeoutMs).catch((error) => { throw new Error(`${error.message}; it is ${JSON.stringify(last)}`) })
}

export async function control(suite, id, what) {
	const answer = await suite.api('POST', `${CAMPAIGNS}/${id}/${what}`)
	assert.equal(answer.status, 200, answer.text)
	return answer.body
}

// All rows, page by page.
export async function recipients(suite, id, query = '') {
	const rows = []
	for (let page = 1; ; page++) {
		const answer = await suite.api('GET', `${CAMPAIGNS}/${id}/recipients?limit=100&page=${page}${query}`)
		assert.equal(answer.status, 200, answer.text)
		rows.push(...answer.body.data)
		if (rows.length >= answer.body.total || answer.body.data.length === 0) return rows
	}
}
