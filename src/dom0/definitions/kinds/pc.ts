/** A PC that finds no hypervisor. Kinds with a board are like it but for what they name. */
import { placeOf } from '../config/disk.ts';
import type { DefinitionKind } from './kind.ts';

export const pc: DefinitionKind = {
  type: 'hvm',
  builder: 'hvm',
  needsXen: false,
  needsVt: true,
  firmware: true,
  startsEmpty: false,
  entry: 'kernel',
  hvmOptions: true,
  shadows: true,
  vnc: 'VGA',
  passwordLength: Infinity,
  virtio: false,
  emulates: true,
  modelInDomain0: false,
  pvCards: false,
  drives: { place: ({ vdev }) => placeOf(vdev), names: 'hda to hdd', haveNumbers: true },
};
