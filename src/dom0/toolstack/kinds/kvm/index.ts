/** A PC whose guest finds KVM. Cards, disks and channels of virtio come to it while it runs. */
import { part } from '../../../../formats/loading/index.ts';
import { KVM_RECORDS } from '../../../../hypervisor/interfaces/kvm/index.ts';
import { hasVirtio, MOST_CARDS } from '../../../../devices/index.ts';
import { loadBackends } from '../../../backends/index.ts';
import type { GuestKind } from '../kind.ts';
import { pc } from '../pc.ts';

const running = part(() => import('./running.ts'), 'plugs and saves devices of KVM’s guests');

export const kvm: GuestKind = {
  ...pc,
  kind: 'kvm',
  records: KVM_RECORDS,
  isAccelerated: true,
  // A balloon is what takes from the guest what it sees and is not to have.
  seesMost: ({ virtio }) => hasVirtio(virtio, 'balloon'),
  // What comes while it runs finds its records.
  reserves: () => ({ cards: MOST_CARDS, drives: true }),
  // Disks may come to it though it has none.
  load: () => Promise.all([loadBackends(['drives']), running.load()]),
  begin: (member, isRestored) => {
    if (!isRestored) running.get().beginBalloon(member);
  },
  ejected: (core, member, slot) => running.get().ejected(core, member, slot),
  setMemory: ({ machine }, member, memoryMiB) => {
    if (member.early) throw new Error(`${member.name} is being built. Ask again once it runs.`);
    running.get().askBalloon(machine, member, memoryMiB);
  },
  running: async () => (await running.load()).running,
};
