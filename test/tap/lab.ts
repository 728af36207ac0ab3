// A network namespace with `pagewire up` in it, as a person would start it, and the kernel's own programs beside it.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { createCipheriv, createHash } from 'node:crypto'
import { closeSync, createReadStream, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

export const PROGRAM = resolve('dist/tools/pagewire.js')
export const STACK = '192.0.2.2'
export const KERNEL = '192.0.2.1'

let counter = 0

export interface Output {
  status: number | null
  stdout: string
  stderr: string
}

/** A namespace of its own; everything in it ends with `remove`. */
export class Namespace {
  readonly name = `pwt-${process.pid}-${++counter}`
  readonly running: Up[] = []

  constructor() {
    execFileSync('ip', ['netns', 'add', this.name])
    execFileSync('ip', ['-n', this.name, 'link', 'set', 'lo', 'up'])
  }

  /** Runs a program in the namespace to its end, at most `timeout` seconds. */
  run(program: string, args: string[], timeout = 120): Output {
    const done = spawnSync('ip', ['netns', 'exec', this.name, program, ...args], {
      encoding: 'utf8',
      timeout: timeout * 1000,
      maxBuffer: 1 << 28,
    })
    return { status: done.status, stdout: done.stdout, stderr: done.stderr }
  }

  spawn(program: string, args: string[]): ChildProcess {
    return spawn('ip', ['netns', 'exec', this.name, program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  }

  /** As `run`, but lets this process's own event loop go on. */
  async start(program: string, args: string[]): Promise<Output> {
    return collect(this.spawn(program, args))
  }

  /** Ends what a failed test left running. */
  async killAll(): Promise<void> {
    for (const up of this.running.splice(0)) await up.kill()
  }

  remove(): void {
    spawnSync('ip', ['netns', 'del', this.name])
  }
}

export function collect(child: ChildProcess): Promise<Output> {
  return new Promise((done, failed) => {
    let stdout = ''
    let stderr = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.on('error', failed)
    child.on('close', (status) => done({ status, stdout, stderr }))
  })
}

/** `pagewire up` in a namespace, ready when this resolves. */
export class Up {
  readonly child: ChildProcess
  output = ''
  private readonly closed: Promise<number | null>

  private constructor(child: ChildProcess) {
    this.child = child
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.output += text
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.output += text
    })
    this.closed = new Promise((done) => child.on('close', done))
  }

  static async start(namespace: Namespace, args: string[] = [], command: 'up' | 'ftpd' = 'up'): Promise<Up> {
    const up = new Up(namespace.spawn(process.execPath, [PROGRAM, command, ...args]))
    namespace.running.push(up)
    await up.waitFor(command === 'up' ? /curl http:/ : /curl ftp:/)
    return up
  }

  /** Resolves when the output has `pattern`; rejects with the output when the program ends before. */
  async waitFor(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.output)
      if (match) return match
      const more = new Promise<'more'>((done) => {
        this.child.stdout?.once('data', () => done('more'))
        this.child.stderr?.once('data', () => done('more'))
      })
      const what = await Promise.race([more, this.closed])
      if (what !== 'more') throw new Error(`pagewire up ended with ${what} before ${pattern}:\n${this.output}`)
    }
  }

  /** Ends it whatever state it is in, so that a test that failed leaves nothing to the next one. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.closed
  }

  /** As Ctrl-C; the exit status. */
  stop(): Promise<number | null> {
    this.child.kill('SIGINT')
    return this.closed
  }
}

/** What `pagewire nstat` says of the stack that runs in the namespace. */
export function stackCounters(namespace: Namespace): Record<string, number> {
  const { stdout, stderr, status } = namespace.run(process.execPath, [PROGRAM, 'nstat', '-az', '--json'])
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as Record<string, number>
}

/** What the card counts (`ethtool -S`). */
export function cardCounters(namespace: Namespace, card = 'pw0'): Record<string, number> {
  const { stdout, stderr, status } = namespace.run(process.execPath, [PROGRAM, 'ethtool', '-S', card])
  if (status !== 0) throw new Error(stderr)
  return Object.fromEntries(
    Array.from(stdout.matchAll(/^ {5}(\w+): (\d+)$/gm), ([, name, value]) => [name, Number(value)]),
  )
}

/** What the kernel counts in the namespace, by the same names. */
export function kernelCounters(namespace: Namespace): Record<string, number> {
  const { stdout } = namespace.run('nstat', ['-asz', '--json'])
  return (JSON.parse(stdout) as { kernel: Record<string, number> }).kernel
}

/** Frames that the kernel dropped on their way into the TAP. */
export function tapDropped(namespace: Namespace, tap = 'pw0'): number {
  const { stdout } = namespace.run('ip', ['-s', '-j', 'link', 'show', tap])
  const [link] = JSON.parse(stdout) as { stats64: { tx: { dropped: number } } }[]
  return link.stats64.tx.dropped
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'pagewire-test-'))
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
}

/** Fills a file with bytes that look random and are the same each time; answers their sha256. */
export function makeFile(path: string, bytes: number): string {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16))
  const hash = createHash('sha256')
  const zeros = Buffer.alloc(1 << 22)
  const file = openSync(path, 'w')
  for (let left = bytes; left > 0; left -= zeros.length) {
    const chunk = cipher.update(left < zeros.length ? zeros.subarray(0, left) : zeros)
    hash.update(chunk)
    writeSync(file, chunk)
  }
  closeSync(file)
  return hash.digest('hex')
}

export function sha256(path: string): Promise<string> {
  return new Promise((done, failed) => {
    const hash = createHash('sha256')
    createReadStream(path, { highWaterMark: 1 << 22 })
      .on('data', (chunk) => hash.update(chunk))
      .on('end', () => done(hash.digest('hex')))
      .on('error', failed)
  })
}
