/**
 * HYPERVISOR_grant_table_op: sub-operations on arrays of structures in the caller's memory (xen/include/public/grant_table.h, 32-bit layouts).
 * The call answers 0 or an errno; what became of an element is in its status. Structures are copied in once, before the first check.
 */
import { FRAME_BYTES, FRAME_SHIFT, type Machine } from '../../memory/machine.ts';
import { DOMID_SELF, EFAULT, EINVAL, EOPNOTSUPP, ENOSYS, EPERM, ESRCH } from '../abi.ts';
import { GNTMAP, GNTST, type Granted, type GrantTable } from './grants.ts';
import { frameWritten } from '../memory/stale.ts';

export const GNTTABOP = {
  MAP_GRANT_REF: 0,
  UNMAP_GRANT_REF: 1,
  SETUP_TABLE: 2,
  DUMP_TABLE: 3,
  TRANSFER: 4,
  COPY: 5,
  QUERY_SIZE: 6,
  UNMAP_AND_REPLACE: 7,
  SET_VERSION: 8,
  GET_STATUS_FRAMES: 9,
  GET_VERSION: 10,
  SWAP_GRANT_REF: 11,
  CACHE_FLUSH: 12,
} as const;

/** Bytes of a sub-operation's structure: where a call that was interrupted goes on. */
export const GRANT_OP_BYTES: readonly number[] = [32, 24, 16, 4, 16, 24, 16, 24, 4, 12, 8, 12, 16];
/** Elements that are done before the guest's interrupts get a chance. */
const MOST_AT_ONCE = 64;
/** What an HVM or PVH domain may ask for. */
const HVM_OPS: readonly number[] = [
  GNTTABOP.MAP_GRANT_REF, GNTTABOP.UNMAP_GRANT_REF, GNTTABOP.SETUP_TABLE, GNTTABOP.COPY, GNTTABOP.QUERY_SIZE, GNTTABOP.SET_VERSION, GNTTABOP.GET_VERSION,
  GNTTABOP.SWAP_GRANT_REF,
];

/** The domain that calls: its memory, and how a frame comes into its address space. */
export interface GrantCaller {
  readonly table: GrantTable;
  readonly machine: Machine;
  /** HVM or PVH: places are guest-physical addresses; otherwise linear ones, or machine addresses of page table entries (GNTMAP.CONTAINS_PTE). */
  readonly translated: boolean;
  /** Guest-linear, through the caller's page tables; false: a page is not there. */
  read(address: number, into: Uint8Array): boolean;
  write(address: number, from: Uint8Array): boolean;
  /** Puts a foreign frame at a place; a GNTST status. */
  mapHost(place: number, placeHigh: number, mfn: number, flags: number): number;
  /**
   * Takes it out again, and makes the processor forget it; where `replacement` is not 0 what the page table entry of that address held goes to `place`.
   * GENERAL_ERROR where something else is at that place.
   */
  unmapHost(place: number, placeHigh: number, mfn: number, flags: number, replacement: number): number;
  /** An element is carried out, its status in it. */
  done?(op: number, element: DataView): void;
}

/** Carries a call out: an errno or 0; `done`: so many elements are done, and the call is to go on behind them. */
export function grantTableOp(caller: GrantCaller, op: number, array: number, count: number): number | { done: number } {
  if (caller.translated && !HVM_OPS.includes(op)) return -ENOSYS;
  if (count >>> 31) return -EINVAL;
  switch (op) {
    case GNTTABOP.MAP_GRANT_REF:
      return each(caller, op, array, count, map);
    case GNTTABOP.UNMAP_GRANT_REF:
    case GNTTABOP.UNMAP_AND_REPLACE:
      return each(caller, op, array, count, (who, element) => unmap(who, element, op === GNTTABOP.UNMAP_AND_REPLACE));
    case GNTTABOP.COPY:
      return each(caller, op, array, count, copy);
    case GNTTABOP.SWAP_GRANT_REF:
      return each(caller, op, array, count, (who, element) =>
        element.setInt16(8, who.table.swap(element.getUint32(0, true), element.getUint32(4, true)), true),
      );
    case GNTTABOP.TRANSFER:
      // No page changes its owner this way any more; elements say so.
      return each(caller, op, array, count, (_who, element) => element.setInt16(12, GNTST.GENERAL_ERROR, true));
    case GNTTABOP.SETUP_TABLE:
      return count === 1 ? one(caller, op, array, setupTable) : -EINVAL;
    case GNTTABOP.QUERY_SIZE:
      return count === 1 ? one(caller, op, array, querySize) : -EINVAL;
    case GNTTABOP.GET_STATUS_FRAMES:
      return count === 1 ? one(caller, op, array, getStatusFrames) : -EINVAL;
    case GNTTABOP.SET_VERSION:
      return one(caller, op, array, setVersion);
    case GNTTABOP.GET_VERSION:
      return one(caller, op, array, getVersion);
    case GNTTABOP.CACHE_FLUSH:
      return cacheFlush(caller, array, count);
    case GNTTABOP.DUMP_TABLE:
      return count === 1 ? 0 : -EINVAL;
    default:
      return -ENOSYS;
  }
}

