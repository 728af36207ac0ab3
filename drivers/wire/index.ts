// What the room of the simulated wire offers to hosts, tools and tests.

export type { SimulationEvent } from './event-queue.ts'
export { type PlainMemory, plainMemory } from './memory.ts'
export { type RunOptions, Simulation, SimulationError, type SimulationOptions } from './simulation.ts'
export type { WayStatistics } from './way.ts'
export { createWire, type Wire, type WireObserver } from './wire.ts'
export type { Chance, WireEnd, WireOptions, WireWay } from './wire-options.ts'
