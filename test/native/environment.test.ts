// The addon in several threads, at the end of a thread and of a process, and with callbacks that throw. Each case runs
// in a process or a worker of its own that loads the binary itself.

import { execFile } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { BINARY } from './addon.ts'

interface Output {
  code: number
  signal: string | null
  stdout: string
  stderr: string
}

const PRELUDE = `const addon = require(${JSON.stringify(BINARY)});
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');
`

function run(code: string, flags: string[] = []): Promise<Output> {
  return new Promise((done) => {
    const child = execFile(
      process.execPath,
      [...flags, '-e', PRELUDE + code],
      { timeout: 50_000 },
      (error, stdout, stderr) => {
        done({ code: error ? (child.exitCode ?? -1) : 0, signal: child.signalCode, stdout, stderr })
      },
    )
  })
}

async function runs(code: string, flags?: string[]): Promise<string> {
  const { code: status, signal, stdout, stderr } = await run(code, flags)
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' })
  return stdout.trim()
}

describe('the addon', () => {
  it('lets what a callback throws become an uncaughtException, and goes on', async () => {
    const output = await runs(`
      const seen = [];
      process.on('uncaughtException', (error) => { seen.push(error.message); timer.arm(1); });
      const timer = new addon.Timer();
      let count = 0;
      timer.open(() => {
        if (++count < 3) throw new Error('thrown ' + count);
        console.log(seen.join());
        timer.close();
      });
      timer.arm(1);`)
    expect(output).toBe('thrown 1,thrown 2')
  })

  it('ends the process when nobody takes the exception', async () => {
    const { code, stderr } = await run(`
      const timer = new addon.Timer();
      timer.open(() => { throw new Error('nobody takes me'); });
      timer.arm(1);`)
    expect(code).toBe(1)
    expect(stderr).toContain('nobody takes me')
  })

  it('reports what a microtask of a callback throws', async () => {
    const { code, stderr } = await run(`
      const timer = new addon.Timer();
      timer.open(() => { Promise.reject(new Error('from a promise')); });
      timer.arm(1);`)
    expect(code).toBe(1)
    expect(stderr).toContain('from a promise')
  })

  it('gives each thread its own regions and timers', async () => {
    const output = await runs(`
      const code = ${JSON.stringify(PRELUDE)} + \`
        const words = new Uint32Array(3);
        const list = addon.registerRegion(words.buffer);
        const timer = new addon.Timer();
        let turns = 0;
        timer.open(() => {
          for (let i = 0; i < 200; i++) {
            const bytes = new Uint8Array(4096).fill(workerData);
            const id = addon.registerRegion(bytes.buffer);
            words.set([id, 0, 4096]);
            let sum = workerData * 257 * 2048;
            while (sum > 65535) sum = (sum & 65535) + (sum >>> 16);
            if (addon.sum(list, 1) !== sum) throw new Error('wrong sum');
            if (addon.regionCount() !== 2) throw new Error('a region of another thread');
            addon.unregisterRegion(id);
          }
          if (++turns < 20) timer.arm(50);
          else { timer.close(); parentPort.postMessage('done'); }
        });
        timer.arm(1);\`;
      let ended = 0;
      for (let i = 1; i <= 4; i++) {
        const worker = new Worker(code, { eval: true, workerData: i });
        worker.on('message', () => {});
        worker.on('error', (error) => { console.log(error.message); });
        worker.on('exit', (status) => { if (++ended === 4) console.log('ended', status); });
      }`)
    expect(output).toBe('ended 0')
  })

  it('lets a worker be stopped with everything open, again and again', async () => {
    const output = await runs(`
      const code = ${JSON.stringify(PRELUDE)} + \`
        const timers = [];
        for (let i = 0; i < 5; i++) {
          const timer = new addon.Timer();
          timer.open(() => timer.arm(20));
          timer.arm(20);
          timers.push(timer);
        }
        const watch = new addon.LinkWatch();
        watch.open(1, () => {});
        watch.refresh();
        const closing = new addon.Timer();
        closing.open(() => {});
        closing.close();
        for (let i = 0; i < 50; i++) addon.registerRegion(new ArrayBuffer(1 << 16));
        const tap = new addon.Tap();
        tap.open('/dev/null');
        parentPort.postMessage('up');\`;
      (async () => {
        for (let i = 0; i < 10; i++) {
          const worker = new Worker(code, { eval: true });
          await new Promise((done) => worker.once('message', done));
          await worker.terminate();
        }
        console.log('stopped', require('node:fs').readdirSync('/proc/self/fd').length < 40);
      })();`)
    expect(output).toBe('stopped true')
  })

  it('lets a worker be stopped within a callback that never ends', async () => {
    const output = await runs(`
      const code = ${JSON.stringify(PRELUDE)} + \`
        const timer = new addon.Timer();
        timer.open(() => { parentPort.postMessage('in'); for (;;); });
        timer.arm(1);\`;
      const worker = new Worker(code, { eval: true });
      worker.once('message', async () => console.log('code', await worker.terminate()));`)
    expect(output).toBe('code 1')
  })

  it('lets a worker that throws report it', async () => {
    const output = await runs(`
      const code = ${JSON.stringify(PRELUDE)} + \`
        const timer = new addon.Timer();
        timer.open(() => { throw new Error('in a worker'); });
        timer.arm(1);\`;
      const worker = new Worker(code, { eval: true });
      worker.on('error', (error) => console.log(error.message));`)
    expect(output).toBe('in a worker')
  })

  it('lets the process exit with everything open', async () => {
    expect(
      await runs(`
        const timer = new addon.Timer();
        timer.open(() => { console.log('bye'); process.exit(0); });
        const other = new addon.Timer();
        other.open(() => {});
        other.arm(1e9);
        timer.arm(1);`),
    ).toBe('bye')
  })

  it('keeps the process alive only while it is told to', async () => {
    expect(
      await runs(`
        const timer = new addon.Timer();
        timer.open(() => console.log('never'));
        timer.keep(false);
        timer.arm(1e12);
        const watch = new addon.LinkWatch();
        watch.open(1, () => {});
        watch.keep(false);
        console.log('end');`),
    ).toBe('end')
  })

  it('leaks no descriptor and no memory, closed or collected', async () => {
    const output = await runs(
      `
      const { readdirSync } = require('node:fs');
      const fds = () => readdirSync('/proc/self/fd').length;
      const turn = () => new Promise((done) => setImmediate(done));
      (async () => {
        const once = async () => {
          for (let i = 0; i < 100; i++) {
            const timer = new addon.Timer(); timer.open(() => {}); timer.arm(1e9); timer.close();
            const watch = new addon.LinkWatch(); watch.open(1, () => {}); watch.refresh(); watch.close();
            const tap = new addon.Tap(); tap.open('/dev/null'); tap.close();
            new addon.Tap().open('/dev/null');
            const id = addon.registerRegion(new ArrayBuffer(1 << 16)); addon.unregisterRegion(id);
          }
          await turn(); gc(); await turn(); gc(); await turn();
        };
        await once(); await once();
        const before = fds(), memory = process.memoryUsage();
        for (let i = 0; i < 20; i++) await once();
        const after = process.memoryUsage();
        console.log(fds() - before, addon.regionCount(), after.arrayBuffers - memory.arrayBuffers < 1e6,
          after.rss - memory.rss < 30e6);
      })();`,
      ['--expose-gc'],
    )
    expect(output).toBe('0 0 true true')
  })
})
