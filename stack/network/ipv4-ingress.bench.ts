// From the link to the transport: an IPv4 packet for us is checked, its addresses are found and it is delivered.

import { seededRandom } from '../../drivers/random.ts'
import { plainMemory } from '../../drivers/wire/index.ts'
import { bench } from '../../test/support/micro/bench.ts'
import { Peer, STACK_ADDRESS } from '../../test/support/micro/peer.ts'
import { PeerDevice } from '../../test/support/micro/peer-port.ts'
import { parseCidr } from '../base/ip-address.ts'
import { Stack } from '../stack.ts'
import { PROTOCOL_TCP } from './contract.ts'

const BURST = 64

bench('a packet from the link to its transport', { bytes: 0, nanoseconds: 250 }, () => {
  const memory = plainMemory()
  const clock = { now: () => 4 * 3600 * 1_000_000 }
  const environment = { clock, random: seededRandom(1), log: () => {} }
  const stack = new Stack({ environment, memory, requestPoll: () => {} })
  const peer = new Peer(memory)
  const device = new PeerDevice(peer)
  stack.addInterface({ device, addresses: [parseCidr(`${STACK_ADDRESS}/24`)!] })
  let delivered = 0
  stack.network.register(PROTOCOL_TCP, {
    onPacket(frame) {
      delivered++
      frame.release()
    },
    onIcmpError: () => {},
  })
  const now = clock.now()
  return {
    run(operations) {
      for (let done = 0; done < operations; done += BURST) {
        for (let i = 0; i < BURST; i++) device.arrive(peer.data(100))
        device.poll(BURST, now)
      }
    },
    close() {
      stack.close()
      if (delivered === 0 || peer.outstanding !== 0) throw new Error('packets did not come through')
    },
  }
})
