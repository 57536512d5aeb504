/** memory_op. Source: xen/include/public/memory.h, xen/common/memory.c. Paravirtual domains name machine frames, others guest frames. */
import { PHYSICAL_BITS } from '../../../../cpu/architecture/index.ts';
import { FRAME_SHIFT, XENHEAP } from '../../../layout/layout.ts';
import { ramOf } from '../../../layout/ram-layout.ts';
import { XEN } from '../layout.ts';
import {
  DOMID_SELF,
  EACCES,
  EFAULT,
  EILSEQ,
  EINVAL,
  ENOENT,
  ENOSYS,
  EOPNOTSUPP,
  EPERM,
  ESRCH,
  MEMORY_OP_BITS,
  XENMAPIDX_GRANT_TABLE_STATUS,
  XENMAPSPACE,
  XENMEM,
} from '../abi.ts';
import { GrantTable } from '../grants/grants.ts';
import {
  type HypercallContext,
  offered,
  operation,
  operations,
  perform,
  plain,
  PV,
  toolstackOnly,
  TRANSLATED,
} from '../hypercalls.ts';
import { addFrames, giveUp, m2pFrames, m2pPlace, pvHighest, pvPages } from '../pv/memory-op.ts';
import {
  at,
  type GuestStruct,
  handle,
  i32,
  nested,
  packedU64,
  pfn,
  readValue,
  struct,
  typeAt,
  u16,
  u32,
  ulong,
  writeValue,
} from '../struct.ts';
import { exchangeExtents } from './exchange.ts';
import { xenMemoryMap } from './memory-map.ts';
import {
  domainNamed,
  eachExtent,
  type Extent,
  FRAMES_A_TURN,
  goingOn,
  MemoryReservation,
  wantsOnDemand,
} from './reservation.ts';

export const MemoryExchange = struct({
  in: nested(MemoryReservation),
  out: nested(MemoryReservation),
  nr_exchanged: ulong,
});
export const DomainId = struct({ domid: u16 });
export const MachphysMfnList = struct({ max_extents: u32, extent_start: handle, nr_extents: u32 });
export const MachphysMapping = struct({ v_start: ulong, v_end: ulong, max_mfn: ulong });
export const AddToPhysmap = struct({ domid: u16, size: u16, space: u32, idx: ulong, gpfn: pfn });
/** `foreign_domid` is its union's one member that is used. */
export const AddToPhysmapBatch = struct({
  domid: u16,
  space: u16,
  size: u16,
  foreign_domid: u16,
  idxs: handle,
  gpfns: handle,
  errs: handle,
});
export const RemoveFromPhysmap = struct({ domid: u16, gpfn: pfn });
export const MemoryMap = struct({ nr_entries: u32, buffer: handle });
/** As the BIOS gives it: packed. */
export const E820Entry = struct({ addr: packedU64, size: packedU64, type: at(16, u32) });

/** Guest-physical addresses have 36 bits. */
const MAX_GFN = 2 ** (PHYSICAL_BITS - FRAME_SHIFT) - 1;

/** The command says nothing about where to go on. */
const inOneGo = { before: (_caller: HypercallContext, start: number): number => (start === 0 ? 0 : -EINVAL) };
/** How many extents are done, where the arguments cannot be read. */
const unreadable = (start: number): number => start;

