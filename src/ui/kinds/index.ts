/** What the page's forms offer for a guest of some kind, and what its inspectors find in one that runs. */
import type { Kind, XenKind } from '../../hypervisor/kinds/index.ts';

interface PageKind {
  /** It may start from a CD or a disk; others start a kernel. */
  startsDisks: boolean;
  /** Its first card may be one of a PC's; cards may be for PV drivers alone; the model of cards that come. */
  pcCards: boolean;
  pvCards: boolean;
  model: 'netfront' | 'virtio';
  /** Its screen is a VGA; others may get one for PV drivers. */
  vga: boolean;
  /** It may have virtio's random numbers. */
  rng: boolean;
  /** Against others where none is written: that of its scheduler (hypervisor/scheduler). */
  weight: 256 | 1024;
  /** What names of its disks begin with, and of those that come to it while it runs. */
  disks: 'hd' | 'xvd' | 'vd';
  plugged: 'vd' | 'xvd';
}

const pc: PageKind = {
  startsDisks: true,
  pcCards: true,
  pvCards: false,
  model: 'netfront',
  vga: true,
  rng: false,
  weight: 256,
  disks: 'hd',
  plugged: 'xvd',
};
const hvm: PageKind = { ...pc, pvCards: true };
const pv: PageKind = { ...hvm, startsDisks: false, pcCards: false, vga: false, disks: 'xvd' };
const kvm: PageKind = { ...pc, model: 'virtio', rng: true, weight: 1024, disks: 'vd', plugged: 'vd' };

const PAGE_KINDS: Readonly<Record<Kind, PageKind>> = { pc, hvm, pvh: pv, pv, kvm };
export const inForms = ({ kind }: { kind: Kind }): PageKind => PAGE_KINDS[kind];

/** What there is of a guest that runs, by xl's type of it. */
interface RunningKind {
  /** Its exits are VT-x's. */
  usesVt: boolean;
  /** Its page tables name machine frames. */
  namesFrames: boolean;
  /** A device model answers for its devices. */
  deviceModel: boolean;
}

const RUNNING: Readonly<Record<XenKind, RunningKind>> = {
  hvm: { usesVt: true, namesFrames: false, deviceModel: true },
  pvh: { usesVt: true, namesFrames: false, deviceModel: false },
  pv: { usesVt: false, namesFrames: true, deviceModel: false },
};
/** `type`: absent where a guest is none of Xen's. */
export const asRun = (type: XenKind = 'hvm'): RunningKind => RUNNING[type];