type Element = DataView<ArrayBuffer>;

function each(caller: GrantCaller, op: number, array: number, count: number, work: (caller: GrantCaller, element: Element) => void): number | { done: number } {
  const size = GRANT_OP_BYTES[op];
  const bytes = new Uint8Array(size),
    element = new DataView(bytes.buffer);
  for (let i = 0; i < count; i++) {
    if (i === MOST_AT_ONCE) return { done: i };
    if (!caller.read((array + i * size) >>> 0, bytes)) return -EFAULT;
    work(caller, element);
    caller.done?.(op, element);
    if (!caller.write((array + i * size) >>> 0, bytes)) return -EFAULT;
  }
  return 0;
}

function one(caller: GrantCaller, op: number, array: number, work: (caller: GrantCaller, element: Element) => number): number {
  const bytes = new Uint8Array(GRANT_OP_BYTES[op]);
  if (!caller.read(array, bytes)) return -EFAULT;
  const result = work(caller, new DataView(bytes.buffer));
  return caller.write(array, bytes) ? result : -EFAULT;
}

// ---- map and unmap

function map(caller: GrantCaller, element: Element): void {
  const place = element.getUint32(0, true),
    placeHigh = element.getUint32(4, true),
    flags = element.getUint32(8, true),
    ref = element.getUint32(12, true),
    domid = element.getUint16(16, true);
  const status = (value: number): void => element.setInt16(18, value, true);
  if (!(flags & (GNTMAP.HOST | GNTMAP.DEVICE))) return status(GNTST.BAD_GNTREF);
  if (caller.translated && flags & (GNTMAP.DEVICE | GNTMAP.APPLICATION | GNTMAP.CONTAINS_PTE)) return status(GNTST.GENERAL_ERROR);
  const granter = caller.table.of(domid);
  if (!granter) return status(GNTST.BAD_DOMAIN);
  const own = caller.table.ports.record.id;
  const parts = [GNTMAP.HOST, GNTMAP.DEVICE].filter(part => flags & part);
  const uses: Granted[] = [];
  const undo = (why: number): void => {
    for (const use of uses) use.release();
    status(why);
  };
  // Each part is a use of its own, since each ends by itself.
  for (const _part of parts) {
    const use = granter.acquire(ref, own, (flags & GNTMAP.READONLY) !== 0, true);
    if (typeof use === 'number') return undo(use);
    uses.push(use);
  }
  const [{ mfn }] = uses;
  const handle = caller.table.track(flags & KEPT_FLAGS, ref, domid, caller.translated ? place >>> FRAME_SHIFT : 0);
  if (handle < 0) return undo(GNTST.NO_SPACE);
  const mapped = flags & GNTMAP.HOST ? caller.mapHost(place, placeHigh, mfn, flags) : GNTST.OKAY;
  if (mapped !== GNTST.OKAY) {
    const made = caller.table.mapped(handle);
    // With the handle its uses end.
    for (const part of parts) if (made) caller.table.untrack(made, part);
    return status(mapped);
  }
  element.setUint32(20, handle, true);
  element.setUint32(24, mfn << FRAME_SHIFT, true);
  element.setUint32(28, 0, true);
  status(GNTST.OKAY);
}

const KEPT_FLAGS = GNTMAP.DEVICE | GNTMAP.HOST | GNTMAP.READONLY | GNTMAP.APPLICATION | GNTMAP.CONTAINS_PTE;

