import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FEATURES } from '../../nic/feature-names.ts'
import { FeatureSet, possibleFeatures, resolveFeatures } from '../../nic/features.ts'
import { EVERYTHING, NOTHING } from './support/memory-port.ts'

const all = () => new FeatureSet(possibleFeatures(EVERYTHING), (next) => next)

/** As `ethtool -K` words it. */
function command(features: FeatureSet, text: string): { status: number; lines: string[] } {
  const words = text.split(' ')
  const changes: Record<string, boolean> = {}
  for (let i = 0; i < words.length; i += 2) changes[words[i]] = words[i + 1] === 'on'
  const change = features.change(changes)
  const lines = change.deltas.map(({ name, on, requested }) => {
    const note =
      requested === null ? ' [not requested]' : requested === on ? '' : ` [requested ${requested ? 'on' : 'off'}]`
    return `${name}: ${on ? 'on' : 'off'}${note}`
  })
  return { status: change.unknown.length > 0 ? 92 : change.ok ? 0 : 1, lines: change.surprising ? lines : [] }
}

/** As `ethtool -k` prints a state. */
function shown(features: FeatureSet, name: string): string {
  for (const group of features.list()) {
    for (const state of [...group.members, group]) {
      if (state.name !== name) continue
      if (state.fixed) return `${state.on ? 'on' : 'off'} [fixed]`
      return state.on ? 'on' : state.wanted ? 'off [requested on]' : 'off'
    }
  }
  return 'missing'
}

