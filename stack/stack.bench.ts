// A whole stack with its card, from the port to the application and back, against a peer in memory: what is left of a
// real exchange when neither the kernel nor the event loop has a part in it.

import { bench } from '../test/support/micro/bench.ts'
import { Established } from '../test/support/micro/established.ts'
import { Page, type PageRef } from './buffer/page.ts'
import { READABLE } from './tcp/contract.ts'

/** A time handed to a function that is not inlined: microseconds do not fit a small integer. */
const NUMBER = 16
const BULK = 65_160
const BURST = 8

bench('round trip: one byte comes, the application echoes it', { bytes: 4 * NUMBER, nanoseconds: 4000 }, () => {
  const world = new Established({ card: true })
  const { endpoint, peer, end } = world
  const bytes = new Uint8Array(2048)
  endpoint.onReadiness = (events) => {
    if ((events & READABLE) === 0) return
    const length = endpoint.receiveInto(bytes, 0, bytes.length)
    if (length > 0) endpoint.send(bytes, 0, length)
  }
  return {
    run(operations) {
      const before = peer.received
      for (let i = 0; i < operations; i++) {
        end.arrive(peer.data(1))
        world.poll(20)
      }
      if (peer.received - before !== operations) throw new Error('not every byte came back')
    },
    close: () => world.close(),
  }
})

bench(
  'bulk: eight super-frames of 64 KiB are sent and acknowledged',
  { bytes: 4 * NUMBER, nanoseconds: 12_000 },
  () => {
    const world = new Established({ card: true })
    const { endpoint, peer } = world
    world.end.acknowledges = true
    const region = world.memory.allocate(65536)
    const page = new Page(null, region.id, region.buffer, 0, 65536)
    const run = (operations: number) => {
      const before = peer.received
      for (let i = 0; i < operations; i++) {
        for (let j = 0; j < BURST; j++) {
          if (endpoint.sendPage(page.retain(), 0, BULK) !== BULK) throw new Error('the send buffer is full')
        }
        while (endpoint.bytesAcknowledged < endpoint.bytesQueued) world.poll(50)
      }
      if (peer.received - before !== operations * BURST * BULK) throw new Error('not every byte came')
    }
    return { run, close: () => world.close() }
  },
)

bench(
  'bulk: eight super-frames of 64 KiB come and are read by reference',
  { bytes: 12 * NUMBER, nanoseconds: 9000 },
  () => {
    const world = new Established({ card: true })
    const { endpoint, peer, end } = world
    const out: PageRef = { page: null as unknown as Page, offset: 0, length: 0 }
    let read = 0
    endpoint.onReadiness = () => {
      for (let length = endpoint.receive(1 << 20, out); length > 0; length = endpoint.receive(1 << 20, out)) {
        read += length
        out.page.release()
      }
    }
    return {
      run(operations) {
        read = 0
        for (let i = 0; i < operations; i++) {
          for (let j = 0; j < BURST; ) {
            for (; j < BURST && peer.room >= BULK; j++) end.arrive(peer.data(BULK))
            world.poll(50)
          }
        }
        if (read !== operations * BURST * BULK) throw new Error(`read ${read} bytes`)
      },
      close: () => world.close(),
    }
  },
)
