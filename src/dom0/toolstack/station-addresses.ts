/**
 * Station addresses of network cards. Source: libxl__device_nic_setdefault() in tools/libs/light/libxl_nic.c: where none is given, one is drawn behind
 * Xen's prefix, its fourth byte below 0x80.
 */
import { xorshift } from './random.ts';

const PREFIX = '00:16:3e';

export class StationAddresses {
  private readonly next: () => number;

  /** The same seed draws the same addresses. */
  constructor(seed: number) {
    this.next = xorshift(Math.imul(seed + 1, 0x9e3779b1));
  }

  /** One that is none of those: six bytes in hexadecimal with colons. */
  draw(taken: { has(mac: string): boolean }): string {
    for (;;) {
      const tail = (this.next() & 0x7fffff).toString(16).padStart(6, '0');
      const mac = `${PREFIX}:${tail.replace(/^(..)(..)/, '$1:$2:')}`;
      if (!taken.has(mac)) return mac;
    }
  }
}
