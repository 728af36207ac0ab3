// What `pagewire ethtool` asks of a running stack, and what it answers.

import type { CoalesceParameters } from '../../nic/coalesce-parameters.ts'
import type { FeatureChange, FeatureGroupState } from '../../nic/features.ts'
import type { PortRings } from '../../nic/port.ts'

export const ETHTOOL_QUERIES = [
  'features',
  'change',
  'statistics',
  'rings',
  'resize',
  'coalesce',
  'moderate',
  'driver',
] as const
export type EthtoolQuery = (typeof ETHTOOL_QUERIES)[number]

export interface EthtoolRequest {
  query: EthtoolQuery
  /** For `change`: the kernel's names of features, and whether they are to be on. */
  changes: Record<string, boolean>
  /** For `resize` descriptors of the rings, for `moderate` frames that go together. */
  transmit: number
  receive: number
}

/** The field that was asked for is there. */
export interface EthtoolAnswer {
  features?: FeatureGroupState[]
  change?: FeatureChange
  statistics?: Record<string, number>
  /** Absent for a card whose rings cannot be changed. */
  rings?: { now: PortRings; most: PortRings }
  coalesce?: CoalesceParameters
  /** What `resize` and `moderate` came to: 0, or a positive errno. */
  errno?: number
  driver?: { version: string; bus: string }
}

/** A request with nothing but its query. */
export function query(name: EthtoolQuery): EthtoolRequest {
  return { query: name, changes: {}, transmit: 0, receive: 0 }
}
