import { describe, expect, it } from 'vitest'
import { IpAddress } from '../../../stack/base/ip-address.ts'
import { MacAddress } from '../../../stack/base/mac-address.ts'
import { type ArpFields, arp, ethernet, readArp, readIpv4 } from './packets.ts'
import { OUR_MAC, OURS, PEER, PEER_MAC, Rig } from './rig.ts'

const NOBODY = new MacAddress(0, 0)
const SECOND = 1_000_000

function sendArp(rig: Rig, fields: Partial<ArpFields>, to = OUR_MAC): void {
  const full = { operation: 1, sender: PEER, senderMac: PEER_MAC, target: OURS, targetMac: NOBODY, ...fields }
  rig.receive(ethernet(to, full.senderMac, 0x0806, arp(full)))
}

/** Sends one datagram to the peer: something that needs its link address. */
function sendDatagram(rig: Rig, text = 'x', to = PEER): number {
  const endpoint = rig.stack.udp.open()
  const result = endpoint.send(new TextEncoder().encode(text), to, 9)
  endpoint.close()
  rig.run()
  return result
}

const state = (rig: Rig, address = PEER) =>
  rig.stack.neighbours().find((entry) => entry.address.equals(address))?.state ?? 'none'

/** The peer answers as it should. */
const answer = (rig: Rig) => sendArp(rig, { operation: 2, targetMac: OUR_MAC })

describe('who has', () => {
  it('answers for our address, to the one who asked, and remembers it as stale', () => {
    const rig = new Rig()
    sendArp(rig, {}, MacAddress.broadcast)
    const [bytes] = rig.take()
    expect(readArp(bytes)).toEqual({
      destinationMac: String(PEER_MAC),
      operation: 2,
      sender: String(OURS),
      senderMac: String(OUR_MAC),
      target: String(PEER),
      targetMac: String(PEER_MAC),
    })
    expect(bytes.length).toBe(42)
    expect(state(rig)).toBe('STALE')
    rig.close()
  })

  it('says nothing about addresses that are not ours, and learns nothing from it', () => {
    const rig = new Rig()
    sendArp(rig, { target: IpAddress.from('192.0.2.77') }, MacAddress.broadcast)
    expect(rig.take()).toEqual([])
    expect(state(rig)).toBe('none')
    rig.close()
  })

  it('answers a probe for duplicates without learning its empty sender', () => {
    const rig = new Rig()
    sendArp(rig, { sender: IpAddress.from('0.0.0.0') }, MacAddress.broadcast)
    expect(readArp(rig.take()[0])?.operation).toBe(2)
    expect(rig.stack.neighbours()).toEqual([])
    rig.close()
  })

  it('answers a sender that is on no network of ours, but does not keep it', () => {
    const rig = new Rig()
    sendArp(rig, { sender: IpAddress.from('203.0.113.9') }, MacAddress.broadcast)
    expect(rig.take().length).toBe(1)
    expect(rig.stack.neighbours()).toEqual([])
    rig.close()
  })

  it('announces an address that is added, and again when the carrier comes', () => {
    const rig = new Rig({ quiet: false })
    const announcement = {
      destinationMac: 'ff:ff:ff:ff:ff:ff',
      operation: 1,
      sender: String(OURS),
      senderMac: String(OUR_MAC),
      target: String(OURS),
      targetMac: '00:00:00:00:00:00',
    }
    expect(rig.take().map(readArp)).toEqual([announcement])
    rig.device.up = false
    rig.device.receiver.onLink(false, false)
    rig.device.up = true
    rig.device.receiver.onLink(true, false)
    expect(rig.take().map(readArp)).toEqual([announcement])
    rig.close()
  })
})

