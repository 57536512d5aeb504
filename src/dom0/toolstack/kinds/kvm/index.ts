/** A PC whose guest finds KVM. Cards, disks and channels of virtio come to it while it runs. */
import { outside } from '../../../../formats/bytes/index.ts';
import { KVM_RECORDS } from '../../../../hypervisor/interfaces/kvm/index.ts';
import { hasVirtio, MOST_CARDS } from '../../../../devices/index.ts';
import { loadBackends } from '../../../backends/index.ts';
import type { GuestKind } from '../kind.ts';
import { pc } from '../pc.ts';

let running: typeof import('./running.ts') | undefined;
const loadRunning = async (): Promise<NonNullable<typeof running>> =>
  (running ??= await outside(import('./running.ts')));

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
  load: () => Promise.all([loadBackends(['drives']), loadRunning()]),
  begin: (member, isRestored) => {
    if (!isRestored) running!.beginBalloon(member);
  },
  ejected: (core, member, slot) => running!.ejected(core, member, slot),
  setMemory: ({ machine }, member, memoryMiB) => {
    if (member.early) throw new Error(`${member.name} is being built. Ask again once it runs.`);
    running!.askBalloon(machine, member, memoryMiB);
  },
  running: async () => (await loadRunning()).running,
};
