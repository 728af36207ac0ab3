// The lines that `pagewire up` prints: a person types them as they stand.
import { describe, expect, it } from 'vitest'
import { parseCidr } from '../../../stack/base/ip-address.ts'
import { commandsToTry } from '../../../tools/up/commands-to-try.ts'
import type { OpenStack } from '../../../tools/up/open-stack.ts'
import type { UpOptions } from '../../../tools/up/options.ts'

const options = {
  command: 'up',
  address: parseCidr('192.0.2.2/24'),
  kernel: parseCidr('192.0.2.1/24'),
  port: 80,
  ftpPort: null,
} as UpOptions

describe('commands to try', () => {
  it('need nothing that a fresh clone lacks: the program itself is run by npx', async () => {
    expect(await commandsToTry(options, { bridge: null } as OpenStack, 'ip netns exec pw ')).toEqual([
      'ip netns exec pw ping 192.0.2.2',
      'ip netns exec pw curl http://192.0.2.2/',
      'npx pagewire ping -c 3 192.0.2.1',
    ])
  })
})