describe('resolution', () => {
  it('asks everybody three times a second apart while frames wait, then reports the host unreachable', () => {
    const rig = new Rig()
    const endpoint = rig.stack.udp.open()
    endpoint.connect(PEER, 9)
    expect(endpoint.send(Uint8Array.of(1))).toBe(1)
    const asked: number[] = []
    const start = rig.time
    for (let ms = 0; ms < 5000; ms += 100) {
      rig.advance(100_000)
      for (const bytes of rig.take()) {
        const packet = readArp(bytes)
        expect(packet).toMatchObject({ operation: 1, destinationMac: 'ff:ff:ff:ff:ff:ff', sender: String(OURS) })
        expect(packet?.target).toBe(String(PEER))
        asked.push(Math.round((rig.time - start) / 100_000))
      }
    }
    expect(asked).toEqual([1, 10, 20])
    expect(state(rig)).toBe('FAILED')
    expect(rig.counters.NeighResFailed).toBe(1)
    expect(endpoint.receive({} as never)).toBe(-113)
    rig.close()
  })

  it('sends what waited, in order, when the answer comes', () => {
    const rig = new Rig()
    for (const text of ['one', 'two', 'three']) expect(sendDatagram(rig, text)).toBe(text.length)
    expect(rig.take().map(readArp).length).toBe(1)
    expect(state(rig)).toBe('INCOMPLETE')
    answer(rig)
    expect(state(rig)).toBe('REACHABLE')
    const sent = rig.take().map(readIpv4)
    expect(sent.map(({ payload }) => new TextDecoder().decode(payload.subarray(8)))).toEqual(['one', 'two', 'three'])
    expect(new Set(sent.map(({ destinationMac }) => destinationMac))).toEqual(new Set([String(PEER_MAC)]))
    rig.close()
  })

  it('drops the oldest of too many frames that wait, and counts it', () => {
    const rig = new Rig()
    const big = 'x'.repeat(1400)
    for (let i = 0; i < 200; i++) sendDatagram(rig, big)
    expect(rig.counters.NeighUnresolvedDiscards).toBeGreaterThan(50)
    const kept = 200 - rig.counters.NeighUnresolvedDiscards
    // 212992 bytes at 1400 of the payload and 256 of its header page each.
    expect(kept).toBe(Math.floor(212992 / (1400 + 256)))
    rig.take()
    answer(rig)
    expect(rig.take().length).toBe(kept)
    rig.close()
  })

  it('asks again after a failure when something wants to go there', () => {
    const rig = new Rig()
    sendDatagram(rig)
    rig.advance(4 * SECOND)
    expect(state(rig)).toBe('FAILED')
    rig.take()
    sendDatagram(rig)
    expect(state(rig)).toBe('INCOMPLETE')
    expect(rig.take().length).toBe(1)
    rig.close()
  })

  it('keeps what waits when the device has no room for it, and sends it when there is', () => {
    const rig = new Rig()
    for (const text of ['one', 'two', 'three']) sendDatagram(rig, text)
    rig.take()
    rig.device.room = 1
    answer(rig)
    expect(rig.take().length).toBe(1)
    rig.device.room = 10
    rig.device.receiver.onWritable()
    expect(rig.take().map((bytes) => bytes[14 + 28])).toEqual(['t', 't'].map((letter) => letter.charCodeAt(0)))
    rig.close()
  })

  it('what comes later does not overtake what waits for room', () => {
    const rig = new Rig()
    for (const text of ['1', '2', '3']) sendDatagram(rig, text)
    rig.take()
    rig.device.room = 1
    answer(rig)
    rig.device.room = 10
    sendDatagram(rig, '4')
    rig.device.receiver.onWritable()
    expect(
      rig
        .take()
        .map((bytes) => String.fromCharCode(bytes[14 + 28]))
        .join(''),
    ).toBe('1234')
    rig.close()
  })

  it('questions are a second apart also when the stack slept before the first', () => {
    const rig = new Rig()
    rig.time += 3600 * SECOND
    sendDatagram(rig)
    rig.advance(0.9 * SECOND)
    expect(rig.take().length).toBe(1)
    rig.advance(0.2 * SECOND)
    expect(rig.take().length).toBe(1)
    rig.close()
  })

  it('a path asks anew for a neighbour that was forgotten', () => {
    const rig = new Rig()
    const endpoint = rig.stack.udp.open()
    endpoint.connect(PEER, 9)
    endpoint.send(Uint8Array.of(1))
    answer(rig)
    rig.take()
    rig.device.up = false
    rig.device.receiver.onLink(false, false)
    rig.device.up = true
    rig.device.receiver.onLink(true, false)
    rig.take()
    endpoint.send(Uint8Array.of(1))
    expect(readArp(rig.take()[0])?.operation).toBe(1)
    expect(state(rig)).toBe('INCOMPLETE')
    rig.close()
  })

  it('lets go of everything that waits when the carrier goes, and tells the owner', () => {
    const rig = new Rig()
    const endpoint = rig.stack.udp.open()
    endpoint.connect(PEER, 9)
    endpoint.send(Uint8Array.of(1))
    rig.device.up = false
    rig.device.receiver.onLink(false, false)
    expect(endpoint.takeError()).toBe(100)
    expect(rig.stack.neighbours()).toEqual([])
    expect(endpoint.send(Uint8Array.of(1))).toBe(-100)
    rig.close()
  })
})

