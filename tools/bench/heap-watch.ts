// What a server's JavaScript heap and event loop go through between two lines on its standard input, `start` and `stop`: the
// answer to each is one line of JSON. Bytes allocated are what the heap has grown, and what each garbage collection took
// away. The watching itself costs a timer each millisecond: it runs only between the lines.

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { GCProfiler, getHeapStatistics } from 'node:v8'

export interface HeapReport {
  /** Bytes of objects made in the JavaScript heap. */
  allocated: number
  collections: number
  /** The longest garbage collection, and the longest time in which no timer ran, milliseconds. */
  longestCollection: number
  longestStall: number
}

/** Milliseconds between looks at the event loop. */
const RESOLUTION = 1
const NANOSECONDS = 1e6
const MICROSECONDS = 1e3

export class HeapWatch {
  private readonly profiler = new GCProfiler()
  private readonly delay = monitorEventLoopDelay({ resolution: RESOLUTION })
  private readonly before = used()

  constructor() {
    this.profiler.start()
    this.delay.enable()
  }

  /** Ends it. */
  stop(): HeapReport {
    const after = used()
    this.delay.disable()
    const { statistics } = this.profiler.stop()
    const taken = statistics.map(
      ({ beforeGC, afterGC }) => beforeGC.heapStatistics.usedHeapSize - afterGC.heapStatistics.usedHeapSize,
    )
    return {
      allocated: Math.max(
        0,
        taken.reduce((sum, bytes) => sum + bytes, after - this.before),
      ),
      collections: statistics.length,
      longestCollection: Math.max(0, ...statistics.map(({ cost }) => cost)) / MICROSECONDS,
      longestStall: Math.max(0, this.delay.max / NANOSECONDS - RESOLUTION),
    }
  }
}

/** Answers `start` and `stop`, one line each, until the input ends. Other lines get an error. */
export function answerWatch(input: NodeJS.ReadableStream, say: (line: string) => void): void {
  let watch: HeapWatch | null = null
  createInterface({ input }).on('line', (line) => {
    if (line === 'start') {
      watch?.stop()
      watch = new HeapWatch()
      say('{}\n')
    } else if (line === 'stop' && watch) {
      say(`${JSON.stringify(watch.stop())}\n`)
      watch = null
    } else {
      say('{"error":"start or stop"}\n')
    }
  })
}

function used(): number {
  return getHeapStatistics().used_heap_size
}
