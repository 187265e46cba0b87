// A program of tests/tools that answers every line of JSON with a line of JSON.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import assert from 'node:assert/strict'

// Puts all questions at once and gives the answers in the same order.
export async function ask(program, questions) {
	const tool = spawn(join(process.env.VEREDA_TOOLS, program), { stdio: ['pipe', 'pipe', 'inherit'] })
	const exited = once(tool, 'exit')
	let out = ''
	tool.stdout.setEncoding('utf8').on('data', (text) => { out += text })
	tool.stdin.end(questions.map((q) => JSON.stringify(q) + '\n').join(''))
	const [[code]] = await Promise.all([exited, once(tool.stdout, 'end')])
	assert.equal(code, 0, `${program} ended with ${code}`)
	const answers = out.split('\n').slice(0, -1).map((line) => JSON.parse(line))
	assert.equal(answers.length, questions.length)
	return answers
}

// Repeatable randomness (mulberry32); VEREDA_SEED tries another series.
export function randomFrom(seed) {
	let state = (seed + Number(process.env.VEREDA_SEED ?? 0)) >>> 0
	const next = () => {
		state = (state + 0x6d2b79f5) >>> 0
		let t = state
		t = Math.imul(t ^ (t >>> 15), t | 1)
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296
	}
	const below = (n) => Math.floor(next() * n)
	return {
		below,
		chance: (p) => next() < p,
		pick: (list) => list[below(list.length)],
		digits: (n) => Array.from({ length: n }, () => below(10)).join(''),
		text: (n, alphabet) => Array.from({ length: n }, () => alphabet[below(alphabet.length)]).join(''),
		bytes: (n) => Buffer.from(Array.from({ length: n }, () => below(256))),
	}
}
