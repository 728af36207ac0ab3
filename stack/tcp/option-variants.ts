// The options of many connections as few objects: those that differ from their listener's by switches alone (TCP_NODELAY,
// TCP_CORK, ...) share one object per combination. So a connection that turns a switch on and off again is back at the
// object it came from, and nothing is allocated after the first one did so.

import type { TcpOptions } from './contract.ts'

/** The options that are on or off; each is a bit of a combination. */
const SWITCHES = [
  'noDelay',
  'cork',
  'keepAlive',
  'quickAck',
  'timestamps',
  'sack',
  'windowScaling',
  'slowStartAfterIdle',
] as const satisfies readonly (keyof TcpOptions)[]

export type Switch = (typeof SWITCHES)[number]

/** All combinations of switches over one set of other options, by their bits; made when first asked for. */
type Family = (Readonly<TcpOptions> | undefined)[]

export function isSwitch(name: keyof TcpOptions): name is Switch {
  return (SWITCHES as readonly string[]).includes(name)
}

export class OptionVariants {
  private readonly families = new WeakMap<Readonly<TcpOptions>, Family>()

  /** `options`, which nobody will change, with one switch so. */
  with(options: Readonly<TcpOptions>, name: Switch, value: boolean): Readonly<TcpOptions> {
    if (options[name] === value) return options
    const family = this.family(options)
    const bits = bitsOf(options) ^ (1 << SWITCHES.indexOf(name))
    const known = family[bits]
    if (known) return known
    const variant: Readonly<TcpOptions> = { ...options, [name]: value }
    family[bits] = variant
    this.families.set(variant, family)
    return variant
  }

  private family(options: Readonly<TcpOptions>): Family {
    const known = this.families.get(options)
    if (known) return known
    const family: Family = []
    family[bitsOf(options)] = options
    this.families.set(options, family)
    return family
  }
}

function bitsOf(options: Readonly<TcpOptions>): number {
  let bits = 0
  for (let i = 0; i < SWITCHES.length; i++) if (options[SWITCHES[i]]) bits |= 1 << i
  return bits
}
