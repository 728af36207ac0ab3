// Node's dgram is the standard for ours.

import { expect, it } from 'vitest'
import { loopback, NO_LEAKS, SimulatedArena } from '../arenas.ts'
import { Recorder } from '../net/recorder.ts'
import { scenarios } from './scenarios.ts'

it.each(Object.keys(scenarios))('%s', async (name) => {
  const scenario = scenarios[name]
  const standard = new Recorder()
  await scenario(loopback, standard)
  expect(Object.values(standard.told).flat().length).toBeGreaterThan(0)

  const arena = await SimulatedArena.make()
  const ours = new Recorder()
  await arena.settle(scenario(arena, ours))
  expect(ours.told).toEqual(standard.told)
  expect(await arena.close()).toEqual(NO_LEAKS)
})
