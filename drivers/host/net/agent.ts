// Agents for Node's http and https clients whose connections are a host's. All else (pooling, keep-alive, time-outs) is Node's.

import { type AgentOptions, Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent, type AgentOptions as SecureAgentOptions } from 'node:https'
import { type ConnectionOptions, connect as connectSecure } from 'node:tls'
import type { ConnectOptions } from './arguments.ts'
import type { Connect } from './index.ts'

/** For `http.request({ agent })`. */
export function createAgent(connect: Connect, options?: AgentOptions): HttpAgent {
  return Object.assign(new HttpAgent(options), { createConnection: connect })
}

/** For `https.request({ agent })`: TLS over the host's sockets. */
export function createSecureAgent(connect: Connect, options?: SecureAgentOptions): HttpsAgent {
  const createConnection = (given: ConnectionOptions & ConnectOptions) => {
    const { host, port, lookup, family, localAddress, localPort, timeout } = given
    const socket = connect({ host, port, lookup, family, localAddress, localPort, timeout })
    return connectSecure({ ...given, socket } as ConnectionOptions)
  }
  return Object.assign(new HttpsAgent(options), { createConnection })
}
