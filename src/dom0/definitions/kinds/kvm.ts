/** A guest of KVM, as QEMU has it. */
import { placeUnderKvm } from '../config/disk.ts';
import type { DefinitionKind } from './kind.ts';
import { pc } from './pc.ts';

export const kvm: DefinitionKind = {
  ...pc,
  startsEmpty: true,
  passwordLength: 8,
  virtio: true,
  drives: { place: placeUnderKvm, names: 'vda to vdh (virtio) and hda to hdd (IDE, and CDs)', haveNumbers: false },
  judgedBy: 'kvm',
  kvmKey: 1,
};
