// The ends of lines between a file here (LF) and the network in type A (CR LF, RFC 959 3.1.1.1). Takes a file piece by piece.
// A line that ends in CR LF here goes out as it is; a CR elsewhere is a byte like any other, both ways.

import { Transform } from 'node:stream'

const LINE_FEED = 10
const CARRIAGE_RETURN = 13

export class LineEnds {
  /** The last byte of the piece before. */
  private last = 0

  /** The piece with a CR before each LF that has none. */
  toNetwork(piece: Buffer): Buffer {
    const out = Buffer.allocUnsafe(piece.length * 2)
    let length = 0
    let from = 0
    for (let at = piece.indexOf(LINE_FEED); at >= 0; at = piece.indexOf(LINE_FEED, at + 1)) {
      if ((at > 0 ? piece[at - 1] : this.last) === CARRIAGE_RETURN) continue
      length += piece.copy(out, length, from, at)
      out[length++] = CARRIAGE_RETURN
      from = at
    }
    length += piece.copy(out, length, from)
    if (piece.length > 0) this.last = piece[piece.length - 1]
    return out.subarray(0, length)
  }

  /** The piece without the CR before each LF; one at its very end is kept until it is known what follows. */
  fromNetwork(piece: Buffer): Buffer {
    const out = Buffer.allocUnsafe(piece.length + 1)
    let length = 0
    if (this.last === CARRIAGE_RETURN && piece.length > 0 && piece[0] !== LINE_FEED) out[length++] = CARRIAGE_RETURN
    const ends = piece.length > 0 && piece[piece.length - 1] === CARRIAGE_RETURN
    const end = ends ? piece.length - 1 : piece.length
    let from = 0
    for (let at = piece.indexOf(LINE_FEED, 1); at >= 0; at = piece.indexOf(LINE_FEED, at + 1)) {
      if (piece[at - 1] !== CARRIAGE_RETURN) continue
      length += piece.copy(out, length, from, at - 1)
      from = at
    }
    length += piece.copy(out, length, from, end)
    if (piece.length > 0) this.last = piece[piece.length - 1]
    return out.subarray(0, length)
  }

  /** What `fromNetwork` kept. */
  rest(): Buffer {
    return Buffer.from(this.last === CARRIAGE_RETURN ? [CARRIAGE_RETURN] : [])
  }
}

/** What comes over a connection, with the ends of lines as they are here. */
export function fromNetworkLines(): Transform {
  const lines = new LineEnds()
  return new Transform({
    transform: (piece: Buffer, _encoding, done) => done(null, lines.fromNetwork(piece)),
    flush: (done) => done(null, lines.rest()),
  })
}
