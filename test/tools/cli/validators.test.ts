import { InvalidArgumentError } from 'commander'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as validators from '../../../tools/cli/validators.ts'

/** Each validator with what it takes and what it refuses. */
const TABLE: [name: string, check: (text: string) => unknown, good: string[], bad: string[]][] = [
  [
    'cidr',
    validators.cidr,
    ['192.0.2.2/24', '10.0.0.1/8', '172.16.0.1/30', '128.0.0.1/1'],
    [
      ...['', '192.0.2.2', '192.0.2.2/', '192.0.2.2/33', '192.0.2.2/024', '192.0.2.256/24', '1.2.3/24', 'x/24'],
      ...['192.0.2.0/24', '192.0.2.255/24', '0.0.0.0/8', '127.0.0.1/8', '224.0.0.1/24', '240.0.0.1/24'],
      ...['192.0.2.2/31', '192.0.2.2/32', '192.0.2.2/0', '2001:db8::1/64', '192.0.2.2/24 '],
    ],
  ],
  ['ipAddress', validators.ipAddress, ['192.0.2.1', '127.0.0.1'], ['', 'localhost', '1.2.3', '::1', '01.2.3.4']],
  [
    'macAddress',
    validators.macAddress,
    ['02:00:5e:10:00:02', '02-00-5E-10-00-02'],
    ['', '02:00:5e:10:00', '01:00:5e:00:00:01', 'ff:ff:ff:ff:ff:ff', '00:00:00:00:00:00', '2:0:5e:10:0:2'],
  ],
  [
    'interfaceName',
    validators.interfaceName,
    ['pw0', 'a', 'x'.repeat(15)],
    ['', '.', '..', 'a b', 'a/b', 'a:b', 'a%d', 'x'.repeat(16)],
  ],
  ['namespaceName', validators.namespaceName, ['pw', 'pw-1', 'a.b'], ['', '..', '-x', 'a/b', 'a b']],
  ['port', validators.port, ['1', '80', '65535'], ['', '0', '65536', '-1', '1.5', '1e3', '0x50', ' 80']],
  ['mtu', validators.mtu, ['576', '1500', '65521'], ['575', '65522', 'x']],
  ['niceness', validators.niceness, ['-20', '-1', '0', '+5', '19'], ['', '-21', '20', '1.5', 'x', '--1']],
  [
    'seconds',
    validators.seconds(0.1, 10, '1'),
    ['0.1', '.5', '1', '10'],
    ['', '0', '0.05', '11', '-1', '1s', '1e0', 'NaN'],
  ],
  [
    'features',
    validators.features,
    ['tso off', 'tso off sg on', 'tx-checksumming off, rx off'],
    ['', 'tso', 'tso maybe', 'nope off', 'tso off sg'],
  ],
]

describe.each(TABLE)('%s', (_, check, good, bad) => {
  it.each(good)('takes %j', (text) => {
    expect(() => check(text)).not.toThrow()
  })

  it.each(bad)('refuses %j with a line that says what would be right', (text) => {
    expect(() => check(text)).toThrow(InvalidArgumentError)
    expect(() => check(text)).toThrow(/\bas\b|try/)
  })

  it('throws nothing else, whatever it is given', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          check(text)
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidArgumentError)
        }
      }),
    )
  })
})

it('reads features as ethtool -K takes them', () => {
  expect(validators.features('tso off gso off sg on')).toEqual({ tso: false, gso: false, sg: true })
})