export const MEMORY_OPERATIONS = operations('XENMEM_', XENMEM, {
  INCREASE_RESERVATION: operation(MemoryReservation, increaseReservation, { unreadable }),
  DECREASE_RESERVATION: operation(MemoryReservation, decreaseReservation, { unreadable }),
  POPULATE_PHYSMAP: operation(MemoryReservation, populatePhysmap, { unreadable }),
  MAXIMUM_RAM_PAGE: plain(maximumRamPage, inOneGo),
  CURRENT_RESERVATION: operation(DomainId, currentReservation, inOneGo),
  MAXIMUM_RESERVATION: operation(DomainId, maximumReservation, inOneGo),
  MAXIMUM_GPFN: operation(DomainId, maximumGpfn, inOneGo),
  EXCHANGE: operation(MemoryExchange, exchange, { ...inOneGo, out: ['nr_exchanged'], outAlways: true }),
  MACHPHYS_MFN_LIST: operation(MachphysMfnList, machphysMfnList, { guests: PV, out: ['nr_extents'] }),
  MACHPHYS_MAPPING: operation(MachphysMapping, machphysMapping, {
    guests: PV,
    out: ['v_start', 'v_end', 'max_mfn'],
    outOnly: true,
  }),
  ADD_TO_PHYSMAP: operation(AddToPhysmap, addToPhysmap),
  ADD_TO_PHYSMAP_BATCH: operation(AddToPhysmapBatch, addToPhysmapBatch),
  REMOVE_FROM_PHYSMAP: operation(RemoveFromPhysmap, removeFromPhysmap, inOneGo),
  MEMORY_MAP: operation(MemoryMap, memoryMap, { guests: TRANSLATED, out: ['nr_entries'] }),
  GET_VNUMAINFO: plain(getVnumainfo, inOneGo),
  CLAIM_PAGES: operation(MemoryReservation, claimPages, inOneGo),
  MACHINE_MEMORY_MAP: plain(toolstackOnly, { guests: PV }),
  SET_MEMORY_MAP: plain(toolstackOnly),
  SET_POD_TARGET: plain(toolstackOnly),
  GET_POD_TARGET: plain(toolstackOnly),
  MACHPHYS_COMPAT_MFN_LIST: plain(toolstackOnly),
  ACQUIRE_RESOURCE: plain(toolstackOnly),
});

/** memory_op: the domain's memory: how much it has, and what lies where. The command's upper bits say where a long one goes on. IN: cmd, arg. */
export function memoryOp(caller: HypercallContext, [command, arg]: readonly number[]): number {
  const found = offered(MEMORY_OPERATIONS, command & ((1 << MEMORY_OP_BITS) - 1), caller);
  const start = Math.floor((command < 0 ? command + 2 ** caller.width : command) / 2 ** MEMORY_OP_BITS);
  return found ? perform(caller, found, arg, start) : -ENOSYS;
}

// ---- how much memory

/**
 * XENMEM_increase_reservation: more frames, not mapped anywhere: a paravirtual guest gets their numbers and maps them; other guests have no use for them.
 * Returns how many extents were done; it stops at the first that cannot be, and says nothing of why.
 * IN: extent_start, nr_extents, extent_order, mem_flags, domid.
 */
function increaseReservation(
  caller: HypercallContext,
  args: GuestStruct<typeof MemoryReservation>,
  start: number,
): number {
  const one = caller.pv
    ? (extent: Extent) => addFrames(caller, extent)
    : ({ order }: Extent) => caller.frames.own(1 << order);
  return eachExtent(caller, XENMEM.INCREASE_RESERVATION, args, start, one);
}

/**
 * XENMEM_decrease_reservation: gives frames back. Returns how many extents were done.
 * IN: extent_start, nr_extents, extent_order, mem_flags, domid.
 */
function decreaseReservation(
  caller: HypercallContext,
  args: GuestStruct<typeof MemoryReservation>,
  start: number,
): number {
  return eachExtent(caller, XENMEM.DECREASE_RESERVATION, args, start, ({ read, order }) => {
    const given = read();
    if (given === undefined) return false;
    const frames = 1 << order;
    if (!caller.pv && given + frames - 1 > MAX_GFN) return false;
    // As far as there is something to give.
    for (let n = 0; n < frames; n++)
      if (!(caller.pv ? giveUp(caller, given + n) : caller.frames.remove(given + n))) return false;
    return true;
  });
}

/**
 * XENMEM_populate_physmap: memory at guest frames; a paravirtual guest gets the machine frame numbers. Returns how many extents were done. Nobody has entries
 * populated on demand in its own memory: that is the toolstack's.
 * IN: extent_start, nr_extents, extent_order, mem_flags, domid.
 */
