// What `pagewire ethtool` asks of a running stack, and what it answers.

import type { FeatureChange, FeatureGroupState } from '../../nic/features.ts'

export const ETHTOOL_QUERIES = ['features', 'change', 'statistics', 'rings', 'driver'] as const
export type EthtoolQuery = (typeof ETHTOOL_QUERIES)[number]

export interface EthtoolRequest {
  query: EthtoolQuery
  /** For `change`: the kernel's names of features, and whether they are to be on. */
  changes: Record<string, boolean>
}

/** The field that was asked for is there. */
export interface EthtoolAnswer {
  features?: FeatureGroupState[]
  change?: FeatureChange
  statistics?: Record<string, number>
  /** Descriptors of the transmit ring. */
  rings?: { transmit: number }
  driver?: { version: string; bus: string }
}
