/** Whose a frame is: in a name, a colour and a letter. */

import { nameOf } from '../../host.ts';
import { ownerClass } from '../../owners.ts';
import { hypervisorWords, words } from './words.ts';

/** DOMID_XEN (xen/include/public/xen.h), DOMID_FIRST_RESERVED + 2: the owner of the hypervisor's own frames, whichever that is. */
export const XEN = 0x7ff2;
export const ownerName = (id: number): string =>
  id === XEN ? hypervisorWords().hypervisor : id < 0 ? words.free : nameOf(id);
export const classOf = (owner: number): string => (owner === XEN ? 'c-hv' : owner < 0 ? 'c-free' : ownerClass(owner));
export const plateOf = (owner: number): string =>
  owner === XEN ? ownerName(XEN).slice(0, 1) : owner < 0 ? '' : String(owner);
