// Where a hot path allocates: the functions and lines by bytes for each operation, from V8's sampling heap profiler. For
// whoever looks for the reason of a broken budget (`npm run bench:micro -- --where WORD`).

import { type HeapProfiler, Session } from 'node:inspector'
import type { HotPath } from './bench.ts'

/** Mean distance of two samples, bytes. */
const INTERVAL = 512
/** Repetitions of a round: samples are few. */
const REPEATS = 10
const LINES = 12

export function reportAllocations(name: string, path: HotPath, operations: number): void {
  const session = new Session()
  session.connect()
  const options = {
    samplingInterval: INTERVAL,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  }
  session.post('HeapProfiler.startSampling', options)
  for (let i = 0; i < REPEATS; i++) path.run(operations)
  session.post('HeapProfiler.stopSampling', (_error, { profile }) => say(name, profile.head, operations * REPEATS))
  session.disconnect()
}

function say(name: string, head: HeapProfiler.SamplingHeapProfileNode, operations: number): void {
  const bytes = new Map<string, number>()
  const visit = (node: HeapProfiler.SamplingHeapProfileNode) => {
    const { functionName, url, lineNumber } = node.callFrame
    const place = `${functionName || '(anonymous)'} ${url.replace(/^.*\/\.micro\//, '')}:${lineNumber + 1}`
    bytes.set(place, (bytes.get(place) ?? 0) + node.selfSize)
    for (const child of node.children) visit(child)
  }
  visit(head)
  const most = [...bytes].sort((a, b) => b[1] - a[1]).slice(0, LINES)
  const lines = most.map(([place, size]) => `${(size / operations).toFixed(1).padStart(8)}  ${place}`)
  process.stderr.write(`${name}\n${lines.join('\n')}\n`)
}
