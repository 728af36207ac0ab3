// What `up` says: for people as text (news on standard output, troubles on standard error), for programs as one JSON
// object for each event on standard output.

import type { LiveLine } from './live-line.ts'

export class Speaker {
  readonly json: boolean
  private readonly command: string
  /** The line that is drawn on the terminal, if any: makes way for what is said. */
  live: LiveLine | null = null

  constructor(json: boolean, command = 'up') {
    this.json = json
    this.command = command
  }

  /** An event, and its words for people. */
  say(event: string, text: string, facts: object = {}): void {
    this.live?.clear()
    process.stdout.write(this.json ? `${JSON.stringify({ event, ...facts })}\n` : `${text}\n`)
  }

  /** Something that a person should know and that does not stop us. */
  warn(text: string): void {
    this.live?.clear()
    process.stderr.write(`pagewire ${this.command}: ${text}\n`)
    if (this.json) process.stdout.write(`${JSON.stringify({ event: 'warning', message: text })}\n`)
  }
}
