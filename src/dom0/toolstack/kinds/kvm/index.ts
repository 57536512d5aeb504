/** A PC whose guest finds KVM. Cards, disks and channels of virtio come to it while it runs. */
import { outside } from '../../../../formats/bytes/index.ts';
import { KVM_RECORDS } from '../../../../hypervisor/interfaces/kvm/index.ts';
import { hasVirtio } from '../../../../devices/index.ts';
import { loadBackends } from '../../../backends/index.ts';
import type { GuestKind } from '../kind.ts';
import { pc } from '../pc.ts';

export const kvm: GuestKind = {
  ...pc,
  kind: 'kvm',
  records: KVM_RECORDS,
  // A balloon is what takes from the guest what it sees and is not to have.
  seesMost: ({ virtio }) => hasVirtio(virtio, 'balloon'),
  // What comes while it runs finds its records.
  reserves: () => ({ card: true, drives: true }),
  setMemory: (_services, { name, askMemory }, memoryMiB) => {
    if (!askMemory) throw new Error(`${name} is being built. Ask again once it runs.`);
    askMemory(memoryMiB);
  },
  // Disks may come to it though it has none.
  load: () => loadBackends(['drives']),
  // A host with Xen needs none of it.
  loadMemory: () => outside(import('./memory.ts')),
};
