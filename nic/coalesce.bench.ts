// The card's receive side: frames of one flow as a port without receive offloads hands them up.

import { plainMemory } from '../drivers/wire/index.ts'
import { MacAddress } from '../stack/base/mac-address.ts'
import { FramePool, HEADER_PAGE } from '../stack/buffer/frame.ts'
import { PagePool } from '../stack/buffer/page-pool.ts'
import { bench } from '../test/support/micro/bench.ts'
import { MSS, Peer } from '../test/support/micro/peer.ts'
import { PeerPort } from '../test/support/micro/peer-port.ts'
import { Nic, TypeScriptChecksum } from './index.ts'

const BURST = 64

/** A burst of 64 frames for each poll; the receiver lets them go. */
function prepare(gro: boolean, payload: number, most: number) {
  const memory = plainMemory()
  const headers = new PagePool(memory, { pageSize: HEADER_PAGE, slab: 64, limit: 1024 })
  const frames = new FramePool(headers)
  const peer = new Peer(memory)
  const port = new PeerPort(peer, memory)
  const nic = new Nic({ port, frames, engine: new TypeScriptChecksum(), address: new MacAddress(2, 1), log: () => {} })
  nic.features.set({ gro })
  let up = 0
  nic.attach({
    onFrame: (frame) => {
      up++
      frame.release()
    },
    onReadable: () => {},
    onWritable: () => {},
    onLink: () => {},
  })
  let now = 4 * 3600 * 1_000_000
  let sent = 0
  return {
    run(operations: number) {
      for (let done = 0; done < operations; done += BURST) {
        for (let i = 0; i < BURST; i++) {
          // One that acknowledges nothing new goes up by itself.
          if (payload === 0) peer.expected++
          port.arrive(payload > 0 ? peer.data(payload) : peer.acknowledge())
        }
        sent += BURST
        nic.poll(BURST, now++)
      }
    },
    close() {
      nic.close()
      if (up > sent / most) throw new Error(`${up} frames for ${sent}: they were not merged`)
      if (peer.outstanding + headers.outstanding !== 0) throw new Error('a frame is still out')
    },
  }
}

bench('a frame is judged and handed up', { bytes: 0, nanoseconds: 150 }, () => prepare(false, MSS, 1))
bench('a segment is merged into a super-frame', { bytes: 0, nanoseconds: 350 }, () => prepare(true, MSS, 15))
bench('a bare acknowledgment gives way to the next', { bytes: 0, nanoseconds: 350 }, () => prepare(true, 0, 16))
