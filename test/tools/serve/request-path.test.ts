import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatPath, isPlainName, parseRequestPath } from '../../../tools/serve/request-path.ts'

describe('parseRequestPath', () => {
  it.each([
    ['/', [], true],
    ['/a', ['a'], false],
    ['/a/', ['a'], true],
    ['/a//b', ['a', 'b'], false],
    ['/a%20b/%C3%A4', ['a b', 'ä'], false],
    ['/a?x=/../y', ['a'], false],
    ['/a#../b', ['a'], false],
    ['http://192.0.2.2/a/b', ['a', 'b'], false],
    ['http://192.0.2.2', [], true],
    ['/...', ['...'], false],
  ])('reads %s', (target, names, directory) => {
    expect(parseRequestPath(target)).toMatchObject({ names, directory })
  })

  it.each([
    '*',
    '',
    'a',
    '/..',
    '/a/../b',
    '/./a',
    '/%2e%2e/a',
    '/%2E./a',
    '/a%2f..%2fb',
    '/a%00b',
    '/%ff',
    '/%',
    '/%2',
    'ftp://192.0.2.2/a',
  ])('refuses %s', (target) => {
    expect(parseRequestPath(target)).toBe(null)
  })

  it('never answers with a name that leaves its folder', () => {
    const piece = fc.constantFrom('..', '.', '%2e', '%2E', '%2f', '/', '\\', '%00', '%', 'a', '?', '#', '%c0%af', '..;')
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((pieces) => `/${pieces.join('')}`),
        ),
        (target) => {
          const path = parseRequestPath(target)
          expect(path === null || path.names.every(isPlainName)).toBe(true)
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('reads back what formatPath wrote', () => {
    const names = fc.array(fc.string({ unit: 'grapheme' }).filter(isPlainName))
    fc.assert(
      fc.property(names, fc.boolean(), (names, directory) => {
        const path = parseRequestPath(formatPath(names, directory))
        expect(path).toEqual({ names, directory: directory || names.length === 0, query: '' })
      }),
    )
  })
})
