// What is measured: each test with the server and port for each column, the words for the client, the figures that are read
// from what it answers, and the goals. It says what; the running is in measure.ts.

/** Columns of the table. */
export type Column = 'pagewire' | 'kernel' | 'node' | 'floor'
export const COLUMNS: readonly Column[] = ['pagewire', 'kernel', 'node', 'floor']

/** What answers; `-raw`: no virtio-net header. */
export type ServerName = 'pagewire' | 'pagewire-raw' | 'kernel' | 'node' | 'floor' | 'floor-raw'

/** What the client, or a measure of more steps, says. */
export type Answer = Readonly<Record<string, number>>

/** `than`: a multiple of that column's figure; null: the figure itself. */
export interface Goal {
  than: Column | null
  bound: number
}

export interface Figure {
  /** Unique in all tests: what `--compare` matches. */
  key: string
  title: string
  unit: string
  better: 'more' | 'less'
  /** NaN: this server has no such figure. */
  value(answer: Answer): number
  goals?: readonly Goal[]
}

export interface Test {
  /** As `--tests` says it. Several may have the same. */
  name: string
  servers: Partial<Record<Column, readonly [server: ServerName, port: number]>>
  way:
    | { kind: 'load'; measure: string; argument: number | 'server' }
    | { kind: 'idle' }
    | { kind: 'garbage'; measure: 'receive' | 'send' }
  figures: readonly Figure[]
}

const GIB = 2 ** 30
const rate = (answer: Answer) => (answer['bytes'] * 8) / answer['seconds'] / 1e9
const perSecond = (answer: Answer) => answer['count'] / answer['seconds']

function than(column: Column, bound: number): Goal {
  return { than: column, bound }
}

function bulk(
  name: string,
  title: string,
  measure: 'receive' | 'send',
  flows: number,
  servers: Test['servers'],
  goals: readonly Goal[] = [],
  costs: readonly Goal[] = [],
): Test {
  return {
    name,
    servers,
    way: { kind: 'load', measure, argument: flows },
    figures: [
      { key: `${name}-${measure}`, title, unit: 'Gbit/s', better: 'more', value: rate, goals },
      {
        key: `${name}-${measure}-cpu`,
        title: '… processor seconds per GiB, whole machine',
        unit: 's/GiB',
        better: 'less',
        value: (answer) => answer['busy'] / (answer['bytes'] / GIB),
        goals: costs,
      },
    ],
  }
}

function http(
  name: string,
  title: string,
  connections: number,
  servers: Test['servers'],
  goals: readonly Goal[],
): Test {
  const key = `${name}-${connections}`
  const words = connections === 1 ? '1 connection' : `${connections} connections`
  return {
    name,
    servers,
    way: { kind: 'load', measure: 'http', argument: connections },
    figures: [
      { key, title: `${title}, ${words}`, unit: 'requests/s', better: 'more', value: perSecond, goals },
      { key: `${key}-p99`, title: '… p99', unit: 'us', better: 'less', value: (answer) => answer['p99'] },
    ],
  }
}

function garbage(measure: 'receive' | 'send', port: number, bound: number): Test {
  const title = measure === 'receive' ? 'Garbage, sending' : 'Garbage, receiving'
  const key = measure === 'receive' ? 'garbage-sending' : 'garbage-receiving'
  const goal = (limit: number): readonly Goal[] => [{ than: null, bound: limit }]
  return {
    name: 'garbage',
    servers: { pagewire: ['pagewire', port] },
    way: { kind: 'garbage', measure },
    figures: [
      {
        key,
        title: `${title}: allocated in the heap`,
        unit: 'bytes/KiB',
        better: 'less',
        value: (answer) => answer['allocated'] / (answer['total'] / 1024),
        goals: goal(bound),
      },
      {
        key: `${key}-stall`,
        title: '… longest pause of the event loop',
        unit: 'ms',
        better: 'less',
        value: (answer) => answer['longestStall'],
        goals: goal(2),
      },
      {
        key: `${key}-collection`,
        title: '… longest garbage collection',
        unit: 'ms',
        better: 'less',
        value: (answer) => answer['longestCollection'],
      },
    ],
  }
}

const IDLE: Test = {
  name: 'idle',
  servers: { pagewire: ['pagewire', 5003], kernel: ['kernel', 5003], node: ['node', 5003] },
  way: { kind: 'idle' },
  figures: [
    {
      key: 'idle-memory',
      title: "Idle connections: the server's private memory, each",
      unit: 'KiB',
      better: 'less',
      value: (answer) => answer['private'],
      goals: [{ than: null, bound: 3 }],
    },
    {
      key: 'idle-slab',
      title: "… the machine's slab, each (its client's sockets, too)",
      unit: 'KiB',
      better: 'less',
      value: (answer) => answer['slab'],
    },
    { key: 'idle-alive', title: '… still answer', unit: '%', better: 'more', value: (answer) => answer['alive'] },
    {
      key: 'idle-cpu',
      title: '… processor used while idle',
      unit: '%',
      better: 'less',
      value: (answer) => answer['processor'],
    },
  ],
}

