/** How hypervisors spell commands. */
import type { HypervisorKind } from '../boot/menu/index.ts';
import { kvm, libvirtOfXen } from './kvm.ts';
import { described, spell, type Spellings } from './spelling.ts';
import { xen } from './xen.ts';

export const spellingsOf = (kind: HypervisorKind): Spellings => ({ xen, kvm })[kind];
export { described, libvirtOfXen, spell };
