// What others take from the card.

export { TypeScriptChecksum } from './checksum.ts'
export type { ChecksumEngine } from './checksum-engine.ts'
export type { CoalesceParameters } from './coalesce-parameters.ts'
export { NicCounters } from './counters.ts'
export { FEATURES, type FeatureGroup, type FeatureName, GROUPS } from './feature-names.ts'
export {
  type FeatureChange,
  type FeatureDelta,
  type FeatureGroupState,
  type FeatureListener,
  FeatureSet,
  type FeatureState,
} from './features.ts'
export { Nic, type NicOptions } from './nic.ts'
export type { Port, PortCapabilities, PortReceiveOptions, PortSink } from './port.ts'
