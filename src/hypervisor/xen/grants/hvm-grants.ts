/** grant_table_op of HVM and PVH domains: foreign frames come to guest-physical addresses. */
import { P2M_READ, P2M_WRITE } from '../../../cpu/edge.ts';
import { FRAME_BYTES, FRAME_SHIFT, type Machine } from '../../memory/machine.ts';
import { TRACE_KIND } from '../../domain/trace.ts';
import { type GrantCaller, GRANT_OP_BYTES, GNTTABOP, grantTableOp } from './grant-op.ts';
import { GNTMAP, GNTST, GrantTable } from './grants.ts';
import type { XenGuest } from '../guest.ts';
import type { Hypercall } from '../hypercalls.ts';

const callers = new WeakMap<XenGuest, GrantCaller>();

function callerOf(xen: XenGuest): GrantCaller {
  let caller = callers.get(xen);
  if (!caller) callers.set(xen, (caller = new HvmGrantCaller(xen)));
  return caller;
}

/** Where an element says which grant it is for (a reference, or a mapping's handle), and where its status is. */
const TRACED: { [op: number]: { which: number; status: number } } = {
  [GNTTABOP.MAP_GRANT_REF]: { which: 12, status: 18 },
  [GNTTABOP.UNMAP_GRANT_REF]: { which: 16, status: 20 },
  [GNTTABOP.UNMAP_AND_REPLACE]: { which: 16, status: 20 },
  [GNTTABOP.COPY]: { which: 0, status: 20 },
};

/** What all callers have in common: structures in their memory at linear addresses. */
export abstract class LinearCaller {
  readonly table: GrantTable;
  readonly machine: Machine;
  protected readonly xen: XenGuest;

  constructor(xen: XenGuest) {
    this.xen = xen;
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

  done(op: number, element: DataView): void {
    const { trace } = this.xen.parts;
    const at = TRACED[op];
    if (trace.on && at) trace.add(TRACE_KIND.GRANT, this.xen.current, op, element.getUint32(at.which, true), element.getInt16(at.status, true));
  }
}

class HvmGrantCaller extends LinearCaller implements GrantCaller {
  readonly translated = true;

  /** Not for execution: what others write is never decoded. */
  mapHost(place: number, placeHigh: number, mfn: number, flags: number): number {
    if (placeHigh !== 0 || place & (FRAME_BYTES - 1) || flags & (GNTMAP.APPLICATION | GNTMAP.CONTAINS_PTE)) return GNTST.GENERAL_ERROR;
    return this.xen.frames.showForeign(place >>> FRAME_SHIFT, mfn, flags & GNTMAP.READONLY ? P2M_READ : P2M_READ | P2M_WRITE) ? GNTST.OKAY : GNTST.GENERAL_ERROR;
  }

  unmapHost(place: number, placeHigh: number, mfn: number): number {
    if (placeHigh !== 0 || place & (FRAME_BYTES - 1)) return GNTST.GENERAL_ERROR;
    return this.xen.frames.hideForeign(place >>> FRAME_SHIFT, mfn) ? GNTST.OKAY : GNTST.GENERAL_ERROR;
  }
}

/** The call, given who makes it; a long one goes on after others had their turn. */
export function grantTableCall(callerOf: (xen: XenGuest) => GrantCaller): Hypercall {
  return (xen, [op, array, count]) => {
    const result = grantTableOp(callerOf(xen), op, array >>> 0, count >>> 0);
    if (typeof result === 'number') return result;
    xen.continueWith(1, (array + result.done * GRANT_OP_BYTES[op]) | 0);
    return xen.continueWith(2, (count >>> 0) - result.done);
  };
}

export const grantTable = grantTableCall(callerOf);
