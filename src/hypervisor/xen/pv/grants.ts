/** grant_table_op of paravirtual domains: foreign frames come to page table entries. */
import type { Machine } from '../../machine.ts';
import type { GrantCaller } from '../grant-op.ts';
import { GrantTable } from '../grants.ts';
import type { XenGuest } from '../guest.ts';
import type { Hypercall } from '../hypercalls.ts';
import { grantTableCall } from '../hvm-grants.ts';
import type { GrantMap } from './grant-map.ts';
import type { PvDomain } from './pv-domain.ts';

class PvGrantCaller implements GrantCaller {
  readonly table: GrantTable;
  readonly machine: Machine;
  readonly translated = false;
  private readonly xen: XenGuest;
  private readonly map: GrantMap;

  constructor(xen: XenGuest, map: GrantMap) {
    this.xen = xen;
    this.map = map;
    this.machine = xen.machine;
    this.table = new GrantTable(xen.ports);
  }

  read(address: number, into: Uint8Array): boolean {
    const bytes = this.xen.access.read(address, into.length);
    if (bytes) into.set(bytes);
    return bytes !== undefined;
  }

  write(address: number, from: Uint8Array): boolean {
    return this.xen.access.write(address, from);
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
