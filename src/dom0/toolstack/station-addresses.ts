/** Station addresses of network cards: where none is given, one is drawn behind the hypervisor's prefix. */
import type { Hypervisor } from './hypervisors/hypervisor.ts';
import { ofXen } from './hypervisors/of-xen.ts';
import { xorshift } from './random.ts';

export class StationAddresses {
  private readonly next: () => number;

  /** The same seed draws the same addresses. */
  constructor(seed: number) {
    this.next = xorshift(Math.imul(seed + 1, 0x9e3779b1));
  }

  /** One that is none of those: six bytes in hexadecimal with colons. */
  draw(taken: { has(mac: string): boolean }, { prefix, drawn }: Hypervisor['stations'] = ofXen.stations): string {
    for (;;) {
      const tail = (this.next() & drawn).toString(16).padStart(6, '0');
      const mac = `${prefix}:${tail.replace(/^(..)(..)/, '$1:$2:')}`;
      if (!taken.has(mac)) return mac;
    }
  }
}
