/** A PC that finds no hypervisor: xl has no such guest. */
import { emulatedCard } from '../../definitions/config/index.ts';
import { isOpenOnce } from '../devices/index.ts';
import type { GuestKind } from './kind.ts';

export const pc: GuestKind = {
  kind: 'pc',
  isOfXen: false,
  needsVt: true,
  hasBoard: true,
  mayShadow: false,
  reach: 'ram',
  restartsInPlace: true,
  seesMost: () => false,
  modelInDomain0: () => false,
  reserves: ({ definition, drives }) => ({
    card: emulatedCard(definition) !== undefined,
    drives: drives.some(drive => drive.place >= 0 && isOpenOnce(drive)),
  }),
  setMemory: (services, { record }, memoryMiB) => services.setMemory(record.id, memoryMiB),
  opensInDomain0: (drive, inWorker) => !inWorker || drive.place < 0 || isOpenOnce(drive),
};
