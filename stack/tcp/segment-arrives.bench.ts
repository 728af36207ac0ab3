// SEGMENT ARRIVES for an established connection: the two segments that a busy one sees.

import { bench } from '../../test/support/micro/bench.ts'
import { Established } from '../../test/support/micro/established.ts'
import { MSS } from '../../test/support/micro/peer.ts'
import type { Frame } from '../buffer/frame.ts'
import { Page, type PageRef } from '../buffer/page.ts'
import type { Connection } from './connection.ts'
import { Segment } from './segment.ts'
import { segmentArrives } from './segment-arrives.ts'

/** A time handed to a function that is not inlined: microseconds do not fit a small integer. */
const NUMBER = 16
/** What is too small to keep its page is copied beside others of its kind; a copy takes a view of its source. */
const VIEW = 96

/** Reads the header as the demultiplexer does, and lets the frame go. */
function arrive(connection: Connection, segment: Segment, frame: Frame, now: number): void {
  frame.networkOffset = 14
  frame.transportOffset = 34
  segment.read(frame, frame.length - 34)
  segmentArrives(connection, segment, now)
  frame.release()
}

/** With 64 KiB in flight each acknowledgment takes one byte off: the sending of more hardly counts. */
bench('a bare acknowledgment', { bytes: 2 * NUMBER, nanoseconds: 350 }, () => {
  const world = new Established({ card: false })
  const connection = world.endpoint as Connection
  const { sendWindow } = connection
  const segment = new Segment()
  const region = world.memory.allocate(65536)
  const page = new Page(null, region.id, region.buffer, 0, 65536)
  let acknowledged = 0
  return {
    run(operations) {
      for (let i = 0; i < operations; i++) {
        if (sendWindow.flight === 0) {
          connection.sendPage(page.retain(), 0, 65536)
          world.poll(1000)
          acknowledged = sendWindow.sndUna
        }
        world.peer.expected = acknowledged = (acknowledged + 1) | 0
        world.now += 10
        arrive(connection, segment, world.peer.acknowledge(), world.now)
      }
    },
    close: () => world.close(),
  }
})

bench('1448 bytes in order, read by reference', { bytes: VIEW + NUMBER + 8, nanoseconds: 700 }, () => {
  const world = new Established({ card: false })
  const connection = world.endpoint as Connection
  const segment = new Segment()
  const out: PageRef = { page: null as unknown as Page, offset: 0, length: 0 }
  return {
    run(operations) {
      for (let i = 0; i < operations; i++) {
        world.now += 10
        arrive(connection, segment, world.peer.data(MSS), world.now)
        if (connection.receive(65536, out) !== MSS) throw new Error('the payload did not come')
        out.page.release()
        // The acknowledgment that is owed, once for a burst.
        if ((i & 15) === 15) world.poll(0)
      }
    },
    close: () => world.close(),
  }
})
