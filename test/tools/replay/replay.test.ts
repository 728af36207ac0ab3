// Captures of simulated hosts, replayed with our stack in the place of either: the connections come about again, every byte
// goes both ways, and what differs is what was made to differ.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { run } from '../../../tools/cli/program.ts'
import { type CapturedFrame, parseCapture } from '../../../tools/replay/capture-file.ts'
import { dissect } from '../../../tools/replay/packet.ts'
import { recordingOf } from '../../../tools/replay/recording.ts'
import { type Replay, replay } from '../../../tools/replay/replay.ts'
import { lineOf } from '../../../tools/replay/report.ts'
import { CLIENT, collected, listening, record, recording, type Scene, SERVER } from './fixture.ts'

const REQUEST = 3_000
const ANSWER = 200_000

/** One request and its answer, both closed in order. */
async function exchange({ client, server }: Scene, port = 80): Promise<void> {
  const listener = await listening(server, port, (socket) => {
    collected(socket).then((request) => socket.end(Buffer.alloc(ANSWER, request.length & 0xff)))
  })
  const socket = client.net.connect({ port, host: SERVER, allowHalfOpen: true })
  socket.end(Buffer.alloc(REQUEST, 7))
  expect((await collected(socket)).length).toBe(ANSWER)
  listener.close()
}

function replayed(capture: Uint8Array, host: string): Replay {
  const result = replay(recording(capture, host))
  expect(result.leaks).toBe(0)
  return result
}

const outcomes = ({ connections }: Replay) =>
  connections.map(({ recorded, replayed: came, received, sent }) => ({ recorded, came, received, sent }))

