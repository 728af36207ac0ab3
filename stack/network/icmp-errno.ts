// What an ICMP error means to an endpoint: Linux's icmp_err_convert as a table, by type and code.

import {
  ECONNREFUSED,
  EHOSTDOWN,
  EHOSTUNREACH,
  EMSGSIZE,
  ENETUNREACH,
  ENONET,
  ENOPROTOOPT,
  EOPNOTSUPP,
  EPROTO,
} from '../base/errno.ts'
import { DESTINATION_UNREACHABLE, PARAMETER_PROBLEM, REASSEMBLY_TIME, TIME_EXCEEDED } from '../wire/icmpv4.ts'

export interface IcmpMeaning {
  readonly errno: number
  /** It ends an attempt at once. */
  readonly fatal: boolean
}

const soft = (errno: number): IcmpMeaning => ({ errno, fatal: false })
const hard = (errno: number): IcmpMeaning => ({ errno, fatal: true })

/** Of a destination unreachable, by code (RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1). */
const UNREACHABLE: readonly IcmpMeaning[] = [
  /* 0 net */ soft(ENETUNREACH),
  /* 1 host */ soft(EHOSTUNREACH),
  /* 2 protocol */ hard(ENOPROTOOPT),
  /* 3 port */ hard(ECONNREFUSED),
  /* 4 fragmentation needed */ soft(EMSGSIZE),
  /* 5 source route failed */ soft(EOPNOTSUPP),
  /* 6 net unknown */ hard(ENETUNREACH),
  /* 7 host unknown */ hard(EHOSTDOWN),
  /* 8 source host isolated */ hard(ENONET),
  /* 9 net prohibited */ hard(ENETUNREACH),
  /* 10 host prohibited */ hard(EHOSTUNREACH),
  /* 11 net unreachable for this service */ soft(ENETUNREACH),
  /* 12 host unreachable for this service */ soft(EHOSTUNREACH),
  /* 13 filtered */ hard(EHOSTUNREACH),
  /* 14 precedence violation */ hard(EHOSTUNREACH),
  /* 15 precedence cutoff */ hard(EHOSTUNREACH),
]

/** Null for what is not passed on: unknown codes, a reassembly that timed out, source quench (RFC 6633), redirects. */
export function icmpv4Meaning(type: number, code: number): IcmpMeaning | null {
  if (type === DESTINATION_UNREACHABLE) return UNREACHABLE[code] ?? null
  if (type === TIME_EXCEEDED) return code === REASSEMBLY_TIME ? null : TIME_IS_UP
  return type === PARAMETER_PROBLEM ? WRONG_PARAMETER : null
}

const TIME_IS_UP = soft(EHOSTUNREACH)
const WRONG_PARAMETER = hard(EPROTO)
