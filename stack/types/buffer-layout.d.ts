// Types for the part of the package `buffer-layout` 1.2 that stack/wire uses; the package brings none of its own.
// `decode` and `encode` of integers need a Node Buffer (tools and tests have one); building a layout and asking it for
// offsets needs nothing, so that it can be done while a browser loads the module.

declare module 'buffer-layout' {
  export interface Layout {
    /** Bytes of the whole layout, negative when it depends on the value. */
    readonly span: number
    readonly property?: string
  }

  export interface Structure extends Layout {
    /** Offset of a field in bytes; undefined for a name that is no field. */
    offsetOf(property: string): number | undefined
    decode(bytes: Uint8Array, offset?: number): Record<string, unknown>
    encode(value: Record<string, unknown>, bytes: Uint8Array, offset?: number): number
  }

  export function struct(fields: Layout[], property?: string): Structure
  export function seq(element: Layout, count: number, property?: string): Layout
  export function blob(length: number, property?: string): Layout
  export function u8(property?: string): Layout
  export function u16(property?: string): Layout
  export function u16be(property?: string): Layout
  export function u32be(property?: string): Layout
  export function u48be(property?: string): Layout
}