function populatePhysmap(caller: HypercallContext, args: GuestStruct<typeof MemoryReservation>, start: number): number {
  if (wantsOnDemand(args)) return start;
  return eachExtent(caller, XENMEM.POPULATE_PHYSMAP, args, start, extent => {
    const given = extent.read();
    if (given === undefined) return false;
    return caller.pv ? addFrames(caller, extent, given) : populate(caller, given, extent.order);
  });
}

/** All of an extent or nothing of it. */
function populate({ frames }: HypercallContext, gfn: number, order: number): boolean {
  if (gfn + (1 << order) - 1 > MAX_GFN) return false;
  for (let n = 0; n < 1 << order; n++) {
    if (frames.populate(gfn + n)) continue;
    while (--n >= 0) frames.remove(gfn + n);
    return false;
  }
  return true;
}

/**
 * XENMEM_exchange: gives frames back and gets as many others, in larger or smaller extents or at lower addresses. How far it came is in nr_exchanged, also
 * where it fails.
 * IN: in, out, nr_exchanged. OUT: nr_exchanged.
 * Errors: EINVAL a command that goes on; EPERM an order above that of 2 MiB; EINVAL more exchanged than there is, two domains, or two amounts; ESRCH no such
 * domain; EPERM another than the caller; EFAULT a list cannot be read or written; EOPNOTSUPP a translated domain has no machine frames to give; EINVAL a
 * frame that is not the caller's alone; ENOMEM no frames of that size and width.
 */
function exchange(caller: HypercallContext, args: GuestStruct<typeof MemoryExchange>): number {
  return exchangeExtents(caller, args, caller.pv && pvPages(caller));
}

/**
 * XENMEM_maximum_ram_page: returns how many frames the machine has.
 * Errors: EINVAL a command that goes on.
 */
function maximumRamPage({ words }: HypercallContext): number {
  return words[XENHEAP.FRAMES];
}

/**
 * XENMEM_current_reservation: returns how many frames the domain has.
 * IN: domid.
 * Errors: EINVAL a command that goes on; ESRCH no such domain; EPERM another than the caller.
 */
function currentReservation(caller: HypercallContext, { domid }: GuestStruct<typeof DomainId>): number {
  return domainNamed(caller, domid) || caller.frames.current;
}

/**
 * XENMEM_maximum_reservation: returns how many it may have.
 * IN: domid.
 * Errors: EINVAL a command that goes on; ESRCH no such domain; EPERM another than the caller.
 */
function maximumReservation(caller: HypercallContext, { domid }: GuestStruct<typeof DomainId>): number {
  return domainNamed(caller, domid) || caller.frames.most;
}

/**
 * XENMEM_maximum_gpfn: returns the highest guest frame; a paravirtual guest has said it itself, in shared_info.
 * IN: domid.
 * Errors: EINVAL a command that goes on; ESRCH no such domain; EPERM another than the caller.
 */
function maximumGpfn(caller: HypercallContext, { domid }: GuestStruct<typeof DomainId>): number {
  return domainNamed(caller, domid) || (caller.pv ? pvHighest(caller) : caller.frames.highest);
}

/**
 * XENMEM_claim_pages: sets memory aside for a domain that is to be made.
 * IN: extent_start, nr_extents, extent_order, mem_flags, domid.
 * Refused: the toolstack's. A guest learns what is wrong with its arguments, then that it may not.
 * Errors: EINVAL a command that goes on, or a list, an order or flags; EINVAL no such domain; EPERM any other.
 */
function claimPages(
  { machine }: HypercallContext,
  { extent_start, extent_order, mem_flags, domid }: GuestStruct<typeof MemoryReservation>,
): number {
  if (extent_start !== 0 || extent_order !== 0 || mem_flags !== 0) return -EINVAL;
  return machine.find(domid) ? -EPERM : -EINVAL;
}

