// The measuring itself: starts the processes, proves for each cell that the right bytes arrive, finds how much each should
// send, then goes through the cells round after round. Owns the processes; whoever called it hears what was measured.

import { fstatSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { CommandError } from '../cli/errors.ts'
import { allCells, type Cell, cellName, inRound } from './cells.ts'
import { LabProcess } from './channel.ts'
import { digestOf, namelessFile, openLabFile } from './lab-file.ts'
import type { ReceiveJob, ReceiveResult, SenderReady, SendJob, SendResult } from './messages.ts'
import type { LabOptions } from './options.ts'
import type { Progress } from './progress.ts'
import { type Measured, sampleOf } from './rows.ts'
import { Calibration, parseCpuList, rates, readSlots } from './soak.ts'
import { rounded } from './statistics.ts'

const MIB = 2 ** 20
/** What the proof sends, and what the trial behind it sends to find the rate. */
const PROOF = 24 * MIB
const TRIAL = 48 * MIB
const MOST = 64 * 1024 * MIB
const CONGESTION_FILE = '/proc/sys/net/ipv4/tcp_congestion_control'
/** Milliseconds: what the soakers get to be compiled, and how often and how long the idle machine is looked at before each round. */
const WARM = 500
const LOOKS = 16
const LOOK = 40
const NO_COUNT = 'the soakers do not count on this machine; leave them out with --no-soak'

export interface Lab {
  measured: Measured[]
  fileBytes: number
  /** Congestion control of the kernel's end and of the stack's. */
  congestion: { kernel: string; stack: string }
  /** Processors that soakers ran on. */
  processors: number[]
  /** Share of the processors that nobody else used before each round. Empty without soakers. */
  quiet: number[]
}

export async function measure(
  options: LabOptions,
  signal: AbortSignal,
  makeProgress: (steps: number) => Progress,
): Promise<Lab> {
  const processes: LabProcess[] = []
  try {
    return await new Bench(options, signal, processes, makeProgress).run()
  } finally {
    await Promise.all(processes.map((each) => each.kill()))
  }
}

interface Transferred {
  sent: SendResult
  received: ReceiveResult
}

class Bench {
  private readonly options: LabOptions
  private readonly signal: AbortSignal
  private readonly processes: LabProcess[]
  private readonly makeProgress: (steps: number) => Progress
  private readonly processors: number[]
  private readonly soakFd = namelessFile()
  private readonly calibration = new Calibration()
  private readonly fileFd: number
  private congestion = ''
  private sender!: LabProcess
  private receiver!: LabProcess

  constructor(
    options: LabOptions,
    signal: AbortSignal,
    processes: LabProcess[],
    makeProgress: (steps: number) => Progress,
  ) {
    this.options = options
    this.signal = signal
    this.processes = processes
    this.makeProgress = makeProgress
    this.processors = options.soak ? allowedProcessors() : []
    this.fileFd = openLabFile(options.file)
  }

  async run(): Promise<Lab> {
    const kernel = useCubic()
    const cells = await this.start()
    const possible = cells.filter(({ reason }) => reason === '')
    const progress = this.makeProgress(possible.length * (1 + this.options.rounds))
    try {
      const bytes = await this.prove(possible, progress)
      const transfers = new Map<Cell, Transferred[]>(possible.map((cell) => [cell, []]))
      for (let round = 0; round < this.options.rounds; round++) {
        await this.calibrate()
        for (const cell of inRound(possible, round)) {
          progress.step(`round ${round + 1} of ${this.options.rounds}`, cellName(cell))
          transfers.get(cell)?.push(await this.transfer(cell, bytes.get(cell) as number, false))
        }
      }
      const idle = this.processors.length > 0 ? this.calibration.rates : null
      if (idle && !idle.every((rate) => rate > 0)) throw new CommandError(NO_COUNT)
      const samplesOf = (cell: Cell) =>
        (transfers.get(cell) ?? []).map(({ sent, received }) => sampleOf(sent, received, idle))
      return {
        measured: cells.map((cell) => ({ cell, samples: samplesOf(cell) })),
        fileBytes: fstatSync(this.fileFd).size,
        congestion: { kernel, stack: this.congestion },
        processors: this.processors,
        quiet: this.calibration.quiet.map((share) => rounded(share)),
      }
    } finally {
      progress.clear()
    }
  }

  /** Everything up; the cells of the card that is there. */
  private async start(): Promise<Cell[]> {
    const slots = String(this.processors.length)
    const add = (process: LabProcess) => {
      this.processes.push(process)
      return process
    }
    this.sender = add(
      new LabProcess('the sender', 'sender-main', { args: [slots], descriptors: [this.soakFd, this.fileFd] }),
    )
    const { changeable } = await this.sender.ready<SenderReady>(this.signal)
    this.receiver = add(new LabProcess('the receiver', 'receiver-main'))
    await this.receiver.ready(this.signal)
    const soakers = this.processors.map((processor, slot) => {
      const words = ['taskset', '-c', String(processor), 'chrt', '--idle', '0']
      const options = { words, args: [String(slot)], descriptors: [this.soakFd], idle: true }
      return add(new LabProcess(`the soaker of processor ${processor}`, 'soaker-main', options))
    })
    await Promise.all(soakers.map((soaker) => soaker.ready(this.signal)))
    if (soakers.length > 0) await wait(WARM, undefined, { signal: this.signal })
    return allCells(changeable)
  }

  /** Each cell once with its bytes checked, and once to see how fast it is. How much each sends in a round. */
  private async prove(cells: readonly Cell[], progress: Progress): Promise<Map<Cell, number>> {
    const { bytes: given, seconds } = this.options
    const proof = Math.min(PROOF, given ?? PROOF)
    const digest = digestOf(this.fileFd, proof)
    const amounts = new Map<Cell, number>()
    for (const cell of cells) {
      progress.step('checking the bytes', cellName(cell))
      const { received } = await this.transfer(cell, proof, true)
      if (received.digest !== digest) throw new CommandError(`${cellName(cell)}: other bytes arrived than were sent`)
      if (given !== undefined) {
        amounts.set(cell, given)
      } else {
        const { sent } = await this.transfer(cell, TRIAL, false)
        const wanted = Math.round(((TRIAL / sent.seconds) * seconds) / MIB) * MIB
        amounts.set(cell, Math.min(MOST, Math.max(MIB, wanted)))
      }
    }
    return amounts
  }

  private async transfer(cell: Cell, bytes: number, hash: boolean): Promise<Transferred> {
    const { method, sg, tx, tso } = cell
    const job: SendJob = { method, sg, tx, tso, bytes }
    const receiving: ReceiveJob = { bytes, hash }
    const [sent, received] = await Promise.all([
      this.sender.ask<SendResult>(job, this.signal),
      this.receiver.ask<ReceiveResult>(receiving, this.signal),
    ])
    if (received.bytes !== bytes) {
      throw new CommandError(`${cellName(cell)}: ${received.bytes} bytes arrived of ${bytes}`)
    }
    this.congestion = sent.congestion
    return { sent, received }
  }

  /** Looks at the soakers while nothing else of ours runs. */
  private async calibrate(): Promise<void> {
    const { length } = this.processors
    if (length === 0) return
    const looks: number[][] = []
    let before = readSlots(this.soakFd, length)
    for (let i = 0; i < LOOKS; i++) {
      await wait(LOOK, undefined, { signal: this.signal })
      const after = readSlots(this.soakFd, length)
      looks.push(rates(before, after))
      before = after
    }
    this.calibration.add(looks)
  }
}

function allowedProcessors(): number[] {
  const status = readFileSync('/proc/self/status', 'utf8')
  return parseCpuList(/^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1] ?? '0')
}

/** The namespace's congestion control: cubic where that may be chosen. Returns what it is then. */
function useCubic(): string {
  try {
    writeFileSync(CONGESTION_FILE, 'cubic')
  } catch {
    // Not allowed on this machine: what is there stays, and is named in the output.
  }
  return readFileSync(CONGESTION_FILE, 'utf8').trim()
}
