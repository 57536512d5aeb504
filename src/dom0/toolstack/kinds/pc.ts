/** A PC that finds no hypervisor: xl has no such guest. */
import { part } from '../../../formats/loading/index.ts';
import { emulatedCards } from '../../definitions/config/index.ts';
import { isOpenOnce } from '../devices/open-once.ts';
import type { GuestKind } from './kind.ts';
import { IN_WORKER, ON_THREAD } from './model-place.ts';

const running = part(() => import('./xen/running.ts'), 'plugs and saves devices of guests');

export const pc: GuestKind = {
  kind: 'pc',
  hasStore: false,
  isAccelerated: false,
  hasBoard: true,
  hasButton: true,
  vcpusChange: false,
  mayShadow: false,
  suspendsItself: false,
  reach: 'ram',
  restartsInPlace: true,
  seesMost: () => false,
  modelAt: ({ elsewhere }) => (elsewhere ? IN_WORKER : ON_THREAD),
  reserves: ({ definition, drives }) => ({
    cards: emulatedCards(definition).length,
    drives: drives.some(drive => drive.place >= 0 && isOpenOnce(drive)),
  }),
  // A PC of this thread opens its files itself.
  opensInDomain0: (drive, { queues }, drives) =>
    queues ? drive.place < 0 || isOpenOnce(drive) : drives.some(isOpenOnce),
  emulates: () => true,
  offers: () => false,
  setMemory: ({ services }, { record }, memoryMiB) => services.setMemory(record.id, memoryMiB),
  // What is refused of a PC is refused as of a guest of Xen that has stopped.
  running: async () => (await running.load()).running,
};
