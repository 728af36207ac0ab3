// What TCP asks of the card, byte for byte: headers of the super-packet, the folded pseudo-header sum in the checksum
// field, `csumStart`, `csumOffset`, `gsoSize`, `gsoType`, and references to the application's own pages.

import { describe, expect, test } from 'vitest'
import { checksum, read16, read32 } from '../../../support/bytes.ts'
import { pseudoHeader } from '../../../support/packet.ts'
import type { RecordedFrame } from '../../../support/recording-device.ts'
import { dissectOptions } from '../../../support/tcp-options.ts'
import { type EstablishOptions, establish, LINUX_SYN, RTO, recordedHost } from '../../../support/worlds.ts'

const ETHERNET = 14
const IP = 20

function world(options: EstablishOptions & { mtu?: number } = {}) {
  const recorded = recordedHost({ mtu: options.mtu })
  const opened = establish(recorded, options)
  recorded.device.take()
  return { ...recorded, ...opened }
}

/** Opens the window of congestion by letting the peer acknowledge much. */
function wide({ peer, connection, device }: ReturnType<typeof world>, bytes = 1_500_000): void {
  connection.write(bytes)
  for (let i = 0; i < 200 && peer.flow.rcvNxt < connection.written + 1; i++) {
    peer.ignoreReceived()
    peer.sends({ flags: '.' })
  }
  peer.ignoreReceived()
  peer.sends({ flags: '.' })
  expect(connection.info.unacked).toBe(0)
  device.take()
}

const length = (frame: RecordedFrame) => frame.refs.reduce((sum, ref) => sum + ref.length, frame.head.length)
const payload = (frame: RecordedFrame) => length(frame) - ETHERNET - IP - (frame.head[46] >>> 4) * 4

/** Everything that must hold of every frame with TCP in it. */
function expectSound(frame: RecordedFrame, mss: number): void {
  const { head } = frame
  const tcpLength = length(frame) - ETHERNET - IP
  // Ethernet and IPv4: the header's own checksum is never left to the card.
  expect(head.subarray(0, 12)).toEqual(Uint8Array.of(2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2))
  expect(read16(head, 12)).toBe(0x0800)
  expect(head[14]).toBe(0x45)
  expect(read16(head, 16)).toBe(IP + tcpLength)
  expect(read16(head, 20) & 0x4000, 'don’t fragment').toBe(0x4000)
  expect([head[22], head[23]]).toEqual([64, 6])
  expect(checksum(head.subarray(14, 34))).toBe(0)
  // The checksum: from the TCP header on, with the folded sum of the pseudo-header in its field, not complemented.
  expect([frame.csumStart, frame.csumOffset]).toEqual([34, 16])
  const pseudo = 0xffff - checksum(pseudoHeader('192.0.2.2', '192.0.2.1', 6, tcpLength))
  expect(read16(head, 34 + 16)).toBe(pseudo)
  expect([frame.networkOffset, frame.transportOffset]).toEqual([14, 34])
  // Segmentation: only asked for when there is more than one segment.
  const isSuper = payload(frame) > mss
  expect([frame.gsoSize, frame.gsoType]).toEqual(isSuper ? [mss, 1] : [0, 0])
  expect(IP + tcpLength).toBeLessThanOrEqual(65535)
  expect(frame.refs.length).toBeLessThanOrEqual(17)
  // Room for the virtio-net header in front.
  expect(frame.headroom).toBeGreaterThanOrEqual(12)
}

