// Ctrl-C and SIGTERM as an AbortSignal: the first asks for an orderly end, one more after a moment
// ends at once.

export interface Interrupt {
  readonly signal: AbortSignal
  /** The signal that came, or null. */
  readonly cause: NodeJS.Signals | null
  /** Leaves the signals to Node again. */
  release(): void
}

/** Some senders (timeout(1), a terminal and a keeper) give the same signal twice: that is one wish. Milliseconds. */
const ONE_WISH = 500

const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

export function catchInterrupt(): Interrupt {
  const controller = new AbortController()
  let cause: NodeJS.Signals | null = null
  let first = 0
  const onSignal = (name: NodeJS.Signals) => {
    if (cause && performance.now() - first > ONE_WISH) process.exit(130)
    if (cause) return
    first = performance.now()
    cause = name
    controller.abort()
  }
  for (const name of SIGNALS) process.on(name, onSignal)
  return {
    signal: controller.signal,
    get cause() {
      return cause
    },
    release() {
      for (const name of SIGNALS) process.off(name, onSignal)
    },
  }
}
