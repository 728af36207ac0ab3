// What is open on a host: members come and go in any order, and each is there once.

import { describe, expect, it } from 'vitest'
import { type Closable, OpenList } from '../../../drivers/host/open-list.ts'

const member = (): Closable => ({ _openPlace: -1, closeWithHost: () => {} })

describe('the list of what is open', () => {
  it('forgets members in any order and tells of each once', () => {
    let told = 0
    const list = new OpenList(() => told++)
    const [a, b, c, d] = [member(), member(), member(), member()]
    for (const each of [a, b, c, d]) list.add(each)
    expect(list.delete(b)).toBe(true)
    expect(list.delete(d)).toBe(true)
    expect(list.delete(b)).toBe(false)
    expect(new Set(list.list())).toEqual(new Set([a, c]))
    expect(list.delete(a)).toBe(true)
    expect(list.delete(c)).toBe(true)
    expect(list.size).toBe(0)
    expect(told).toBe(4)
  })

  it('has a member once, and again after it was gone', () => {
    const list = new OpenList(() => {})
    const one = member()
    list.add(one)
    list.add(one)
    expect(list.size).toBe(1)
    list.delete(one)
    list.add(one)
    expect(list.list()).toEqual([one])
  })

  it('can be emptied while its copy is walked, as a closing host does', () => {
    const list = new OpenList(() => {})
    const members = [member(), member(), member()]
    for (const each of members) list.add(each)
    let closed = 0
    for (const each of list.list()) {
      list.delete(each)
      closed++
    }
    expect(closed).toBe(3)
    expect(list.size).toBe(0)
  })
})
