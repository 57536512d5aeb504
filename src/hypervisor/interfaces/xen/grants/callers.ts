/** grant_table_op, given who makes it: where foreign frames come to in each kind of domain. */
import { P2M_READ, P2M_WRITE, PHYSICAL_BITS } from '../../../../cpu/architecture/index.ts';
import { FRAME_BYTES, type Machine } from '../../../memory/machine.ts';
import { TRACE_KIND } from '../../../tracing/trace.ts';
import { type GrantCaller, grantTableOp } from './grant-op.ts';
import { GNTMAP, GNTST, GrantTable } from './grants.ts';
import type { HypercallContext } from '../hypercalls.ts';
import type { GrantMap } from '../pv/grant-map.ts';
import type { Width } from '../struct.ts';

/** Guest-physical addresses end here. */
const PHYSICAL_END = 2 ** PHYSICAL_BITS;

/** What all callers have in common: structures in their memory at linear addresses. */
abstract class LinearCaller {
  readonly table: GrantTable;
  readonly machine: Machine;
  protected readonly caller: HypercallContext;

  constructor(caller: HypercallContext) {
    this.caller = caller;
    this.machine = caller.machine;
    this.table = new GrantTable(caller.ports);
  }

  get width(): Width {
    return this.caller.width;
  }

  read(linear: number, length: number): Uint8Array<ArrayBuffer> | undefined {
    return this.caller.access.read(linear, length);
  }

  write(linear: number, from: Uint8Array): boolean {
    return this.caller.access.write(linear, from);
  }

  done(op: number, which: number, status: number): void {
    const { trace } = this.caller.parts;
    if (trace.on) trace.add(TRACE_KIND.GRANT, this.caller.current, op, which, status);
  }
}

/** An HVM or PVH domain: foreign frames come to guest-physical addresses. */
class HvmGrantCaller extends LinearCaller implements GrantCaller {
  readonly translated = true;

  /** Not for execution: what others write is never decoded. */
  mapHost(place: number, mfn: number, flags: number): number {
    if (place >= PHYSICAL_END || place & (FRAME_BYTES - 1) || flags & (GNTMAP.APPLICATION | GNTMAP.CONTAINS_PTE))
      return GNTST.GENERAL_ERROR;
    return this.caller.frames.showForeign(
      place / FRAME_BYTES,
      mfn,
      flags & GNTMAP.READONLY ? P2M_READ : P2M_READ | P2M_WRITE,
    )
      ? GNTST.OKAY
      : GNTST.GENERAL_ERROR;
  }

  unmapHost(place: number, mfn: number): number {
    if (place >= PHYSICAL_END || place & (FRAME_BYTES - 1)) return GNTST.GENERAL_ERROR;
    return this.caller.frames.hideForeign(place / FRAME_BYTES, mfn) ? GNTST.OKAY : GNTST.GENERAL_ERROR;
  }
}

/** A paravirtual domain: foreign frames come to page table entries. */
class PvGrantCaller extends LinearCaller implements GrantCaller {
  readonly translated = false;
  private readonly map: GrantMap;

  constructor(caller: HypercallContext, map: GrantMap) {
    super(caller);
    this.map = map;
  }

  mapHost(place: number, mfn: number, flags: number): number {
    return this.map.map(place, mfn, flags);
  }

  unmapHost(place: number, mfn: number, flags: number, replacement: number): number {
    return this.map.unmap(place, mfn, flags, replacement);
  }
}

/** Who calls, as grant_table_op sees it. */
const callers = new WeakMap<HypercallContext, GrantCaller>();

function callerOf(caller: HypercallContext): GrantCaller {
  let known = callers.get(caller);
  if (!known)
    callers.set(caller, (known = caller.pv ? new PvGrantCaller(caller, caller.pv.grants) : new HvmGrantCaller(caller)));
  return known;
}

/**
 * grant_table_op: which of its frames a domain lends, and the use of frames that were lent to it. It goes through a list of structures; a long one goes on
 * after others had their turn. What became of an element is in its status; the call's own errors end it.
 * IN: cmd, uop, count.
 * Errors: ENOSYS no such operation for this kind of guest (HVM and PVH); EINVAL a count above 2^31; ENOSYS no such operation (PV); EFAULT an element cannot
 * be read or written.
 */
export function grantTable(caller: HypercallContext, [op, list, count]: readonly number[]): number {
  const result = grantTableOp(callerOf(caller), op >>> 0, list, count >>> 0);
  if (typeof result === 'number') return result;
  caller.continueWith(1, result.at);
  return caller.continueWith(2, (count >>> 0) - result.done);
}
