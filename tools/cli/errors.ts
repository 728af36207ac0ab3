// How a command ends when it cannot do what it was asked for: an error with an exit status, printed as one line that says
// what is wrong and how to mend it. Statuses: 1 something went wrong, 2 the arguments are bad.

/** Ends a command with one line on standard error. */
export class CommandError extends Error {
  override name = 'CommandError'
  readonly status: number

  constructor(message: string, status = 1) {
    super(message)
    this.status = status
  }
}

/** The arguments are bad. */
export class UsageError extends CommandError {
  override name = 'UsageError'

  constructor(message: string) {
    super(message, 2)
  }
}

/** Any text as one line. */
export function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, ' ')
}

/** What an error says, without its stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The code of a system error, or an empty string. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : ''
}
