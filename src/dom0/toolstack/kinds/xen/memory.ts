/** The memory of a guest of Xen, whose balloon driver reads its target in the store. */
import { XEN } from '../../../../hypervisor/interfaces/xen/index.ts';
import type { GuestMemory } from '../running-kind.ts';

export const memory: GuestMemory = {
  frames: ({ machine }, { record }) => Atomics.load(machine.words, (record.guestOffset >>> 2) + XEN.CURRENT_FRAMES),
  listens: ({ services }, { record: { id } }) =>
    services.xenstored.store.hears(id, `/local/domain/${id}/memory/target`),
  silence: 'nothing in it watches memory/target in its store',
};
