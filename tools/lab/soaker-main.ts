// A soaker: one process bound to one processor under SCHED_IDLE, that counts and says how far it has come. It gets what
// nobody else wants. Ends when the lab is gone.

import { SOAK_FD } from './messages.ts'
import { SoakSlot } from './soak.ts'

/** Counted between two reports, about half a millisecond: by what the machine shows at the start. */
const REPORT_NS = 500_000n
const CHUNKS_AT_ONCE = 40

let kept = 1

function count(steps: number): void {
  let x = kept
  for (let i = 0; i < steps; i++) x = (Math.imul(x, 1664525) + 1013904223) | 0
  kept = x
}

function stepsPerReport(): number {
  let steps = 10_000
  for (;;) {
    const from = process.hrtime.bigint()
    count(steps)
    if (process.hrtime.bigint() - from >= REPORT_NS) return steps
    steps *= 2
  }
}

const slot = new SoakSlot(SOAK_FD, Number(process.argv[2]))
count(5_000_000)
const steps = stepsPerReport()
let total = 0

function soak(): void {
  for (let i = 0; i < CHUNKS_AT_ONCE; i++) {
    count(steps)
    total += steps
    slot.write(total)
  }
  setImmediate(soak)
}

process.on('disconnect', () => process.exit(0))
process.on('SIGINT', () => {})
process.channel?.unref()
process.send?.({ ok: steps })
soak()
