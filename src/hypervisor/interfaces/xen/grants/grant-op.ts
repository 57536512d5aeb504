/**
 * *Idea.* A domain grants another one access to a page by an entry in its grant table; the other names the entry to map the page, or to have Xen copy
 * it. The entry is in the granter's memory and may change at any moment, even between two reads. So it is read once and claimed by an atomic change
 * of its flags (grants.ts), and every use holds a reference on the frame until it is undone: a granter can never free a page that is in use.
 * HYPERVISOR_grant_table_op takes arrays of structures in the caller's memory (xen/include/public/grant_table.h). The call returns 0 or an errno, and
 * each element has its own status. Structures are copied in once, before the first check. Long arrays are preemptible: the call stops after
 * MOST_AT_ONCE elements, and continues after pending interrupts.
 */
import { FRAME_BYTES, type Machine } from '../../../memory/machine.ts';
import { DOMID_SELF, EFAULT, EINVAL, EOPNOTSUPP, ENOSYS, EPERM, ESRCH } from '../abi.ts';
import { ALL, PV, TRANSLATED } from '../hypercalls.ts';
import { frameWritten } from '../memory/stale.ts';
import {
  answer,
  at,
  type Fields,
  type FieldType,
  type GuestStruct,
  handle,
  i16,
  nested,
  pfn,
  type Span,
  type StructCopy,
  type StructMemory,
  type StructType,
  spansOf,
  struct,
  typeAt,
  u16,
  u32,
  u64,
  u64words,
  type Values,
  type Width,
  writeValue,
} from '../struct.ts';
import { GNTMAP, GNTST, type Granted, type GrantTable, type Mapped } from './grants.ts';

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

export const MapGrantRef = struct({
  host_addr: u64,
  flags: u32,
  ref: u32,
  dom: u16,
  status: i16,
  handle: u32,
  dev_bus_addr: u64,
});
export const UnmapGrantRef = struct({ host_addr: u64, dev_bus_addr: u64, handle: u32, status: i16 });
export const SetupTable = struct({ dom: u16, nr_frames: u32, status: i16, frame_list: handle });
export const Transfer = struct({ mfn: pfn, domid: u16, ref: u32, status: i16 });
/** `ref` and `gmfn` are a union: `gmfn` where the end is a frame of the caller's own. */
export const CopyEnd = struct({ ref: u32, gmfn: at(0, pfn), domid: u16, offset: u16 });
export const Copy = struct({ source: nested(CopyEnd), dest: nested(CopyEnd), len: u16, flags: u16, status: i16 });
export const QuerySize = struct({ dom: u16, nr_frames: u32, max_nr_frames: u32, status: i16 });
export const UnmapAndReplace = struct({ host_addr: u64, new_addr: u64words, handle: u32, status: i16 });
export const SetVersion = struct({ version: u32 });
export const GetStatusFrames = struct({ nr_frames: u32, dom: u16, status: i16, frame_list: handle });
export const GetVersion = struct({ dom: u16, pad: u16, version: u32 });
export const SwapGrantRef = struct({ ref_a: u32, ref_b: u32, status: i16 });
export const CacheFlush = struct({ dev_bus_addr: u64, offset: u16, length: u16, op: u32 });

/** Elements that are done before the guest's interrupts get a chance. */
const MOST_AT_ONCE = 64;

/** The domain that calls: its memory at linear addresses, through its own page tables, and how a frame comes into its address space. */
export interface GrantCaller extends StructMemory {
  readonly table: GrantTable;
  readonly machine: Machine;
  /** Of its code: structures and lists lie in memory so. */
  readonly width: Width;
  /** HVM or PVH: places are guest-physical addresses; otherwise linear ones, or machine addresses of page table entries (GNTMAP.CONTAINS_PTE). */
  readonly translated: boolean;
  /** Puts a foreign frame at a place; a GNTST status. */
  mapHost(place: number, mfn: number, flags: number): number;
  /**
   * Takes it out again, and makes the processor forget it; where `replacement` is not 0 what the page table entry of that address held goes to `place`.
   * GENERAL_ERROR where something else is at that place.
   */
  unmapHost(place: number, mfn: number, flags: number, replacement: number): number;
  /** An element is carried out: the reference or handle that it names, and its status. */
  done?(op: number, which: number, status: number): void;
}

/** What is done with one structure: its status is in it. A number: the call's own result, which ends it. */
// biome-ignore lint/suspicious/noConfusingVoidType: most have no result of their own.
type Work<Args> = (caller: GrantCaller, args: Args) => number | void;

