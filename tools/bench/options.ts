// What a run of the benchmarks is asked for.

export interface BenchOptions {
  /** Names of tests; all when absent. */
  tests?: string[]
  rounds: number
  /** How long each measurement takes. */
  seconds: number
  /** Connections of the test with idle ones. */
  connections: number
  /** Bytes of the file that is sent. */
  fileBytes: number
  json?: string | true
  /** A file of an earlier run's `--json`. */
  compare?: string
}

export const DEFAULTS = { rounds: 5, seconds: 1, connections: 10_000, fileBytes: 2 ** 30 }
export const QUICK = { rounds: 1, seconds: 0.3, connections: 1000, fileBytes: 2 ** 27 }
