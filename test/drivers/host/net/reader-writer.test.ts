// Between an endpoint and a stream: which bytes are copied and which are handed over with their page, and what happens
// to a write that does not fit.

import { PassThrough, Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BufferIntake, bufferIntake, StreamIntake } from '../../../../drivers/host/net/intake.ts'
import { Reader } from '../../../../drivers/host/net/reader.ts'
import { type Chunk, Writer } from '../../../../drivers/host/net/writer.ts'
import { EAGAIN, ECONNRESET } from '../../../../stack/base/errno.ts'
import { pattern } from '../../../support/pattern.ts'
import { ScriptedEndpoint } from './scripted-endpoint.ts'

const newReader = () => new Reader({ TcpPagewireCopiedIn: 0 })

const NO_LENDER = { _lend: () => null }

describe('reading', () => {
  it('hands over the page of a large piece without a copy', () => {
    const subject = new ScriptedEndpoint(2048)
    const { page } = subject.arrive(pattern(0, 1500), 54)
    const counters = { TcpPagewireCopiedIn: 0 }
    const piece = new Reader(counters).take(subject.endpoint) as Buffer
    expect(counters.TcpPagewireCopiedIn).toBe(0)
    expect(piece.buffer).toBe(page.bytes.buffer)
    expect(piece.byteOffset).toBe(54)
    expect(piece.equals(pattern(0, 1500))).toBe(true)
    expect(subject.pool.outstanding).toBe(0)
    expect(subject.pool.surrendered).toBe(1)
    expect(subject.memory.regions).toBe(0)
  })

  it('takes a page back when all its bytes were given back, in whatever parts', () => {
    const subject = new ScriptedEndpoint(2048)
    const reader = newReader()
    const { page } = subject.arrive(pattern(0, 1500), 54)
    const piece = reader.take(subject.endpoint) as Buffer
    expect(reader.giveBack(piece.subarray(0, 1000))).toBe(true)
    expect(subject.pool.reclaimed).toBe(0)
    expect(reader.giveBack(piece.subarray(1000))).toBe(true)
    expect(subject.pool.reclaimed).toBe(1)
    expect(subject.pool.allocate()?.bytes.buffer).toBe(page.bytes.buffer)
    expect(reader.giveBack(piece)).toBe(false)
    expect(reader.giveBack(Buffer.alloc(10))).toBe(false)
  })

  it('does not take a page back that more was given back of than there is', () => {
    const subject = new ScriptedEndpoint(2048)
    const reader = newReader()
    subject.arrive(pattern(0, 1500))
    const piece = reader.take(subject.endpoint) as Buffer
    reader.giveBack(piece.subarray(0, 1000))
    reader.giveBack(piece)
    expect(subject.pool.reclaimed).toBe(0)
  })

  it('does not copy a large piece behind a small one', () => {
    const subject = new ScriptedEndpoint(65600)
    subject.arrive(pattern(0, 376))
    const { page } = subject.arrive(pattern(376, 65160))
    const reader = newReader()
    const small = reader.take(subject.endpoint) as Buffer
    const large = reader.take(subject.endpoint) as Buffer
    expect([small.length, large.length]).toEqual([376, 65160])
    expect(large.buffer).toBe(page.bytes.buffer)
    expect(Buffer.concat([small, large]).equals(pattern(0, 376 + 65160))).toBe(true)
  })

  it('copies small pieces into one Buffer of exactly their size', () => {
    const subject = new ScriptedEndpoint(65600)
    for (let i = 0; i < 10; i++) subject.arrive(pattern(i * 1460, 1460))
    const counters = { TcpPagewireCopiedIn: 0 }
    const piece = new Reader(counters).take(subject.endpoint) as Buffer
    // The others are copied, and counted, by the endpoint.
    expect(counters.TcpPagewireCopiedIn).toBe(1460)
    expect(piece.length).toBe(14600)
    expect(piece.buffer.byteLength).toBe(14600)
    expect(piece.equals(pattern(0, 14600))).toBe(true)
    expect(subject.pool.outstanding).toBe(0)
    expect(subject.pool.surrendered).toBe(0)
  })

  it('copies a large piece whose page has another owner', () => {
    const subject = new ScriptedEndpoint(2048)
    const { page } = subject.arrive(pattern(0, 1500))
    page.retain()
    const counters = { TcpPagewireCopiedIn: 0 }
    const piece = new Reader(counters).take(subject.endpoint) as Buffer
    expect(counters.TcpPagewireCopiedIn).toBe(1500)
    expect(piece.buffer).not.toBe(page.bytes.buffer)
    expect(piece.equals(pattern(0, 1500))).toBe(true)
    page.release()
    expect(subject.pool.outstanding).toBe(0)
  })

  it('gives pieces of at most 64 KiB and passes on what the endpoint answers', () => {
    const subject = new ScriptedEndpoint(65600)
    for (let i = 0; i < 60; i++) subject.arrive(pattern(i * 1460, 1460))
    const reader = newReader()
    const first = reader.take(subject.endpoint) as Buffer
    const second = reader.take(subject.endpoint) as Buffer
    expect([first.length, second.length]).toEqual([65536, 60 * 1460 - 65536])
    expect(Buffer.concat([first, second]).equals(pattern(0, 60 * 1460))).toBe(true)
    expect(reader.take(subject.endpoint)).toBe(-EAGAIN)
    subject.atEnd = 0
    expect(reader.take(subject.endpoint)).toBe(0)
    subject.atEnd = -ECONNRESET
    expect(reader.take(subject.endpoint)).toBe(-ECONNRESET)
    expect(subject.pool.outstanding).toBe(0)
  })

  it('stops when the stream is full, and counts before it tells', () => {
    const subject = new ScriptedEndpoint(65600)
    for (let i = 0; i < 100; i++) subject.arrive(pattern(i * 1000, 1000))
    const seen: number[] = []
    const stream = new Readable({ read() {} })
    stream.push = () => {
      seen.push(intake.bytes)
      return false
    }
    const intake = new StreamIntake(stream, newReader())
    intake.wanted = true
    expect(intake.step(subject.endpoint)).toBe(65536)
    expect(intake.wanted).toBe(false)
    expect(seen).toEqual([65536])
  })

  it('makes no Buffer of what a resumed stream would throw away, but counts it', () => {
    const subject = new ScriptedEndpoint(2048)
    const stream = new Readable({ read() {} })
    const intake = new StreamIntake(stream, newReader())
    intake.wanted = true
    stream.resume()
    subject.arrive(pattern(0, 1500))
    expect(intake.step(subject.endpoint)).toBe(1500)
    expect([intake.bytes, intake.wanted, stream.readableLength]).toEqual([1500, true, 0])
    expect([subject.pool.surrendered, subject.pool.outstanding]).toEqual([0, 0])
    expect(intake.step(subject.endpoint)).toBe(-EAGAIN)
  })

  it.each<[string, (stream: Readable) => void]>([
    ['listens', (stream) => stream.on('data', () => {})],
    ['waits to read', (stream) => stream.on('readable', () => {})],
    ['pipes', (stream) => stream.pipe(new PassThrough())],
    ['has paused', (stream) => stream.pause()],
    ['wants text', (stream) => stream.resume().setEncoding('utf8')],
    ['has asked for nothing yet', () => {}],
  ])('makes Buffers for whoever %s', (_name, prepare) => {
    const subject = new ScriptedEndpoint(2048)
    const stream = new Readable({ read() {} })
    prepare(stream)
    const pushed: number[] = []
    stream.push = (piece: Buffer) => pushed.push(piece.length) > 0
    const intake = new StreamIntake(stream, newReader())
    subject.arrive(pattern(0, 1500))
    expect(intake.step(subject.endpoint)).toBe(1500)
    expect(pushed).toEqual([1500])
  })

  it('fills the buffer of an application, which may ask for a pause', () => {
    const subject = new ScriptedEndpoint()
    subject.arrive(Buffer.from('one two'))
    const told: string[] = []
    const callback = (length: number, bytes: Uint8Array) => {
      told.push(Buffer.from(bytes.subarray(0, length)).toString())
      return told.length < 2
    }
    const fixed = new BufferIntake({ buffer: new Uint8Array(4), callback })
    fixed.wanted = true
    expect(fixed.step(subject.endpoint)).toBe(4)
    expect(fixed.wanted).toBe(true)
    expect(fixed.step(subject.endpoint)).toBe(3)
    expect(fixed.wanted).toBe(false)
    expect(told).toEqual(['one ', 'two'])
    expect(fixed.step(subject.endpoint)).toBe(-EAGAIN)
    subject.arrive(Buffer.from('three'))
    const made = bufferIntake({ buffer: () => new Uint8Array(16), callback })
    expect(made?.step(subject.endpoint)).toBe(5)
    expect(told[2]).toBe('three')
    expect(bufferIntake({ buffer: 7, callback } as never)).toBeNull()
    expect(bufferIntake(undefined)).toBeNull()
  })
})

