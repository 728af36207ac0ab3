// From transfers to the rows of the table: everything per GiB or per byte of payload, medians over the rounds.

import type { Cell } from './cells.ts'
import type { ReceiveResult, SendResult } from './messages.ts'
import { soaked } from './soak.ts'
import { pairedRatio, rounded, type Spread, spread } from './statistics.ts'

const GIB = 2 ** 30

/** One transfer of one cell. Times are processor seconds per GiB. */
export interface Sample {
  gbps: number
  user: number
  system: number
  /** What the soakers did not get: everything that the machine did. Null without soakers. */
  soaked: number | null
  receiver: number
  read: number
  mapping: number
  queue: number
  card: number
  summed: number
  frames: number
  segments: number
  systemCalls: number
  writes: number
  retransmitted: number
}

/** As it stands in the JSON. Null where a cell cannot be, or nothing was measured. */
export interface Row {
  method: string
  sg: boolean
  tx: boolean
  tso: boolean
  /** Null, or why the card's rules forbid it. */
  reason: string | null
  gbps: number | null
  gbpsRange: [number, number] | null
  /** Processor seconds per GiB of the sending process: user + system. */
  cpu: number | null
  user: number | null
  system: number | null
  cpuRange: [number, number] | null
  /** Processor seconds per GiB that the soakers did not get, all processes together; and the receiving process's share. */
  soaked: number | null
  soakedRange: [number, number] | null
  receiver: number | null
  /** Sender's processor time against read+write without zero copy, by the subtractive measure less the receiver's share. */
  ratio: number | null
  ratioRange: [number, number] | null
  /** Bytes copied per byte of payload, up to the card; and where. */
  copied: number | null
  copies: { read: number; mapping: number; queue: number; card: number } | null
  summed: number | null
  /** Per GiB. */
  frames: number | null
  segments: number | null
  systemCalls: number | null
  writes: number | null
  retransmitted: number | null
  rounds: number
}

export function sampleOf(sent: SendResult, received: ReceiveResult, idle: readonly number[] | null): Sample {
  const { bytes } = received
  const perGib = GIB / bytes
  const { soak, systemCalls, copied } = sent
  return {
    gbps: (bytes * 8) / sent.seconds / 1e9,
    user: sent.user * perGib,
    system: sent.system * perGib,
    soaked: soak && idle ? soaked(soak.before, soak.after, idle, sent.seconds) * perGib : null,
    receiver: (received.user + received.system) * perGib,
    read: copied.read / bytes,
    mapping: copied.mapping / bytes,
    queue: copied.queue / bytes,
    card: copied.card / bytes,
    summed: sent.summed / bytes,
    frames: sent.frames * perGib,
    segments: sent.segments * perGib,
    systemCalls: (systemCalls.write + systemCalls.read + systemCalls.file) * perGib,
    writes: systemCalls.write * perGib,
    retransmitted: sent.retransmitted,
  }
}

/** What a sample says that the sender cost: the subtractive measure less the receiver's share; without soakers its own time. */
export function senderCost(sample: Sample): number {
  return sample.soaked === null ? sample.user + sample.system : sample.soaked - sample.receiver
}

/** read+write with neither scatter-gather nor checksum nor segmentation offload: what there was before zero copy. */
export function isBase({ method, sg, tx, tso }: Pick<Cell, 'method' | 'sg' | 'tx' | 'tso'>): boolean {
  return method === 'read+write' && !sg && !tx && !tso
}

export interface Measured {
  cell: Cell
  /** One for each round; empty for a cell that cannot be. */
  samples: readonly Sample[]
}

export function rowsOf(all: readonly Measured[]): Row[] {
  const base = all.find(({ cell }) => isBase(cell))?.samples.map(senderCost) ?? []
  return all.map(({ cell, samples }) => (samples.length === 0 ? emptyRow(cell) : rowOf(cell, samples, base)))
}

function emptyRow({ method, sg, tx, tso, reason }: Cell): Row {
  const nothing = { gbps: null, gbpsRange: null, cpu: null, user: null, system: null, cpuRange: null, soaked: null }
  const more = { soakedRange: null, receiver: null, ratio: null, ratioRange: null, copied: null, copies: null }
  const counts = { summed: null, frames: null, segments: null, systemCalls: null, writes: null, retransmitted: null }
  return { method, sg, tx, tso, reason, ...nothing, ...more, ...counts, rounds: 0 }
}

function rowOf(cell: Cell, samples: readonly Sample[], base: readonly number[]): Row {
  const { method, sg, tx, tso } = cell
  const over = (value: (sample: Sample) => number): Spread => spread(samples.map(value))
  const middle = (value: (sample: Sample) => number, digits = 4) => rounded(over(value).median, digits)
  const withSoak = samples.every((sample) => sample.soaked !== null)
  const soak = withSoak ? over((sample) => sample.soaked as number) : null
  const gbps = over((sample) => sample.gbps)
  const cpu = over((sample) => sample.user + sample.system)
  const ratio = pairedRatio(samples.map(senderCost), base)
  return {
    method,
    sg,
    tx,
    tso,
    reason: null,
    gbps: rounded(gbps.median),
    gbpsRange: range(gbps),
    cpu: rounded(cpu.median),
    user: middle((sample) => sample.user),
    system: middle((sample) => sample.system),
    cpuRange: range(cpu),
    soaked: soak && rounded(soak.median),
    soakedRange: soak && range(soak),
    receiver: middle((sample) => sample.receiver),
    ratio: ratio && rounded(ratio.median),
    ratioRange: ratio && range(ratio),
    copied: middle(({ read, mapping, queue, card }) => read + mapping + queue + card, 6),
    copies: {
      read: middle((sample) => sample.read, 6),
      mapping: middle((sample) => sample.mapping, 6),
      queue: middle((sample) => sample.queue, 6),
      card: middle((sample) => sample.card, 6),
    },
    summed: middle((sample) => sample.summed, 6),
    frames: Math.round(over((sample) => sample.frames).median),
    segments: Math.round(over((sample) => sample.segments).median),
    systemCalls: Math.round(over((sample) => sample.systemCalls).median),
    writes: Math.round(over((sample) => sample.writes).median),
    retransmitted: samples.reduce((sum, sample) => sum + sample.retransmitted, 0),
    rounds: samples.length,
  }
}

function range({ min, max }: Spread): [number, number] {
  return [rounded(min), rounded(max)]
}
