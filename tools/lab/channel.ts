// Both ends of a process of the lab: the lab asks, the process answers. A process whose lab is gone ends at once, and the
// lab can end it in any state.

import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { CommandError, messageOf } from '../cli/errors.ts'
import type { Answer } from './messages.ts'

/** Answers every question with what `work` makes of it. `ready` is the first answer, to the start itself. */
export function serve<Q, A>(ready: unknown, work: (question: Q) => Promise<A>): void {
  const say = (answer: Answer<unknown>) => process.send?.(answer)
  process.on('disconnect', () => process.exit(0))
  // Ctrl-C on a terminal reaches all; the lab decides when its processes end.
  for (const name of ['SIGINT', 'SIGHUP'] as const) process.on(name, () => {})
  process.on('message', (question: Q) => {
    work(question).then(
      (ok) => say({ ok }),
      (error) => say({ error: messageOf(error) }),
    )
  })
  say({ ok: ready })
}

export interface LabProcessOptions {
  /** What comes before Node, as `taskset -c 0`. */
  words?: string[]
  args?: string[]
  /** They come behind the standard ones. */
  descriptors?: number[]
  /** It runs under SCHED_IDLE. */
  idle?: boolean
}

export class LabProcess {
  readonly name: string
  private readonly child: ChildProcess
  private waiting: { resolve: (value: never) => void; reject: (error: Error) => void } | null = null
  private said = ''
  private gone = ''

  private readonly idle: boolean

  constructor(name: string, file: string, options: LabProcessOptions = {}) {
    this.name = name
    const { words = [], args = [], descriptors = [], idle = false } = options
    this.idle = idle
    const [program, ...rest] = [...words, process.execPath, ...process.execArgv, mainFile(file), ...args]
    const stdio: SpawnOptions['stdio'] = ['ignore', 'ignore', 'pipe', ...descriptors, 'ipc']
    this.child = spawn(program, rest, { stdio })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.said = (this.said + text).slice(-2000)
    })
    this.child.on('error', (error) => this.end(messageOf(error)))
    this.child.on('exit', (status, signal) => this.end(`ended with ${signal ?? status}`))
    this.child.on('message', (answer: Answer<never>) => {
      const { waiting } = this
      this.waiting = null
      if ('ok' in answer) waiting?.resolve(answer.ok)
      else waiting?.reject(new CommandError(`${name}: ${answer.error}`))
    })
  }

  get pid(): number {
    return this.child.pid ?? Number.NaN
  }

  /** The first answer: it is up. */
  ready<A>(signal: AbortSignal): Promise<A> {
    return this.wait<A>(signal, 20)
  }

  /** Rejects with CommandError when it fails, ends, or takes longer than `seconds`; with the abort's reason on abort. */
  ask<A>(question: object, signal: AbortSignal, seconds = 60): Promise<A> {
    const answer = this.wait<A>(signal, seconds)
    if (this.gone === '') this.child.send(question, (error) => error && this.end(messageOf(error)))
    return answer
  }

  /** Resolves when it is gone. */
  async kill(): Promise<void> {
    const { child } = this
    if (this.gone !== '' || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    // Under SCHED_IDLE, to die takes as long as everything else does: on a busy machine many seconds.
    if (this.idle) spawnSync('chrt', ['--all-tasks', '--other', '--pid', '0', String(child.pid)], { stdio: 'ignore' })
    child.kill('SIGKILL')
    await gone
  }

  private wait<A>(signal: AbortSignal, seconds: number): Promise<A> {
    return new Promise<A>((resolve, reject) => {
      signal.throwIfAborted()
      const finish = () => {
        clearInterval(limit)
        signal.removeEventListener('abort', onAbort)
      }
      const fail = (error: Error) => {
        finish()
        reject(error)
      }
      const onAbort = () => fail(signal.reason)
      // Counted, so that a machine or a program that was halted for a while is not taken for one that does not answer.
      let left = seconds
      const limit = setInterval(() => {
        if (--left < 0) fail(new CommandError(`${this.name} took longer than ${seconds} s`))
      }, 1000)
      signal.addEventListener('abort', onAbort)
      this.waiting = {
        resolve: (value) => {
          finish()
          resolve(value)
        },
        reject: fail,
      }
      if (this.gone !== '') fail(new CommandError(`${this.name} ${this.gone}`))
    })
  }

  private end(why: string): void {
    const lines = this.said.trim().split('\n')
    this.gone ||=
      lines[0] === '' ? why : `${why}: ${lines.find((line) => /Error|cannot|failed/.test(line)) ?? lines[0]}`
    this.waiting?.reject(new CommandError(`${this.name} ${this.gone}`))
    this.waiting = null
  }
}

/** A file beside this one, compiled or not. */
function mainFile(name: string): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return fileURLToPath(new URL(`./${name}.${extension}`, import.meta.url))
}
