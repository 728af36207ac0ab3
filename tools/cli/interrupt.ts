// Ctrl-C and SIGTERM as an AbortSignal: the first asks for an orderly end, the second ends at once.

export interface Interrupt {
  readonly signal: AbortSignal
  /** The signal that came, or null. */
  readonly cause: NodeJS.Signals | null
  /** Leaves the signals to Node again. */
  release(): void
}

const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

export function catchInterrupt(): Interrupt {
  const controller = new AbortController()
  let cause: NodeJS.Signals | null = null
  const onSignal = (name: NodeJS.Signals) => {
    if (cause) process.exit(130)
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
