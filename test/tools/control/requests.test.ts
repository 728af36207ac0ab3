import fc from 'fast-check'
import { expect, it } from 'vitest'
import { REQUEST_NAMES } from '../../../tools/control/messages.ts'
import { parseRequest } from '../../../tools/control/requests.ts'

it.each(REQUEST_NAMES.filter((name) => name !== 'ping'))('%s needs nothing but its name', (name) => {
  expect(parseRequest({ request: name })).toMatchObject({ name })
})

it('fills in what is absent', () => {
  expect(parseRequest({ request: 'ping', address: '192.0.2.1' })).toEqual({
    name: 'ping',
    request: { address: '192.0.2.1', count: 0, interval: 1, timeout: 10, size: 56, ttl: 0 },
  })
})

it.each<[object, RegExp]>([
  [{}, /unknown request/],
  [{ request: 'toString' }, /unknown request/],
  [{ request: 7 }, /unknown request: 7/],
  [{ request: 'ping' }, /address must be an IP address/],
  [{ request: 'ping', address: 'example.org' }, /address/],
  [{ request: 'ping', address: '192.0.2.1', count: -1 }, /count/],
  [{ request: 'ping', address: '192.0.2.1', count: 1.5 }, /count must be a whole number/],
  [{ request: 'ping', address: '192.0.2.1', interval: 0 }, /interval/],
  [{ request: 'ping', address: '192.0.2.1', size: 70_000 }, /size/],
  [{ request: 'nstat', absolute: 'yes' }, /absolute/],
  [{ request: 'capture', snaplen: 0 }, /snaplen/],
  [{ request: 'ethtool', query: 'all' }, /query must be one of features/],
  [{ request: 'ethtool', changes: { sg: 'on' } }, /changes must be names with true or false/],
  [{ request: 'ethtool', changes: 7 }, /changes/],
  [{ request: 'link', query: 'all' }, /query must be one of show, set/],
  [{ request: 'link', query: 'set', gsoIpv4MaxSize: 2 ** 32 }, /gsoIpv4MaxSize/],
  [{ request: 'link', query: 'set', gsoIpv4MaxSize: 600.5 }, /whole number/],
])('%o is refused', (message, why) => {
  expect(parseRequest(message as Record<string, unknown>)).toMatch(why)
})

it('answers a request or a sentence to anything', () => {
  const field = fc.oneof(fc.jsonValue(), fc.constantFrom('192.0.2.1', -1, 0, 1, 1e300, true))
  const names = [
    'address',
    'count',
    'interval',
    'timeout',
    'size',
    'ttl',
    'snaplen',
    'absolute',
    'zeros',
    'all',
    'query',
    'changes',
    'gsoIpv4MaxSize',
  ]
  fc.assert(
    fc.property(
      fc.constantFrom(...REQUEST_NAMES, 'x'),
      fc.dictionary(fc.constantFrom(...names), field),
      (request, fields) => {
        const parsed = parseRequest({ ...fields, request })
        expect(typeof parsed === 'string' ? parsed.length > 0 : parsed.name === request).toBe(true)
      },
    ),
    { numRuns: 1000 },
  )
})
