// The stack as a whole: the order of a poll, exceptions of callbacks, re-entrance, the end.

import { describe, expect, it } from 'vitest'
import { NEVER } from '../../../stack/base/deadlines.ts'
import { IpAddress } from '../../../stack/base/ip-address.ts'
import type { UdpEndpoint } from '../../../stack/udp/contract.ts'
import { echo, ethernet, ipv4, udp } from '../link/packets.ts'
import { OUR_MAC, OURS, PEER, PEER_MAC, Rig } from '../link/rig.ts'

const datagram = (destinationPort: number) => {
  const addresses = { source: PEER, destination: OURS }
  const payload = udp({ ...addresses, sourcePort: 5, destinationPort }, Uint8Array.of(1))
  return ethernet(OUR_MAC, PEER_MAC, 0x0800, ipv4({ ...addresses, protocol: 17 }, payload))
}

function bound(rig: Rig, port: number, onReadiness: () => void): UdpEndpoint {
  const endpoint = rig.stack.udp.open()
  endpoint.bind(null, port)
  endpoint.onReadiness = onReadiness
  return endpoint
}

describe('a poll', () => {
  it('receives, fires deadlines, calls back, sends and rings the bell, in this order', () => {
    const rig = new Rig().knowPeer()
    const order: string[] = []
    const { device, stack } = rig
    const { poll } = device
    device.poll = (budget, now) => {
      order.push('receive')
      return poll.call(device, budget, now)
    }
    device.flush = () => order.push('flush')
    const { pollTransmit } = stack.tcp
    stack.tcp.pollTransmit = (now) => {
      order.push('transmit')
      pollTransmit.call(stack.tcp, now)
    }
    const endpoint = bound(rig, 9, () => {
      order.push('callback')
      endpoint.send(Uint8Array.of(1), PEER, 5)
    })
    stack.echo.send(IpAddress.from('192.0.2.1'), { identifier: 1, sequence: 1, timeout: 1000 }, () =>
      order.push('timeout'),
    )
    rig.time += 1000
    device.receiving.push(datagram(9))
    expect(stack.poll()).toBe(false)
    expect(order).toEqual(['receive', 'callback', 'timeout', 'transmit', 'flush'])
    rig.close()
  })

  it("takes no more at a time than the device's own budget, and asks to be called again", () => {
    const rig = new Rig().knowPeer()
    const { device, stack } = rig
    const sizes: number[] = []
    const { poll } = device
    device.poll = (budget, now) => {
      const count = poll.call(device, budget, now)
      sizes.push(count)
      return count
    }
    const endpoint = bound(rig, 9, () => {})
    const take = (wanted: number | undefined, budget?: number) => {
      sizes.length = 0
      Object.assign(device, { pollBudget: wanted })
      for (let i = 0; i < 70; i++) device.receiving.push(datagram(9))
      while (stack.poll(budget));
      return sizes
    }
    expect(take(undefined)).toEqual([64, 6])
    expect(take(20)).toEqual([20, 20, 20, 10])
    expect(take(20, 30)).toEqual([20, 20, 20, 10])
    expect(take(100)).toEqual([70])
    expect(take(100, 35)).toEqual([35, 35, 0])
    endpoint.close()
    rig.close()
  })

  it('acknowledges much data before the application gets its turn', () => {
    const rig = new Rig().knowPeer()
    const order: string[] = []
    const { pollTransmit } = rig.stack.tcp
    rig.stack.tcp.pollTransmit = (now) => {
      order.push('transmit')
      pollTransmit.call(rig.stack.tcp, now)
    }
    bound(rig, 9, () => order.push('callback'))
    const addresses = { source: PEER, destination: OURS }
    const payload = udp({ ...addresses, sourcePort: 5, destinationPort: 9 }, new Uint8Array(40_000))
    const large = ethernet(OUR_MAC, PEER_MAC, 0x0800, ipv4({ ...addresses, protocol: 17 }, payload))
    rig.device.receiving.push(large)
    rig.stack.poll()
    expect(order).toEqual(['callback', 'transmit'])
    order.length = 0
    rig.device.receiving.push(large, large)
    rig.stack.poll()
    expect(order).toEqual(['transmit', 'callback', 'transmit'])
    rig.close()
  })

  it('leaves frames beyond its budget to the next, and says so', () => {
    const rig = new Rig()
    let calls = 0
    bound(rig, 9, () => calls++)
    for (let i = 0; i < 5; i++) rig.device.receiving.push(datagram(9))
    expect(rig.stack.poll(2)).toBe(true)
    expect(rig.device.receiving.length).toBe(3)
    expect(rig.stack.poll(2)).toBe(true)
    expect(rig.stack.poll(2)).toBe(false)
    expect(calls).toBe(3)
    rig.close()
  })

  it('does nothing from within itself, and is asked for again', () => {
    const rig = new Rig()
    const answers: boolean[] = []
    bound(rig, 9, () => answers.push(rig.stack.poll()))
    rig.device.receiving.push(datagram(9))
    rig.stack.poll()
    expect(answers).toEqual([true])
    rig.close()
  })

  it('does not ring while it runs, and rings when somebody asks between two', () => {
    const rig = new Rig().knowPeer()
    const endpoint = bound(rig, 9, () => endpoint.send(Uint8Array.of(1), PEER, 5))
    rig.device.receiving.push(datagram(9))
    rig.polls = 0
    expect(rig.stack.poll()).toBe(false)
    expect(rig.polls).toBe(0)
    endpoint.send(Uint8Array.of(1), PEER, 5)
    expect(rig.polls).toBe(1)
    rig.close()
  })

  it('makes callbacks that come from callbacks, and does not let them go on for ever', () => {
    const rig = new Rig()
    let calls = 0
    const again = () => {
      calls++
      rig.stack.echo.send(OURS, { identifier: 1, sequence: calls & 0xffff, timeout: 1 }, again)
    }
    again()
    for (let i = 0; i < 50; i++) rig.stack.poll()
    expect(calls).toBeGreaterThan(20)
    rig.close()
  })
})

