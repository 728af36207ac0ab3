// An IP address, IPv4 or IPv6 with its scope, as one immutable value. TCP, UDP and sockets never ask which it is;
// only the two network layers do. Text forms: RFC 6943 strict dotted decimal; RFC 4291 2.2 and RFC 5952; RFC 4007 zones.

export type Family = 4 | 6

/**
 * Four 32-bit words in host order, kept as signed integers. IPv4 lives in `d` alone, `a`, `b`, `c` are zero.
 * `scope` is the interface index for scoped IPv6 addresses (fe80::1%2), else 0.
 */
export class IpAddress {
  readonly family: Family
  readonly a: number
  readonly b: number
  readonly c: number
  readonly d: number
  readonly scope: number

  constructor(family: Family, a: number, b: number, c: number, d: number, scope = 0) {
    this.family = family
    this.a = a | 0
    this.b = b | 0
    this.c = c | 0
    this.d = d | 0
    this.scope = scope
  }

  static v4(word: number): IpAddress {
    return new IpAddress(4, 0, 0, 0, word)
  }

  /** Reads an IPv4 address of 4 bytes at `at`. */
  static readV4(view: DataView, at: number): IpAddress {
    return new IpAddress(4, 0, 0, 0, view.getInt32(at))
  }

  /** Reads an IPv6 address of 16 bytes at `at`. */
  static readV6(view: DataView, at: number, scope = 0): IpAddress {
    return new IpAddress(
      6,
      view.getInt32(at),
      view.getInt32(at + 4),
      view.getInt32(at + 8),
      view.getInt32(at + 12),
      scope,
    )
  }

  /** The address in `text`, or null when it is none. Leading zeros, short and octal forms of IPv4 are refused. */
  static parse(text: string): IpAddress | null {
    return text.includes(':') ? parseV6(text) : parseV4(text)
  }

  /** As `parse`, but throws TypeError. For addresses that a programmer gives. */
  static from(value: string | IpAddress): IpAddress {
    if (value instanceof IpAddress) return value
    const address = typeof value === 'string' ? IpAddress.parse(value) : null
    if (!address) throw new TypeError(`not an IP address: ${String(value)}`)
    return address
  }

  /** Writes the address in network order: 4 or 16 bytes. */
  write(view: DataView, at: number): void {
    if (this.family === 4) {
      view.setInt32(at, this.d)
      return
    }
    view.setInt32(at, this.a)
    view.setInt32(at + 4, this.b)
    view.setInt32(at + 8, this.c)
    view.setInt32(at + 12, this.d)
  }

  /** Bytes on the wire: 4 or 16. */
  get byteLength(): number {
    return this.family === 4 ? 4 : 16
  }

  get bits(): number {
    return this.family === 4 ? 32 : 128
  }

  equals(other: IpAddress): boolean {
    return (
      this.d === other.d &&
      this.c === other.c &&
      this.b === other.b &&
      this.a === other.a &&
      this.family === other.family &&
      this.scope === other.scope
    )
  }

  /** True for 0.0.0.0 and ::. */
  get isUnspecified(): boolean {
    return (this.a | this.b | this.c | this.d) === 0
  }

  /** 127.0.0.0/8 and ::1. */
  get isLoopback(): boolean {
    if (this.family === 4) return this.d >>> 24 === 127
    return (this.a | this.b | this.c) === 0 && this.d === 1
  }

  /** 224.0.0.0/4 and ff00::/8. */
  get isMulticast(): boolean {
    return this.family === 4 ? this.d >>> 28 === 0xe : this.a >>> 24 === 0xff
  }

  /** 255.255.255.255. The broadcast address of a subnet is known to the interface, not to the address. */
  get isLimitedBroadcast(): boolean {
    return this.family === 4 && this.d === -1
  }

  /** 169.254.0.0/16 and fe80::/10. */
  get isLinkLocal(): boolean {
    return this.family === 4 ? this.d >>> 16 === 0xa9fe : this.a >>> 22 === 0x3fa
  }

  /** 240.0.0.0/4 without the limited broadcast address. */
  get isReserved(): boolean {
    return this.family === 4 && this.d >>> 28 === 0xf && this.d !== -1
  }

  /** True if the first `length` bits of both are the same and both are of one family. */
  matches(prefix: IpAddress, length: number): boolean {
    if (this.family !== prefix.family) return false
    if (this.family === 4) return ((this.d ^ prefix.d) & mask32(length)) === 0
    return (
      ((this.a ^ prefix.a) & mask32(length)) === 0 &&
      ((this.b ^ prefix.b) & mask32(length - 32)) === 0 &&
      ((this.c ^ prefix.c) & mask32(length - 64)) === 0 &&
      ((this.d ^ prefix.d) & mask32(length - 96)) === 0
    )
  }

