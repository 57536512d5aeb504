/** Kinds of guests as libvirt changes them while they run. */
import type { Kind } from '../../../hypervisor/kinds/index.ts';
import type { LibvirtKind } from './kind.ts';
import { kvm } from './kvm.ts';
import { hvm, pc, pvh } from './xen.ts';

export type { LibvirtKind } from './kind.ts';

export const LIBVIRT_KINDS: Readonly<Record<Kind, LibvirtKind>> = { pc, hvm, pvh, pv: pvh, kvm };

export const inLibvirt = ({ kind }: { kind: Kind }): LibvirtKind => LIBVIRT_KINDS[kind];