// What ethtool 6.1 printed on a kernel TAP whose owner offered CSUM, TSO4, TSO6, TSO_ECN and USO (Linux 6.18), command by
// command.
const TRANSCRIPT: [string, number, string[]][] = [
  [
    'sg off',
    0,
    [
      'tx-scatter-gather: off',
      'tx-scatter-gather-fraglist: off',
      'tx-generic-segmentation: off [not requested]',
      'tx-tcp-segmentation: off [not requested]',
      'tx-tcp-ecn-segmentation: off [not requested]',
      'tx-tcp6-segmentation: off [not requested]',
    ],
  ],
  [
    'sg on',
    0,
    [
      'tx-scatter-gather: on',
      'tx-scatter-gather-fraglist: on',
      'tx-generic-segmentation: on [not requested]',
      'tx-tcp-segmentation: on [not requested]',
      'tx-tcp-ecn-segmentation: on [not requested]',
      'tx-tcp6-segmentation: on [not requested]',
    ],
  ],
  [
    'tx off',
    0,
    [
      'tx-checksum-ip-generic: off',
      'tx-tcp-segmentation: off [not requested]',
      'tx-tcp-ecn-segmentation: off [not requested]',
      'tx-tcp6-segmentation: off [not requested]',
      'tx-udp-segmentation: off [not requested]',
    ],
  ],
  [
    'tx on',
    0,
    [
      'tx-checksum-ipv4: off [requested on]',
      'tx-checksum-ip-generic: on',
      'tx-checksum-ipv6: off [requested on]',
      'tx-tcp-segmentation: on [not requested]',
      'tx-tcp-ecn-segmentation: on [not requested]',
      'tx-tcp6-segmentation: on [not requested]',
      'tx-udp-segmentation: on [not requested]',
      'tx-checksum-fcoe-crc: off [requested on]',
      'tx-checksum-sctp: off [requested on]',
    ],
  ],
  ['gso off', 0, []],
  ['gso on', 0, []],
  ['tso off', 0, []],
  [
    'tso on',
    0,
    [
      'tx-tcp-segmentation: on',
      'tx-tcp-ecn-segmentation: on',
      'tx-tcp-mangleid-segmentation: on',
      'tx-tcp6-segmentation: on',
      'tx-tcp-accecn-segmentation: off [requested on]',
    ],
  ],
  [
    'sg off',
    0,
    [
      'tx-scatter-gather: off',
      'tx-scatter-gather-fraglist: off',
      'tx-generic-segmentation: off [not requested]',
      'tx-tcp-segmentation: off [not requested]',
      'tx-tcp-ecn-segmentation: off [not requested]',
      'tx-tcp-mangleid-segmentation: off [not requested]',
      'tx-tcp6-segmentation: off [not requested]',
    ],
  ],
  ['tso off', 0, []],
  [
    'tso on',
    1,
    [
      'tx-tcp-segmentation: off [requested on]',
      'tx-tcp-ecn-segmentation: off [requested on]',
      'tx-tcp-mangleid-segmentation: off [requested on]',
      'tx-tcp6-segmentation: off [requested on]',
      'tx-tcp-accecn-segmentation: off [requested on]',
    ],
  ],
  [
    'sg on',
    0,
    [
      'tx-scatter-gather: on',
      'tx-scatter-gather-fraglist: on',
      'tx-generic-segmentation: on [not requested]',
      'tx-tcp-segmentation: on [not requested]',
      'tx-tcp-ecn-segmentation: on [not requested]',
      'tx-tcp-mangleid-segmentation: on [not requested]',
      'tx-tcp6-segmentation: on [not requested]',
    ],
  ],
  ['tx-tcp6-segmentation off', 0, []],
  [
    'tx off sg off',
    0,
    [
      'tx-scatter-gather: off',
      'tx-checksum-ip-generic: off',
      'tx-scatter-gather-fraglist: off',
      'tx-generic-segmentation: off [not requested]',
      'tx-tcp-segmentation: off [not requested]',
      'tx-tcp-ecn-segmentation: off [not requested]',
      'tx-tcp-mangleid-segmentation: off [not requested]',
      'tx-udp-segmentation: off [not requested]',
    ],
  ],
  [
    'tx on sg on',
    0,
    [
      'tx-scatter-gather: on',
      'tx-checksum-ipv4: off [requested on]',
      'tx-checksum-ip-generic: on',
      'tx-checksum-ipv6: off [requested on]',
      'tx-scatter-gather-fraglist: on',
      'tx-generic-segmentation: on [not requested]',
      'tx-tcp-segmentation: on [not requested]',
      'tx-tcp-ecn-segmentation: on [not requested]',
      'tx-tcp-mangleid-segmentation: on [not requested]',
      'tx-udp-segmentation: on [not requested]',
      'tx-checksum-fcoe-crc: off [requested on]',
      'tx-checksum-sctp: off [requested on]',
    ],
  ],
  ['tx-tcp-ecn-segmentation off', 0, []],
  ['tso off gso off', 0, []],
  [
    'tso on gso on',
    0,
    [
      'tx-generic-segmentation: on',
      'tx-tcp-segmentation: on',
      'tx-tcp-ecn-segmentation: on',
      'tx-tcp-mangleid-segmentation: on',
      'tx-tcp6-segmentation: on',
      'tx-tcp-accecn-segmentation: off [requested on]',
    ],
  ],
  ['tx-checksum-ipv4 on', 1, ['tx-checksum-ipv4: off [requested on]']],
  [
    'tx on',
    0,
    [
      'tx-checksum-ipv4: off [requested on]',
      'tx-checksum-ipv6: off [requested on]',
      'tx-checksum-fcoe-crc: off [requested on]',
      'tx-checksum-sctp: off [requested on]',
    ],
  ],
  [
    'tx off tso on',
    0,
    [
      'tx-checksum-ip-generic: off',
      'tx-tcp-segmentation: off [requested on]',
      'tx-tcp-ecn-segmentation: off [requested on]',
      'tx-tcp-mangleid-segmentation: off [requested on]',
      'tx-tcp6-segmentation: off [requested on]',
      'tx-udp-segmentation: off [not requested]',
      'tx-tcp-accecn-segmentation: off [requested on]',
    ],
  ],
  ['tx off', 0, []],
  ['tso off', 0, []],
  [
    'tso on',
    1,
    [
      'tx-tcp-segmentation: off [requested on]',
      'tx-tcp-ecn-segmentation: off [requested on]',
      'tx-tcp-mangleid-segmentation: off [requested on]',
      'tx-tcp6-segmentation: off [requested on]',
      'tx-tcp-accecn-segmentation: off [requested on]',
    ],
  ],
  [
    'tx-checksum-ip-generic on',
    0,
    [
      'tx-checksum-ip-generic: on',
      'tx-tcp-segmentation: on [not requested]',
      'tx-tcp-ecn-segmentation: on [not requested]',
      'tx-tcp-mangleid-segmentation: on [not requested]',
      'tx-tcp6-segmentation: on [not requested]',
      'tx-udp-segmentation: on [not requested]',
    ],
  ],
  ['lro on', 1, ['rx-lro: off [requested on]']],
  ['bogus on', 92, []],
]

