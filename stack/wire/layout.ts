// How headers are declared: a list of named fields once, their offsets taken from it when the module loads. The hot
// paths use the offsets with a page's DataView; `decode` prints a header on the cold paths of tools and tests.

import { struct } from 'buffer-layout'

/** What a field of `buffer-layout` is to a declaration. */
export interface HeaderField {
  readonly span: number
  readonly property?: string
}

/** A declared header. `decode` wants a Node Buffer and is for tools and tests only. */
export interface HeaderLayout {
  /** Bytes of the header without options. */
  readonly span: number
  decode(bytes: Uint8Array, offset?: number): Record<string, unknown>
  encode(value: Record<string, unknown>, bytes: Uint8Array, offset?: number): number
  /** Offset of a field. Throws TypeError for a name that is none: a mistake in the declaration. */
  offset(field: string): number
}

export function header(name: string, fields: HeaderField[]): HeaderLayout {
  const structure = struct(fields, name)
  return {
    span: structure.span,
    decode: (bytes, offset) => structure.decode(bytes, offset),
    encode: (value, bytes, offset) => structure.encode(value, bytes, offset),
    offset(field) {
      const at = structure.offsetOf(field)
      if (at === undefined) throw new TypeError(`${name} has no field ${field}`)
      return at
    },
  }
}
