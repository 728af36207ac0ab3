// The ends of lines in type A, however a file is cut into pieces.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { LineEnds } from '../../../tools/ftp/line-ends.ts'

const text = fc.array(fc.constantFrom('\r', '\n', '\r\n', 'a', '\u00e9')).map((parts) => Buffer.from(parts.join('')))
const cut = fc.tuple(text, fc.array(fc.nat(30), { maxLength: 5 })).map(([whole, places]) => {
  const at = [0, ...places.map((place) => Math.min(place, whole.length)).sort((a, b) => a - b), whole.length]
  return { whole, pieces: at.slice(1).map((end, i) => whole.subarray(at[i], end)) }
})

it('each LF has a CR before it on the network, one that has none gets it', () => {
  fc.assert(
    fc.property(cut, ({ whole, pieces }) => {
      const lines = new LineEnds()
      const out = Buffer.concat(pieces.map((piece) => lines.toNetwork(piece)))
      expect(out.toString()).toBe(whole.toString().replace(/(?<!\r)\n/g, '\r\n'))
    }),
  )
})

it('no LF has a CR before it in a file that comes', () => {
  fc.assert(
    fc.property(cut, ({ whole, pieces }) => {
      const lines = new LineEnds()
      const out = Buffer.concat([...pieces.map((piece) => lines.fromNetwork(piece)), lines.rest()])
      expect(out.toString()).toBe(whole.toString().replaceAll('\r\n', '\n'))
    }),
  )
})
