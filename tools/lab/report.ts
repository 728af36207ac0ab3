// Everything that the lab found, as one plain value: what `--json` prints, and what the text and the page are made from.

import { readFileSync } from 'node:fs'
import { release } from 'node:os'
import { VERSION } from '../cli/version.ts'
import { METHODS } from './cells.ts'
import { HISTORY, HISTORY_BASE, historyRatio } from './history.ts'
import type { Lab } from './measure.ts'
import type { LabOptions } from './options.ts'
import { type Row, rowsOf } from './rows.ts'
import { rowFor, verdict } from './verdict.ts'

export interface Machine {
  kernel: string
  node: string
  processor: string
  processors: number
}

/** One line of the table beside 2001's: ratios of the sender's processor time to read+write without zero copy. */
export interface Beside {
  what: string
  sg: boolean
  tx: boolean
  in2001: { sendfile: number | null; 'read+write': number | null }
  /** By method; null where a cell cannot be. */
  now: Record<string, number | null>
  nowWithTso: Record<string, number | null>
}

export interface Report {
  pagewire: string
  date: string
  machine: Machine
  congestion: Lab['congestion']
  file: { bytes: number; made: boolean }
  rounds: number
  seconds: number | null
  bytes: number | null
  /** How the processor time in `ratio` was measured. */
  measure: 'soakers' | 'rusage'
  soakers: number
  /** Share of the processors that nobody else used, before each round. */
  quiet: number[]
  rows: Row[]
  beside2001: Beside[]
  says: string[]
  notes: readonly string[]
  units: Record<string, string>
}

export function reportOf(lab: Lab, options: LabOptions, fileBytes: number, now = new Date()): Report {
  const rows = rowsOf(lab.measured)
  return {
    pagewire: VERSION,
    date: now.toISOString(),
    machine: machine(lab.processors.length),
    congestion: lab.congestion,
    file: { bytes: fileBytes, made: options.file === undefined },
    rounds: options.rounds,
    seconds: options.bytes === undefined ? options.seconds : null,
    bytes: options.bytes ?? null,
    measure: lab.processors.length > 0 ? 'soakers' : 'rusage',
    soakers: lab.processors.length,
    quiet: lab.quiet,
    rows,
    beside2001: beside(rows),
    says: verdict(lab.measured, lab.quiet),
    notes: NOTES,
    units: UNITS,
  }
}

/** Each pair of sg and tx, with what 2001 had of it. */
export function beside(rows: readonly Row[]): Beside[] {
  const pairs = [
    ...HISTORY.map(({ what, sg, tx }) => ({ what, sg, tx })),
    { what: "card's checksum without scatter-gather", sg: false, tx: true },
  ]
  return pairs.map(({ what, sg, tx }) => {
    const past = HISTORY.find((row) => row.sg === sg && row.tx === tx)
    const ratios = (tso: boolean) =>
      Object.fromEntries(METHODS.map((method) => [method, rowFor(rows, method, { sg, tx, tso })?.ratio ?? null]))
    return {
      what,
      sg,
      tx,
      in2001: {
        sendfile: past ? historyRatio(past.sendfile) : null,
        'read+write': past ? historyRatio(past.readWrite) : null,
      },
      now: ratios(false),
      nowWithTso: ratios(true),
    }
  })
}

const NOTES: readonly string[] = [
  'The kernel takes a frame by copying it inside the write system call. That copy stands for the DMA of a card: it is in the ' +
    "sender's system time, in every cell alike, and not in the column copied.",
  "In the same system call the receiving kernel's TCP gets the frame: a part of receiving is in the sender's system time. " +
    "The receiver's column is the receiving process alone.",
  'Soaked is what one counting process per processor under SCHED_IDLE did not get, against what it got on the idle machine: ' +
    'all work of the machine, also what is charged to nobody. Other programs that run meanwhile are in it.',
  'With tso off the stack still builds frames of up to 64 KiB; the card cuts them in software and hands the kernel frames of ' +
    'the MTU, one write each. That is what a card without tso costs here, and most of those cells.',
  'Ranges in the table are those of all rounds; in the sentences the least and the most of every five rounds are left out.',
  'read+write copies twice (read into a buffer, write into the send queue). mmap+write copies once, from the mapping into ' +
    'memory that the card can point at. Without scatter-gather the card copies once more, and sums in the same pass when ' +
    'the checksum is off too.',
  `2001: percent of one PIII-650 at 11.5 MB/s, subtractive; the ratios here are to read+write without zero copy, ${HISTORY_BASE} %.`,
]

const UNITS: Record<string, string> = {
  gbps: 'Gbit/s of payload',
  'cpu, user, system, soaked, receiver':
    'processor seconds per GiB of payload; cpu = user + system of the sending process',
  ratio:
    'processor time of the sender (soaked less receiver; without soakers cpu) to read+write with sg, tx and tso off',
  'copied, copies, summed': 'bytes per byte of payload',
  'frames, segments, systemCalls, writes': 'per GiB of payload; systemCalls counts those that move or check data',
  retransmitted: 'segments, all rounds together',
}

function machine(soakers: number): Machine {
  const info = readFileSync('/proc/cpuinfo', 'utf8')
  const model = /^(?:model name|Model|Processor)\s*:\s*(.*)$/m.exec(info)?.[1]
  const allowed = soakers || (info.match(/^processor\s*:/gm)?.length ?? 0)
  return { kernel: release(), node: process.versions.node, processor: model ?? process.arch, processors: allowed }
}
