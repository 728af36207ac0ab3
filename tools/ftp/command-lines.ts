// What comes over a control connection as lines: split at line feeds, Telnet's commands taken out (RFC 959 2.3, RFC 854),
// bounded whatever comes.

/** Bytes of one line. */
export const LONGEST_LINE = 4096

const INTERPRET_AS_COMMAND = 255
const SUBNEGOTIATION = 250
const SUBNEGOTIATION_END = 240
const LINE_FEED = 10

/** How far into a Telnet command we are: none, behind IAC, behind WILL and its like, in a subnegotiation, IAC in one. */
type Telnet = 'none' | 'command' | 'option' | 'subnegotiation' | 'subnegotiation command'

/** Takes bytes, answers lines. */
export class CommandLines {
  private readonly bytes = Buffer.allocUnsafe(LONGEST_LINE)
  private length = 0
  private overflown = false
  private telnet: Telnet = 'none'

  /** The lines that end in `chunk`, without their ends; null stands for one that was too long or not UTF-8. */
  push(chunk: Uint8Array): (string | null)[] {
    const lines: (string | null)[] = []
    for (const byte of chunk) {
      if (this.telnet !== 'none' || byte === INTERPRET_AS_COMMAND) this.takeTelnet(byte)
      else if (byte === LINE_FEED) lines.push(this.takeLine())
      else this.takeByte(byte)
    }
    return lines
  }

  private takeByte(byte: number): void {
    if (this.length < LONGEST_LINE) this.bytes[this.length++] = byte
    else this.overflown = true
  }

  private takeTelnet(byte: number): void {
    switch (this.telnet) {
      case 'none':
        this.telnet = 'command'
        return
      case 'command':
        this.telnet = byte === SUBNEGOTIATION ? 'subnegotiation' : byte > 250 && byte < 255 ? 'option' : 'none'
        // Doubled, it is data (RFC 854).
        if (byte === INTERPRET_AS_COMMAND) this.takeByte(byte)
        return
      case 'option':
        this.telnet = 'none'
        return
      case 'subnegotiation':
        if (byte === INTERPRET_AS_COMMAND) this.telnet = 'subnegotiation command'
        return
      case 'subnegotiation command':
        this.telnet = byte === SUBNEGOTIATION_END ? 'none' : 'subnegotiation'
    }
  }

  private takeLine(): string | null {
    const bytes = this.bytes.subarray(0, this.length)
    const whole = !this.overflown
    this.length = 0
    this.overflown = false
    if (!whole) return null
    try {
      // A carriage return inside of a line comes with a NUL behind it (RFC 854, RFC 2640 3.1).
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
        .decode(bytes)
        .replace(/\r$/, '')
        .replaceAll('\r\0', '\r')
    } catch {
      return null
    }
  }
}
