// A client of `pagewire bench serve` on the kernel's sockets, in a namespace: jobs as JSON in a file, answers as JSON.
// A job: { port, send: [pieces in base64], until: bytes to wait for, end: close first, patience: milliseconds of silence } -> { length, sha256, ended, text }.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'

const TEXT = 4096

function job({ port, send, until = Number.POSITIVE_INFINITY, end = false, repeat = 1, patience = 0 }) {
  return new Promise((resolve) => {
    const hash = createHash('sha256')
    let [length, text] = [0, '']
    const socket = connect({ host: '192.0.2.2', port, noDelay: true })
    const done = (ended) => {
      socket.destroy()
      resolve({ length, sha256: hash.digest('hex'), ended, text })
    }
    socket.on('connect', async () => {
      // Each piece is a segment of its own: the next one is written when the kernel has sent this one.
      for (let i = 0; i < repeat; i++) {
        for (const piece of send) await new Promise((next) => socket.write(Buffer.from(piece, 'base64'), next))
      }
      if (end) socket.end()
    })
    socket.on('data', (bytes) => {
      hash.update(bytes)
      length += bytes.length
      if (text.length < TEXT) text += bytes.toString('latin1').slice(0, TEXT)
      if (length >= until) done('client')
    })
    if (patience > 0) socket.setTimeout(patience, () => done('silence'))
    socket.on('end', () => done('server'))
    socket.on('error', (error) => done(error.code))
  })
}

const { together, jobs } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const answers = together ? await Promise.all(jobs.map(job)) : []
if (!together) for (const one of jobs) answers.push(await job(one))
process.stdout.write(JSON.stringify(answers))
