// Character generator (RFC 864). TCP: lines of 72 of the 95 printing characters, each line beginning one further, for as
// long as the peer takes them; what it sends is thrown away. UDP: one datagram of 0 to 512 characters for each that
// comes. A forged source would make that an amplifier, so that all answers together stay within a small budget of
// bytes per second.

import { type Service, type ServiceSockets, type StreamSocket, serveTcp, serveUdp } from './sockets.ts'

export const CHARGEN_PORT = 19

/** UDP answers of all together: bytes per second, and how much of it may be saved up. */
const BUDGET_RATE = 32 * 1024
const BUDGET_SIZE = 64 * 1024

const LINE_LENGTH = 72
const FIRST = 0x20
const CHARACTERS = 95

/** Lines `from` and on, `count` of them. */
export function pattern(from: number, count: number): Buffer {
  const bytes = Buffer.alloc(count * (LINE_LENGTH + 2))
  let at = 0
  for (let line = from; line < from + count; line++) {
    for (let column = 0; column < LINE_LENGTH; column++) bytes[at++] = FIRST + ((line + column) % CHARACTERS)
    bytes[at++] = 13
    bytes[at++] = 10
  }
  return bytes
}

/** The pattern repeats after 95 lines; eight times that makes one good write. */
const BLOCK = pattern(0, CHARACTERS * 8)

export function serveChargenTcp(sockets: ServiceSockets): Promise<Service> {
  return serveTcp(sockets, CHARGEN_PORT, (socket) => {
    socket.on('end', () => socket.end())
    socket.resume()
    socket.on('drain', () => generate(socket))
    generate(socket)
  })
}

function generate(socket: StreamSocket): void {
  while (socket.writable && socket.write(BLOCK));
}

/** `random` gives numbers from 0 up to 1, `now` milliseconds. */
export function serveChargenUdp(
  sockets: ServiceSockets,
  random: () => number = Math.random,
  now: () => number = () => performance.now(),
): Promise<Service> {
  const budget = new Budget(now())
  return serveUdp(sockets, CHARGEN_PORT, (socket, _bytes, peer) => {
    const length = Math.floor(random() * 513)
    if (budget.take(length + 28, now())) socket.send(BLOCK.subarray(0, length), peer.port, peer.address, () => {})
  })
}

/** Bytes that may be sent: refilled with time, never above its size. */
export class Budget {
  private left = BUDGET_SIZE
  private filled: number

  /** `now`: milliseconds. */
  constructor(now: number) {
    this.filled = now
  }

  take(bytes: number, now: number): boolean {
    this.left = Math.min(BUDGET_SIZE, this.left + ((now - this.filled) / 1000) * BUDGET_RATE)
    this.filled = now
    if (bytes > this.left) return false
    this.left -= bytes
    return true
  }
}