describe('states (Linux NUD_*)', () => {
  function reachable(): Rig {
    const rig = new Rig()
    sendDatagram(rig)
    answer(rig)
    rig.take()
    expect(state(rig)).toBe('REACHABLE')
    return rig
  }

  /** Between 15 and 45 seconds without use. */
  function stale(): Rig {
    const rig = reachable()
    rig.advance(14 * SECOND)
    expect(state(rig)).toBe('REACHABLE')
    rig.advance(32 * SECOND)
    expect(state(rig)).toBe('STALE')
    expect(rig.take()).toEqual([])
    return rig
  }

  it('reachable becomes stale within 15 to 45 seconds, without a question', () => {
    stale().close()
  })

  it('draws the reachable time at random', () => {
    const times = ['a', 'b', 'c', 'd', 'e'].map((seed) => {
      const rig = new Rig({ seed })
      sendDatagram(rig)
      answer(rig)
      const start = rig.time
      while (state(rig) === 'REACHABLE') rig.advance(SECOND / 10)
      rig.close()
      return rig.time - start
    })
    for (const time of times) expect(time).toBeGreaterThanOrEqual(15 * SECOND)
    for (const time of times) expect(time).toBeLessThanOrEqual(45.2 * SECOND)
    expect(new Set(times).size).toBeGreaterThan(2)
  })

  it('stale: used as it is, then five seconds of delay, then three questions to it alone, then failed', () => {
    const rig = stale()
    sendDatagram(rig)
    expect(rig.take().map(readIpv4).length).toBe(1)
    expect(state(rig)).toBe('DELAY')
    rig.advance(4.9 * SECOND)
    expect(rig.take()).toEqual([])
    rig.advance(0.2 * SECOND)
    expect(state(rig)).toBe('PROBE')
    expect(rig.take().map(readArp)).toMatchObject([
      { operation: 1, destinationMac: String(PEER_MAC), target: String(PEER) },
    ])
    rig.advance(2 * SECOND)
    expect(
      rig
        .take()
        .map(readArp)
        .map((packet) => packet?.destinationMac),
    ).toEqual([String(PEER_MAC), String(PEER_MAC)])
    expect(state(rig)).toBe('PROBE')
    rig.advance(SECOND)
    expect(state(rig)).toBe('FAILED')
    expect(rig.take()).toEqual([])
    rig.close()
  })

  it('while it is probed, frames still go there', () => {
    const rig = stale()
    sendDatagram(rig)
    rig.advance(5.5 * SECOND)
    rig.take()
    sendDatagram(rig)
    expect(rig.take().map(readIpv4).length).toBe(1)
    rig.close()
  })

  it('an upper layer that makes progress spares the question', () => {
    const rig = stale()
    const path = rig.stack.network.path(PEER)
    if (typeof path === 'number') throw new Error('no path')
    const frame = rig.stack.network.frame(path)
    if (!frame) throw new Error('no frame')
    expect(path.transmit(frame, 253)).toBe(0)
    expect(state(rig)).toBe('DELAY')
    rig.advance(2 * SECOND)
    path.confirm(rig.time)
    rig.take()
    rig.advance(4 * SECOND)
    expect(state(rig)).toBe('REACHABLE')
    expect(rig.take()).toEqual([])
    rig.close()
  })

  it('an answer to the question makes it reachable', () => {
    const rig = stale()
    sendDatagram(rig)
    rig.advance(5.5 * SECOND)
    expect(state(rig)).toBe('PROBE')
    answer(rig)
    expect(state(rig)).toBe('REACHABLE')
    rig.close()
  })

  it('reachable and in use goes through delay and not through stale', () => {
    const rig = reachable()
    for (let i = 0; i < 46; i++) {
      sendDatagram(rig)
      rig.advance(SECOND)
      expect(state(rig)).not.toBe('STALE')
      if (state(rig) === 'DELAY') break
    }
    expect(state(rig)).toBe('DELAY')
    rig.close()
  })

  it('a permanent neighbour is neither asked nor overridden', () => {
    const rig = new Rig().knowPeer()
    const other = MacAddress.parse('02:00:00:00:00:99') as MacAddress
    sendArp(rig, { senderMac: other, operation: 2, targetMac: OUR_MAC })
    rig.advance(3600 * SECOND)
    sendDatagram(rig)
    expect(rig.take().map(readIpv4)[0].destinationMac).toBe(String(PEER_MAC))
    expect(state(rig)).toBe('PERMANENT')
    rig.close()
  })
})

