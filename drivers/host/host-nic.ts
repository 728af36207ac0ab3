// A card that also tells its host when the carrier comes or goes; the stack is told first.

import { Nic, type NicOptions } from '../../nic/index.ts'
import type { CapturePort } from '../pcap/index.ts'

export class HostNic extends Nic {
  /** Where frames are captured. */
  readonly capture: CapturePort
  /** Absent while the card is being made: a port may tell its carrier while it is attached, when there is no host to tell. */
  private readonly onLinkChange: ((nic: HostNic, up: boolean, gone: boolean) => void) | undefined

  constructor(
    options: NicOptions & { port: CapturePort; onLinkChange: (nic: HostNic, up: boolean, gone: boolean) => void },
  ) {
    super(options)
    this.capture = options.port
    this.onLinkChange = options.onLinkChange
  }

  override onLink(up: boolean, gone: boolean): void {
    super.onLink(up, gone)
    this.onLinkChange?.(this, up, gone)
  }
}
