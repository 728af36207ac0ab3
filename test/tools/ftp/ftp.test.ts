// The FTP server as clients meet it, on loopback: replies of RFC 959 and what later ones added, walls, limits, transfers.
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { collected, FtpFixture } from './fixture.ts'

const large = randomBytes(5_000_000)
let read: FtpFixture
let write: FtpFixture

beforeAll(async () => {
  read = await FtpFixture.start()
  write = await FtpFixture.start({ writable: true })
  writeFileSync(join(read.folder, 'large.bin'), large)
  utimesSync(join(read.folder, 'hello.txt'), 1_000_000_000, 1_000_000_000)
})

afterAll(() => {
  read.stop()
  write.stop()
})

describe('commands', () => {
  it.each([
    ['PWD', '257 "/" is the folder.'],
    ['CWD folder/deep', '250 Now in /folder/deep'],
    ['CDUP', '250 Now in /'],
    ['CWD ../../..', '250 Now in /'],
    ['CWD hello.txt', '550'],
    ['CWD out', '550'],
    ['SYST', '215 UNIX Type: L8'],
    ['noop', '200'],
    ['TYPE I', '200 Type I.'],
    ['TYPE A N', '200 Type A.'],
    ['TYPE L 8', '200 Type I.'],
    ['TYPE E', '504'],
    ['TYPE Q', '501'],
    ['MODE S', '200'],
    ['MODE B', '504'],
    ['STRU F', '200'],
    ['STRU R', '504'],
    // Type A, as at the beginning.
    ['SIZE hello.txt', '550'],
    ['MDTM hello.txt', '213 20010909014640'],
    ['MLST hello.txt', '250-Facts:\r\n type=file;size=12;modify=20010909014640;perm=r; /hello.txt\r\n250 End'],
    ['REST x', '501'],
    ['REST 5', '350'],
    ['PORT 127,0,0,1,4,1', '502'],
    ['EPRT |1|127.0.0.1|1025|', '502'],
    ['DELE hello.txt', '502'],
    ['MKD new', '550'],
    ['STOR new', '550'],
    ['APPE hello.txt', '550'],
    ['RETR hello.txt', '425'],
    ['RETR nothing', '550'],
    ['RETR', '501'],
    ['RETR a\0b', '501'],
    ['EPSV 2', '522'],
    ['EPSV 1', '229'],
    ['XYZZ', '500'],
    ['constructor', '500'],
    ['', '500'],
    [`CWD ${'x'.repeat(5000)}`, '500'],
    ['OPTS UTF8 ON', '200'],
    ['OPTS MLST size;type;', '200 MLST OPTS type;size;'],
    ['STAT', '211-'],
    ['STAT hello.txt', '213-'],
    ['HELP', '214-'],
    ['ABOR', '226'],
  ])('%s', async (line, expected) => {
    const client = await read.loggedIn()
    const reply = await client.say(line)
    expect(reply.slice(0, expected.length)).toBe(expected)
    expect(await client.say('QUIT')).toMatch(/^221 /)
    await client.closed
  })

  it.each([
    ['hello.txt', '213 12'],
    ['link', '213 12'],
    ['folder', '550'],
    ['out', '550'],
    ['../secret', '550'],
  ])('SIZE %s in type I: %s', async (name, expected) => {
    const client = await read.loggedIn()
    await client.say('TYPE I')
    expect((await client.say(`SIZE ${name}`)).slice(0, expected.length)).toBe(expected)
    client.socket.destroy()
  })

  it('wants a login first', async () => {
    const client = await read.client()
    expect(await client.say('PWD')).toMatch(/^530 /)
    expect(await client.say('PASS x')).toMatch(/^503 /)
    expect(await client.say('FEAT')).toBe(
      '211-Extensions:\r\n EPSV\r\n MDTM\r\n MLST type*;size*;modify*;perm*;\r\n REST STREAM\r\n SIZE\r\n TVFS\r\n UTF8\r\n211 End',
    )
    expect(await client.say('USER whoever')).toMatch(/^331 /)
    expect(await client.say('PASS x')).toMatch(/^230 /)
    client.socket.destroy()
  })

  it('knows no PASV after EPSV ALL (RFC 2428 4)', async () => {
    const client = await read.loggedIn()
    expect(await client.say('EPSV ALL')).toMatch(/^200 /)
    expect(await client.say('PASV')).toMatch(/^503 /)
    expect(await client.extended()).toBeGreaterThan(0)
    client.socket.destroy()
  })

  it('answers pipelined commands in order and hears no Telnet in them', async () => {
    const client = await read.client()
    const telnet = Buffer.from([255, 253, 1, 255, 250, 1, 2, 255, 240, 255, 244, 255, 242])
    client.socket.write(Buffer.concat([Buffer.from('USER a\r\nPA'), telnet, Buffer.from('SS b\nNOOP\r\n')]))
    client.socket.end(`${'NOOP\r\n'.repeat(500)}PWD\r\n`)
    expect(await client.reply()).toMatch(/^331 /)
    expect(await client.reply()).toMatch(/^230 /)
    for (let i = 0; i < 501; i++) expect(await client.reply()).toMatch(/^200 /)
    expect(await client.reply()).toMatch(/^257 /)
    await client.closed
    expect(await client.reply()).toBe('')
  })
})