describe('TCP', () => {
  it('answers as it did when it plays the server of its own capture', async () => {
    const result = replayed(await record(exchange), SERVER)
    expect(outcomes(result)).toEqual([{ recorded: true, came: true, received: REQUEST, sent: ANSWER }])
    expect(result.verdicts).toMatchObject({ differs: 0 })
    expect(result.verdicts.same).toBeGreaterThan(100)
    expect(result.held).toBe(0)
  })

  it('opens from the same port with the same numbers when it plays the client', async () => {
    const result = replayed(await record(exchange), CLIENT)
    expect(outcomes(result)).toEqual([{ recorded: true, came: true, received: ANSWER, sent: REQUEST }])
    expect(result.verdicts.differs).toBe(0)
  })

  it.each([SERVER, CLIENT])('takes and sends every byte over losses, as %s', async (host) => {
    const capture = await record(exchange, { delay: 5000, loss: 0.03 })
    const [connection] = outcomes(replayed(capture, host))
    expect(connection).toEqual({
      recorded: true,
      came: true,
      received: host === SERVER ? REQUEST : ANSWER,
      sent: host === SERVER ? ANSWER : REQUEST,
    })
  })

  it('replays several connections, one after the other between the same ports too', async () => {
    const capture = await record(async (scene) => {
      await exchange(scene, 80)
      await exchange(scene, 81)
      await exchange(scene, 80)
    })
    for (const host of [SERVER, CLIENT]) {
      expect(outcomes(replayed(capture, host)).map(({ recorded, came }) => recorded && came)).toEqual([
        true,
        true,
        true,
      ])
    }
  })

  it('refuses where the host did, and accepts once it listened', async () => {
    const capture = await record(async (scene) => {
      const socket = scene.client.net.connect(80, SERVER)
      await expect(collected(socket)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
      await exchange(scene)
    })
    for (const host of [SERVER, CLIENT]) {
      const result = replayed(capture, host)
      expect(outcomes(result).map(({ recorded, came }) => [recorded, came])).toEqual([
        [false, false],
        [true, true],
      ])
      expect(result.verdicts.differs).toBe(0)
    }
  })

  it('aborts when the host did, and is aborted when the peer did', async () => {
    const capture = await record(async ({ client, server, simulation }) => {
      const sockets: { resetAndDestroy(): unknown }[] = []
      const listener = await listening(server, 80, (socket) => {
        socket.on('error', () => {})
        socket.write('hello')
        sockets.push(socket)
      })
      const socket = client.net.connect(80, SERVER)
      const broken = new Promise((resolve) => socket.on('error', resolve))
      socket.once('data', () => simulation.after(1000, () => sockets[0].resetAndDestroy()))
      await broken
      listener.close()
    })
    const server = replayed(capture, SERVER)
    expect(server.verdicts.differs).toBe(0)
    const reset = server.events.find(({ answer }) => answer?.stack && answer.stack.packet.flags & 4)
    expect(reset?.answer?.verdict).toBe('same')
    expect(outcomes(replayed(capture, CLIENT))).toEqual([{ recorded: true, came: true, received: 5, sent: 0 }])
  })

  it('replays a capture that has the headers only', async () => {
    const capture = await record(exchange, {}, 80)
    const file = parseCapture(capture, 'cut.pcapng')
    expect(file.cut).toBeGreaterThan(100)
    const [connection] = outcomes(replayed(capture, SERVER))
    expect(connection).toEqual({ recorded: true, came: true, received: REQUEST, sent: ANSWER })
  })

  it('leaves out a connection whose beginning is not there', async () => {
    const capture = await record(exchange)
    const { frames } = parseCapture(capture, 'late.pcapng')
    const syn = frames.findIndex(({ packet }) => packet.kind === 'tcp' && packet.flags === 2)
    const late = recording(capture, SERVER)
    expect(syn).toBeGreaterThanOrEqual(0)
    const cut = recordingOf(frames.slice(syn + 3), late.host)
    expect([cut.conversations.length, cut.begunBefore]).toEqual([0, 1])
    expect(replay(cut).verdicts).toMatchObject({ same: 0, alike: 0, differs: 0 })
  })

  it('waits for itself where the capture acknowledges what it has not sent yet, and says so', async () => {
    // A capture that lacks all data of the server but the last: only then is known that there was any.
    const capture = await record(exchange)
    const { host } = recording(capture, SERVER)
    const { frames } = parseCapture(capture, 'gaps.pcapng')
    const isData = ({ packet }: CapturedFrame) => packet.source === host.d && packet.payloadLength > 0
    const last = frames.findLast(isData)
    const result = replay(
      recordingOf(
        frames.filter((frame) => !isData(frame) || frame === last),
        host,
      ),
    )
    expect(outcomes(result)).toEqual([{ recorded: true, came: true, received: REQUEST, sent: ANSWER }])
    expect(result.held).toBeGreaterThan(0)
    expect(result.leaks).toBe(0)
  })
})

describe('UDP, ICMP and ARP', () => {
  it('answers pings and ARP by itself, and datagrams as the application did', async () => {
    const capture = await record(async ({ client, server }) => {
      for await (const _reply of client.ping(SERVER, { count: 2, interval: 10 })) void _reply
      const echo = server.dgram.createSocket('udp4')
      echo.on('message', (message, from) => echo.send(message, from.port, from.address))
      await new Promise<void>((resolve) => echo.bind(7, () => resolve()))
      const socket = client.dgram.createSocket('udp4')
      await new Promise((resolve) => {
        socket.on('message', resolve)
        socket.send('hello', 7, SERVER)
      })
      socket.close()
      echo.close()
    })
    const result = replayed(capture, SERVER)
    const said = result.events.flatMap(({ answer }) => answer?.stack?.packet.kind ?? [])
    expect(result.verdicts).toMatchObject({ alike: 0, differs: 0 })
    expect(said.filter((kind) => kind === 'icmp').length).toBe(2)
    expect(said.filter((kind) => kind === 'udp').length).toBe(1)
    expect(said.filter((kind) => kind === 'arp').length).toBeGreaterThanOrEqual(1)
    // The other side: what it asks is asked again.
    expect(replayed(capture, CLIENT)).toMatchObject({ unsent: 0, verdicts: { differs: 0 } })
  })
})

describe('an answer that is not the same', () => {
  it('is marked, on a line with both', async () => {
    const capture = await record(exchange)
    const altered = recording(capture, SERVER)
    const victim = altered.frames.find(({ fromHost, packet }) => fromHost && packet.payloadLength > 1000)
    if (!victim) throw new Error('the server sent nothing')
    // As if the recorded host had said FIN there, which no application asked for.
    victim.packet = { ...victim.packet, flags: victim.packet.flags | 0x01 }
    const result = replay(altered)
    expect(result.verdicts.differs + result.verdicts.alike).toBeGreaterThan(0)
    const line = result.events.map((event) => lineOf(event, altered)).find((text) => / [!~] /.test(text))
    expect(line).toMatch(/192\.0\.2\.1\.\d+ +< \.80/)
  })
})

describe('noise', () => {
  it('never throws, in frames', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 120 }),
        fc.nat(3000),
        fc.constantFrom(0x0800, 0x0806),
        (bytes, more, type) => {
          if (bytes.length > 14) {
            bytes[12] = type >> 8
            bytes[13] = type & 0xff
            bytes[14] = 0x45
          }
          const packet = dissect(bytes, bytes.length + more)
          if (packet) expect(packet.payload + packet.payloadLength).toBeLessThanOrEqual(packet.length)
        },
      ),
    )
  })

  it('in place of some bytes of a capture ends in a replay or in one clear error', async () => {
    const capture = await record(exchange)
    const short = capture.subarray(0, 40_000)
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(short.length - 1), fc.nat(255)), { maxLength: 40 }), (changes) => {
        const bytes = short.slice()
        for (const [at, value] of changes) bytes[at] = value
        try {
          expect(replay(recording(bytes, SERVER)).leaks).toBe(0)
        } catch (error) {
          expect((error as Error).name).toBe('CommandError')
        }
      }),
      { numRuns: 40 },
    )
  })
})

