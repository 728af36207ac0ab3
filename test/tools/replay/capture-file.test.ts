// Captures without Ethernet headers: the same exchange as RAW IP and in both of Linux's cooked forms, in a pcap file.
import { expect, it } from 'vitest'
import { PcapngReader } from '../../../drivers/pcap/index.ts'
import { parseCapture } from '../../../tools/replay/capture-file.ts'
import { replay } from '../../../tools/replay/replay.ts'
import { concat } from '../../support/bytes.ts'
import { CLIENT, collected, listening, record, recording, SERVER } from './fixture.ts'

const ETHERNET = 14

function pcap(linkType: number, packets: { time: number; bytes: Uint8Array }[]): Uint8Array {
  const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer)
  const records = packets.map(({ time, bytes }) =>
    concat(words(Math.floor(time / 1e6), time % 1e6, bytes.length, bytes.length), bytes),
  )
  return concat(words(0xa1b2c3d4, 0x00040002, 0, 0, 65535, linkType), ...records)
}

const exchange = () =>
  record(async ({ client, server }) => {
    const listener = await listening(server, 80, (socket) => void collected(socket).then(() => socket.end('an answer')))
    const socket = client.net.connect({ port: 80, host: SERVER, allowHalfOpen: true })
    socket.end('a question')
    await collected(socket)
    listener.close()
  })

it.each([
  ['RAW', 101, () => new Uint8Array(0)],
  ['Linux cooked', 113, (frame: Uint8Array) => concat(new Uint8Array(14), frame.subarray(12, 14))],
  ['Linux cooked 2', 276, (frame: Uint8Array) => concat(frame.subarray(12, 14), new Uint8Array(18))],
])('%s is replayed', async (_name, linkType, header) => {
  const packets = new PcapngReader(await exchange()).packets().filter(({ bytes }) => bytes[13] === 0)
  const cooked = packets.map(({ time, bytes }) => ({ time, bytes: concat(header(bytes), bytes.subarray(ETHERNET)) }))
  const result = replay(recording(pcap(linkType, cooked), SERVER))
  expect(result.connections).toMatchObject([{ recorded: true, replayed: true, received: 10, sent: 9 }])
  expect(result.verdicts.differs).toBe(0)
})

it('another link type is named', () => {
  expect(() => parseCapture(pcap(105, [{ time: 0, bytes: new Uint8Array(60) }]), 'x')).toThrow(
    /link type 105 is not known/,
  )
})

it.each([SERVER, CLIENT])('super-frames above 64 KiB are replayed, as %s', async (host) => {
  const offload = {
    txChecksum: true,
    scatterGather: true,
    tso4: true,
    tso6: true,
    tsoEcn: false,
    uso: false,
    rxChecksum: true,
    rxGroHw: true,
    gsoMaxSize: 262_080,
  }
  const size = 2 ** 21
  const capture = await record(
    async ({ client, server }) => {
      const listener = await listening(
        server,
        80,
        (socket) => void collected(socket).then(() => socket.end(Buffer.alloc(size, 'x'))),
      )
      const socket = client.net.connect({ port: 80, host: SERVER, allowHalfOpen: true })
      socket.end('a question')
      expect((await collected(socket)).length).toBe(size)
      listener.close()
    },
    { offload },
  )
  const file = parseCapture(capture, 'x')
  expect(file.frames.filter(({ packet }) => packet.payloadLength > 65_535).length).toBeGreaterThan(3)
  expect([file.unreadable, file.cut]).toEqual([0, 0])
  const result = replay(recording(capture, host))
  const [received, sent] = host === SERVER ? [10, size] : [size, 10]
  expect(result.connections).toMatchObject([{ recorded: true, replayed: true, received, sent }])
  expect([result.verdicts.differs, result.leaks]).toEqual([0, 0])
})
