/**
 * Station addresses of network cards. Source: libxl__device_nic_setdefault() in tools/libs/light/libxl_nic.c: where none is given, one is drawn behind
 * Xen's prefix, its fourth byte below 0x80. libvirt's driver of QEMU draws behind 52:54:00 (macPrefix of virQEMUDriverDomainDefParserConfig).
 */
import { xorshift } from './random.ts';

const XEN = '00:16:3e',
  /** KVM's, of which libvirt draws all three bytes (virMacAddrGenerate()). */
  KVM = '52:54:00';

export class StationAddresses {
  private readonly next: () => number;

  /** The same seed draws the same addresses. */
  constructor(seed: number) {
    this.next = xorshift(Math.imul(seed + 1, 0x9e3779b1));
  }

  /** One that is none of those: six bytes in hexadecimal with colons. */
  draw(taken: { has(mac: string): boolean }, kvm = false): string {
    for (;;) {
      const tail = (this.next() & (kvm ? 0xffffff : 0x7fffff)).toString(16).padStart(6, '0');
      const mac = `${kvm ? KVM : XEN}:${tail.replace(/^(..)(..)/, '$1:$2:')}`;
      if (!taken.has(mac)) return mac;
    }
  }
}
