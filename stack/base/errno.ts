// Results of the endpoints' non-blocking calls: zero or more on success, a negative errno on failure.
// The numbers are Linux's (asm-generic/errno.h), so that native errors and our own are one family.

export const EPERM = 1
export const ESRCH = 3
export const EIO = 5
export const ENXIO = 6
export const EBADF = 9
export const EAGAIN = 11
export const ENOMEM = 12
export const EACCES = 13
export const EFAULT = 14
export const EBUSY = 16
export const EEXIST = 17
export const ENODEV = 19
export const EISDIR = 21
export const EINVAL = 22
export const EPIPE = 32
export const EBADFD = 77
export const EDESTADDRREQ = 89
export const EMSGSIZE = 90
export const ENONET = 64
export const EPROTO = 71
export const ENOPROTOOPT = 92
export const EOPNOTSUPP = 95
export const EAFNOSUPPORT = 97
export const EADDRINUSE = 98
export const EADDRNOTAVAIL = 99
export const ENETDOWN = 100
export const ENETUNREACH = 101
export const ECONNABORTED = 103
export const ECONNRESET = 104
export const ENOBUFS = 105
export const EISCONN = 106
export const ENOTCONN = 107
export const ETIMEDOUT = 110
export const ECONNREFUSED = 111
export const EHOSTDOWN = 112
export const EHOSTUNREACH = 113
export const EALREADY = 114
export const EINPROGRESS = 115
/** A file that is not what it was. */
export const ESTALE = 116

const NAMES: Readonly<Record<number, string>> = {
  [EPERM]: 'EPERM',
  [ESRCH]: 'ESRCH',
  [EIO]: 'EIO',
  [ENXIO]: 'ENXIO',
  [EBADF]: 'EBADF',
  [EAGAIN]: 'EAGAIN',
  [ENOMEM]: 'ENOMEM',
  [EACCES]: 'EACCES',
  [EFAULT]: 'EFAULT',
  [EBUSY]: 'EBUSY',
  [EEXIST]: 'EEXIST',
  [ENODEV]: 'ENODEV',
  [EISDIR]: 'EISDIR',
  [EINVAL]: 'EINVAL',
  [EPIPE]: 'EPIPE',
  [EBADFD]: 'EBADFD',
  [EDESTADDRREQ]: 'EDESTADDRREQ',
  [EMSGSIZE]: 'EMSGSIZE',
  [ENONET]: 'ENONET',
  [EPROTO]: 'EPROTO',
  [ENOPROTOOPT]: 'ENOPROTOOPT',
  [EOPNOTSUPP]: 'EOPNOTSUPP',
  [EAFNOSUPPORT]: 'EAFNOSUPPORT',
  [EADDRINUSE]: 'EADDRINUSE',
  [EADDRNOTAVAIL]: 'EADDRNOTAVAIL',
  [ENETDOWN]: 'ENETDOWN',
  [ENETUNREACH]: 'ENETUNREACH',
  [ECONNABORTED]: 'ECONNABORTED',
  [ECONNRESET]: 'ECONNRESET',
  [ENOBUFS]: 'ENOBUFS',
  [EISCONN]: 'EISCONN',
  [ENOTCONN]: 'ENOTCONN',
  [ETIMEDOUT]: 'ETIMEDOUT',
  [ECONNREFUSED]: 'ECONNREFUSED',
  [EHOSTDOWN]: 'EHOSTDOWN',
  [EHOSTUNREACH]: 'EHOSTUNREACH',
  [EALREADY]: 'EALREADY',
  [EINPROGRESS]: 'EINPROGRESS',
  [ESTALE]: 'ESTALE',
}

/** The name of an errno (`104` or `-104` gives `ECONNRESET`); `E<number>` for one that has no name here. */
export function errnoName(errno: number): string {
  const positive = errno < 0 ? -errno : errno
  return NAMES[positive] ?? `E${positive}`
}
