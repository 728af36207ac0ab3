// All phases by name.

import type { PhaseName } from '../plan.ts'
import { faults } from './faults.ts'
import { flood } from './flood.ts'
import { idle } from './idle.ts'
import { link } from './link.ts'
import { memory } from './memory.ts'
import type { Phase } from './phase.ts'
import { ring } from './ring.ts'
import { slow } from './slow.ts'
import { vanish } from './vanish.ts'

export const phases: Readonly<Record<PhaseName, Phase>> = { idle, flood, slow, vanish, link, ring, memory, faults }
