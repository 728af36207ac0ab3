// Files over HTTP as a client sees them: statuses, headers, bytes; and what no client may see.
import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { READ_SIZE } from '../../../tools/serve/send-file.ts'
import { received, ServiceFixture } from './service-fixture.ts'

const text = 'The quick brown fox jumps over the lazy dog.\n'
const large = Buffer.alloc(3 * READ_SIZE + 12_345, (text + text).slice(0, 89))
let service: ServiceFixture

beforeAll(async () => {
  service = await ServiceFixture.start({
    fill(folder) {
      const secret = `${folder}-secret`
      mkdirSync(secret)
      writeFileSync(join(secret, 'key'), 'secret')
      writeFileSync(join(folder, 'fox.txt'), text)
      writeFileSync(join(folder, 'empty'), '')
      writeFileSync(join(folder, 'large.bin'), large)
      writeFileSync(join(folder, 'page & <b>.html'), '<p>')
      mkdirSync(join(folder, 'sub'))
      writeFileSync(join(folder, 'sub', 'data.json'), '{}')
      symlinkSync('fox.txt', join(folder, 'inside'))
      symlinkSync(join(secret, 'key'), join(folder, 'outside'))
      symlinkSync(secret, join(folder, 'outside-folder'))
      symlinkSync('nowhere', join(folder, 'dangling'))
      symlinkSync('loop', join(folder, 'loop'))
      writeFileSync(join(folder, '.pagewire-upload-1-x'), 'half')
      execFileSync('mkfifo', [join(folder, 'fifo')])
    },
  })
})

afterAll(async () => {
  execFileSync('rm', ['-r', `${service.folder}-secret`])
  await service.stop()
})