describe('the command', () => {
  let out = ''
  let err = ''
  let folder: string

  beforeEach(() => {
    out = ''
    err = ''
    folder = mkdtempSync(join(tmpdir(), 'pagewire-replay-'))
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      out += text
      return true
    })
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      err += text
      return true
    })
  })

  afterEach(() => {
    vi.restoreAllMocks()
    rmSync(folder, { recursive: true })
  })

  it('prints both columns, the sum, and ends with 0', async () => {
    const file = join(folder, 'x.pcapng')
    writeFileSync(file, await record(exchange))
    expect(await run(['replay', file, '--host', SERVER])).toBe(0)
    expect(out).toMatch(/< \.80 +\[S\.\] 0 ack 1 win \d+ len 0 += \[S\.\] 0 ack 1 win \d+ len 0\n/)
    expect(out).toMatch(/1 of 1 connection came about; \d+ answers the same, \d+ alike, 0 differ/)
    out = ''
    expect(await run(['replay', file, '--host', SERVER, '--json'])).toBe(0)
    const json = JSON.parse(out)
    expect(json).toMatchObject({ host: SERVER, mac: '02:00:00:00:00:0b', answers: { differs: 0 } })
    expect(json.connections[0]).toMatchObject({ replayed: true, sent: { stack: ANSWER, capture: ANSWER } })
  })

  it('says in one line what is wrong', async () => {
    const file = join(folder, 'x.pcapng')
    writeFileSync(file, await record(exchange))
    const other = join(folder, 'x.txt')
    writeFileSync(other, 'no capture')
    const cases: [string[], number, RegExp][] = [
      [['replay', join(folder, 'none'), '--host', SERVER], 1, /no such file/],
      [['replay', folder, '--host', SERVER], 1, /it is a directory/],
      [['replay', other, '--host', SERVER], 1, /neither pcapng nor pcap/],
      [['replay', file, '--host', '198.51.100.9'], 1, /198\.51\.100\.9 is not in it; there are 192\.0\.2\./],
      [['replay', file, '--host', 'nobody'], 2, /Give an IPv4 address/],
      [['replay', file, '--host', '127.0.0.1'], 2, /not the address of a host/],
      [['replay', file], 2, /--host/],
      [['replay', '--host', SERVER], 2, /missing required argument/],
    ]
    for (const [words, status, message] of cases) {
      err = ''
      expect([await run(words), err]).toEqual([status, expect.stringMatching(message)])
      expect(err.split('\n').length).toBe(2)
    }
  })
})
