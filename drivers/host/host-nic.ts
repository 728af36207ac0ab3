// A card that also tells its host when the carrier comes or goes; the stack is told first.

import { Nic, type NicOptions } from '../../nic/index.ts'
import type { CapturePort } from '../pcap/index.ts'

export class HostNic extends Nic {
  /** Where frames are captured. */
  readonly capture: CapturePort
  private readonly onLinkChange: (nic: HostNic, up: boolean, gone: boolean) => void

  constructor(options: NicOptions & { port: CapturePort; onLinkChange: HostNic['onLinkChange'] }) {
    super(options)
    this.capture = options.port
    this.onLinkChange = options.onLinkChange
  }

  override onLink(up: boolean, gone: boolean): void {
    super.onLink(up, gone)
    this.onLinkChange(this, up, gone)
  }
}