/**
 * XENMEM_get_vnumainfo: which memory is near which processor.
 * Refused: all of it is equally near.
 * Errors: EINVAL a command that goes on; EOPNOTSUPP else.
 */
function getVnumainfo(): number {
  return -EOPNOTSUPP;
}

// ---- the table of guest frames by machine frame

/**
 * XENMEM_machphys_mfn_list: the frames that hold the M2P table, one for each 2 MiB of it.
 * IN: max_extents, extent_start. OUT: nr_extents.
 * Errors: EFAULT the list cannot be written.
 */
function machphysMfnList(caller: HypercallContext, args: GuestStruct<typeof MachphysMfnList>): number {
  const frames = m2pFrames(caller.machine).slice(0, args.max_extents);
  const frame = typeAt(pfn, caller.width);
  for (const [i, mfn] of frames.entries())
    if (!writeValue(caller.access, frame, args.extent_start + i * frame.bytes, mfn)) return -EFAULT;
  args.nr_extents = frames.length;
  return 0;
}

/** XENMEM_machphys_mapping: where the M2P table lies in the guest's space. OUT: v_start, v_end, max_mfn. */
function machphysMapping(_caller: HypercallContext, args: GuestStruct<typeof MachphysMapping>): number {
  const { start, end } = m2pPlace;
  args.v_start = start;
  args.v_end = end;
  args.max_mfn = (end - start) / 4 - 1;
  return 0;
}

// ---- the physmap: what is seen at a guest frame

/** Whether the caller may change a domain's physmap, and has one. 0 or an errno. */
function mayPlace(caller: HypercallContext, domid: number, space: number): number {
  if (domid !== DOMID_SELF && domid !== caller.record.id && !caller.machine.find(domid)) return -ESRCH;
  if (!caller.isHvm || space === XENMAPSPACE.DEV_MMIO) return -EACCES;
  return domainNamed(caller, domid);
}

/**
 * XENMEM_add_to_physmap: shows something at a guest frame: shared_info, a frame of the grant table, or what is at other guest frames now.
 * IN: domid, size, space, idx, gpfn.
 * Errors: ENOSYS frames of another domain; ESRCH no such domain; EACCES a paravirtual guest has no physmap, and no guest places devices; EPERM another than
 * the caller; EILSEQ a range that goes on behind its end; EINVAL there is no such thing, or it cannot be shown there.
 */
function addToPhysmap(caller: HypercallContext, args: GuestStruct<typeof AddToPhysmap>, start: number): number {
  const { size, space, idx, gpfn } = args;
  if (space === XENMAPSPACE.GMFN_FOREIGN) return -ENOSYS;
  const refused = mayPlace(caller, args.domid, space);
  if (refused) return refused;
  if (space !== XENMAPSPACE.GMFN_RANGE) return place(caller, space, idx, gpfn);
  if (size < start) return -EILSEQ;
  for (let i = start; i < size; i++) {
    if (i - start >= FRAMES_A_TURN) return caller.continueWith(0, goingOn(XENMEM.ADD_TO_PHYSMAP, i));
    const result = place(caller, XENMAPSPACE.GMFN, idx + i, gpfn + i);
    if (result !== 0) return result;
  }
  return 0;
}

/** 0 or an errno. */
function place(
  { words, xenBlock, frames, ports }: HypercallContext,
  space: number,
  index: number,
  gfn: number,
): number {
  switch (space) {
    case XENMAPSPACE.SHARED_INFO:
      if (index !== 0) return -EINVAL;
      if (!frames.place(gfn, words[xenBlock + XEN.SHARED_INFO])) return -EINVAL;
      words[xenBlock + XEN.SHARED_INFO_GFN] = gfn + 1;
      return 0;
    case XENMAPSPACE.GRANT_TABLE: {
      if (index >= 2 ** 32) return -EINVAL;
      const status = (index & XENMAPIDX_GRANT_TABLE_STATUS) !== 0;
      const mfn = new GrantTable(ports).frameAt(index & ~XENMAPIDX_GRANT_TABLE_STATUS, status);
      if (mfn < 0) return mfn;
      return frames.place(gfn, mfn) ? 0 : -EINVAL;
    }
    case XENMAPSPACE.GMFN:
      return frames.move(index, gfn) ? 0 : -EINVAL;
    default:
      return -EINVAL;
  }
}