describe('what is learned from whom', () => {
  const OTHER = MacAddress.parse('02:00:00:00:00:99') as MacAddress
  const known = (rig: Rig) => String(rig.stack.neighbours()[0]?.linkAddress)

  it('an unasked reply makes no entry', () => {
    const rig = new Rig()
    answer(rig)
    sendArp(rig, { operation: 2, target: PEER, targetMac: PEER_MAC }, MacAddress.broadcast)
    expect(rig.stack.neighbours()).toEqual([])
    rig.close()
  })

  it('a gratuitous announcement moves a known neighbour and makes it stale', () => {
    const rig = new Rig()
    sendDatagram(rig)
    answer(rig)
    sendArp(rig, { senderMac: OTHER, target: PEER }, MacAddress.broadcast)
    expect(known(rig)).toBe(String(OTHER))
    expect(state(rig)).toBe('STALE')
    rig.close()
  })

  it('the first of several different replies is kept for a second', () => {
    const rig = new Rig()
    sendDatagram(rig)
    answer(rig)
    sendArp(rig, { operation: 2, senderMac: OTHER, targetMac: OUR_MAC })
    expect(known(rig)).toBe(String(PEER_MAC))
    rig.advance(1.1 * SECOND)
    sendArp(rig, { operation: 2, senderMac: OTHER, targetMac: OUR_MAC })
    expect(known(rig)).toBe(String(OTHER))
    rig.close()
  })

  it('a request that repeats what is known changes nothing', () => {
    const rig = new Rig()
    sendDatagram(rig)
    answer(rig)
    sendArp(rig, {}, MacAddress.broadcast)
    expect(state(rig)).toBe('REACHABLE')
    rig.close()
  })

  it('a reply to everybody proves nothing', () => {
    const rig = new Rig()
    sendArp(rig, {}, MacAddress.broadcast)
    sendArp(rig, { operation: 2, targetMac: OUR_MAC }, MacAddress.broadcast)
    expect(state(rig)).toBe('STALE')
    answer(rig)
    expect(state(rig)).toBe('REACHABLE')
    rig.close()
  })

  it('a request from the one that is being asked resolves it', () => {
    const rig = new Rig()
    sendDatagram(rig)
    rig.take()
    sendArp(rig, {}, MacAddress.broadcast)
    expect(rig.take().length).toBe(2)
    expect(state(rig)).toBe('STALE')
    rig.close()
  })

  it('a claim of our address is counted, said and answered, at most once in ten seconds', () => {
    const rig = new Rig()
    for (let i = 0; i < 3; i++) sendArp(rig, { sender: OURS, senderMac: OTHER }, MacAddress.broadcast)
    expect(rig.counters.ArpInConflicts).toBe(3)
    expect(rig.logged.length).toBe(1)
    expect(rig.take().map(readArp)).toMatchObject([{ operation: 1, sender: String(OURS), target: String(OURS) }])
    expect(rig.stack.neighbours()).toEqual([])
    rig.advance(11 * SECOND)
    sendArp(rig, { sender: OURS, senderMac: OTHER }, MacAddress.broadcast)
    expect(rig.take().length).toBe(1)
    rig.close()
  })

  it('nonsense is counted and dropped', () => {
    const rig = new Rig()
    const cases: Partial<ArpFields>[] = [
      { operation: 3 },
      { target: IpAddress.from('224.0.0.1') },
      { target: IpAddress.from('127.0.0.1') },
      { senderMac: MacAddress.parse('01:00:5e:00:00:01') as MacAddress },
    ]
    for (const fields of cases) sendArp(rig, fields)
    const wrongType = arp({ operation: 1, sender: PEER, senderMac: PEER_MAC, target: OURS, targetMac: NOBODY })
    wrongType[1] = 6
    rig.receive(ethernet(OUR_MAC, PEER_MAC, 0x0806, wrongType))
    rig.receive(ethernet(OUR_MAC, PEER_MAC, 0x0806, wrongType.subarray(0, 27)))
    expect(rig.counters.ArpInErrors).toBe(6)
    expect(rig.take()).toEqual([])
    expect(rig.stack.neighbours()).toEqual([])
    rig.close()
  })
})

