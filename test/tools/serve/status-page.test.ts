// The page at `/`: that it shows what the stack says, needs nothing from elsewhere, and cannot be made to run what it shows.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { duration, grouped, statusPage } from '../../../tools/serve/status-page.ts'
import { SAMPLE_STATUS, ServiceFixture } from './service-fixture.ts'

let service: ServiceFixture

beforeAll(async () => {
  service = await ServiceFixture.start()
})

afterAll(() => service.stop())

it('shows addresses, features, counters and connections', async () => {
  const { status, headers, body } = await service.ask('/')
  expect(status).toBe(200)
  expect(headers['content-type']).toBe('text/html; charset=utf-8')
  const html = body.toString()
  for (const text of ['192.0.2.2/24', '02:70:77:00:00:02', 'off [requested on]', 'TcpOutSegs', '192.0.2.1:40404']) {
    expect(html).toContain(text)
  }
})

it('gives programs the same as JSON', async () => {
  const json = await service.ask('/.pagewire/status.json')
  expect(json.headers['content-type']).toBe('application/json')
  expect(JSON.parse(json.body.toString())).toEqual(SAMPLE_STATUS)
  const negotiated = await service.ask('/', { headers: { accept: 'application/json' } })
  expect(negotiated.body.equals(json.body)).toBe(true)
})

it('has no external resource and nothing unescaped', () => {
  const html = statusPage({ ...SAMPLE_STATUS, commands: ['</script><script>alert(1)</script>'] })
  expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//)
  expect(html.match(/<script/g)).toHaveLength(2)
  expect(html.match(/<\/script>/g)).toHaveLength(2)
})

it('is well-formed: every element is closed in its turn', () => {
  const html = statusPage(SAMPLE_STATUS).replace(/<(script|style)\b[^>]*>[\s\S]*?<\/\1>/g, '')
  const open: string[] = []
  for (const [, slash, name, rest] of html.matchAll(/<(\/?)([a-z][a-z0-9]*)\b([^>]*)>/g)) {
    if (slash) expect(open.pop()).toBe(name)
    else if (!rest.endsWith('/') && !['meta', 'link', 'br'].includes(name)) open.push(name)
  }
  expect(open).toEqual([])
})

it('shows an empty stack too', () => {
  const html = statusPage({ ...SAMPLE_STATUS, interfaces: [], connections: [], counters: {}, nic: {}, commands: [] })
  expect(html).toContain('None at the moment')
})

it.each([
  [9.9, '9 s'],
  [250, '4 min 10 s'],
  [3720, '1 h 2 min'],
  [180_000, '2 d 2 h'],
])('%d seconds are %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text)
})

it('groups digits', () => {
  expect([0, 999, 1000, 1234567].map(grouped)).toEqual(['0', '999', '1\u202f000', '1\u202f234\u202f567'])
})