/**
 * XENMEM_add_to_physmap_batch: the same for a list, each with its own errno.
 * IN: domid, space, size, foreign_domid, idxs, gpfns, errs.
 * Errors: EOPNOTSUPP a range; ESRCH no such domain; EACCES a paravirtual guest has no physmap, and no guest places devices; EPERM another than the caller;
 * EILSEQ it goes on behind its end; EFAULT a list cannot be read or written.
 */
function addToPhysmapBatch(
  caller: HypercallContext,
  args: GuestStruct<typeof AddToPhysmapBatch>,
  start: number,
): number {
  const { space, size, foreign_domid, idxs, gpfns, errs } = args;
  if (space === XENMAPSPACE.GMFN_RANGE) return -EOPNOTSUPP;
  const refused = mayPlace(caller, args.domid, space);
  if (refused) return refused;
  if (size < start) return -EILSEQ;
  const { access } = caller,
    frame = typeAt(pfn, caller.width);
  for (let i = start; i < size; i++) {
    if (i - start >= FRAMES_A_TURN) return caller.continueWith(0, goingOn(XENMEM.ADD_TO_PHYSMAP_BATCH, i));
    const index = readValue(access, frame, idxs + i * frame.bytes),
      gfn = readValue(access, frame, gpfns + i * frame.bytes);
    if (index === undefined || gfn === undefined) return -EFAULT;
    const result =
      space === XENMAPSPACE.GMFN_FOREIGN ? refuseForeign(caller, foreign_domid) : place(caller, space, index, gfn);
    if (!writeValue(access, i32, errs + i * i32.bytes, result)) return -EFAULT;
  }
  return 0;
}

/** Frames of another domain, by its number: that takes a privileged one. */
function refuseForeign({ machine, record }: HypercallContext, domid: number): number {
  if (domid === DOMID_SELF || domid === record.id) return -EINVAL;
  return machine.find(domid) ? -EPERM : -ESRCH;
}

/**
 * XENMEM_remove_from_physmap: the page is not seen there any more; whose it is does not change.
 * IN: domid, gpfn.
 * Errors: EINVAL a command that goes on; ESRCH no such domain; EACCES a paravirtual guest has no physmap; EPERM another than the caller; ENOENT nothing is
 * there that can be taken away.
 */
function removeFromPhysmap(caller: HypercallContext, { domid, gpfn }: GuestStruct<typeof RemoveFromPhysmap>): number {
  const refused = mayPlace(caller, domid, XENMAPSPACE.GMFN);
  return refused || (caller.frames.hide(gpfn) ? 0 : -ENOENT);
}

/**
 * XENMEM_memory_map: the map that the guest was started with, as E820 entries; as many as there is room for.
 * IN: nr_entries, buffer. OUT: nr_entries.
 * Errors: EFAULT the buffer cannot be written.
 */
function memoryMap(caller: HypercallContext, args: GuestStruct<typeof MemoryMap>): number {
  const map = xenMemoryMap(caller.type, ramOf(caller.record)).slice(0, args.nr_entries);
  const entries = new Uint8Array(map.length * E820Entry.bytes);
  map.forEach(({ base, length, type }, i) => {
    const entry = E820Entry.blank();
    Object.assign(entry, { addr: base, size: length, type });
    entries.set(new Uint8Array(entry.view.buffer), i * E820Entry.bytes);
  });
  if (!caller.access.write(args.buffer, entries)) return -EFAULT;
  args.nr_entries = map.length;
  return 0;
}