describe('a flood of neighbours', () => {
  it('unasked ones stop at the second threshold and leave room for ours', () => {
    const rig = new Rig({ addresses: ['10.0.0.1/8'] })
    const us = IpAddress.from('10.0.0.1')
    for (let i = 0; i < 3000; i++) {
      const sender = IpAddress.v4(0x0a010000 + i)
      sendArp(rig, { sender, target: us, senderMac: new MacAddress(0x0200, i + 1) }, MacAddress.broadcast)
    }
    expect(rig.take().length).toBe(3000)
    expect(rig.stack.neighbours().length).toBe(512)
    expect(sendDatagram(rig, 'x', IpAddress.from('10.9.9.9'))).toBe(1)
    expect(state(rig, IpAddress.from('10.9.9.9'))).toBe('INCOMPLETE')
    rig.close()
  })

  it('our own questions stop at the third, with an errno; the failed ones make room later', () => {
    const rig = new Rig({ addresses: ['10.0.0.1/8'] })
    let refused = 0
    for (let i = 0; i < 1100; i++) if (sendDatagram(rig, 'x', IpAddress.v4(0x0a020000 + i)) === -105) refused++
    expect(refused).toBe(1100 - 1024)
    expect(rig.counters.NeighTableFulls).toBe(refused)
    rig.advance(4 * SECOND)
    expect(sendDatagram(rig, 'x', IpAddress.from('10.9.9.9'))).toBe(1)
    expect(rig.stack.neighbours().length).toBe(1)
    rig.close()
  })

  it('questions that nobody answers drive out no neighbour that is known, and keep out none that asks', () => {
    const rig = new Rig({ addresses: ['10.0.0.1/8'] })
    const us = IpAddress.from('10.0.0.1')
    const known = IpAddress.from('10.5.5.5')
    sendArp(rig, { sender: known, target: us, senderMac: PEER_MAC }, MacAddress.broadcast)
    for (let second = 0; second < 20; second++) {
      for (let i = 0; i < 500; i++) sendDatagram(rig, 'x', IpAddress.v4(0x0a020000 + second * 1000 + i))
      rig.advance(SECOND)
      expect(rig.stack.neighbours().length).toBeLessThanOrEqual(1024)
      expect(state(rig, known)).toBe('STALE')
    }
    for (let i = 0; i < 1100; i++) sendDatagram(rig, 'x', IpAddress.v4(0x0a030000 + i))
    expect(rig.stack.neighbours().length).toBe(1024)
    const late = IpAddress.from('10.6.6.6')
    sendArp(rig, { sender: late, target: us, senderMac: PEER_MAC }, MacAddress.broadcast)
    expect(state(rig, late)).toBe('STALE')
    expect(rig.stack.neighbours().length).toBe(1024)
    rig.take()
    rig.close()
  })

  it('many stale ones that nobody uses go after a minute', () => {
    const rig = new Rig({ addresses: ['10.0.0.1/8'] })
    for (let i = 0; i < 200; i++) {
      sendArp(rig, { sender: IpAddress.v4(0x0a010000 + i), target: IpAddress.from('10.0.0.1') }, MacAddress.broadcast)
    }
    expect(rig.stack.neighbours().length).toBe(200)
    rig.advance(130 * SECOND)
    expect(rig.stack.neighbours().length).toBe(0)
    expect(rig.stack.nextDeadline()).toBe(Number.POSITIVE_INFINITY)
    rig.close()
  })
})

