// What a run says in the end: as text, and the form of the JSON.

import type { PhaseReport } from './run-phase.ts'

export interface SoakReport {
  seed: string
  seconds: number
  processors: number
  passed: boolean
  phases: PhaseReport[]
}

export function phaseText({ phase, about, seconds, figures, troubles, seed, before, after }: PhaseReport): string {
  const verdict = troubles.length === 0 ? 'ok' : 'FAILED'
  const lines = [`${verdict.padEnd(7)}${phase.padEnd(8)}${about}, ${seconds.toFixed(1)} s`]
  const words = Object.entries(figures).map(([name, value]) => `${name} ${value}`)
  for (let i = 0; i < words.length; i += 4) lines.push(`         ${words.slice(i, i + 4).join(', ')}`)
  if (before && after) {
    const change = (after.heap - before.heap) / 2 ** 20
    lines.push(
      `         back to ${after.endpoints} endpoints, ${after.transmitPages + after.receivePages} pages, ` +
        `heap ${change < 0 ? '' : '+'}${change.toFixed(1)} MiB`,
    )
  }
  for (const trouble of troubles) lines.push(`         seed ${seed}: ${trouble}`)
  return lines.join('\n')
}

export function verdictText({ passed, seed, seconds, phases }: SoakReport): string {
  const failed = phases.filter(({ troubles }) => troubles.length > 0).map(({ phase }) => phase)
  if (passed) return `all ${phases.length} phases passed in ${seconds.toFixed(0)} s; seed ${seed}`
  const again = `pagewire bench soak --seed ${seed} --phases ${failed.join(',')}`
  return `failed: ${failed.join(', ')}; to run it again: ${again}`
}