/** A row of the table. */
interface GrantOperation {
  guests: number;
  args: StructType<Fields>;
  spans: Readonly<Record<Width, readonly Span[]>>;
  // biome-ignore lint/suspicious/noExplicitAny: rows over all structures.
  run: Work<any>;
  /** It is over one structure: another count is refused before it is read. */
  single?: boolean;
  /** It is over one structure, whatever the count is. */
  countIgnored?: boolean;
  /** Its structure is not looked at. */
  unread?: boolean;
  /** The field that says of which grant it is, for the trace. */
  traced?: string;
}

function grantOperation<F extends Fields>(
  args: StructType<F>,
  run: Work<Values<F> & StructCopy>,
  more: Omit<Partial<GrantOperation>, 'args' | 'run'> & { out?: readonly (keyof F)[] } = {},
): GrantOperation {
  return {
    guests: ALL,
    ...more,
    args: args as unknown as StructType<Fields>,
    spans: spansOf(args, more.out ?? []),
    run,
  };
}

const OPERATIONS: { readonly [Name in keyof typeof GNTTABOP]: GrantOperation } = {
  MAP_GRANT_REF: grantOperation(MapGrantRef, mapGrantRef, { out: ['status', 'handle', 'dev_bus_addr'], traced: 'ref' }),
  UNMAP_GRANT_REF: grantOperation(UnmapGrantRef, unmapGrantRef, { out: ['status'], traced: 'handle' }),
  SETUP_TABLE: grantOperation(SetupTable, setupTable, { single: true, out: ['status'] }),
  DUMP_TABLE: grantOperation(struct({ dom: u16, status: i16 }), dumpTable, { guests: PV, single: true, unread: true }),
  TRANSFER: grantOperation(Transfer, transfer, { guests: PV, out: ['status'] }),
  COPY: grantOperation(Copy, copy, { out: ['status'], traced: 'source' }),
  QUERY_SIZE: grantOperation(QuerySize, querySize, { single: true, out: ['nr_frames', 'max_nr_frames', 'status'] }),
  UNMAP_AND_REPLACE: grantOperation(UnmapAndReplace, unmapAndReplace, {
    guests: PV,
    out: ['status'],
    traced: 'handle',
  }),
  SET_VERSION: grantOperation(SetVersion, setVersion, { countIgnored: true, out: ['version'] }),
  GET_STATUS_FRAMES: grantOperation(GetStatusFrames, getStatusFrames, { guests: PV, single: true, out: ['status'] }),
  GET_VERSION: grantOperation(GetVersion, getVersion, { countIgnored: true, out: ['version'] }),
  SWAP_GRANT_REF: grantOperation(SwapGrantRef, swapGrantRef, { out: ['status'] }),
  CACHE_FLUSH: grantOperation(CacheFlush, cacheFlush, { guests: PV }),
};

export const GRANT_OPERATIONS = {
  prefix: 'GNTTABOP_',
  numbers: GNTTABOP as Readonly<Record<string, number>>,
  rows: Object.entries(OPERATIONS).reduce<GrantOperation[]>((rows, [name, row]) => {
    rows[GNTTABOP[name as keyof typeof GNTTABOP]] = row;
    return rows;
  }, []),
};

/**
 * Carries a call out: an errno or 0; `done`: this many elements are done, and the call is to go on with an element at `at`. What became of an element is in its
 * status, which is written whatever it is.
 */
export function grantTableOp(
  caller: GrantCaller,
  op: number,
  list: number,
  count: number,
): number | { done: number; at: number } {
  const row = GRANT_OPERATIONS.rows[op];
  const known = row && (row.guests & (caller.translated ? TRANSLATED : PV)) !== 0;
  // hvm_grant_table_op() looks at the operation first, do_grant_table_op() at the count.
  if (!known && caller.translated) return -ENOSYS;
  if (count >>> 31) return -EINVAL;
  if (!known) return -ENOSYS;
  if (row.single && count !== 1) return -EINVAL;
  if (row.unread) return 0;
  const { run, spans, traced } = row,
    { width } = caller,
    type = row.args.at(width);
  const elements = row.countIgnored ? 1 : count;
  for (let i = 0; i < elements; i++) {
    const at = list + i * type.bytes;
    // A flush asks for nothing that takes time.
    if (i === MOST_AT_ONCE && run !== cacheFlush) return { done: i, at };
    const args = type.read(caller, at);
    if (!args) return -EFAULT;
    const result = run(caller, args);
    if (traced)
      caller.done?.(op, args.view.getUint32(type.offsets[traced], true), args.view.getInt16(type.offsets.status, true));
    if (!answer(caller, at, args, spans[width])) return -EFAULT;
    if (result) return result;
  }
  return 0;
}

