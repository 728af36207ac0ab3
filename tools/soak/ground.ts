// What a phase stands on: the stack in its process, client processes, the kernel's end. Starts and ends them; the namespace
// goes with the soak itself. Knows no phase.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { CommandError, oneLine } from '../cli/errors.ts'
import { LabProcess } from '../lab/channel.ts'
import type {
  ClientQuestion,
  FloodAnswer,
  FloodQuestion,
  Opened,
  Sample,
  StackQuestion,
  StackSetup,
  Tally,
  VisitTally,
} from './messages.ts'
import { PREFIX, TAP } from './messages.ts'
import type { SoakOptions } from './options.ts'

/** What each kind of question is answered with. */
export type ClientAnswer<Q extends ClientQuestion> = Q extends { kind: 'open' }
  ? Opened
  : Q extends { kind: 'honest' }
    ? VisitTally
    : Q extends { kind: 'probe' | 'read-on' | 'traffic' }
      ? Tally
      : number

export class Client {
  private readonly process: LabProcess
  private readonly signal: AbortSignal

  constructor(process: LabProcess, signal: AbortSignal) {
    this.process = process
    this.signal = signal
  }

  /** `seconds`: when it is taken for hung. */
  ask<Q extends ClientQuestion>(question: Q, seconds = 120): Promise<ClientAnswer<Q>> {
    return this.process.ask(question, this.signal, seconds)
  }

  end(): Promise<void> {
    return this.process.kill()
  }
}

export class Ground {
  readonly signal: AbortSignal
  readonly options: SoakOptions
  /** Of the phase. */
  readonly seed: string
  readonly seconds: number
  /** Told once a second, and by phases. */
  onSample: (sample: Sample) => void = () => {}
  /** Nobody asks the stack anything meanwhile: a look at 100,000 endpoints is work, too. */
  undisturbed = false
  private stack: LabProcess | null = null
  private asking: Promise<unknown> = Promise.resolve()
  private readonly others = new Set<LabProcess>()

  constructor(options: SoakOptions, seed: string, seconds: number, signal: AbortSignal) {
    this.options = options
    this.seed = seed
    this.seconds = seconds
    this.signal = signal
  }

  /** How it is before anything happens. */
  async open(setup: Omit<StackSetup, 'seed'>): Promise<Sample> {
    this.stack = new LabProcess('the stack', '../soak/stack-main')
    await this.stack.ready(this.signal)
    return await this.askStack({ kind: 'open', setup: { seed: this.seed, ...setup } })
  }

  /** One question at a time. */
  askStack(question: StackQuestion): Promise<Sample> {
    const answer = this.asking.then(() => {
      if (!this.stack) throw new CommandError('the stack has not been started')
      return this.stack.ask<Sample>(question, this.signal, 60)
    })
    this.asking = answer.catch(() => {})
    return answer
  }

  async sample(): Promise<Sample> {
    const sample = await this.askStack({ kind: 'sample' })
    this.onSample(sample)
    return sample
  }

  settle(): Promise<Sample> {
    return this.askStack({ kind: 'settle' })
  }

  async client(): Promise<Client> {
    const process = new LabProcess('a client', '../soak/client-main', { args: [this.seed] })
    this.others.add(process)
    await process.ready(this.signal)
    return new Client(process, this.signal)
  }

  clients(count: number): Promise<Client[]> {
    return Promise.all(Array.from({ length: count }, () => this.client()))
  }

  async flooder(): Promise<(question: FloodQuestion) => Promise<FloodAnswer>> {
    const process = new LabProcess('the flooder', '../soak/flood-main')
    this.others.add(process)
    await process.ready(this.signal)
    return (question) => process.ask(question, this.signal, 20)
  }

  /** Addresses of the kernel's end beyond its first: 10.77.1.1, 10.77.1.2, ... */
  address(i: number): string {
    const address = `10.77.1.${i + 1}`
    this.ip(`addr add ${address}/${PREFIX} dev ${TAP}`)
    return address
  }

  /** Throws CommandError with what ip(8) says. */
  ip(words: string): void {
    const { error, status, stderr } = spawnSync('ip', words.split(' '), { encoding: 'utf8' })
    if (error) throw new CommandError("the program 'ip' cannot be run; to mend it: apt-get install iproute2")
    if (status !== 0) throw new CommandError(`ip ${words}: ${oneLine(stderr)}`)
  }

  /** Frames that the kernel had for an interface and could not give it: its queue was full (or the interface is down). */
  dropped(name: string): number {
    const line = readFileSync('/proc/self/net/dev', 'latin1')
      .split('\n')
      .find((each) => each.trimStart().startsWith(`${name}:`))
    if (line === undefined) throw new CommandError(`there is no interface ${name}`)
    // Eight columns of what was received, then bytes, packets, errs, drop of what was sent.
    return Number(
      line
        .slice(line.indexOf(':') + 1)
        .trim()
        .split(/\s+/)[11],
    )
  }

  /** Milliseconds; ends early with the run. */
  wait(milliseconds: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        clearTimeout(timer)
        reject(this.signal.reason)
      }
      const timer = setTimeout(() => {
        this.signal.removeEventListener('abort', onAbort)
        resolve()
      }, milliseconds)
      if (this.signal.aborted) onAbort()
      else this.signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  async endClients(): Promise<void> {
    await Promise.all([...this.others].map((process) => process.kill()))
    this.others.clear()
  }

  async end(): Promise<void> {
    await this.endClients()
    await this.stack?.kill()
    this.stack = null
  }
}
