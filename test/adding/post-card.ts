/** A POST card: it keeps the code that firmware last wrote to port 0x300, where EISA boards have it (on others it is port 0x80). */
import type { PortRange } from '../../src/devices/bus.ts';
import { RegisterDevice } from '../../src/devices/register-device.ts';

const initial = () => ({ code: 0 });

export class PostCard extends RegisterDevice<ReturnType<typeof initial>> {
  readonly portRanges: PortRange[];

  constructor() {
    super('post-card', initial);
    const { r } = this;
    this.portRanges = [{ base: 0x300, count: 1, read: () => r.code, write: (_offset, value) => (r.code = value) }];
  }
}
