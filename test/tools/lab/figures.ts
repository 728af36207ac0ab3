// Measurements out of the air, for the tests of what is made from them.
import { possibleFeatures } from '../../../nic/features.ts'
import { allCells, type Cell } from '../../../tools/lab/cells.ts'
import type { Lab } from '../../../tools/lab/measure.ts'
import type { LabOptions } from '../../../tools/lab/options.ts'
import { type Report, reportOf } from '../../../tools/lab/report.ts'
import type { Measured, Sample } from '../../../tools/lab/rows.ts'

export const OPTIONS: LabOptions = { rounds: 3, seconds: 1, soak: true }

export const CELLS = allCells(
  possibleFeatures({
    txChecksum: true,
    scatterGather: true,
    tso4: true,
    tso6: true,
    tsoEcn: true,
    uso: true,
    rxChecksum: true,
    rxGroHw: true,
  }),
)

export function sample(change: Partial<Sample> = {}): Sample {
  return {
    gbps: 10,
    user: 0.5,
    system: 1,
    soaked: 2.5,
    receiver: 0.5,
    read: 0,
    mapping: 0,
    queue: 0,
    card: 0,
    summed: 0,
    frames: 741_500,
    segments: 741_500,
    systemCalls: 1_000_000,
    writes: 741_500,
    retransmitted: 0,
    ...change,
  }
}

/** Every cell that can be, its three rounds as `cost` says: the sender's processor seconds per GiB. */
export function measured(cost: (cell: Cell, round: number) => number): Measured[] {
  return CELLS.map((cell) => ({
    cell,
    samples: cell.reason === '' ? [0, 1, 2].map((round) => sample({ soaked: cost(cell, round) + 0.5 })) : [],
  }))
}

export function report(all: Measured[], quiet: number[] = [1, 1, 1]): Report {
  const lab: Lab = {
    measured: all,
    fileBytes: 2 ** 27,
    congestion: { kernel: 'cubic', stack: 'cubic' },
    processors: [0, 1],
    quiet,
  }
  return reportOf(lab, OPTIONS, lab.fileBytes, new Date('2026-01-02T03:04:05Z'))
}
