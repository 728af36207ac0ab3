// The matrix follows the card's own rules: what a TAP with the virtio-net header can do, and cards that can do less.
import { describe, expect, it } from 'vitest'
import { possibleFeatures } from '../../../nic/features.ts'
import { allCells, cellName, inRound, METHODS, whyNot } from '../../../tools/lab/cells.ts'

const everything = {
  txChecksum: true,
  scatterGather: true,
  tso4: true,
  tso6: true,
  tsoEcn: true,
  uso: true,
  rxChecksum: true,
  rxGroHw: true,
}
const TAP = possibleFeatures(everything)
const PLAIN = possibleFeatures({ ...everything, txChecksum: false, tso4: false, tso6: false, tsoEcn: false })

describe('the matrix', () => {
  it('has every method with every switch', () => {
    const cells = allCells(TAP)
    expect(cells).toHaveLength(24)
    expect(new Set(cells.map(cellName)).size).toBe(24)
    expect(cells.map(({ method }) => method).filter((method) => method === METHODS[0])).toHaveLength(8)
  })

  it('leaves out what the rules of a TAP forbid, and says why', () => {
    const forbidden = allCells(TAP).filter(({ reason }) => reason !== '')
    expect(forbidden).toHaveLength(9)
    expect(forbidden.every(({ tso, sg, tx }) => tso && !(sg && tx))).toBe(true)
    expect(whyNot(TAP, { sg: true, tx: false, tso: true })).toBe('tcp-segmentation-offload needs tx-checksumming')
    expect(whyNot(TAP, { sg: false, tx: true, tso: true })).toBe('tcp-segmentation-offload needs scatter-gather')
    expect(whyNot(TAP, { sg: false, tx: false, tso: true })).toBe(
      'tcp-segmentation-offload needs scatter-gather and tx-checksumming',
    )
    for (const sg of [true, false]) for (const tx of [true, false]) expect(whyNot(TAP, { sg, tx, tso: false })).toBe('')
  })

  it('knows a card that can do less', () => {
    expect(whyNot(PLAIN, { sg: true, tx: true, tso: true })).toBe(
      'this card has no tx-checksumming; this card has no tcp-segmentation-offload',
    )
    expect(whyNot(PLAIN, { sg: true, tx: false, tso: false })).toBe('')
    expect(allCells(PLAIN).filter(({ reason }) => reason === '')).toHaveLength(6)
  })

  it('goes forwards and backwards in turn', () => {
    expect(inRound([1, 2, 3], 0)).toEqual([1, 2, 3])
    expect(inRound([1, 2, 3], 1)).toEqual([3, 2, 1])
    expect(inRound([1, 2, 3], 2)).toEqual([1, 2, 3])
  })
})