describe('probing for duplicates (RFC 5227)', () => {
  const WANTED = IpAddress.from('192.0.2.50')

  it('three probes without a sender, then silence: the address is free', () => {
    const rig = new Rig()
    let verdict: MacAddress | null | undefined
    expect(
      rig.stack.probeAddress(rig.port, WANTED, (rival) => {
        verdict = rival
      }),
    ).toBe(0)
    rig.advance(10 * SECOND)
    expect(verdict).toBe(null)
    const probes = rig.take().map(readArp)
    expect(probes.length).toBe(3)
    for (const probe of probes) expect(probe).toMatchObject({ operation: 1, sender: '0.0.0.0', target: String(WANTED) })
    rig.close()
  })

  it.each([
    ['an owner that answers', { operation: 2, sender: WANTED, targetMac: OUR_MAC }],
    ['somebody who probes for it too', { sender: IpAddress.from('0.0.0.0'), target: WANTED }],
  ])('%s is a rival', (_name, fields) => {
    const rig = new Rig()
    const verdicts: (MacAddress | null)[] = []
    rig.stack.probeAddress(rig.port, WANTED, (rival) => verdicts.push(rival))
    rig.advance(SECOND)
    sendArp(rig, fields)
    expect(verdicts.map(String)).toEqual([String(PEER_MAC)])
    rig.advance(20 * SECOND)
    expect(verdicts.length).toBe(1)
    rig.close()
  })

  it('refuses what is no address of a host', () => {
    const rig = new Rig()
    expect(rig.stack.probeAddress(rig.port, IpAddress.from('255.255.255.255'), () => {})).toBe(-22)
    expect(rig.stack.probeAddress(rig.port, IpAddress.from('::1'), () => {})).toBe(-97)
    rig.close()
  })
})

describe('Ethernet', () => {
  it('drops and counts frames that are too short, for others, or of an unknown kind', () => {
    const rig = new Rig()
    const other = MacAddress.parse('02:00:00:00:00:77') as MacAddress
    rig.receive(
      new Uint8Array(13),
      ethernet(other, PEER_MAC, 0x0800, new Uint8Array(20)),
      ethernet(OUR_MAC, PEER_MAC, 0x86dd, new Uint8Array(40)),
      ethernet(OUR_MAC, PEER_MAC, 0x8100, new Uint8Array(40)),
    )
    expect(rig.counters).toMatchObject({ EthInErrors: 1, EthInOtherHost: 1, EthInUnknownProtos: 2, IpInReceives: 0 })
    rig.close()
  })
})
