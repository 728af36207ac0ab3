import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeBytesHeader, encodeMessage, FrameSplitter, MAX_BYTES, MAX_LINE } from '../../../tools/control/framing.ts'

type Item = Record<string, unknown> | Buffer

function splitter(): { items: Item[]; splitter: FrameSplitter } {
  const items: Item[] = []
  const sink = {
    onMessage: (message: Item) => void items.push(message),
    onBytes: (bytes: Buffer) => void items.push(bytes),
  }
  return { items, splitter: new FrameSplitter(sink) }
}

function encode(item: Item): Buffer {
  if (!Buffer.isBuffer(item)) return Buffer.from(encodeMessage(item))
  return Buffer.concat([Buffer.from(encodeBytesHeader(item.length)), item])
}

describe('FrameSplitter', () => {
  it('gives back what was encoded, however it was cut', () => {
    const message = fc.dictionary(
      fc.string().filter((key) => key !== 'rawBytes' && key !== '__proto__'),
      fc.jsonValue(),
    )
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((array) => Buffer.from(array))
    fc.assert(
      fc.property(fc.array(fc.oneof(message, bytes)), fc.array(fc.nat(400)), (sent, cuts) => {
        const { items, splitter: target } = splitter()
        const stream = Buffer.concat(sent.map((item) => encode(item as Item)))
        const edges = [0, ...cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b), stream.length]
        for (let i = 1; i < edges.length; i++) expect(target.push(stream.subarray(edges[i - 1], edges[i]))).toBe('')
        expect(items).toEqual(
          JSON.parse(JSON.stringify(sent)).map((plain: unknown, i: number) =>
            Buffer.isBuffer(sent[i]) ? sent[i] : plain,
          ),
        )
        expect(target.incomplete).toBe(false)
      }),
    )
  })

  it('never throws on noise', () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
      fc
        .constantFrom(
          '\n',
          '{',
          '{}\n',
          '{"rawBytes":',
          '{"rawBytes":3}\n',
          '{"rawBytes":-1}\n',
          '[]\n',
          'null\n',
          '"x"\n',
        )
        .map((text) => Buffer.from(text)),
    )
    fc.assert(
      fc.property(fc.array(noise), (chunks) => {
        const { splitter: target } = splitter()
        for (const chunk of chunks) if (target.push(chunk) !== '') return
      }),
      { numRuns: 1000 },
    )
  })

  it.each([
    '[]',
    'null',
    '1',
    '"x"',
    '{',
    '',
    '{"rawBytes":0}',
    '{"rawBytes":1.5}',
    '{"rawBytes":"1"}',
    `{"rawBytes":${MAX_BYTES + 1}}`,
  ])('refuses the line %s', (line) => {
    expect(splitter().splitter.push(Buffer.from(`${line}\n`))).not.toBe('')
  })

  it('does not wait for the end of a line without end', () => {
    const { splitter: target } = splitter()
    expect(target.push(Buffer.alloc(MAX_LINE, 'x'))).toBe('')
    expect(target.push(Buffer.from('xx'))).toMatch(/longer than/)
  })

  it('knows when something was cut off', () => {
    const { splitter: target } = splitter()
    target.push(Buffer.from('{"a":1}\n{"b'))
    expect(target.incomplete).toBe(true)
  })
})