function unmap(caller: GrantCaller, element: Element, replace: boolean): void {
  const place = element.getUint32(0, true),
    placeHigh = element.getUint32(4, true),
    busOrNew = element.getUint32(8, true);
  const status = (value: number): void => element.setInt16(20, value, true);
  const { table, translated } = caller;
  const entry = table.mapped(element.getUint32(16, true));
  if (!entry) return status(GNTST.BAD_HANDLE);
  const mfn = table.mfnOf(entry);
  const device = !replace && busOrNew !== 0 && (entry.flags & GNTMAP.DEVICE) !== 0;
  if (device && (busOrNew !== (mfn << FRAME_SHIFT) >>> 0 || element.getUint32(12, true) !== 0)) return status(GNTST.GENERAL_ERROR);
  if ((place !== 0 || placeHigh !== 0) && entry.flags & GNTMAP.HOST) {
    if (translated && (replace || (place & (FRAME_BYTES - 1)) !== 0 || place >>> FRAME_SHIFT !== entry.gfn)) return status(GNTST.GENERAL_ERROR);
    const taken = caller.unmapHost(place, placeHigh, mfn, entry.flags, replace ? busOrNew : 0);
    if (taken !== GNTST.OKAY) return status(taken);
    table.untrack(entry, GNTMAP.HOST);
  }
  if (device) table.untrack(entry, GNTMAP.DEVICE);
  // What was written through the mapping may be code to its owner.
  const granter = entry.flags & GNTMAP.READONLY ? undefined : table.of(entry.domid);
  if (granter) frameWritten(granter.ports, mfn);
  status(GNTST.OKAY);
}

// ---- copy

const COPY_SOURCE_REF = 1,
  COPY_DEST_REF = 2;

function copy(caller: GrantCaller, element: Element): void {
  const flags = element.getUint16(18, true),
    length = element.getUint16(16, true);
  const side = (at: number): End => ({ ref: element.getUint32(at, true), domid: element.getUint16(at + 4, true), offset: element.getUint16(at + 6, true) });
  element.setInt16(20, copyBetween(caller, side(0), side(8), length, flags), true);
}

interface End {
  ref: number;
  domid: number;
  offset: number;
}

function copyBetween(caller: GrantCaller, from: End, to: End, length: number, flags: number): number {
  const granters = [from, to].map(({ domid }, i) => {
    const isRef = flags & (i === 0 ? COPY_SOURCE_REF : COPY_DEST_REF);
    if (!isRef && domid !== DOMID_SELF) return GNTST.PERMISSION_DENIED;
    return (domid === DOMID_SELF ? caller.table : caller.table.of(domid)) ?? GNTST.BAD_DOMAIN;
  });
  for (const granter of granters) if (typeof granter === 'number') return granter;
  const [sourceTable, destTable] = granters as GrantTable[];
  const source = claim(caller, sourceTable, from.ref, (flags & COPY_SOURCE_REF) !== 0, true);
  if (typeof source === 'number') return source;
  const dest = claim(caller, destTable, to.ref, (flags & COPY_DEST_REF) !== 0, false);
  if (typeof dest === 'number') {
    source.release();
    return dest;
  }
  const outside = (granted: Granted, offset: number): boolean => offset < granted.start || offset + length > granted.start + granted.length;
  let status: number = GNTST.OKAY;
  if (from.offset + length > FRAME_BYTES || to.offset + length > FRAME_BYTES) status = GNTST.BAD_COPY_ARG;
  else if (outside(source, from.offset) || outside(dest, to.offset)) status = GNTST.GENERAL_ERROR;
  else {
    const { bytes } = caller.machine;
    const start = source.mfn * FRAME_BYTES + from.offset;
    bytes.copyWithin(dest.mfn * FRAME_BYTES + to.offset, start, start + length);
    frameWritten(destTable.ports, dest.mfn);
  }
  dest.release();
  source.release();
  return status;
}

/** One end of a copy: a grant, or a frame of the caller's own. */
function claim(caller: GrantCaller, table: GrantTable, ref: number, isRef: boolean, readonly: boolean): Granted | number {
  return isRef ? table.acquire(ref, caller.table.ports.record.id, readonly, false) : table.ownFrame(ref, readonly);
}

// ---- the table

/** DOMID_SELF, or its own id; others' tables are not a guest's business. */
function isSelf(caller: GrantCaller, domid: number): boolean {
  return domid === DOMID_SELF || domid === caller.table.ports.record.id;
}

function notSelf(caller: GrantCaller, domid: number): number {
  return caller.table.of(domid) ? GNTST.PERMISSION_DENIED : GNTST.BAD_DOMAIN;
}