describe('writing', () => {
  it('is done when the bytes are queued', () => {
    const subject = new ScriptedEndpoint()
    const writer = new Writer(Buffer.alloc(64), NO_LENDER)
    expect(writer.write(subject.endpoint, Buffer.from('bytes'), 'utf8')).toBe(1)
    expect(writer.write(subject.endpoint, 'h\u00e9', 'latin1')).toBe(1)
    expect(writer.write(subject.endpoint, '', 'utf8')).toBe(1)
    expect(Buffer.concat(subject.sent).toString('latin1')).toBe('bytesh\u00e9')
    expect(writer.bytes).toBe(7)
    expect(writer.pending).toBe(0)
  })

  it('keeps what does not fit, and does not keep the scratch buffer', () => {
    const subject = new ScriptedEndpoint()
    const scratch = Buffer.alloc(64)
    const writer = new Writer(scratch, NO_LENDER)
    const results: number[] = []
    subject.room = 3
    expect(writer.write(subject.endpoint, 'abcdefgh', 'utf8')).toBe(0)
    writer.callback = (result) => results.push(result)
    expect(writer.pending).toBe(5)
    scratch.fill(0)
    writer.flush(subject.endpoint)
    subject.room = 2
    writer.flush(subject.endpoint)
    expect(results).toEqual([])
    subject.room = 100
    writer.flush(subject.endpoint)
    writer.flush(subject.endpoint)
    expect(results).toEqual([1])
    expect(Buffer.concat(subject.sent).toString()).toBe('abcdefgh')
  })

  it('answers with the endpoint’s errno, at once or later, and drops the rest', () => {
    const subject = new ScriptedEndpoint()
    const writer = new Writer(Buffer.alloc(64), NO_LENDER)
    subject.room = 1
    expect(writer.write(subject.endpoint, 'abc', 'utf8')).toBe(0)
    const results: number[] = []
    writer.callback = (result) => results.push(result)
    subject.sendError = -ECONNRESET
    writer.flush(subject.endpoint)
    expect(results).toEqual([-ECONNRESET])
    expect(writer.pending).toBe(0)
    expect(writer.write(subject.endpoint, 'abc', 'utf8')).toBe(-ECONNRESET)
  })

  it('sends any list of chunks in order, whatever room comes when', () => {
    const chunk = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes): Chunk => ({ chunk: Buffer.from(bytes), encoding: 'utf8' })),
      fc.string({ maxLength: 100, unit: 'binary' }).map((text): Chunk => ({ chunk: text, encoding: 'utf8' })),
      fc.string({ maxLength: 20 }).map((text): Chunk => ({ chunk: text, encoding: 'utf16le' })),
    )
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 20 }), fc.array(fc.integer({ min: 0, max: 150 })), (chunks, rooms) => {
        const subject = new ScriptedEndpoint()
        const writer = new Writer(Buffer.alloc(128), NO_LENDER)
        subject.room = 10
        const expected = Buffer.concat(chunks.map(({ chunk, encoding }) => Buffer.from(chunk as string, encoding)))
        let result = writer.writeMany(subject.endpoint, chunks)
        if (result === 0) {
          writer.callback = (end) => {
            result = end
          }
          for (const room of rooms) {
            subject.room = room
            writer.flush(subject.endpoint)
          }
          subject.room = Number.POSITIVE_INFINITY
          writer.flush(subject.endpoint)
        }
        expect(result).toBe(1)
        expect(Buffer.concat(subject.sent).equals(expected)).toBe(true)
        expect(writer.bytes).toBe(expected.length)
      }),
      { numRuns: 50 },
    )
  })
})
