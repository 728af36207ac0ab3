import { expect, it } from 'vitest'
import { oneLine } from '../../../tools/cli/errors.ts'
import { columns, scaled } from '../../../tools/cli/text.ts'

it.each([
  [0, '0'],
  [9, '9'],
  [999, '999'],
  [999.6, '1.00 k'],
  [1000, '1.00 k'],
  [12_345, '12.3 k'],
  [123_456, '123 k'],
  [999_499, '999 k'],
  [999_500, '1.00 M'],
  [45_000_000_000, '45.0 G'],
  [1e18, '1000 P'],
])('%d is written %s', (value, text) => {
  expect(scaled(value)).toBe(text)
})

it('sets columns', () => {
  const rows = [
    ['a', '1', 'left'],
    ['long', '1000', 'x'],
  ]
  expect(columns(rows, [false, true, false])).toEqual(['a        1  left', 'long  1000  x'])
})

it('makes one line of many', () => {
  expect(oneLine('  a\n  b\n\nc ')).toBe('a b c')
})