describe('downloads', () => {
  it('sends a file byte-exact, whole and from any place', async () => {
    const client = await read.loggedIn()
    await client.say('TYPE I')
    const whole = await client.fetch('RETR large.bin')
    expect(whole.bytes.equals(large)).toBe(true)
    expect(whole.replies.map((reply) => reply.slice(0, 3))).toEqual(['150', '226'])
    for (const at of [1, 4_999_999, 5_000_000]) {
      await client.say(`REST ${at}`)
      const { bytes, replies } = await client.fetch('RETR large.bin')
      expect(bytes.equals(large.subarray(at))).toBe(true)
      expect(replies[1]).toMatch(/^226 /)
    }
    await client.say('REST 5000001')
    expect((await client.fetch('RETR large.bin')).replies[0]).toMatch(/^554 /)
    expect((await client.fetch('RETR hello.txt')).bytes.toString()).toBe('hello\nworld\n')
    client.socket.destroy()
  })

  it('ends lines by CR LF in type A, whatever the size of the file, and goes on from no place there', async () => {
    const lines = 'a line\n\nanother\r\n'.repeat(50_000)
    writeFileSync(join(read.folder, 'lines.txt'), lines)
    writeFileSync(join(read.folder, 'empty.txt'), '')
    const client = await read.loggedIn()
    const { bytes, replies } = await client.fetch('RETR lines.txt')
    expect(bytes.toString() === lines.replace(/\r?\n/g, '\r\n')).toBe(true)
    // No number of bytes is told that is not sent.
    expect(replies).toEqual(['150 Sending lines.txt.', '226 Transfer complete.'])
    expect((await client.fetch('RETR empty.txt')).bytes.length).toBe(0)
    await client.say('REST 5')
    expect((await client.fetch('RETR lines.txt')).replies[0]).toMatch(/^554 /)
    await client.say('TYPE I')
    expect((await client.fetch('RETR lines.txt')).bytes.toString() === lines).toBe(true)
    rmSync(join(read.folder, 'lines.txt'))
    rmSync(join(read.folder, 'empty.txt'))
    client.socket.destroy()
  })

  it('lists as ls does, by names, and by facts', async () => {
    const client = await read.loggedIn()
    const long = (await client.fetch('LIST -la')).bytes.toString()
    expect(long).toContain('-rw-r--r-- 1 ftp ftp           12 Sep 09  2001 hello.txt\r\n'.replace('09', ' 9'))
    expect(long).toMatch(/^drwxr-xr-x 1 ftp ftp {12}0 \w{3} [ \d]\d \d\d:\d\d folder\r\n/)
    expect((await client.fetch('NLST')).bytes.toString()).toBe('folder\r\nhello.txt\r\nlarge.bin\r\nlink\r\n')
    const facts = (await client.fetch('MLSD folder')).bytes.toString().split('\r\n')
    expect(facts[0]).toMatch(/^type=cdir;modify=\d{14};perm=el; \.$/)
    expect(facts[1]).toMatch(/^type=dir;modify=\d{14};perm=el; deep$/)
    expect(facts[2]).toMatch(/^type=file;size=6;modify=\d{14};perm=r; a "quoted" name$/)
    expect((await client.fetch('LIST nothing')).replies[0]).toMatch(/^550 /)
    client.socket.destroy()
  })

  it('gives a port by PASV too, and takes nobody else there', async () => {
    const client = await read.loggedIn()
    const reply = await client.say('PASV')
    const numbers = /^227 .*\((\d+),(\d+),(\d+),(\d+),(\d+),(\d+)\)\.$/.exec(reply)?.slice(1).map(Number) ?? []
    expect(numbers.slice(0, 4)).toEqual([127, 0, 0, 1])
    const port = numbers[4] * 256 + numbers[5]
    const stranger = collected(connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' }))
    expect((await stranger).length).toBe(0)
    const data = collected(connect(port, '127.0.0.1'))
    expect(await client.say('RETR hello.txt')).toMatch(/^150 /)
    expect((await data).toString()).toBe('hello\r\nworld\r\n')
    expect(await client.reply()).toMatch(/^226 /)
    client.socket.destroy()
  })

  it('stops for ABOR, tells STAT, and goes on', async () => {
    const client = await read.loggedIn()
    const data = connect(await client.extended(), '127.0.0.1')
    const closed = collected(data)
    data.pause()
    expect(await client.say('RETR large.bin')).toMatch(/^150 /)
    expect(await client.say('STAT')).toMatch(/^211 /)
    expect(await client.say('ABOR')).toMatch(/^426 /)
    expect(await client.reply()).toMatch(/^226 /)
    data.resume()
    expect((await closed).length).toBeLessThan(large.length)
    expect((await client.fetch('RETR hello.txt')).bytes.length).toBe(14)
    client.socket.destroy()
  })

  it.each(['A', 'I'])('says so when the file becomes shorter in the middle, type %s', async (type) => {
    const path = join(read.folder, 'shrinks')
    writeFileSync(path, Buffer.alloc(30_000_000, 'x'))
    const client = await read.loggedIn()
    await client.say(`TYPE ${type}`)
    const data = connect(await client.extended(), '127.0.0.1')
    data.on('error', () => {}).pause()
    expect(await client.say('RETR shrinks')).toMatch(/^150 /)
    truncateSync(path, 1000)
    data.resume()
    expect(await client.reply()).toMatch(/^451 /)
    rmSync(path)
    client.socket.destroy()
  })

  it('says so when the client leaves in the middle', async () => {
    const client = await read.loggedIn()
    const data = connect(await client.extended(), '127.0.0.1')
    expect(await client.say('RETR large.bin')).toMatch(/^150 /)
    await new Promise((first) => data.once('data', first))
    data.resetAndDestroy()
    expect(await client.reply()).toMatch(/^426 /)
    client.socket.destroy()
  })
})

describe('uploads', () => {
  const files = () => readdirSync(write.folder).sort()

  it('stores, replaces, goes on with and adds to a file, also below the root', async () => {
    const client = await write.loggedIn()
    await client.say('TYPE I')
    expect((await client.send('STOR folder/deep/up.bin', large))[1]).toMatch(/^226 /)
    const path = join(write.folder, 'folder/deep/up.bin')
    expect(readFileSync(path).equals(large)).toBe(true)
    expect((await client.send('APPE folder/deep/up.bin', Buffer.from('more')))[1]).toMatch(/^226 /)
    expect(readFileSync(path).equals(Buffer.concat([large, Buffer.from('more')]))).toBe(true)
    await client.say('REST 5')
    expect((await client.send('STOR folder/deep/up.bin', Buffer.from('end')))[1]).toMatch(/^226 /)
    expect(readFileSync(path).equals(Buffer.concat([large.subarray(0, 5), Buffer.from('end')]))).toBe(true)
    expect((await client.send('APPE fresh', Buffer.from('new')))[1]).toMatch(/^226 /)
    expect(readFileSync(join(write.folder, 'fresh'), 'utf8')).toBe('new')
    client.socket.destroy()
  })

  it('goes on behind the place that REST says, and only behind one that the file has', async () => {
    const path = join(write.folder, 'resumed.bin')
    writeFileSync(path, '0123456789')
    const client = await write.loggedIn()
    await client.say('TYPE I')
    const goOn = async (at: number, name = 'resumed.bin') => {
      await client.say(`REST ${at}`)
      const replies = await client.send(`STOR ${name}`, Buffer.from('x'))
      return replies.map((reply) => reply.slice(0, 3)).join(' ')
    }
    expect(await goOn(11)).toBe('554')
    expect(await goOn(1, 'none.bin')).toBe('554')
    expect(await goOn(10)).toBe('150 226')
    expect(readFileSync(path, 'utf8')).toBe('0123456789x')
    // What the file had behind the place is gone.
    expect(await goOn(3)).toBe('150 226')
    expect(readFileSync(path, 'utf8')).toBe('012x')
    // The next one begins at the beginning again.
    expect((await client.send('STOR resumed.bin', Buffer.from('new')))[1]).toMatch(/^226 /)
    expect(readFileSync(path, 'utf8')).toBe('new')
    await client.say('TYPE A')
    expect(await goOn(1)).toBe('554')
    expect(readFileSync(path, 'utf8')).toBe('new')
    rmSync(path)
    client.socket.destroy()
  })

  it('takes lines in type A: their ends are LF here', async () => {
    const client = await write.loggedIn()
    const lines = 'a\r\n\r\nb\rc\n'.repeat(100_000)
    expect((await client.send('STOR lines.txt', Buffer.from(`${lines}\r`)))[1]).toMatch(/^226 /)
    const path = join(write.folder, 'lines.txt')
    expect(readFileSync(path, 'utf8') === `${lines.replaceAll('\r\n', '\n')}\r`).toBe(true)
    expect((await client.send('APPE lines.txt', Buffer.from('\r\nend\r\n')))[1]).toMatch(/^226 /)
    expect(readFileSync(path, 'utf8').slice(-8)).toBe('c\n\r\nend\n')
    rmSync(path)
    client.socket.destroy()
  })

  it('makes folders', async () => {
    const client = await write.loggedIn()
    expect(await client.say('MKD folder/a "b')).toBe('257 "/folder/a ""b" was made.')
    expect(readdirSync(join(write.folder, 'folder'))).toContain('a "b')
    expect(await client.say('XMKD folder/a "b/c')).toMatch(/^257 /)
    for (const line of ['MKD folder', 'MKD hello.txt', 'MKD nowhere/x', 'MKD hello.txt/x', 'MKD out']) {
      expect(await client.say(line)).toMatch(/^550 /)
    }
    for (const name of ['/', '.pagewire-upload-1-x', 'x'.repeat(256)]) {
      expect(await client.say(`MKD ${name}`)).toMatch(/^553 /)
    }
    expect(await client.say('MKD')).toMatch(/^501 /)
    client.socket.destroy()
  })

  it.each([
    ['STOR folder', '550'],
    ['STOR nowhere/x', '550'],
    ['STOR hello.txt/x', '550'],
    ['STOR /', '553'],
    ['STOR .pagewire-upload-1-x', '553'],
    [`STOR ${'x'.repeat(256)}`, '553'],
  ])('%s: %s', async (line, code) => {
    const before = files()
    const client = await write.loggedIn()
    const [reply] = await client.send(line, Buffer.from('x'))
    expect(reply.slice(0, 3)).toBe(code)
    expect(files()).toEqual(before)
    client.socket.destroy()
  })

  it('replaces a link, not what it points at, and leaves nothing of what broke off', async () => {
    const client = await write.loggedIn()
    expect((await client.send('STOR out', Buffer.from('mine')))[1]).toMatch(/^226 /)
    expect(readFileSync(join(write.base, 'secret'), 'utf8')).toBe('secret')
    const before = files()
    const data = connect(await client.extended(), '127.0.0.1')
    expect(await client.say('STOR half')).toMatch(/^150 /)
    data.write('half')
    await expect.poll(() => files().length).toBe(before.length + 1)
    data.resetAndDestroy()
    expect(await client.reply()).toMatch(/^426 /)
    expect(files()).toEqual(before)
    client.socket.destroy()
  })
})

describe('limits', () => {
  it('takes so many sessions and no more', async () => {
    const small = await FtpFixture.start({ sessions: 2 })
    const first = await small.client()
    const second = await small.client()
    const third = connect(small.port, '127.0.0.1')
    expect((await collected(third)).toString()).toMatch(/^421 /)
    first.socket.destroy()
    await first.closed
    await expect.poll(() => small.server.sessionCount).toBe(1)
    expect(await second.say('NOOP')).toMatch(/^200 /)
    small.stop()
  })

  it('ends a session that says nothing', async () => {
    const short = await FtpFixture.start({ idle: 20 })
    const client = await short.client()
    expect(await client.reply()).toMatch(/^421 /)
    await client.closed
    short.stop()
  })

  it('waits only so long for a data connection', async () => {
    const short = await FtpFixture.start({ connect: 20 })
    const client = await short.loggedIn()
    await client.extended()
    expect(await client.say('RETR hello.txt')).toMatch(/^150 /)
    expect(await client.reply()).toMatch(/^425 /)
    expect(await client.say('NOOP')).toMatch(/^200 /)
    client.socket.destroy()
    short.stop()
  })

  it('survives whatever comes over the control connection', async () => {
    const words = fc.constantFrom(
      'USER a',
      'PASS b',
      'CWD ..',
      'EPSV',
      'PASV',
      'LIST',
      'RETR hello.txt',
      'ABOR',
      'REST 9',
      '\r\n',
    )
    const piece = fc.oneof(
      words.map((word) => Buffer.from(`${word}\r\n`)),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    )
    const quick = await FtpFixture.start({ connect: 1 })
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 20 }), async (pieces) => {
        const client = await quick.client()
        for (const bytes of pieces) client.socket.write(bytes)
        client.socket.end('\r\nQUIT\r\n')
        await client.closed
        const next = await quick.client()
        expect(await next.say('NOOP')).toMatch(/^200 /)
        next.socket.destroy()
        await next.closed
      }),
      { numRuns: 100 },
    )
    await expect.poll(() => quick.server.sessionCount).toBe(0)
    quick.stop()
  })
})
