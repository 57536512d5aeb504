/** grant_table_op of paravirtual domains: foreign frames come to page table entries. */
import type { GrantCaller } from '../grants/grant-op.ts';
import type { XenGuest } from '../guest.ts';
import type { Hypercall } from '../hypercalls.ts';
import { grantTableCall, LinearCaller } from '../grants/hvm-grants.ts';
import type { GrantMap } from './grant-map.ts';
import type { PvDomain } from './pv-domain.ts';

class PvGrantCaller extends LinearCaller implements GrantCaller {
  readonly translated = false;
  private readonly map: GrantMap;

  constructor(xen: XenGuest, map: GrantMap) {
    super(xen);
    this.map = map;
  }

  mapHost(place: number, placeHigh: number, mfn: number, flags: number): number {
    return this.map.map(place, placeHigh, mfn, flags);
  }

  unmapHost(place: number, placeHigh: number, mfn: number, flags: number, replacement: number): number {
    return this.map.unmap(place, placeHigh, mfn, flags, replacement);
  }
}

export function pvGrantTable(pv: PvDomain): Hypercall {
  let caller: GrantCaller | undefined;
  return grantTableCall(xen => (caller ??= new PvGrantCaller(xen, pv.grants)));
}