const MINIMAL: Test['servers'] = { pagewire: ['pagewire', 8080], kernel: ['kernel', 8080], node: ['node', 8080] }
const NODE_HTTP: Test['servers'] = { pagewire: ['pagewire', 8081], node: ['node', 8081] }
const MEMORY: Test['servers'] = { pagewire: ['pagewire', 5001], kernel: ['kernel', 5001] }
const WRITE: Test['servers'] = { pagewire: ['pagewire', 5004], kernel: ['kernel', 5001], node: ['node', 5004] }
const CONNECTIONS = [1, 16, 64]

/** In the order of the table. */
export const TESTS: readonly Test[] = [
  bulk(
    'send-memory',
    'Send from memory by writeZeroCopy, 1 connection',
    'receive',
    1,
    { ...MEMORY, floor: ['floor', 5001] },
    [than('floor', 0.85), than('kernel', 1)],
    [than('floor', 1.15)],
  ),
  bulk('send-memory-4', 'Send from memory by writeZeroCopy, 4 connections', 'receive', 4, MEMORY),
  bulk('send-write', 'Send from memory by write(), 1 connection', 'receive', 1, WRITE, [than('node', 0.9)]),
  bulk('send-write-4', 'Send from memory by write(), 4 connections', 'receive', 4, WRITE),
  bulk(
    'send-file',
    'Send a file by sendFile, 1 connection',
    'receive',
    1,
    { pagewire: ['pagewire', 5011], kernel: ['kernel', 5011], node: ['node', 5012], floor: ['floor', 5011] },
    [than('floor', 1), than('kernel', 1), than('node', 6)],
  ),
  bulk(
    'receive',
    'Receive, 1 connection',
    'send',
    1,
    { pagewire: ['pagewire', 5002], kernel: ['kernel', 5002], node: ['node', 5002], floor: ['floor', 5002] },
    [than('floor', 0.5), than('node', 1.2)],
  ),
  bulk(
    'software',
    'All in software (no virtio-net header): send from memory',
    'receive',
    1,
    { pagewire: ['pagewire-raw', 5001], floor: ['floor-raw', 5001] },
    [than('floor', 0.8)],
  ),
  bulk(
    'software',
    'All in software (no virtio-net header): receive',
    'send',
    1,
    { pagewire: ['pagewire-raw', 5002], floor: ['floor-raw', 5002] },
    [than('floor', 0.6)],
  ),
  {
    name: 'rr',
    servers: { pagewire: ['pagewire', 5003], kernel: ['kernel', 5003], node: ['node', 5003] },
    way: { kind: 'load', measure: 'round-trip', argument: 'server' },
    figures: [
      {
        key: 'rr-p50',
        title: '1-byte round trip, both ends on one core, p50',
        unit: 'us',
        better: 'less',
        value: (answer) => answer['p50'],
      },
      { key: 'rr-p99', title: '… p99', unit: 'us', better: 'less', value: (answer) => answer['p99'] },
    ],
  },
  ...CONNECTIONS.map((count) => http('http-minimal', 'HTTP, 13 bytes, minimal responder', count, MINIMAL, [])),
  ...CONNECTIONS.map((count) =>
    http('http-node', "HTTP, 13 bytes, Node's http", count, NODE_HTTP, [than('node', 0.9)]),
  ),
  {
    name: 'open-close',
    servers: { pagewire: ['pagewire', 5003], kernel: ['kernel', 5003], node: ['node', 5003] },
    way: { kind: 'load', measure: 'open-close', argument: 16 },
    figures: [
      {
        key: 'open-close',
        title: 'Connections opened and closed, 16 in flight',
        unit: '1/s',
        better: 'more',
        value: perSecond,
        goals: [than('kernel', 1), than('node', 1)],
      },
      {
        key: 'open-close-failed',
        title: '… failed or stuck',
        unit: '',
        better: 'less',
        value: (answer) => answer['failed'] + answer['stuck'],
      },
    ],
  },
  IDLE,
  {
    name: 'ping',
    servers: { pagewire: ['pagewire', 0], kernel: ['kernel', 0] },
    way: { kind: 'load', measure: 'ping', argument: 0 },
    figures: [
      { key: 'ping', title: 'Ping, mean', unit: 'us', better: 'less', value: (answer) => answer['mean'] },
      { key: 'ping-p99', title: '… p99', unit: 'us', better: 'less', value: (answer) => answer['p99'] },
    ],
  },
  garbage('receive', 5001, 1),
  garbage('send', 5002, 4),
]

export const TEST_NAMES: readonly string[] = [...new Set(TESTS.map(({ name }) => name))]
