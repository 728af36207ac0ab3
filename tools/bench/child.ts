// A program that the benchmarks start: its answers are lines of JSON. Owns the process, until it ends or is killed; every wait
// has a limit, and ends when the run is interrupted.

import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { CommandError, messageOf, oneLine } from '../cli/errors.ts'
import type { Answer } from './catalogue.ts'

export class Child {
  readonly name: string
  private readonly process: ChildProcess
  private readonly lines: string[] = []
  private readonly ended: Promise<void>
  private said = ''
  private gone = ''
  private wake: () => void = () => {}

  constructor(name: string, words: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    this.name = name
    const [program, ...rest] = words
    const child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...environment } })
    this.process = child
    child.stdin.on('error', () => {})
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.lines.push(line)
      this.wake()
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.said = (this.said + text).slice(-2000)
    })
    this.ended = new Promise((resolve) => {
      const end = (why: string) => {
        this.gone ||= why
        this.wake()
        resolve()
      }
      child.on('error', (error) => end(messageOf(error)))
      child.on('close', (status, signal) => end(`ended with ${signal ?? status}`))
    })
  }

  get pid(): number {
    return this.process.pid ?? 0
  }

  get alive(): boolean {
    return this.gone === ''
  }

  say(line: string): void {
    this.process.stdin?.write(`${line}\n`)
  }

  /** The next line. Rejects with CommandError at the end of the program or after `seconds`; on abort with its reason. */
  async line(signal: AbortSignal, seconds: number): Promise<string> {
    // Counted, so that a machine that was halted for a while is not taken for a program that does not answer.
    let left = seconds * 10
    for (;;) {
      signal.throwIfAborted()
      const line = this.lines.shift()
      if (line !== undefined) return line
      if (this.gone !== '') throw new CommandError(oneLine(`${this.name} ${this.gone}: ${this.said}`))
      if (left-- <= 0) throw new CommandError(`${this.name} did not answer within ${seconds} s`)
      await new Promise<void>((resolve) => {
        const later = setTimeout(resolve, 100)
        this.wake = () => {
          clearTimeout(later)
          resolve()
        }
      })
      this.wake = () => {}
    }
  }

  /** The next line as JSON. An `error` in it rejects. */
  async answer(signal: AbortSignal, seconds: number): Promise<Answer> {
    const line = await this.line(signal, seconds)
    let answer: Answer & { error?: string }
    try {
      answer = JSON.parse(line)
    } catch {
      throw new CommandError(`${this.name} said: ${line}`)
    }
    if (answer.error) throw new CommandError(`${this.name}: ${answer.error}`)
    return answer
  }

  async kill(): Promise<void> {
    if (this.alive) this.process.kill('SIGKILL')
    await this.ended
  }
}
