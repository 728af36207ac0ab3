// A SYN flood on the real thing: made-up SYNs from a packet socket of the kernel's end, while clients on the kernel's own TCP
// fetch a page. Nobody of them is kept out, and the stack is as it was when the flood is over.
import { resolve } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Namespace, STACK, stackCounters, Up } from './lab.ts'
import { describeOnTap } from './requirements.ts'

const FLOOD = resolve('test/tap/syn-flood.py')
const CLIENTS = resolve('test/tap/syn-clients.py')
const RATE = 10_000
const VISITS = 100

describeOnTap('a SYN flood', ['ip', 'ping', 'python3'], () => {
  let namespace: Namespace
  let up: Up

  beforeAll(async () => {
    namespace = new Namespace()
    up = await Up.start(namespace)
  })

  afterAll(async () => {
    expect(await up.stop()).toBe(0)
    namespace.remove()
  })

  /** The stack's hardware address, as the kernel has it. */
  function hardwareAddress(): string {
    namespace.run('ping', ['-c', '1', '-W', '5', STACK])
    const { stdout } = namespace.run('ip', ['-j', 'neigh', 'show', STACK])
    return (JSON.parse(stdout) as { lladdr: string }[])[0].lladdr
  }

  it('keeps none of the clients out', async () => {
    const mac = hardwareAddress()
    const flood = namespace.start('python3', [FLOOD, 'pw0', STACK, mac, '80', String(RATE), '6'])
    await up.waitFor(/port 80: .*SYN flood: sending cookies/)
    const clients = await namespace.start('python3', [CLIENTS, STACK, '80', String(VISITS)])
    const { stdout } = await flood
    const [good] = clients.stdout.split(' ').map(Number)
    const counters = stackCounters(namespace)
    expect(Number(stdout)).toBeGreaterThan(RATE)
    expect(good).toBeGreaterThanOrEqual(0.99 * VISITS)
    expect(counters['TcpExtSyncookiesSent']).toBeGreaterThan(RATE)
    expect(counters['TcpExtSyncookiesRecv']).toBeGreaterThan(0)
    expect(counters['TcpExtTCPReqQFullDrop']).toBe(0)
  })
})
