// The conditions of RFC 9110 13 as a table: which headers on which method end the request with which status.
import { describe, expect, it } from 'vitest'
import { evaluatePreconditions, formatDate, rangeApplies, validatorsOf } from '../../../tools/serve/preconditions.ts'

const at = Date.UTC(2026, 0, 2, 3, 4, 5)
const file = { etag: '"one"', lastModified: at }
const older = formatDate(at - 1000)
const same = formatDate(at)
const newer = formatDate(at + 1000)

describe('evaluatePreconditions', () => {
  it.each<[string, Record<string, string>, number]>([
    ['GET', {}, 0],
    ['GET', { 'if-none-match': '"one"' }, 304],
    ['HEAD', { 'if-none-match': '"one"' }, 304],
    ['GET', { 'if-none-match': 'W/"one"' }, 304],
    ['GET', { 'if-none-match': '"two", "one"' }, 304],
    ['GET', { 'if-none-match': '*' }, 304],
    ['GET', { 'if-none-match': '"two"' }, 0],
    ['GET', { 'if-none-match': '"two"', 'if-modified-since': newer }, 0],
    ['GET', { 'if-none-match': '"one"', 'if-modified-since': older }, 304],
    ['GET', { 'if-modified-since': same }, 304],
    ['GET', { 'if-modified-since': newer }, 304],
    ['GET', { 'if-modified-since': older }, 0],
    ['GET', { 'if-modified-since': 'yesterday' }, 0],
    ['GET', { 'if-match': '"one"' }, 0],
    ['GET', { 'if-match': '*' }, 0],
    ['GET', { 'if-match': 'W/"one"' }, 412],
    ['GET', { 'if-match': '"two"' }, 412],
    ['GET', { 'if-match': '"two", "one"', 'if-none-match': '"one"' }, 304],
    ['GET', { 'if-match': '"one"', 'if-unmodified-since': older }, 0],
    ['GET', { 'if-unmodified-since': older }, 412],
    ['GET', { 'if-unmodified-since': same }, 0],
    ['GET', { 'if-unmodified-since': 'yesterday' }, 0],
    ['PUT', { 'if-none-match': '*' }, 412],
    ['PUT', { 'if-none-match': '"one"' }, 412],
    ['PUT', { 'if-none-match': '"two"' }, 0],
    ['PUT', { 'if-match': '"one"' }, 0],
    ['PUT', { 'if-match': '"two"' }, 412],
    ['PUT', { 'if-modified-since': same }, 0],
  ])('%s %o', (method, headers, status) => {
    expect(evaluatePreconditions(method, headers, file)).toBe(status)
  })

  it.each<[Record<string, string>, number]>([
    [{}, 0],
    [{ 'if-none-match': '*' }, 0],
    [{ 'if-match': '*' }, 412],
    [{ 'if-match': '"one"' }, 412],
  ])('PUT of a new file with %o', (headers, status) => {
    expect(evaluatePreconditions('PUT', headers, null)).toBe(status)
  })
})

describe('rangeApplies', () => {
  it.each<[string | undefined, boolean]>([
    [undefined, true],
    ['"one"', true],
    ['"two"', false],
    ['W/"one"', false],
    [same, true],
    [older, false],
    [newer, false],
    ['nonsense', false],
  ])('If-Range: %s', (header, applies) => {
    expect(rangeApplies(header === undefined ? {} : { 'if-range': header }, file)).toBe(applies)
  })
})

describe('validatorsOf', () => {
  it('changes with each of inode, size and modification time', () => {
    const state = { ino: 7n, size: 100n, mtimeNs: 1_767_323_045_123_456_789n }
    const tags = [state, { ...state, ino: 8n }, { ...state, size: 101n }, { ...state, mtimeNs: state.mtimeNs + 1n }]
    expect(new Set(tags.map((one) => validatorsOf(one, at + 10_000).etag)).size).toBe(4)
    expect(validatorsOf(state, at + 10_000).lastModified).toBe(1_767_323_045_000)
  })

  it('does not claim a modification in the future', () => {
    const state = { ino: 1n, size: 1n, mtimeNs: BigInt(at + 60_000) * 1_000_000n }
    expect(validatorsOf(state, at + 500).lastModified).toBe(at)
  })
})
