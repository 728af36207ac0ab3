// Pairs of name and value as `-G` and `-C` take them, by the rules of the real program (netlink/parser.c of ethtool 6.1).

import { type Output, trouble } from './output.ts'

/** The kinds of values: numbers of 32 bits, or `on` and `off`. */
export type Kind = 'number' | 'switch'

/** What was given, in its order; or what is wrong with it. */
export function parameters(
  option: string,
  words: readonly string[],
  known: ReadonlyMap<string, Kind>,
): Map<string, number | boolean> | Output {
  const values = new Map<string, number | boolean>()
  const fault = (text: string) => trouble(1, `ethtool (${option}): ${text}`)
  for (let at = 0; at < words.length; at += 2) {
    const name = words[at]
    const kind = known.get(name)
    if (!kind) return fault(`unknown parameter '${name}'`)
    if (values.has(name)) return fault(`duplicate parameter '${name}'`)
    if (at + 1 === words.length) return fault(`no value for parameter '${name}'`)
    const value = kind === 'switch' ? parseSwitch(words[at + 1]) : parseUnsigned32(words[at + 1])
    if (value === null) return fault(`invalid value '${words[at + 1]}' for parameter '${name}'`)
    values.set(name, value)
  }
  return values
}

function parseSwitch(text: string): boolean | null {
  return text === 'on' ? true : text === 'off' ? false : null
}

/** As strtoul(3) reads it, to base 16 behind `0x` and else to base 10; null for what is none or has more than 32 bits. */
function parseUnsigned32(text: string): number | null {
  const hexadecimal = /^0x/i.test(text)
  const form = hexadecimal ? /^0x[ \t-\r]*([+-]?)(?:0x)?([\da-f]+)$/i : /^[ \t-\r]*([+-]?)(\d+)$/
  const match = form.exec(text)
  if (!match) return null
  const magnitude = BigInt(`${hexadecimal ? '0x' : ''}${match[2]}`)
  // A number too large is the largest; a minus sign counts down from 2 to the 64th.
  const wide = magnitude >= 1n << 64n ? -1n : match[1] === '-' ? -magnitude : magnitude
  const value = BigInt.asUintN(64, wide)
  return value < 1n << 32n ? Number(value) : null
}