// ---- map and unmap

/**
 * GNTTABOP_map_grant_ref: another domain's frame comes into the caller's memory: at a guest-physical address, or into the page table entry of (or at) a place.
 * IN: host_addr, flags, ref, dom. OUT: status, handle, dev_bus_addr.
 * Status: bad_gntref neither host nor device map, or no such grant; general_error flags that a translated caller cannot have, or a place that takes no frame;
 * bad_domain; no_space no handle; permission_denied not granted to the caller, or not for writing.
 */
function mapGrantRef(caller: GrantCaller, args: GuestStruct<typeof MapGrantRef>): void {
  const { host_addr: place, flags, ref, dom: domid } = args;
  const status = (value: number): void => {
    args.status = value;
  };
  if (!(flags & (GNTMAP.HOST | GNTMAP.DEVICE))) return status(GNTST.BAD_GNTREF);
  if (caller.translated && flags & (GNTMAP.DEVICE | GNTMAP.APPLICATION | GNTMAP.CONTAINS_PTE))
    return status(GNTST.GENERAL_ERROR);
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
  const handle = caller.table.track(flags & KEPT_FLAGS, ref, domid, caller.translated ? place / FRAME_BYTES : 0);
  if (handle < 0) return undo(GNTST.NO_SPACE);
  const mapped = flags & GNTMAP.HOST ? caller.mapHost(place, mfn, flags) : GNTST.OKAY;
  if (mapped !== GNTST.OKAY) {
    const made = caller.table.mapped(handle);
    // With the handle its uses end.
    for (const part of parts) if (made) caller.table.untrack(made, part);
    return status(mapped);
  }
  args.handle = handle;
  args.dev_bus_addr = mfn * FRAME_BYTES;
  status(GNTST.OKAY);
}

const KEPT_FLAGS = GNTMAP.DEVICE | GNTMAP.HOST | GNTMAP.READONLY | GNTMAP.APPLICATION | GNTMAP.CONTAINS_PTE;

/**
 * GNTTABOP_unmap_grant_ref: ends a mapping, or that part of it that is named by its place (host_addr) or its frame (dev_bus_addr); 0 names none.
 * IN: host_addr, dev_bus_addr, handle. OUT: status.
 * Status: bad_handle; general_error the frame or the place is another, bad_virt_addr nothing is there.
 */
function unmapGrantRef(caller: GrantCaller, args: GuestStruct<typeof UnmapGrantRef>): void {
  const entry = caller.table.mapped(args.handle);
  args.status = entry ? unmap(caller, entry, args.host_addr, args.dev_bus_addr, 0, false) : GNTST.BAD_HANDLE;
}

/**
 * GNTTABOP_unmap_and_replace: the same, and what the page table entry of new_addr held goes to the place.
 * IN: host_addr, new_addr, handle. OUT: status.
 * Status: bad_handle; general_error the place is another, or what is to go there is not the caller's own, bad_virt_addr nothing is there.
 */
function unmapAndReplace(caller: GrantCaller, args: GuestStruct<typeof UnmapAndReplace>): void {
  const entry = caller.table.mapped(args.handle);
  args.status = entry ? unmap(caller, entry, args.host_addr, 0, args.new_addr[0], true) : GNTST.BAD_HANDLE;
}

function unmap(
  caller: GrantCaller,
  entry: Mapped,
  place: number,
  busAddress: number,
  replacement: number,
  replace: boolean,
): number {
  const { table, translated } = caller;
  const mfn = table.mfnOf(entry);
  // Its low word says whether there is one.
  const device = busAddress % 2 ** 32 !== 0 && (entry.flags & GNTMAP.DEVICE) !== 0;
  if (device && busAddress !== mfn * FRAME_BYTES) return GNTST.GENERAL_ERROR;
  if (place !== 0 && entry.flags & GNTMAP.HOST) {
    if (translated && (replace || place / FRAME_BYTES !== entry.gfn)) return GNTST.GENERAL_ERROR;
    const taken = caller.unmapHost(place, mfn, entry.flags, replacement);
    if (taken !== GNTST.OKAY) return taken;
    table.untrack(entry, GNTMAP.HOST);
  }
  if (device) table.untrack(entry, GNTMAP.DEVICE);
  // What was written through the mapping may be code to its owner.
  const granter = entry.flags & GNTMAP.READONLY ? undefined : table.of(entry.domid);
  if (granter) frameWritten(granter.ports, mfn);
  return GNTST.OKAY;
}

/**
 * GNTTABOP_swap_grant_ref: two entries of the caller's own table change places.
 * IN: ref_a, ref_b. OUT: status.
 * Status: bad_gntref no such entry; general_error one is in use.
 */