function setupTable(caller: GrantCaller, element: Element): number {
  const domid = element.getUint16(0, true),
    frames = element.getUint32(4, true),
    list = element.getUint32(12, true);
  const { table } = caller;
  let status: number = GNTST.OKAY;
  if (!isSelf(caller, domid)) status = notSelf(caller, domid);
  else if (frames > table.maxFrames || (frames > table.frames && !table.grow(frames))) status = GNTST.GENERAL_ERROR;
  else {
    for (let i = 0; i < frames && status === GNTST.OKAY; i++) status = putFrame(caller, (list + 4 * i) >>> 0, table.sharedFrame(i), 4);
  }
  element.setInt16(8, status, true);
  return 0;
}

/** A table frame's number as the caller knows it: machine frames for PV, guest frames for others, -1 where it is not placed yet. */
function putFrame(caller: GrantCaller, address: number, mfn: number, bytes: 4 | 8): number {
  const known = caller.translated ? caller.machine.words[caller.machine.m2p + mfn] : mfn;
  const word = new Uint8Array(bytes);
  new DataView(word.buffer).setInt32(0, known, true);
  if (bytes === 8 && known < 0) new DataView(word.buffer).setInt32(4, -1, true);
  return caller.write(address, word) ? GNTST.OKAY : GNTST.BAD_VIRT_ADDR;
}

function getStatusFrames(caller: GrantCaller, element: Element): number {
  const frames = element.getUint32(0, true),
    domid = element.getUint16(4, true),
    list = element.getUint32(8, true);
  const { table } = caller;
  let status: number = GNTST.OKAY;
  if (!isSelf(caller, domid)) status = notSelf(caller, domid);
  else if (frames > table.statusFrames) status = GNTST.GENERAL_ERROR;
  else for (let i = 0; i < frames && status === GNTST.OKAY; i++) status = putFrame(caller, (list + 8 * i) >>> 0, table.statusFrame(i), 8);
  element.setInt16(6, status, true);
  return 0;
}

function querySize(caller: GrantCaller, element: Element): number {
  const domid = element.getUint16(0, true);
  const { table } = caller;
  if (isSelf(caller, domid)) {
    element.setUint32(4, table.frames, true);
    element.setUint32(8, table.maxFrames, true);
    element.setInt16(12, GNTST.OKAY, true);
  } else element.setInt16(12, notSelf(caller, domid), true);
  return 0;
}

function setVersion(caller: GrantCaller, element: Element): number {
  const { table, machine } = caller;
  // Status frames are no more with version 1: they leave the caller's guest frames first.
  if (caller.translated && table.version === 2 && element.getUint32(0, true) === 1) {
    for (let i = 0; i < table.statusFrames; i++) {
      const mfn = table.statusFrame(i),
        gfn = machine.words[machine.m2p + mfn];
      if (gfn >= 0) caller.unmapHost(gfn << FRAME_SHIFT, 0, mfn, GNTMAP.HOST, 0);
    }
  }
  const result = caller.table.setVersion(element.getUint32(0, true));
  element.setUint32(0, caller.table.version, true);
  return result;
}

function getVersion(caller: GrantCaller, element: Element): number {
  const domid = element.getUint16(0, true);
  if (!isSelf(caller, domid)) return caller.table.of(domid) ? -EPERM : -ESRCH;
  element.setUint32(4, caller.table.version, true);
  return 0;
}

/** No caches here: the arguments are judged, and nothing is left to do. */
function cacheFlush(caller: GrantCaller, array: number, count: number): number {
  const bytes = new Uint8Array(GRANT_OP_BYTES[GNTTABOP.CACHE_FLUSH]),
    element = new DataView(bytes.buffer);
  for (let i = 0; i < count; i++) {
    if (!caller.read((array + i * bytes.length) >>> 0, bytes)) return -EFAULT;
    const offset = element.getUint16(8, true),
      length = element.getUint16(10, true),
      op = element.getUint32(12, true);
    if (offset >= FRAME_BYTES || offset + length > FRAME_BYTES || op & 0x7ffffffc) return -EINVAL;
    if (length === 0 || (op & 3) === 0) continue;
    if (op & 0x80000000) return -EOPNOTSUPP;
    const mfn = element.getUint32(0, true) >>> FRAME_SHIFT;
    if (element.getUint32(4, true) !== 0 || mfn >= caller.machine.frames) return -EINVAL;
    if (caller.machine.ownerOf(mfn) !== caller.table.ports.record.id) return -EPERM;
  }
  return 0;
}
