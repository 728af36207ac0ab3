// The checksum in TypeScript; its native twin is measured in drivers/checksum-native.bench.ts over the same frames.

import { plainMemory } from '../drivers/wire/index.ts'
import { benchChecksum } from '../test/support/micro/checksums.ts'
import { TypeScriptChecksum } from './checksum.ts'

// A copy in JavaScript takes a view of its source (nic/checksum.ts says why).
benchChecksum(new TypeScriptChecksum(), plainMemory(), { superFrame: 22_000, segment: 550, header: 40, copy: 700 }, 112)
