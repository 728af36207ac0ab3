// What `pagewire ip link` prints, changes and refuses. That the real program says the same is for test/tap/ip-link.test.ts.
import { describe, expect, it } from 'vitest'
import { ipOver, link } from './cards.ts'

const DETAILS = 'numtxqueues 1 numrxqueues 1 tso_max_size 524280 gso_ipv4_max_size 262080 '

describe('ip link show', () => {
  it('prints each card in two lines', async () => {
    const ip = ipOver([link(), link({ index: 2, name: 'pw1', up: false, mtu: 9000 })])
    expect(await ip('link')).toEqual({
      status: 0,
      stdout: `1: pw0: <BROADCAST,UP,LOWER_UP> mtu 1500 state UP
    link/ether 02:00:5e:10:00:02 brd ff:ff:ff:ff:ff:ff
2: pw1: <NO-CARRIER,BROADCAST,UP> mtu 9000 state DOWN
    link/ether 02:00:5e:10:00:02 brd ff:ff:ff:ff:ff:ff
`,
      stderr: '',
    })
  })

  it('tells of sizes with -d, and in one line with -o', async () => {
    const ip = ipOver([link()])
    const { stdout } = await ip('-d', 'link', 'show', 'dev', 'pw0')
    expect(stdout).toMatch(/^1: pw0: .*\n {4}link\/ether \S+ brd ff:ff:ff:ff:ff:ff numtxqueues/)
    expect(stdout.endsWith(`brd ff:ff:ff:ff:ff:ff ${DETAILS}\n`)).toBe(true)
    expect((await ip('-details', '-o', 'l', 'lis', 'pw0')).stdout).toBe(stdout.replace('\n ', '\\ '))
  })

  it('lines up what was counted, however much it is', async () => {
    const received = { bytes: 12_345_678_901, packets: 7, errors: 2, dropped: 1 }
    const sent = { bytes: 5, packets: 123_456_789, errors: 0, dropped: 0, carrierErrors: 4 }
    const { stdout } = await ipOver([link({ received, sent })])('-s', 'link', 'show', 'pw0')
    expect(stdout.split('\n').slice(2)).toEqual([
      '    RX:   bytes   packets errors dropped',
      '    12345678901         7      2       1 ',
      '    TX:   bytes   packets errors dropped carrier',
      '              5 123456789      0       0       4 ',
      '',
    ])
  })

  it('as JSON', async () => {
    const ip = ipOver([link()])
    const { stdout } = await ip('-j', '-d', '-s', 'link')
    expect(JSON.parse(stdout)).toEqual([
      {
        ifindex: 1,
        ifname: 'pw0',
        flags: ['BROADCAST', 'UP', 'LOWER_UP'],
        mtu: 1500,
        operstate: 'UP',
        link_type: 'ether',
        address: '02:00:5e:10:00:02',
        broadcast: 'ff:ff:ff:ff:ff:ff',
        num_tx_queues: 1,
        num_rx_queues: 1,
        tso_max_size: 524_280,
        gso_ipv4_max_size: 262_080,
        stats64: {
          rx: { bytes: 0, packets: 0, errors: 0, dropped: 0 },
          tx: { bytes: 0, packets: 0, errors: 0, dropped: 0, carrier_errors: 0 },
        },
      },
    ])
    const pretty = await ip('-p', '--json', '-d', '-stats', 'link')
    expect(JSON.parse(pretty.stdout)).toEqual(JSON.parse(stdout))
    expect(pretty.stdout).toMatch(/^\[ \{\n {8}"ifindex": 1,[\s\S]*"flags": \[ "BROADCAST","UP","LOWER_UP" \],\n/)
    expect(pretty.stdout).toMatch(/\n {16}"bytes": 0,\n[\s\S]*\n {4}\} \]\n$/)
    expect((await ipOver([])('-j', 'link')).stdout).toBe('[]\n')
  })
})

describe('ip link set', () => {
  it('changes the size of super-frames, the last that is named', async () => {
    const card = link()
    const ip = ipOver([card])
    const done = { status: 0, stdout: '', stderr: '' }
    expect(await ip('link', 'set', 'dev', 'pw0', 'gso_ipv4_max_size', '65535')).toEqual(done)
    expect(card.gsoIpv4MaxSize).toBe(65535)
    expect(await ip('-n', 'here', 'l', 's', 'gso_ipv4_max_size', '600', 'pw0', 'gso_ipv4_max_size', '0x4e20')).toEqual(
      done,
    )
    expect(card.gsoIpv4MaxSize).toBe(20_000)
    expect(await ip('link', 'set', 'pw0')).toEqual(done)
    expect((await ip('-d', 'link')).stdout).toContain('gso_ipv4_max_size 20000 ')
  })

  it.each<[string, number, RegExp]>([
    ['gso_ipv4_max_size 524281', 2, /^Error: too big gso_ipv4_max_size\.\n$/],
    ['gso_ipv4_max_size 575', 2, /^Error: integer out of range\.\n$/],
    ['mtu 9000', 2, /^RTNETLINK answers: Operation not supported\n$/],
    ['gso_ipv4_max_size 20000 down', 2, /^RTNETLINK answers: Operation not supported\n$/],
    ['gso_ipv4_max_size', 255, /^Command line is not complete/],
    ['gso_ipv4_max_size 20000 bogus', 255, /"bogus" is a garbage/],
    ['gso_ipv4_max_size many', 255, /^Error: argument "many" is wrong: Invalid "gso_ipv4_max_size" value\n\n$/],
  ])('pw0 %s is refused, and nothing is changed', async (words, status, said) => {
    const card = link()
    const result = await ipOver([card])('link', 'set', 'pw0', ...words.split(' '))
    expect(result).toMatchObject({ status, stdout: '' })
    expect(result.stderr).toMatch(said)
    expect(card.gsoIpv4MaxSize).toBe(262_080)
  })
})

it('finds only the namespaces that there are', async () => {
  expect(await ipOver([link()])('-n', 'nowhere', 'link')).toMatchObject({
    status: 255,
    stderr: 'Cannot open network namespace "nowhere": No such file or directory\n',
  })
})

it.each(['add', 'delete', 'replace', 'property', 'xstats'])('has no devices to %s', async (command) => {
  expect(await ipOver([link()])('link', command, 'pw0')).toMatchObject({ status: 2, stdout: '' })
})
