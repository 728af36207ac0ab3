// `pagewire bench serve` on a real TAP, asked by the kernel: every port does what a benchmark's client counts on.
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { collect, makeFile, Namespace, type Output, PROGRAM, removeFolder, STACK, temporaryFolder } from './lab.ts'
import { describeOnTap } from './requirements.ts'

const FILE_BYTES = 3_000_017
const BODY = 'Hello, world!'
const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const BIG = 'GET /big HTTP/1.1\r\nHost: x\r\n\r\n'
const MAC = '02:00:5e:10:00:02'
const CLIENT = 'test/tap/bench-client.mjs'

interface Job {
  port: number
  send: string[]
  until?: number
  end?: boolean
  repeat?: number
  patience?: number
}

interface Answer {
  length: number
  sha256: string
  ended: string
  text: string
}

const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64')

function countBytes(count: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(count)
  return bytes
}

describeOnTap('pagewire bench serve', ['ip', 'curl'], () => {
  let folder: string
  let file: string
  let content: Buffer
  let namespace: Namespace
  let child: ChildProcess
  let result: Promise<Output>
  let asked = 0

  const serve = (args: string[]): ChildProcess =>
    spawn('ip', ['netns', 'exec', namespace.name, process.execPath, PROGRAM, 'bench', 'serve', ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })

  const makeTap = () => {
    for (const words of [
      ['tuntap', 'add', 'dev', 'pwb0', 'mode', 'tap'],
      ['address', 'add', '192.0.2.1/24', 'dev', 'pwb0'],
      ['link', 'set', 'pwb0', 'up'],
      // A machine that halts the server for seconds makes ARP give up.
      ['neighbour', 'replace', STACK, 'lladdr', MAC, 'dev', 'pwb0', 'nud', 'permanent'],
    ]) {
      expect(namespace.run('ip', words).status).toBe(0)
    }
  }

  const start = async (...more: string[]) => {
    child = serve(['--tap', 'pwb0', '--address', `${STACK}/24`, '--mac', MAC, ...more])
    result = collect(child)
    const said = new Promise<string>((resolve) => child.stdout?.once('data', (text) => resolve(String(text))))
    const first = await Promise.race([said, result.then(({ stderr }) => stderr)])
    expect(first).toMatch(/^serving on pwb0 as 192\.0\.2\.2: 5001 5002 5003 5004( 5011 5012)? 8080 8081\n$/)
  }

  const ask = async (jobs: Job[], together = false): Promise<Answer[]> => {
    const path = join(folder, `jobs-${++asked}.json`)
    writeFileSync(path, JSON.stringify({ jobs, together }))
    const { stdout, stderr } = await namespace.start(process.execPath, [CLIENT, path])
    expect(stderr).toBe('')
    return JSON.parse(stdout) as Answer[]
  }

  beforeAll(() => {
    folder = temporaryFolder()
    file = join(folder, 'big.bin')
    makeFile(file, FILE_BYTES)
    content = readFileSync(file)
  })

  afterAll(() => removeFolder(folder))

  beforeEach(() => {
    namespace = new Namespace()
    makeTap()
  })

  afterEach(async () => {
    if (child?.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await result
    namespace.remove()
  })

  describe.each([
    ['with the virtio-net header', []],
    ['without it', ['--no-vnet-hdr']],
  ] as const)('%s', (_name, header) => {
    it('sends exactly as many bytes as it is asked for, from memory, and closes', async () => {
      await start('--file', file, ...header)
      const counts = [0, 1, 7, 1_048_576, 5_000_003]
      for (const port of [5001, 5004]) {
        const answers = await ask(counts.map((count) => ({ port, send: [base64(countBytes(BigInt(count)))] })))
        for (const [at, count] of counts.entries()) {
          expect(answers[at]).toMatchObject({ length: count, ended: 'server' })
          expect(answers[at].sha256).toBe(createHash('sha256').update(Buffer.alloc(count, 'x')).digest('hex'))
        }
      }
    })

    it('sends the file over and over, exactly as much as it is asked for', async () => {
      await start('--file', file, ...header)
      const counts = [0, 1, FILE_BYTES, FILE_BYTES + 1, 2 * FILE_BYTES + 5000]
      for (const port of [5011, 5012]) {
        const answers = await ask(counts.map((count) => ({ port, send: [base64(countBytes(BigInt(count)))] })))
        for (const [at, count] of counts.entries()) {
          const expected = Buffer.concat([content, content, content]).subarray(0, count)
          expect(answers[at]).toMatchObject({ length: count, ended: 'server' })
          expect(answers[at].sha256).toBe(createHash('sha256').update(expected).digest('hex'))
        }
      }
    })
  })

  it('takes the count in pieces, and several clients at a time', async () => {
    await start('--file', file)
    const bytes = countBytes(300_000n)
    const pieces = [...bytes].map((byte) => base64(Buffer.from([byte])))
    const jobs = [5001, 5004, 5011, 5012, 5001].map((port) => ({ port, send: pieces }))
    for (const answer of await ask(jobs, true)) expect(answer).toMatchObject({ length: 300_000, ended: 'server' })
  })

  it('outlives clients that leave in the middle', async () => {
    await start('--file', file)
    const send = [base64(countBytes(2n ** 40n))]
    for (const port of [5001, 5004, 5011, 5012]) {
      const [left] = await ask([{ port, send, until: 1_000_000 }])
      expect(left.ended).toBe('client')
    }
    const [after] = await ask([{ port: 5001, send: [base64(countBytes(10n))] }])
    expect(after).toMatchObject({ length: 10, ended: 'server' })
  })

  it('drops on 5002, says nothing, and closes behind the last byte', async () => {
    await start()
    const [answer] = await ask([{ port: 5002, send: [base64(Buffer.alloc(1 << 20, 'z'))], repeat: 8, end: true }])
    expect(answer).toMatchObject({ length: 0, ended: 'server' })
  })

  it('echoes on 5003', async () => {
    await start()
    const [one, more] = await ask([
      { port: 5003, send: [base64('a')], until: 1 },
      { port: 5003, send: ['hello', ', ', 'echo'].map(base64), end: true },
    ])
    expect(one.text).toBe('a')
    expect(more).toMatchObject({ text: 'hello, echo', ended: 'server' })
  })

  describe.each([
    ['minimal', 8080, 8081],
    ['node', 8081, 8080],
  ])('--http %s', (kind, minimal, node) => {
    it('answers 13 bytes at / and the file at /big, on both ports', async () => {
      await start('--file', file, '--http', kind)
      for (const port of [8080, 8081]) {
        const small = await namespace.start('curl', ['-sSi', `http://${STACK}:${port}/`])
        expect(small.stdout).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
        expect(small.stdout).toMatch(/content-length: 13\r\n/i)
        expect(small.stdout.endsWith(`\r\n\r\n${BODY}`)).toBe(true)
        // Twice over one connection: the answer's end is where it says.
        const out = join(folder, `out-${port}`)
        const url = `http://${STACK}:${port}/big`
        const big = await namespace.start('curl', [
          '-sS',
          '-w',
          '%{num_connects} ',
          '-o',
          out,
          url,
          '-o',
          `${out}.2`,
          url,
        ])
        expect(big).toMatchObject({ status: 0, stdout: '1 0 ' })
        for (const path of [out, `${out}.2`]) expect(readFileSync(path).equals(content)).toBe(true)
      }
      const [tells] = await ask([{ port: node, send: [base64(GET)], until: 100 }])
      expect(tells.text).toMatch(/\r\nDate: /)
      const [doesNot] = await ask([{ port: minimal, send: [base64(GET)], until: 60 }])
      expect(doesNot.text).not.toMatch(/Date:/)
    })
  })

  it('answers pipelined requests in their order, a file between them', async () => {
    await start('--file', file)
    const text = (GET + BIG + GET).repeat(2) + GET
    for (const port of [8080, 8081]) {
      const [first] = await ask([{ port, send: [base64(GET)], until: 60 }])
      const small = first.text
      const headOfBig = `HTTP/1.1 200 OK\r\nContent-Length: ${FILE_BYTES}\r\n\r\n`
      if (port === 8080) {
        const parts = [small, headOfBig, content, small]
        const expected = Buffer.concat([...parts, ...parts, small].map((part) => Buffer.from(part as string, 'latin1')))
        const [answer] = await ask([{ port, send: [base64(text)], until: expected.length }])
        expect(answer.length).toBe(expected.length)
        expect(answer.sha256).toBe(createHash('sha256').update(expected).digest('hex'))
      } else {
        // Node's heads have a date: their length stays.
        const [big] = await ask([{ port, send: [base64(BIG)], until: FILE_BYTES + 100 }])
        const until = 2 * (2 * first.length + big.length) + first.length
        const [answer] = await ask([{ port, send: [base64(text)], until }])
        expect(answer.length).toBe(until)
      }
    }
  })

  it('understands requests that come in pieces', async () => {
    await start('--file', file)
    for (const port of [8080, 8081]) {
      const [whole] = await ask([{ port, send: [base64(GET)], until: 60 }])
      const bytewise = [...GET, ...GET].map(base64)
      const across = ['GET / HTTP/1.1\r\nHost: x\r', `\n\r\n${GET.slice(0, 9)}`, GET.slice(9)].map(base64)
      for (const send of [bytewise, across]) {
        const [answer] = await ask([{ port, send, until: 2 * whole.length }])
        expect(answer.length).toBe(2 * whole.length)
        expect(answer.text.split(BODY)).toHaveLength(3)
      }
    }
  })

  it('closes on a head without an end', async () => {
    await start()
    const [answer] = await ask([{ port: 8080, send: [base64(`GET / HTTP/1.1\r\nX: ${'y'.repeat(20_000)}`)] }])
    expect(answer.length).toBe(0)
    expect(['server', 'ECONNRESET', 'EPIPE']).toContain(answer.ended)
  })

  describe('ends', () => {
    it.each(['SIGTERM', 'SIGINT'] as const)('by %s with status 0, also in the middle of a transfer', async (signal) => {
      await start()
      // A reset that finds a segment missing is challenged, and nobody is there any more to answer.
      const running = ask([{ port: 5001, send: [base64(countBytes(2n ** 40n))], patience: 5000 }])
      await ask([{ port: 5001, send: [base64(countBytes(2n ** 40n))], until: 1_000_000 }])
      child.kill(signal)
      expect(await result).toMatchObject({ status: 0, stderr: '' })
      await running
    })

    it('with status 1 and a line when the TAP is deleted', async () => {
      await start()
      namespace.run('ip', ['link', 'delete', 'pwb0'])
      expect(await result).toMatchObject({ status: 1, stderr: 'pagewire bench serve: the TAP pwb0 was deleted\n' })
    })

    it('with its input, when it takes lines; and says what the heap went through between two', async () => {
      await start('--control')
      const line = () => new Promise<string>((resolve) => child.stdout?.once('data', (text) => resolve(String(text))))
      let next = line()
      child.stdin?.write('start\n')
      expect(await next).toBe('{}\n')
      await ask([{ port: 5001, send: [base64(countBytes(50_000_000n))] }])
      next = line()
      child.stdin?.write('stop\n')
      const report = JSON.parse(await next) as Record<string, number>
      expect(report['allocated']).toBeGreaterThan(0)
      expect(report['longestStall']).toBeGreaterThanOrEqual(0)
      child.stdin?.end()
      expect(await result).toMatchObject({ status: 0, stderr: '' })
    })
  })

  describe('cannot', () => {
    it.each([
      ['without a TAP of that name', ['--tap', 'none0'], 1, /none0/],
      ['with a file that is not there', ['--tap', 'pwb0', '--file', '/nonexistent'], 1, /nonexistent/],
      ['with a folder', ['--tap', 'pwb0', '--file', '/'], 1, /not a file with bytes/],
      ['with bad arguments', ['--tap', 'pwb0', '--mtu', 'x'], 2, /--mtu/],
    ] as const)('%s: one line', async (_name, args, status, message) => {
      child = serve(['--address', `${STACK}/24`, ...args])
      result = collect(child)
      const done = await result
      expect(done).toMatchObject({ status, stdout: '' })
      expect(done.stderr).toMatch(message)
      expect(done.stderr.trimEnd().split('\n')).toHaveLength(1)
    })

    it('with an empty file', async () => {
      mkdirSync(join(folder, 'more'))
      writeFileSync(join(folder, 'more', 'empty'), '')
      child = serve(['--tap', 'pwb0', '--address', `${STACK}/24`, '--file', join(folder, 'more', 'empty')])
      result = collect(child)
      expect(await result).toMatchObject({ status: 1, stdout: '' })
    })
  })
})
