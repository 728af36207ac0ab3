import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TcpOptions } from '../../../stack/tcp/contract.ts'
import { isSwitch, OptionVariants, type Switch } from '../../../stack/tcp/option-variants.ts'
import { DEFAULT_OPTIONS } from '../../../stack/tcp/options.ts'

const SWITCHES = (Object.keys(DEFAULT_OPTIONS) as (keyof TcpOptions)[]).filter(isSwitch)

describe('OptionVariants', () => {
  it('knows every option that is on or off as a switch, and no other', () => {
    const boolean = Object.entries(DEFAULT_OPTIONS).filter(([, value]) => typeof value === 'boolean')
    expect(SWITCHES).toEqual(boolean.map(([name]) => name))
  })

  it('gives one object per combination, whichever way leads to it', () => {
    const change = fc.record({ name: fc.constantFrom(...SWITCHES), value: fc.boolean() })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        const variants = new OptionVariants()
        const base = { ...DEFAULT_OPTIONS, ttl: 3 }
        const made = new Map<string, object>([[JSON.stringify(base), base]])
        let options: Readonly<TcpOptions> = base
        const model: TcpOptions = { ...base }
        for (const { name, value } of changes as { name: Switch; value: boolean }[]) {
          options = variants.with(options, name, value)
          model[name] = value
          expect(options).toEqual(model)
          const key = JSON.stringify(model)
          expect(made.get(key) ?? options).toBe(options)
          made.set(key, options)
        }
        expect(base).toEqual({ ...DEFAULT_OPTIONS, ttl: 3 })
      }),
    )
  })

  it('keeps the combinations of different options apart', () => {
    const variants = new OptionVariants()
    const one = { ...DEFAULT_OPTIONS, ttl: 1 }
    const two = { ...DEFAULT_OPTIONS, ttl: 2 }
    expect(variants.with(one, 'cork', true)).toEqual({ ...one, cork: true })
    expect(variants.with(two, 'cork', true)).toEqual({ ...two, cork: true })
  })
})