describe('callbacks that throw', () => {
  it('keep nobody from theirs; the one exception comes out of poll, with all work done', () => {
    const rig = new Rig().knowPeer()
    const told: number[] = []
    bound(rig, 1, () => told.push(1))
    bound(rig, 2, () => {
      throw new Error('two')
    })
    bound(rig, 3, () => told.push(3))
    const ping = ethernet(
      OUR_MAC,
      PEER_MAC,
      0x0800,
      ipv4({ source: PEER, destination: OURS, protocol: 1 }, echo(8, 1, 1, Uint8Array.of(1))),
    )
    rig.device.receiving.push(datagram(1), datagram(2), datagram(3), ping)
    expect(() => rig.stack.poll()).toThrow(new Error('two'))
    expect(told).toEqual([1, 3])
    expect(rig.take().length).toBe(1)
    expect(rig.stack.poll()).toBe(false)
    rig.close()
  })

  it('several come out together', () => {
    const rig = new Rig()
    for (const port of [1, 2, 3]) {
      bound(rig, port, () => {
        throw new Error(String(port))
      })
    }
    rig.device.receiving.push(datagram(1), datagram(2), datagram(3))
    let thrown: unknown
    try {
      rig.stack.poll()
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(AggregateError)
    expect((thrown as AggregateError).errors.map(({ message }) => message)).toEqual(['1', '2', '3'])
    rig.close()
  })

  it('and leave frames behind: the host is asked for another poll, since it got no answer', () => {
    const rig = new Rig()
    bound(rig, 9, () => {
      throw new Error('nine')
    })
    rig.device.receiving.push(datagram(9), datagram(9))
    rig.polls = 0
    expect(() => rig.stack.poll(1)).toThrow()
    expect(rig.polls).toBe(1)
    rig.run = () => {}
    rig.device.receiving.length = 0
    rig.close()
  })
})

describe('the end', () => {
  it('from within a callback: nothing is sent or called any more', () => {
    const rig = new Rig()
    let calls = 0
    bound(rig, 1, () => rig.stack.close())
    bound(rig, 2, () => calls++)
    rig.device.receiving.push(datagram(1), datagram(2))
    expect(rig.stack.poll()).toBe(false)
    expect(calls).toBe(0)
    rig.close()
  })

  it('leaves no deadline, no frame, no page, and takes everything that still comes', () => {
    const rig = new Rig()
    const { stack } = rig
    stack.udp.open().send(Uint8Array.of(1), PEER, 9)
    stack.echo.send(PEER, { identifier: 1, sequence: 1 }, () => {})
    stack.probeAddress(rig.port, IpAddress.from('192.0.2.9'), () => {})
    stack.tcp.connect(PEER, 80)
    stack.tcp.listen({ address: null, port: 80 })
    rig.run()
    expect(stack.nextDeadline()).toBeLessThan(NEVER)
    stack.close()
    stack.close()
    expect(stack.nextDeadline()).toBe(NEVER)
    expect(stack.heap.size).toBe(0)
    expect(stack.poll()).toBe(false)
    const page = rig.device.pool.allocate()!
    rig.device.receiver.onFrame(rig.device.frames.wrap(page, 0, 60), 0)
    rig.polls = 0
    rig.device.receiver.onReadable()
    rig.device.receiver.onWritable()
    stack.requestPoll()
    expect(rig.polls).toBe(0)
    rig.close()
  })
})