  /** The address with all bits after the first `length` cleared. */
  masked(length: number): IpAddress {
    if (this.family === 4) return IpAddress.v4(this.d & mask32(length))
    return new IpAddress(
      6,
      this.a & mask32(length),
      this.b & mask32(length - 32),
      this.c & mask32(length - 64),
      this.d & mask32(length - 96),
      this.scope,
    )
  }

  /** A 32-bit mixture of all words, for hash tables that add a secret of their own. */
  hash(): number {
    return this.family === 4 ? this.d : Math.imul(Math.imul(Math.imul(this.a, 31) + this.b, 31) + this.c, 31) + this.d
  }

  toString(): string {
    return this.family === 4 ? formatV4(this.d) : formatV6(this)
  }

  toJSON(): string {
    return this.toString()
  }
}

/** An address with the length of its network's prefix, as in 192.0.2.2/24. */
export interface Cidr {
  readonly address: IpAddress
  /** 0 to 32 or 0 to 128. */
  readonly length: number
}

/** `192.0.2.2/24`; without a length the whole address is the prefix. Null when it is none. */
export function parseCidr(text: string): Cidr | null {
  const slash = text.indexOf('/')
  const address = IpAddress.parse(slash < 0 ? text : text.slice(0, slash))
  if (!address) return null
  if (slash < 0) return { address, length: address.bits }
  const digits = text.slice(slash + 1)
  if (!/^(0|[1-9]\d{0,2})$/.test(digits) || Number(digits) > address.bits) return null
  return { address, length: Number(digits) }
}

function mask32(length: number): number {
  if (length <= 0) return 0
  return length >= 32 ? -1 : -1 << (32 - length)
}

function parseV4(text: string): IpAddress | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)
  if (!match) return null
  let word = 0
  for (let i = 1; i <= 4; i++) {
    const part = match[i]
    if ((part.length > 1 && part[0] === '0') || Number(part) > 255) return null
    word = (word << 8) | Number(part)
  }
  return IpAddress.v4(word)
}

function parseV6(text: string): IpAddress | null {
  let body = text
  let scope = 0
  const percent = text.indexOf('%')
  if (percent >= 0) {
    const zone = text.slice(percent + 1)
    if (!/^[1-9]\d{0,8}$/.test(zone)) return null
    scope = Number(zone)
    body = text.slice(0, percent)
  }
  const halves = body.split('::')
  if (halves.length > 2) return null
  const head = groups(halves[0], halves.length === 1)
  const tail = halves.length === 2 ? groups(halves[1], true) : []
  if (!head || !tail) return null
  const missing = 8 - head.length - tail.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null
  const all = [...head, ...new Array<number>(missing).fill(0), ...tail]
  const word = (i: number) => (all[i] << 16) | all[i + 1]
  return new IpAddress(6, word(0), word(2), word(4), word(6), scope)
}

/** The 16-bit groups of one side of `::`; a dotted quad may stand last where `last` allows it. */
function groups(text: string, last: boolean): number[] | null {
  if (text === '') return []
  const out: number[] = []
  const parts = text.split(':')
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]
    if (last && i === parts.length - 1 && part.includes('.')) {
      const quad = parseV4(part)
      if (!quad) return null
      out.push(quad.d >>> 16, quad.d & 0xffff)
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) {
      out.push(Number.parseInt(part, 16))
    } else {
      return null
    }
  }
  return out
}

function formatV4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`
}

function formatV6(address: IpAddress): string {
  const { a, b, c, d, scope } = address
  const zone = scope ? `%${scope}` : ''
  if ((a | b) === 0 && c === 0xffff) return `::ffff:${formatV4(d)}${zone}`
  const parts = [a, b, c, d].flatMap((word) => [word >>> 16, word & 0xffff])
  let start = -1
  let length = 1
  for (let i = 0; i < 8; i++) {
    let run = 0
    while (i + run < 8 && parts[i + run] === 0) run++
    if (run > length) {
      start = i
      length = run
    }
  }
  const hex = (list: number[]) => list.map((part) => part.toString(16)).join(':')
  if (start < 0) return hex(parts) + zone
  return `${hex(parts.slice(0, start))}::${hex(parts.slice(start + length))}${zone}`
}
