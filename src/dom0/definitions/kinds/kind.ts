/** What a definition of a guest of some kind may say, and what that comes to. A new kind is one file here and one line in index.ts. */
import type { XenKind } from '../../../hypervisor/kinds/index.ts';
import type { DiskSpec } from '../config/disk.ts';

export interface DefinitionKind {
  /** xl's type of it. */
  type: XenKind;
  /** xend's and xm's word for it. */
  builder: 'hvm' | 'pvh' | 'linux';
  /** It runs on a host with Xen alone. */
  needsXen: boolean;
  /** It runs where the processor has VT-x alone. */
  needsVt: boolean;
  /** Firmware starts it from its disks. Without that it is a kernel. */
  firmware: boolean;
  /** It starts where there is nothing to boot from, and its firmware says so. */
  startsEmpty: boolean;
  /** How its kernel is entered. */
  entry: 'kernel' | 'pvh' | 'pv';
  /** Options of xl.cfg(5) for fully virtualised guests count. */
  hvmOptions: boolean;
  /** hap = 0 gives it shadow page tables. */
  shadows: boolean;
  /** What vnc = 1 shows. */
  vnc: 'VGA' | 'PV screen' | 'nothing';
  /** Most characters of a screen's password. */
  passwordLength: number;
  /** It may have devices of virtio. */
  virtio: boolean;
  /** Devices of a PC are emulated for it: drives, a screen and cards. */
  emulates: boolean;
  /** Domain 0 may run its device model. */
  modelInDomain0: boolean;
  /** Cards are for PV drivers, too: its first one is emulated as well where the kind emulates, and the others are not. */
  pvCards: boolean;
  drives: {
    /** Where a disk is; undefined: nowhere, below 0: with PV drivers alone. */
    place(spec: DiskSpec): number | undefined;
    /** Names to choose from, for sentences. */
    names: string;
    /** They have numbers (xen-vbd-interface(7)). */
    haveNumbers: boolean;
  };
  /** Of keys that mean something else to it than to guests of Xen: who judges them. */
  judgedBy?: 'kvm';
  /** xl's key for it. */
  kvmKey?: 1;
}
