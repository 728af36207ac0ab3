// What may be sent now, made into frames: headers, page references and the sum of the pseudo-header, down to a device
// that lets them go. The acknowledgment that makes room comes once for eight super-frames.

import { bench } from '../../test/support/micro/bench.ts'
import { Established } from '../../test/support/micro/established.ts'
import { Page } from '../buffer/page.ts'
import type { Connection } from './connection.ts'
import { transmit } from './transmit.ts'

/** A time handed to a function that is not inlined: microseconds do not fit a small integer. */
const NUMBER = 16
const BURST = 8

function prepare(length: number) {
  const world = new Established({ card: false })
  const connection = world.endpoint as Connection
  const region = world.memory.allocate(65536)
  const page = new Page(null, region.id, region.buffer, 0, 65536)
  const send = () => {
    if (connection.sendPage(page.retain(), 0, length) !== length) throw new Error('the send buffer is full')
    world.now += 5
    transmit(connection, world.now)
  }
  const acknowledge = () => {
    world.end.arrive(world.peer.acknowledge())
    world.poll(100)
  }
  // The window opens.
  for (let i = 0; i < 1000; i++) {
    send()
    acknowledge()
  }
  return {
    run(operations: number) {
      for (let done = 0; done < operations; done += BURST) {
        for (let i = 0; i < BURST; i++) send()
        acknowledge()
      }
    },
    close: () => world.close(),
  }
}

bench('a super-frame of 64 KiB', { bytes: 3 * NUMBER, nanoseconds: 1200 }, () => prepare(65_160))
bench('one byte', { bytes: 3 * NUMBER, nanoseconds: 1200 }, () => prepare(1))