describe('features', () => {
  it('change as ethtool -K changes them on a kernel TAP', () => {
    const features = all()
    for (const [text, status, lines] of TRANSCRIPT) {
      expect({ text, ...command(features, text) }).toEqual({ text, status, lines })
    }
  })

  it('show what was wanted and what is missing for it', () => {
    const features = all()
    features.set({ sg: false })
    expect(shown(features, 'scatter-gather')).toBe('off')
    expect(shown(features, 'generic-segmentation-offload')).toBe('off [requested on]')
    expect(shown(features, 'tcp-segmentation-offload')).toBe('off [requested on]')
    expect(shown(features, 'tx-tcp6-segmentation')).toBe('off [requested on]')
    expect(shown(features, 'tx-udp-segmentation')).toBe('on')
    expect(shown(features, 'tx-checksumming')).toBe('on')
    features.set({ sg: true })
    expect(shown(features, 'tx-tcp6-segmentation')).toBe('on')
    features.set({ rx: false })
    expect(shown(features, 'rx-gro-hw')).toBe('off [requested on]')
    expect(shown(features, 'rx-checksumming')).toBe('off')
  })

  it('show as fixed what this card does not do', () => {
    const features = all()
    for (const name of ['large-receive-offload', 'tx-checksum-ipv4', 'tx-checksum-ipv6']) {
      expect(shown(features, name)).toBe('off [fixed]')
      expect(features.isFixed(name)).toBe(true)
    }
  })

  it('of a port that offers nothing: software segmentation waits for scatter-gather', () => {
    const features = new FeatureSet(possibleFeatures(NOTHING), (next) => next)
    expect(shown(features, 'generic-segmentation-offload')).toBe('off [requested on]')
    expect(shown(features, 'scatter-gather')).toBe('off [fixed]')
    expect(shown(features, 'rx-checksumming')).toBe('off [fixed]')
    expect(features.get('tx')).toBe(false)
    expect(() => features.set({ tso: true })).toThrow(RangeError)
  })

  it('of a port that only gathers: software segmentation, nothing else', () => {
    const features = new FeatureSet(possibleFeatures({ ...NOTHING, scatterGather: true, tso4: true }), (next) => next)
    expect(features.gso).toBe(true)
    expect(features.tso4).toBe(false)
    expect(shown(features, 'tx-tcp-segmentation')).toBe('off [requested on]')
  })

  it('keep their flags in step with the set', () => {
    const features = all()
    fc.assert(
      fc.property(
        fc.constantFrom('sg', 'tx', 'rx', 'tso', 'tso6', 'gso', 'gro', 'uso', 'rx-gro-hw'),
        fc.boolean(),
        (name, on) => {
          features.set({ [name]: on })
          expect(features.effective).toBe(resolveFeatures(features.wanted))
          expect({
            scatterGather: features.scatterGather,
            txChecksum: features.txChecksum,
            gso: features.gso,
            gro: features.gro,
            tso4: features.tso4,
            tso6: features.tso6,
            tsoEcn: features.tsoEcn,
            uso: features.uso,
            rxChecksum: features.rxChecksum,
            rxGroHw: features.rxGroHw,
          }).toEqual({
            scatterGather: features.get('tx-scatter-gather'),
            txChecksum: features.get('tx-checksum-ip-generic'),
            gso: features.get('gso'),
            gro: features.get('gro'),
            tso4: features.get('tx-tcp-segmentation'),
            tso6: features.get('tso6'),
            tsoEcn: features.get('tx-tcp-ecn-segmentation'),
            uso: features.get('uso'),
            rxChecksum: features.get('rx'),
            rxGroHw: features.get('rx-gro-hw'),
          })
        },
      ),
      { numRuns: 300 },
    )
  })

  it('resolve without ever switching anything on, and at once', () => {
    fc.assert(
      fc.property(fc.nat(2 ** FEATURES.length - 1), (wanted) => {
        const on = resolveFeatures(wanted)
        expect(on & ~wanted).toBe(0)
        expect(resolveFeatures(on)).toBe(on)
      }),
    )
  })

  it('throw for names nobody knows, for fixed ones and for values that are no switch; nothing is done then', () => {
    const features = all()
    expect(() => features.set({ sg: false, bogus: true })).toThrow("unknown feature 'bogus'")
    expect(() => features.set({ sg: false, lro: true })).toThrow("'lro' is off [fixed]")
    expect(() => features.set({ sg: 'off' as unknown as boolean })).toThrow(TypeError)
    expect(() => features.get('bogus')).toThrow(RangeError)
    expect(features.get('sg')).toBe(true)
    // What is fixed off may be switched off.
    expect(features.set({ lro: false }).ok).toBe(true)
  })

  it('tell listeners of changes and only of changes', () => {
    const features = all()
    const heard: string[] = []
    const stop = features.onChange((change) => heard.push(change.deltas.map(({ name }) => name).join(' ')))
    features.set({ gso: false })
    features.set({ gso: false })
    features.set({ uso: false, gso: true })
    stop()
    features.set({ uso: true })
    expect(heard).toEqual(['tx-generic-segmentation', 'tx-generic-segmentation tx-udp-segmentation'])
  })

  it('stay as they were when the hardware refuses', () => {
    let refuse = false
    const features = new FeatureSet(possibleFeatures(EVERYTHING), (next, previous) => (refuse ? previous : next))
    refuse = true
    const change = features.set({ 'rx-gro-hw': false })
    expect(change.ok).toBe(false)
    expect(change.deltas).toEqual([{ name: 'rx-gro-hw', on: true, changed: false, requested: false }])
    expect(features.rxGroHw).toBe(true)
  })

  it('that were revoked stay off although requested', () => {
    const features = all()
    expect(features.revoke(1 << 8)).toBe(true)
    expect(shown(features, 'tx-tcp-segmentation')).toBe('off [requested on]')
    expect(shown(features, 'tx-tcp6-segmentation')).toBe('on')
    expect(features.revoke(1 << 8)).toBe(false)
    expect(command(features, 'tx-tcp-segmentation on').status).toBe(1)
  })
})
