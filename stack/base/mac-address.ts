// A 48-bit Ethernet address (IEEE 802) as one immutable value: the first two bytes and the last four as numbers.

export class MacAddress {
  /** Bytes 0 and 1, 0 to 0xffff. */
  readonly high: number
  /** Bytes 2 to 5 as a signed 32-bit integer. */
  readonly low: number

  constructor(high: number, low: number) {
    this.high = high & 0xffff
    this.low = low | 0
  }

  static readonly broadcast = new MacAddress(0xffff, -1)

  static read(view: DataView, at: number): MacAddress {
    return new MacAddress(view.getUint16(at), view.getInt32(at + 2))
  }

  /** `02:00:5e:10:00:01`, also with dashes; null when it is none. */
  static parse(text: string): MacAddress | null {
    if (!/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(text)) return null
    const bytes = text.split(/[:-]/).map((part) => Number.parseInt(part, 16))
    return new MacAddress((bytes[0] << 8) | bytes[1], (bytes[2] << 24) | (bytes[3] << 16) | (bytes[4] << 8) | bytes[5])
  }

  write(view: DataView, at: number): void {
    view.setUint16(at, this.high)
    view.setInt32(at + 2, this.low)
  }

  equals(other: MacAddress): boolean {
    return this.low === other.low && this.high === other.high
  }

  get isBroadcast(): boolean {
    return this.high === 0xffff && this.low === -1
  }

  /** The group bit: multicast and broadcast. */
  get isGroup(): boolean {
    return (this.high & 0x0100) !== 0
  }

  toString(): string {
    const { high, low } = this
    return [high >>> 8, high & 255, low >>> 24, (low >>> 16) & 255, (low >>> 8) & 255, low & 255]
      .map((byte) => byte.toString(16).padStart(2, '0'))
      .join(':')
  }

  toJSON(): string {
    return this.toString()
  }
}
