// Connections whose ends do whatever they like, over a wire that loses: what one read is the beginning of what the other
// wrote, all of it when nobody broke off; each socket closes once; every write's callback comes once; nothing leaks.

import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Socket } from '../../../../drivers/host/index.ts'
import { pattern, patternMismatch } from '../../../support/pattern.ts'
import { NO_LEAKS, SimulatedArena } from '../arenas.ts'
import { told } from './recorder.ts'

type Act =
  | { who: 'client' | 'server'; do: 'write'; bytes: number; cork: boolean }
  | { who: 'client' | 'server'; do: 'pause' | 'resume' | 'end' | 'destroy' | 'reset' }
  | { do: 'wait'; microseconds: number }

const who = fc.constantFrom('client' as const, 'server' as const)
const write = fc.record({
  who,
  do: fc.constant('write' as const),
  bytes: fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 1000, max: 300_000 })),
  cork: fc.boolean(),
})
const flow = fc.record({ who, do: fc.constantFrom('pause' as const, 'resume' as const, 'resume' as const) })
const end = fc.record({ who, do: fc.constant('end' as const) })
const broken = fc.record({ who, do: fc.constantFrom('destroy' as const, 'reset' as const) })
const wait = fc.record({ do: fc.constant('wait' as const), microseconds: fc.integer({ min: 0, max: 50_000 }) })
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 8, arbitrary: write },
  { weight: 4, arbitrary: flow },
  { weight: 1, arbitrary: end },
  { weight: 1, arbitrary: broken },
  { weight: 6, arbitrary: wait },
)

/** One end: what it wrote and read, and what it was told. */
class Party {
  written = 0
  read = 0
  callbacks = 0
  writes = 0
  closes = 0
  ended = false
  errors: string[] = []
  readonly socket: Socket
  readonly closed: Promise<unknown>

  constructor(socket: Socket) {
    this.socket = socket
    this.closed = told(socket, 'close')
    socket.on('data', (piece: Buffer) => {
      const wrong = patternMismatch(piece, this.read)
      if (wrong >= 0) throw new Error(`byte ${wrong} is wrong`)
      this.read += piece.length
    })
    socket.on('end', () => {
      this.ended = true
    })
    socket.on('error', (error: NodeJS.ErrnoException) => this.errors.push(String(error.code)))
    socket.on('close', () => this.closes++)
  }

  act(step: Exclude<Act, { do: 'wait' }>): void {
    const { socket } = this
    if (step.do === 'write') this.write(step.bytes, step.cork)
    else if (step.do === 'reset') socket.resetAndDestroy()
    else if (step.do === 'end') socket.end()
    else if (step.do === 'destroy') socket.destroy()
    else socket[step.do]()
  }

  private write(bytes: number, cork: boolean): void {
    const { socket } = this
    if (!socket.writable) return
    const pieces = cork ? 3 : 1
    if (cork) socket.cork()
    for (let i = 0; i < pieces; i++) {
      this.writes++
      socket.write(pattern(this.written, bytes), () => this.callbacks++)
      this.written += bytes
    }
    if (cork) socket.uncork()
  }
}

async function live(acts: readonly Act[], loss: number, seed: number, halfOpen: boolean): Promise<void> {
  const tcp = { sendBuffer: 100_000, receiveBuffer: 60_000, finWait2: 1_000_000 }
  const arena = await SimulatedArena.make({ wire: { loss, seed }, a: { tcp }, b: { tcp } })
  const server = arena.server.createServer({ allowHalfOpen: halfOpen }).listen(80)
  const accepted = told(server, 'connection')
  const socket = arena.client.connect({ port: 80, host: arena.address, allowHalfOpen: halfOpen })
  const client = new Party(socket)
  const [peer] = (await arena.settle(accepted)) as [Socket]
  const parties = { client, server: new Party(peer) }
  let whole = true
  for (const step of acts) {
    if (step.do === 'wait') await arena.simulation.run({ forMicroseconds: step.microseconds })
    else {
      if (step.do === 'destroy' || step.do === 'reset') whole = false
      // A socket that may not be half-open ends with its peer, whatever it still wanted to say.
      if (step.do === 'end' && !halfOpen) whole = false
      parties[step.who].act(step)
    }
  }
  for (const party of Object.values(parties)) {
    party.socket.resume()
    party.socket.end()
  }
  const closed = Promise.all([client.closed, parties.server.closed])
  await arena.simulation.settle(closed, { forMicroseconds: 3_600_000_000 })
  await arena.simulation.run({ forMicroseconds: 1000 })
  judge(parties.client, parties.server, whole)
  judge(parties.server, parties.client, whole)
  server.close()
  expect(await arena.close()).toEqual(NO_LEAKS)
}

function judge(reader: Party, writer: Party, whole: boolean): void {
  expect(reader.read).toBeLessThanOrEqual(writer.written)
  expect(reader.closes).toBe(1)
  expect(reader.callbacks).toBe(reader.writes)
  // What was in the stream's queue when it was destroyed was read, and not told.
  expect(reader.socket.bytesRead).toBeGreaterThanOrEqual(reader.read)
  if (!whole) return
  expect(reader.read).toBe(writer.written)
  expect(reader.ended).toBe(true)
  expect(reader.errors).toEqual([])
}

it('hold what they promise', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(act, { minLength: 1, maxLength: 25 }),
      fc.constantFrom(0, 0, 0.02),
      fc.integer({ min: 1, max: 1000 }),
      fc.boolean(),
      live,
    ),
    { numRuns: 60 },
  )
})
