// The transmit ladder, each rung: a super-frame of 60,000 bytes goes through the card to a port in memory. The rungs
// without an offload make 42 segments of it; their figures are those of the whole super-frame.

import { MacAddress } from '../stack/base/mac-address.ts'
import { type Frame, GSO_TCPV4 } from '../stack/buffer/frame.ts'
import { PacketLab } from '../test/nic/support/packets.ts'
import { bench } from '../test/support/micro/bench.ts'
import { Peer } from '../test/support/micro/peer.ts'
import { PeerPort } from '../test/support/micro/peer-port.ts'
import { Nic, TypeScriptChecksum } from './index.ts'

const SEGMENTS = 42
/** A copy in JavaScript takes a view of its source (nic/checksum.ts says why). */
const VIEW = 112

function prepare(wish: Record<string, boolean>) {
  const lab = new PacketLab()
  const port = new PeerPort(new Peer(lab.memory), lab.memory)
  const options = { frames: lab.frames, engine: new TypeScriptChecksum(), log: () => {} }
  const nic = new Nic({ ...options, port, address: new MacAddress(2, 1) })
  nic.features.set(wish)
  const { frame: model } = lab.packet({ pieces: [30_000, 30_000], gsoSize: 1448, tcpOptions: 12 })
  const make = () => {
    const frame = lab.frames.allocate(32) as Frame
    for (let i = 0; i < 66; i++) frame.head.view.setUint8(32 + i, model.head.view.getUint8(32 + i))
    frame.end = 32 + 66
    frame.networkOffset = 14
    frame.transportOffset = frame.csumStart = 34
    frame.csumOffset = 16
    frame.gsoSize = 1448
    frame.gsoType = GSO_TCPV4
    for (let i = 0; i < 2; i++) frame.addRef(model.pages[i].retain(), model.offsets[i], 30_000)
    return frame
  }
  return {
    run(operations: number) {
      for (let i = 0; i < operations; i++) {
        if (!nic.transmit(make())) throw new Error('no room')
        if ((i & 3) === 3) nic.flush()
      }
      nic.flush()
    },
    close() {
      model.release()
      nic.close()
      if (lab.outstanding !== 0) throw new Error('a frame is still out')
    },
  }
}

bench('a super-frame that the port segments', { bytes: 0, nanoseconds: 500 }, () => prepare({}))
bench('a super-frame that is segmented here', { bytes: 0, nanoseconds: 15_000 }, () => prepare({ tso: false }))
bench('... and summed here', { bytes: 0, nanoseconds: 40_000 }, () => prepare({ tx: false }))
bench('... and copied here', { bytes: SEGMENTS * VIEW, nanoseconds: 55_000 }, () => prepare({ tx: false, sg: false }))
