// The checksum in native code, with the call across; its twin is measured in nic/checksum.bench.ts over the same frames.

import { benchChecksum } from '../test/support/micro/checksums.ts'
import { NativeChecksum } from './checksum-native.ts'
import { nativeMemory } from './tap/index.ts'

benchChecksum(new NativeChecksum(), nativeMemory(), { superFrame: 3000, segment: 300, header: 250, copy: 400 }, 0)