function swapGrantRef(caller: GrantCaller, args: GuestStruct<typeof SwapGrantRef>): void {
  args.status = caller.table.swap(args.ref_a, args.ref_b);
}

/**
 * GNTTABOP_transfer: a frame changes its owner.
 * IN: mfn, domid, ref. OUT: status.
 * Refused: no frame changes its owner by a grant any more; elements say so.
 * Status: general_error always.
 */
function transfer(_caller: GrantCaller, args: GuestStruct<typeof Transfer>): void {
  args.status = GNTST.GENERAL_ERROR;
}

// ---- copy

const COPY_SOURCE_REF = 1,
  COPY_DEST_REF = 2;

/**
 * GNTTABOP_copy: bytes from one frame to another. Either end is a grant, or a frame of the caller's own.
 * IN: source, dest, len, flags. OUT: status.
 * Status: permission_denied a frame of another domain, or a grant that is not the caller's to use so; bad_domain; bad_gntref no such grant; bad_copy_arg it
 * leaves a frame; general_error it leaves what was granted.
 */
function copy(caller: GrantCaller, args: GuestStruct<typeof Copy>): void {
  args.status = copyBetween(caller, args.source, args.dest, args.len, args.flags);
}

type End = GuestStruct<typeof Copy>['source'];

function copyBetween(caller: GrantCaller, from: End, to: End, length: number, flags: number): number {
  const granters = [from, to].map(({ domid }, i) => {
    const isRef = flags & (i === 0 ? COPY_SOURCE_REF : COPY_DEST_REF);
    if (!isRef && domid !== DOMID_SELF) return GNTST.PERMISSION_DENIED;
    return (domid === DOMID_SELF ? caller.table : caller.table.of(domid)) ?? GNTST.BAD_DOMAIN;
  });
  for (const granter of granters) if (typeof granter === 'number') return granter;
  const [sourceTable, destTable] = granters as GrantTable[];
  const source = claim(caller, sourceTable, from, (flags & COPY_SOURCE_REF) !== 0, true);
  if (typeof source === 'number') return source;
  const dest = claim(caller, destTable, to, (flags & COPY_DEST_REF) !== 0, false);
  if (typeof dest === 'number') {
    source.release();
    return dest;
  }
  const outside = (granted: Granted, offset: number): boolean =>
    offset < granted.start || offset + length > granted.start + granted.length;
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
function claim(
  caller: GrantCaller,
  table: GrantTable,
  { ref, gmfn }: End,
  isRef: boolean,
  readonly: boolean,
): Granted | number {
  return isRef ? table.acquire(ref, caller.table.ports.record.id, readonly, false) : table.ownFrame(gmfn, readonly);
}

// ---- the table

/** DOMID_SELF, or its own id; others' tables are not a guest's business. */
function isSelf(caller: GrantCaller, domid: number): boolean {
  return domid === DOMID_SELF || domid === caller.table.ports.record.id;
}

function notSelf(caller: GrantCaller, domid: number): number {
  return caller.table.of(domid) ? GNTST.PERMISSION_DENIED : GNTST.BAD_DOMAIN;
}

/**
 * GNTTABOP_setup_table: sets the number of frames of the table, and returns their frame numbers.
 * IN: dom, nr_frames, frame_list. OUT: status.
 * Errors: EINVAL another count than 1.
 * Status: permission_denied another domain, bad_domain there is none; general_error more than it may have; bad_virt_addr the list cannot be written.
 */
function setupTable(caller: GrantCaller, args: GuestStruct<typeof SetupTable>): void {
  const { dom: domid, nr_frames: frames, frame_list: list } = args;
  const { table } = caller,
    frame = typeAt(pfn, caller.width);
  let status: number = GNTST.OKAY;
  if (!isSelf(caller, domid)) status = notSelf(caller, domid);
  else if (frames > table.maxFrames || (frames > table.frames && !table.grow(frames))) status = GNTST.GENERAL_ERROR;
  else
    for (let i = 0; i < frames && status === GNTST.OKAY; i++)
      status = putFrame(caller, list + i * frame.bytes, table.sharedFrame(i), frame);
  args.status = status;
}

/**
 * GNTTABOP_dump_table: for who debugs the hypervisor; it writes nothing here.
 * IN: dom.
 * Errors: EINVAL another count than 1.
 */
function dumpTable(): void {}

/** A table frame's number as the caller knows it: machine frames for PV, guest frames for others, -1 where it is not placed yet. */
function putFrame(caller: GrantCaller, address: number, mfn: number, type: FieldType<number>): number {
  const known = caller.translated ? caller.machine.words[caller.machine.m2p + mfn] : mfn;
  return writeValue(caller, type, address, known) ? GNTST.OKAY : GNTST.BAD_VIRT_ADDR;
}

/**
 * GNTTABOP_get_status_frames: frame numbers of the first nr_frames status frames of a version 2 table.
 * IN: nr_frames, dom, frame_list. OUT: status.
 * Errors: EINVAL another count than 1.
 * Status: permission_denied another domain, bad_domain there is none; general_error it has fewer; bad_virt_addr the list cannot be written.
 */
function getStatusFrames(caller: GrantCaller, args: GuestStruct<typeof GetStatusFrames>): void {
  const { nr_frames: frames, dom: domid, frame_list: list } = args;
  const { table } = caller;
  let status: number = GNTST.OKAY;
  if (!isSelf(caller, domid)) status = notSelf(caller, domid);
  else if (frames > table.statusFrames) status = GNTST.GENERAL_ERROR;
  else
    for (let i = 0; i < frames && status === GNTST.OKAY; i++)
      status = putFrame(caller, list + i * u64.bytes, table.statusFrame(i), u64);
  args.status = status;
}

/**
 * GNTTABOP_query_size: how many frames the table has and may have.
 * IN: dom. OUT: nr_frames, max_nr_frames, status.
 * Errors: EINVAL another count than 1.
 * Status: permission_denied another domain, bad_domain there is none.
 */
function querySize(caller: GrantCaller, args: GuestStruct<typeof QuerySize>): void {
  const { table } = caller;
  const { dom } = args;
  if (!isSelf(caller, dom)) {
    args.status = notSelf(caller, dom);
    return;
  }
  args.nr_frames = table.frames;
  args.max_nr_frames = table.maxFrames;
  args.status = GNTST.OKAY;
}

/**
 * GNTTABOP_set_version: the layout of entries, 1 or 2; answers with the one that is used. The count is not looked at.
 * IN: version. OUT: version.
 * Errors: EINVAL no such version; ENOSYS one that the toolstack has forbidden; EBUSY entries are in use; ENOMEM no memory for status frames.
 */
function setVersion(caller: GrantCaller, args: GuestStruct<typeof SetVersion>): number {
  const { table, machine } = caller;
  const { version } = args;
  // Status frames are no more with version 1: they leave the caller's guest frames first.
  if (caller.translated && table.version === 2 && version === 1) {
    for (let i = 0; i < table.statusFrames; i++) {
      const mfn = table.statusFrame(i),
        gfn = machine.words[machine.m2p + mfn];
      if (gfn >= 0) caller.unmapHost(gfn * FRAME_BYTES, mfn, GNTMAP.HOST, 0);
    }
  }
  const result = table.setVersion(version);
  args.version = table.version;
  return result;
}

/**
 * GNTTABOP_get_version: the layout that is used. The count is not looked at.
 * IN: dom. OUT: version.
 * Errors: ESRCH no such domain; EPERM another than the caller.
 */
function getVersion(caller: GrantCaller, args: GuestStruct<typeof GetVersion>): number {
  if (!isSelf(caller, args.dom)) return caller.table.of(args.dom) ? -EPERM : -ESRCH;
  args.version = caller.table.version;
  return 0;
}

/** Bits of a flush: clean, invalidate; and that it names a grant in place of an address. */
const CACHE_CLEAN_INVALIDATE = 3,
  CACHE_SOURCE_GREF = 0x80000000;

/**
 * GNTTABOP_cache_flush: there are no caches here: the arguments are judged, and nothing is left to do.
 * IN: dev_bus_addr, offset, length, op.
 * Errors: EINVAL it leaves the frame, or an unknown operation; EOPNOTSUPP a grant in place of an address; EINVAL no such frame; EPERM another domain's.
 */
function cacheFlush(
  caller: GrantCaller,
  { dev_bus_addr: address, offset, length, op }: GuestStruct<typeof CacheFlush>,
): number {
  if (offset >= FRAME_BYTES || offset + length > FRAME_BYTES || op & ~(CACHE_CLEAN_INVALIDATE | CACHE_SOURCE_GREF))
    return -EINVAL;
  if (length === 0 || (op & CACHE_CLEAN_INVALIDATE) === 0) return 0;
  if (op & CACHE_SOURCE_GREF) return -EOPNOTSUPP;
  const mfn = Math.floor(address / FRAME_BYTES);
  if (mfn >= caller.machine.frames) return -EINVAL;
  return caller.machine.ownerOf(mfn) === caller.table.ports.record.id ? 0 : -EPERM;
}
