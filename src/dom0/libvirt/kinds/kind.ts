/** What libvirt can do to a guest of some kind while it runs. */
import type { Definition } from '../../definitions/config/index.ts';

export interface LibvirtKind {
  /** Of <domain type>. */
  type: 'xen' | 'kvm';
  /** Its memory can change, vCPUs can come and go, disks can come whose names begin with `disks`, and cards up to `mostCards` in all. */
  live: { memory: boolean; vcpus: boolean; disks?: 'xvd' | 'vd'; mostCards: number };
  /** Which vCPUs it has now is counted. */
  countsVcpus: boolean;
  /** Its process and its balloon give statistics of memory. */
  memoryStats: boolean;
  /** Devices that events name when they come and go: their aliases (qemuAssignDeviceAliases()). */
  aliases(definition: Definition): readonly string[];
  /** Words of xl for a card's model, and for a card without an address. */
  cardWords: { model(model: string | undefined): readonly string[]; withoutAddress: string };
  /** @throws LibvirtError: its driver refuses to change the device that `device` defines, where the guest is `has` */
  refuse(has: Definition, device: Definition, how: 'attach' | 'detach' | 'update'): void;
}