describe('a super-frame', () => {
  test('of the first window: 10 segments in one frame', () => {
    const { connection, device, peer } = world()
    connection.write(14_600)
    const [frame, ...more] = device.take().filter((sent) => payload(sent) > 0)
    expect(more).toEqual([])
    expect(payload(frame)).toBe(14_600)
    expectSound(frame, 1460)
    expect(read32(frame.head, 38)).toBe((peer.flow.stackIss + 1) >>> 0)
    expect(read32(frame.head, 42)).toBe((peer.flow.iss + 1) >>> 0)
    expect(frame.head[47], 'PSH, ACK').toBe(0x18)
    peer.expects({ seq: 1, length: 14_600 })
  })

  test('with timestamps: gsoSize is the MSS without them', () => {
    const { connection, device } = world({ syn: LINUX_SYN })
    connection.write(14_480)
    const [frame] = device.take()
    expectSound(frame, 1448)
    expect(frame.head.length).toBe(ETHERNET + IP + 32)
    expect(dissectOptions(frame.head.subarray(54)).order).toBe('nop,nop,TS')
  })

  test('one segment asks for no segmentation, one byte more does', () => {
    const { connection, device, peer } = world({ options: { noDelay: true } })
    connection.write(1460)
    connection.write(1461)
    const frames = device.take()
    peer.ignoreReceived()
    expect(frames.map(payload)).toEqual([1460, 1461])
    for (const frame of frames) expectSound(frame, 1460)
    expect(frames.map(({ gsoSize }) => gsoSize)).toEqual([0, 1460])
  })

  test('is as large as 64 KiB allow when the window does, and whole segments', () => {
    const opened = world({ syn: { mss: 1460, wscale: 10 } })
    wide(opened)
    const { connection, device, peer } = opened
    connection.write(400_000)
    const frames = device.take().filter((frame) => payload(frame) > 0)
    const sizes = frames.map(payload)
    expect(Math.max(...sizes)).toBeGreaterThan(32_000)
    for (const frame of frames) expectSound(frame, 1460)
    for (const size of sizes.slice(0, -1)) expect(size % 1460).toBe(0)
    // Each begins where the one before it ended.
    let next = read32(frames[0].head, 38)
    for (const frame of frames) {
      expect(read32(frame.head, 38)).toBe(next)
      next = (next + payload(frame)) >>> 0
    }
    peer.ignoreReceived()
  })

  test('rings the doorbell once for a burst', () => {
    const opened = world({ syn: { mss: 1460, wscale: 10 } })
    wide(opened)
    const { connection, device, peer } = opened
    device.flushes = 0
    connection.write(300_000)
    expect(device.take().length).toBeGreaterThan(2)
    expect(device.flushes).toBeLessThanOrEqual(2)
    peer.ignoreReceived()
  })

  test('the FIN is on the last of them', () => {
    const { connection, device, peer, host } = world()
    connection.endpoint.send(new Uint8Array(10_000), 0, 10_000)
    connection.endpoint.shutdown('write')
    host.turn()
    const frames = device.take()
    expect(frames.map(payload).reduce((sum, size) => sum + size)).toBe(10_000)
    expect((frames.at(-1)?.head[47] ?? 0) & 1).toBe(1)
    for (const frame of frames) expectSound(frame, 1460)
    peer.ignoreReceived()
  })

  test('a small MSS of the peer is the size of the segments', () => {
    const { connection, device, peer } = world({ syn: { mss: 500 } })
    connection.write(5000)
    const [frame] = device.take()
    expectSound(frame, 500)
    expect(frame.gsoSize).toBe(500)
    peer.ignoreReceived()
  })

  test('a segment without data: a checksum is asked for, no segmentation', () => {
    const { device, peer } = world()
    peer.sends({ flags: 'P.', length: 10 })
    peer.expects({ flags: '.', ack: 11 })
    const [frame] = device.take()
    expectSound(frame, 1460)
    expect(frame.refs).toEqual([])
  })

  test('SYN-ACK and RST are sound too', () => {
    const recorded = recordedHost()
    recorded.host.listen(80)
    recorded.peer.sends({ flags: 'S', seq: 0, options: LINUX_SYN })
    recorded.peer.expects({ flags: 'S.' })
    recorded.peer.sends({ flags: '.', seq: 1, ack: 9 })
    recorded.peer.expects({ flags: 'R' })
    const frames = recorded.device.take().filter((frame) => read16(frame.head, 12) === 0x0800)
    expect(frames.length).toBe(2)
    for (const frame of frames) expectSound(frame, 1460)
  })
})