describe('GET', () => {
  it('answers with the file and its headers', async () => {
    const { status, headers, body } = await service.ask('/fox.txt')
    expect(status).toBe(200)
    expect(body.toString()).toBe(text)
    expect(headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'content-length': String(text.length),
      'accept-ranges': 'bytes',
    })
    expect(headers.etag).toMatch(/^"[^"]+"$/)
    expect(Date.parse(headers['last-modified'] ?? '')).toBeLessThanOrEqual(Date.now())
  })

  it.each([
    ['/empty', ''],
    ['/inside', text],
    ['/sub/data.json', '{}'],
    ['/page%20%26%20%3Cb%3E.html', '<p>'],
    ['//fox.txt', text],
    ['/fox.txt?query', text],
  ])('%s', async (path, content) => {
    const { status, body } = await service.ask(path)
    expect(status).toBe(200)
    expect(body.toString()).toBe(content)
  })

  it('sends many pieces byte-exact', async () => {
    expect((await service.ask('/large.bin')).body.equals(large)).toBe(true)
  })

  it('gives HEAD the same headers and no body', async () => {
    const get = await service.ask('/fox.txt')
    const head = await service.ask('/fox.txt', { method: 'HEAD', headers: { range: 'bytes=0-3' } })
    expect(head.status).toBe(200)
    expect(head.body.length).toBe(0)
    const without = ({ date, ...rest }: typeof get.headers) => rest
    expect(without(head.headers)).toEqual(without(get.headers))
  })

  it('answers pipelined requests in order', async () => {
    const requests = ['/fox.txt', '/empty', '/sub/data.json'].map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    const socket = service.raw(`${requests.join('')}GET /fox.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    const lengths = (await received(socket)).match(/Content-Length: \d+/g)
    expect(lengths).toEqual([text.length, 0, 2, text.length].map((length) => `Content-Length: ${length}`))
  })

  it('closes every file although clients leave in the middle', async () => {
    const before = openFiles()
    for (let i = 0; i < 20; i++) {
      const socket = service.raw('GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(3))
      await new Promise((first) => socket.once('data', first))
      socket.destroy()
    }
    await expect.poll(openFiles).toBe(before)
  })
})

function openFiles(): string {
  return execFileSync('find', [`/proc/${process.pid}/fd`, '-lname', '*large.bin']).toString()
}

describe('ranges', () => {
  it.each([
    ['bytes=4-8', 'quick', `bytes 4-8/${text.length}`],
    ['bytes=-5', 'dog.\n', `bytes ${text.length - 5}-${text.length - 1}/${text.length}`],
    ['bytes=40-1000', 'dog.\n', `bytes 40-44/${text.length}`],
  ])('%s', async (range, content, contentRange) => {
    const { status, headers, body } = await service.ask('/fox.txt', { headers: { range } })
    expect(status).toBe(206)
    expect(body.toString()).toBe(content)
    expect(headers['content-range']).toBe(contentRange)
  })

  it('answers 416 with the size', async () => {
    const { status, headers } = await service.ask('/fox.txt', { headers: { range: 'bytes=100-' } })
    expect(status).toBe(416)
    expect(headers['content-range']).toBe(`bytes */${text.length}`)
  })

  it('sends several as multipart/byteranges', async () => {
    const { status, headers, body } = await service.ask('/fox.txt', { headers: { range: 'bytes=0-2,10-14' } })
    expect(status).toBe(206)
    const boundary = /^multipart\/byteranges; boundary=(\w+)$/.exec(headers['content-type'] ?? '')?.[1]
    const type = 'Content-Type: text/plain; charset=utf-8'
    expect(body.toString()).toBe(
      `\r\n--${boundary}\r\n${type}\r\nContent-Range: bytes 0-2/45\r\n\r\nThe` +
        `\r\n--${boundary}\r\n${type}\r\nContent-Range: bytes 10-14/45\r\n\r\nbrown\r\n--${boundary}--\r\n`,
    )
    expect(headers['content-length']).toBe(String(body.length))
  })

  it('puts a large file together again', async () => {
    const step = 200_001
    const parts: Buffer[] = []
    for (let at = 0; at < large.length; at += step) {
      parts.push((await service.ask('/large.bin', { headers: { range: `bytes=${at}-${at + step - 1}` } })).body)
    }
    expect(Buffer.concat(parts).equals(large)).toBe(true)
  })

  it('respects If-Range', async () => {
    const { headers } = await service.ask('/fox.txt')
    const ask = (condition: string) =>
      service.ask('/fox.txt', { headers: { range: 'bytes=0-0', 'if-range': condition } })
    expect((await ask(headers.etag ?? '')).status).toBe(206)
    expect((await ask(headers['last-modified'] ?? '')).status).toBe(206)
    expect((await ask('"other"')).status).toBe(200)
  })
})

describe('conditions', () => {
  it('answers 304 without a body, with the validators', async () => {
    const { headers } = await service.ask('/fox.txt')
    const again = await service.ask('/fox.txt', { headers: { 'if-none-match': headers.etag ?? '' } })
    expect(again.status).toBe(304)
    expect(again.body.length).toBe(0)
    expect(again.headers.etag).toBe(headers.etag)
    const since = await service.ask('/fox.txt', { headers: { 'if-modified-since': headers['last-modified'] ?? '' } })
    expect(since.status).toBe(304)
    expect((await service.ask('/fox.txt', { headers: { 'if-match': '"other"' } })).status).toBe(412)
  })
})

describe('folders', () => {
  it('redirects to the trailing slash, and nowhere else', async () => {
    expect(await service.ask('/sub')).toMatchObject({ status: 301, headers: { location: '/sub/' } })
    expect(await service.ask('//sub?a=b')).toMatchObject({ status: 301, headers: { location: '/sub/?a=b' } })
    expect((await service.ask('/fox.txt/')).status).toBe(404)
  })

  it('lists what can be opened, in the form that is asked for', async () => {
    const plain = await service.ask('/.pagewire/files/', { headers: { accept: 'text/plain' } })
    expect(plain.body.toString()).toBe('sub/\nempty\nfox.txt\ninside\nlarge.bin\npage & <b>.html\n')
    const json = await service.ask('/sub/', { headers: { accept: 'application/json' } })
    expect(JSON.parse(json.body.toString())).toMatchObject({
      path: '/sub/',
      complete: true,
      entries: [{ name: 'data.json', directory: false, size: 2 }],
    })
    const html = (await service.ask('/.pagewire/files/')).body.toString()
    expect(html).toContain('<a href="/page%20%26%20%3Cb%3E.html">page &amp; &lt;b&gt;.html</a>')
    expect(html).not.toContain('outside')
  })
})

describe('what is not served', () => {
  it.each([
    ['/missing', 404],
    ['/outside', 404],
    ['/outside-folder', 404],
    ['/outside-folder/', 404],
    ['/outside-folder/key', 404],
    ['/dangling', 404],
    ['/loop', 404],
    ['/fifo', 403],
    ['/fox.txt/x', 404],
    ['/.pagewire-upload-1-x', 404],
    ['/.pagewire', 404],
    ['/.pagewire/other', 404],
    ['/../etc/passwd', 400],
    ['/%2e%2e/etc/passwd', 400],
    ['/sub/..%2f..%2fetc/passwd', 400],
    ['/fox.txt%00.html', 400],
    [`/${'x'.repeat(300)}`, 404],
  ])('%s: %i', async (path, status) => {
    expect((await service.ask(path)).status).toBe(status)
  })

  it('never shows the secret beside the root, whatever the path', async () => {
    const secret = `${service.folder.split('/').at(-1)}-secret`
    const piece = fc.constantFrom(
      '..',
      '%2e%2e',
      '%2f',
      '/',
      '\\',
      '%5c',
      secret,
      'key',
      'outside',
      'outside-folder',
      'sub',
      '.',
    )
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 8 }), async (pieces) => {
        const { body } = await service.ask(`/${pieces.join('')}`)
        expect(body.toString()).not.toBe('secret')
      }),
      { numRuns: 300 },
    )
  })

  it.each(['POST', 'DELETE', 'PATCH', 'TRACE'])('%s: 405', async (method) => {
    expect(await service.ask('/fox.txt', { method })).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD, OPTIONS' },
    })
  })

  it('says how to serve files when none are', async () => {
    const bare = await ServiceFixture.start({ files: false })
    const { status, body } = await bare.ask('/fox.txt')
    expect(status).toBe(404)
    expect(body.toString()).toContain('--root')
    await bare.stop()
  })
})

it('does not block on a socket file in the root', async () => {
  const path = join(service.folder, 'socket')
  const server = createServer()
  await new Promise<void>((listening) => server.listen(path, listening))
  expect((await service.ask('/socket')).status).toBe(403)
  await new Promise((closed) => server.close(closed))
})