describe('references', () => {
  test('point at the pages that the application gave, in order, and nothing is copied', () => {
    const { connection, device, peer } = world()
    const pages = connection.writePages(12_288, 4096)
    const [frame] = device.take()
    expect(frame.refs.map(({ page, offset, length: size }) => [pages.indexOf(page), offset, size])).toEqual([
      [0, 0, 4096],
      [1, 0, 4096],
      [2, 0, 4096],
    ])
    expect(frame.head.length).toBe(ETHERNET + IP + 20)
    expectSound(frame, 1460)
    peer.expects({ seq: 1, length: 12_288 })
    peer.sends({ flags: '.', ack: 12_289 })
    for (const page of pages) expect(page.count).toBe(1)
  })

  test('a page is kept until its last byte is acknowledged, and let go then', () => {
    const { connection, peer } = world()
    const pages = connection.writePages(12_288, 4096)
    peer.expects({ seq: 1, length: 12_288 })
    peer.sends({ flags: '.', ack: 4096 })
    expect(pages.map(({ count }) => count > 1)).toEqual([true, true, true])
    peer.sends({ flags: '.', ack: 4097 })
    expect(pages.map(({ count }) => count > 1)).toEqual([false, true, true])
    peer.sends({ flags: '.', ack: 12_289 })
    expect(pages.map(({ count }) => count)).toEqual([1, 1, 1])
  })

  test('a retransmission points at the same pages', () => {
    const { connection, device, peer } = world()
    const pages = connection.writePages(1460, 4096)
    peer.expects({ seq: 1, length: 1460 })
    device.take()
    peer.expectsAfter(RTO, { seq: 1, length: 1460 })
    const [again] = device.take()
    expect(again.refs.map(({ page }) => pages.indexOf(page))).toEqual([0])
    expectSound(again, 1460)
    peer.sends({ flags: '.', ack: 1461 })
  })

  test('acknowledged while the hardware still points at it: the page lives until the completion', () => {
    const { connection, device, peer } = world()
    device.holds = true
    const [page] = connection.writePages(1000, 4096)
    peer.expects({ seq: 1, length: 1000 })
    peer.sends({ flags: '.', ack: 1001 })
    expect(page.count).toBeGreaterThan(1)
    device.complete()
    expect(page.count).toBe(1)
  })

  test('many small pages: never more than 17 references, and every byte arrives', () => {
    const { connection, device, peer } = world()
    connection.writePages(6000, 100)
    for (let i = 0; i < 100 && peer.flow.rcvNxt < 6001; i++) {
      peer.ignoreReceived()
      peer.sends({ flags: '.' })
      peer.advance('10ms')
    }
    expect(peer.flow.rcvNxt).toBe(6001)
    const frames = device.take().filter((frame) => payload(frame) > 0)
    for (const frame of frames) expectSound(frame, 1460)
    // What 17 references cannot hold is left for the next frame in whole segments.
    for (const frame of frames.slice(0, -1)) expect(payload(frame) % 1460).toBe(0)
    peer.ignoreReceived()
  })

  test('a page that is aborted is let go', () => {
    const { connection, peer } = world()
    const pages = connection.writePages(100_000, 10_000)
    connection.abort()
    peer.ignoreReceived()
    for (const page of pages) expect(page.count).toBe(1)
  })
})

describe('a device without room', () => {
  test('nothing is lost: what was refused is sent when there is room', () => {
    const opened = world()
    const { connection, device, peer } = opened
    device.room = 0
    connection.write(5000)
    expect(device.take()).toEqual([])
    peer.expectsNothing('10ms')
    expect(connection.info.limitedBy).toBe('device')
    device.makeRoom(100)
    peer.advance(0)
    expect(
      device
        .take()
        .map(payload)
        .reduce((sum, size) => sum + size, 0),
    ).toBe(5000)
    peer.ignoreReceived()
  })

  test('a full device is no loss: the window of congestion is left alone', () => {
    const { connection, device, peer } = world()
    device.room = 0
    connection.write(1460)
    peer.advance('5s')
    const { cwnd, totalRetrans } = connection.info
    expect({ cwnd, totalRetrans }).toEqual({ cwnd: 10, totalRetrans: 0 })
    device.makeRoom(100)
    peer.advance(0)
    const first = peer.ignoreReceived()
    expect(first[0]).toMatchObject({ seq: 1, length: 1460 })
  })
})

test('SACK that splits a super-frame: only what is missing is sent again, from the same pages', () => {
  const { connection, device, peer } = world({ syn: { mss: 1460, sackOK: true } })
  const pages = connection.writePages(14_600, 14_600)
  peer.expects({ seq: 1, length: 14_600 })
  device.take()
  const edges = (from: number, to: number): [number, number] => [1 + from * 1460, 1 + to * 1460]
  peer.sends({ flags: '.', ack: 1 + 1460, options: { sack: [edges(2, 5), edges(6, 10)] } })
  const again = device.take().filter((frame) => payload(frame) > 0)
  expect(again.map((frame) => [(read32(frame.head, 38) - peer.flow.stackIss) >>> 0, payload(frame)])).toEqual([
    [1461, 1460],
    [1 + 5 * 1460, 1460],
  ])
  for (const frame of again) {
    expectSound(frame, 1460)
    expect(frame.refs[0].page).toBe(pages[0])
  }
  expect(again.map((frame) => frame.refs[0].offset)).toEqual([1460, 5 * 1460])
  peer.ignoreReceived()
})
