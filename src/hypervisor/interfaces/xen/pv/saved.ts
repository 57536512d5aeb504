/**
 * A paravirtual domain that has suspended itself, as a saved state has it: page tables with guest frame numbers in place of machine frame numbers, the
 * frames of the guest's own list of frames, its shared_info and the contexts of its vCPUs; and back into the frames of another machine.
 * Source: xen/docs/specs/libxc-migration-stream.pandoc; tools/libs/guest/xg_sr_save_x86_pv.c and xg_sr_restore_x86_pv.c for what is converted.
 */
import type { State } from '../../../../devices/index.ts';
import { FRAME, FRAME_PINNED, FRAME_TYPE } from '../../../layout/layout.ts';
import { XEN } from '../layout.ts';
import { type DomainRecord, FRAME_BYTES, type Machine } from '../../../memory/machine.ts';
import { PAGE } from '../stream/format.ts';
import { SavedStateError } from '../../../domain/saved-state-error.ts';
import type { SavedVcpus } from '../stream/saved-state.ts';
import { HVM_PARAM } from '../abi.ts';
import { getParam, setParam } from '../hvm/params.ts';
import type { Ports } from '../events/ports.ts';
import { PV, type PvBlock } from './block.ts';
import { CONTEXT, CONTEXT_BYTES, type GuestContext } from './context.ts';
import type { ComingPages } from './coming-pages.ts';
import type { PageTypes } from './page-types.ts';
import { PAE } from './pae.ts';
import { PTE_PRESENT } from './pte.ts';
import { SHARED_INFO, StartInfo, VCPU_INFO, VcpuInfo } from '../shared.ts';

/** Entries of a frame of the guest's frame list, and of the two levels above it. */
const LIST_ENTRIES = FRAME_BYTES / 4;
const { pfn_to_mfn_frame_list_list: FRAME_LIST_LIST } = SHARED_INFO[32];
const START_INFO = StartInfo.offsets;
const INVALID_ENTRY = 0xffffffff;
const ADDRESS_MASK = 0xfff;
/** Words of a vCPU's frame that vcpu_guest_context has no place for: SYSENTER and SYSCALL callbacks, what masks events, IOPL. */
const BEYOND_CONTEXT: readonly [first: number, end: number] = [PV.SYSENTER, PV.IOPL + 1];
export const BEYOND_CONTEXT_WORDS = BEYOND_CONTEXT[1] - BEYOND_CONTEXT[0];

export interface PvSaveParts {
  machine: Machine;
  record: DomainRecord;
  ports: Ports;
  block: PvBlock;
  types: PageTypes;
  context: GuestContext;
  /** Machine frames of the domain's that are not its RAM: its grant table. */
  notRam: ReadonlySet<number>;
}

interface PvPage {
  pfn: number;
  type: number;
  bytes?: Uint8Array;
  mfn?: number;
}

/** What is written of a paravirtual domain beyond its frames. */
export interface PvImage {
  /** Guest frame numbers of the frames of its list, and how many frames that covers. */
  p2mFrames: number[];
  sharedInfo: Uint8Array;
  contexts: Map<number, Uint8Array>;
  /** Guest frame, type (PAGE), contents; of what is no page table the machine frame, too. */
  pages(): Generator<PvPage>;
  /** What Xen's records have no place for. */
  rest: State;
}

const refuse = (what: string): never => {
  throw new SavedStateError(`The guest cannot be saved: ${what}`);
};
/** As a 32-bit guest's CR3 names a frame (xen_cr3_to_pfn). */
const ofCr3 = (cr3: number): number => ((cr3 >>> 12) | ((cr3 & ADDRESS_MASK) << 20)) >>> 0;
const toCr3 = (frame: number): number => (frame << 12) | (frame >>> 20);

const wireType = (type: number): number =>
  type === FRAME_TYPE.L1
    ? 1
    : type === FRAME_TYPE.L2 || type === FRAME_TYPE.L2_XEN
      ? 2
      : type === FRAME_TYPE.L3
        ? 3
        : 0;
const FROM_WIRE: readonly number[] = [FRAME_TYPE.NONE, FRAME_TYPE.L1, FRAME_TYPE.L2, FRAME_TYPE.L3];

/** Machine frames of the domain's RAM by guest frames, as the M2P table has them; -1: there is none. @throws Refused where two are one guest frame */
function machineFrames({ machine, record, notRam }: Pick<PvSaveParts, 'machine' | 'record' | 'notRam'>): Int32Array {
  const mfns = new Int32Array(record.ramFrames).fill(-1);
  for (let mfn = 0; mfn < machine.frames; mfn++) {
    if (machine.ownerOf(mfn) !== record.id || notRam.has(mfn)) continue;
    const pfn = machine.words[machine.m2p + mfn] >>> 0;
    if (pfn >= mfns.length || mfns[pfn] >= 0)
      refuse(
        `its machine frame 0x${mfn.toString(16)} is guest frame 0x${pfn.toString(16)} in the M2P table, which it cannot be.`,
      );
    mfns[pfn] = mfn;
  }
  return mfns;
}

/** @throws SavedStateError where the guest's tables name what is not its own, or contradict the hypervisor's. */
export function savePv(
  { machine, record, ports, block, types, context, notRam }: PvSaveParts,
  regs: Int32Array,
  eflags: number,
): PvImage {
  const { words, bytes } = machine;
  const mfns = machineFrames({ machine, record, notRam });
  const pfnOf = (mfn: number, what: string): number => {
    const pfn =
      mfn < machine.frames && machine.ownerOf(mfn) === record.id && !notRam.has(mfn)
        ? words[machine.m2p + mfn] >>> 0
        : mfns.length;
    return pfn < mfns.length
      ? pfn
      : refuse(
          `${what} names machine frame 0x${mfn.toString(16)}, which is not its own. It should have given that up before it suspended itself.`,
        );
  };
  const shared = ports.sharedInfo;
  const view = new DataView(machine.memory, shared, FRAME_BYTES);
  const most = view.getUint32(SHARED_INFO[32].max_pfn, true);
  if (most === 0 || most > mfns.length)
    refuse(`its list of frames says that it covers ${most} of ${mfns.length} frames (shared_info, max_pfn).`);
  const list = view.getUint32(FRAME_LIST_LIST, true);
  pfnOf(list, 'shared_info (pfn_to_mfn_frame_list_list)');
  const p2mFrames = Array.from({ length: Math.ceil(most / LIST_ENTRIES) }, (_, i) => {
    const middle = words[list * LIST_ENTRIES + Math.floor(i / LIST_ENTRIES)] >>> 0;
    pfnOf(middle, 'its list of lists of frames');
    return pfnOf(words[middle * LIST_ENTRIES + (i % LIST_ENTRIES)] >>> 0, 'its list of frames');
  });
  const first = context.get(0, regs, eflags);
  const fields = new DataView(first.buffer);
  const convert = (at: number, what: string): void =>
    fields.setUint32(at, pfnOf(fields.getUint32(at, true), what), true);
  convert(CONTEXT.START_INFO, 'the argument of its suspend call (start_info)');
  fields.setInt32(CONTEXT.CR3, toCr3(pfnOf(ofCr3(fields.getUint32(CONTEXT.CR3, true)), 'CR3')), true);
  for (let i = 0; i < Math.ceil(fields.getUint32(CONTEXT.GDT_ENTRIES, true) / 512); i++)
    convert(CONTEXT.GDT_FRAMES + 4 * i, 'its GDT');
  const contexts = new Map([[0, first]]);
  const table = (mfn: number, type: number): Uint8Array => {
    const page = new Int32Array(LIST_ENTRIES);
    for (let slot = 0; slot < PAE.entriesOf(type); slot++) {
      const low = words[mfn * LIST_ENTRIES + 2 * slot];
      page[2 * slot] =
        low & PTE_PRESENT
          ? (pfnOf(
              low >>> 12,
              `an entry of the page table in guest frame 0x${words[machine.m2p + mfn].toString(16)}`,
            ) <<
              12) |
            (low & ADDRESS_MASK)
          : low;
      page[2 * slot + 1] = words[mfn * LIST_ENTRIES + 2 * slot + 1];
    }
    return new Uint8Array(page.buffer);
  };
  const image = function* (): Generator<PvPage> {
    for (let pfn = 0; pfn < mfns.length; pfn++) {
      const mfn = mfns[pfn];
      const type = mfn < 0 ? 0 : types.typeOf(mfn);
      if (mfn < 0) yield { pfn, type: PAGE.INVALID };
      else if (PAE.entriesOf(type) === 0)
        yield { pfn, mfn, type: PAGE.NORMAL, bytes: bytes.subarray(mfn * FRAME_BYTES, (mfn + 1) * FRAME_BYTES) };
      else
        yield {
          pfn,
          type: wireType(type) | (words[machine.frameEntry(mfn) + FRAME.TYPE] & FRAME_PINNED ? PAGE.PINNED : 0),
          bytes: table(mfn, type),
        };
    }
  };
  // What cannot be converted is found before anything is written.
  for (const _page of image());
  const rest = {
    covers: most,
    assists: words[ports.xenBlock + XEN.ASSISTS],
    beyond: block.vcpu(0).slice(...BEYOND_CONTEXT),
  };
  return { p2mFrames, sharedInfo: bytes.slice(shared, shared + FRAME_BYTES), contexts, pages: image, rest };
}

const damaged = (what: string): SavedStateError => new SavedStateError(`${what} Save the guest again.`);

/** What is read of a paravirtual domain next to its pages. */
export interface SavedPvImage {
  p2mFrames: readonly number[];
  sharedInfo: Uint8Array;
  contexts: SavedVcpus;
  rest: State;
}

/**
 * Puts it into a domain that has just been made, whose `pages` have come; `regs` are the state words of its vCPU 0.
 * @throws SavedStateError
 */
export function restorePv(
  parts: PvSaveParts,
  saved: SavedPvImage,
  { mfns, tables, absent }: ComingPages,
  regs: Int32Array,
  setControls: (regs: Int32Array) => void,
  expel: (mfn: number) => void,
): void {
  const { machine, ports, types, context, block } = parts;
  const { words, bytes } = machine;
  const mfnOf = (pfn: number, what: string): number => {
    if (pfn >= mfns.length || absent.has(pfn))
      throw damaged(`${what} names guest frame 0x${pfn.toString(16)}, which the guest does not have.`);
    return mfns[pfn];
  };
  const pinned: { mfn: number; type: number; pfn: number }[] = [];
  for (const [pfn, { kind, bytes: entries }] of tables) {
    const mfn = mfns[pfn];
    bytes.set(entries, mfn * FRAME_BYTES);
    for (let slot = 0; slot < 512; slot++) {
      const entry = mfn * LIST_ENTRIES + 2 * slot;
      if (words[entry] & PTE_PRESENT)
        words[entry] =
          (mfnOf(words[entry] >>> 12, `Record PAGE_DATA: page table 0x${pfn.toString(16)}`) << 12) |
          (words[entry] & ADDRESS_MASK);
    }
    if (kind & PAGE.PINNED) pinned.push({ mfn, type: FROM_WIRE[kind & 7], pfn });
  }
  const { covers, assists, beyond } = saved.rest as { covers: number; assists: number; beyond: Int32Array };
  saved.p2mFrames.forEach((pfn, page) => {
    const at = mfnOf(pfn, 'Record X86_PV_P2M_FRAMES') * LIST_ENTRIES;
    for (let i = 0; i < LIST_ENTRIES; i++) {
      const entry = page * LIST_ENTRIES + i;
      words[at + i] = entry < covers && entry < mfns.length && !absent.has(entry) ? mfns[entry] : INVALID_ENTRY;
    }
  });
  restoreSharedInfo(ports, saved.sharedInfo);
  const first = saved.contexts.get(0)?.slice();
  if (!first || first.length !== CONTEXT_BYTES) throw damaged('There is no record X86_PV_VCPU_BASIC of vCPU 0.');
  const fields = new DataView(first.buffer);
  const record = 'Record X86_PV_VCPU_BASIC';
  const convert = (at: number): void => fields.setUint32(at, mfnOf(fields.getUint32(at, true), record), true);
  convert(CONTEXT.START_INFO);
  restoreStartInfo(parts, fields.getUint32(CONTEXT.START_INFO, true), mfns.length, pfn => mfnOf(pfn, 'start_info'));
  fields.setInt32(CONTEXT.CR3, toCr3(mfnOf(ofCr3(fields.getUint32(CONTEXT.CR3, true)), record)), true);
  for (let i = 0; i < Math.min(16, Math.ceil(fields.getUint32(CONTEXT.GDT_ENTRIES, true) / 512)); i++)
    convert(CONTEXT.GDT_FRAMES + 4 * i);
  // Frames that the guest did not have, before anything could name them.
  for (const pfn of absent) {
    expel(mfns[pfn]);
    machine.release(mfns[pfn]);
    words[ports.xenBlock + XEN.CURRENT_FRAMES]--;
  }
  for (const { mfn, type, pfn } of pinned)
    if (types.pin(mfn, type) !== 0)
      throw damaged(
        `Record PAGE_DATA: guest frame 0x${pfn.toString(16)} cannot be the page table that it is said to be.`,
      );
  words[ports.xenBlock + XEN.ASSISTS] = assists;
  block.vcpu(0).set(beyond, BEYOND_CONTEXT[0]);
  if (context.apply(0, first, regs, setControls) !== 0)
    throw damaged(`${record}: vCPU 0 names tables that it may not have.`);
}

/** The guest's part of the page: its vcpu_infos and the architecture's; ports are masked, and the list of frames is to be made again. */
function restoreSharedInfo(ports: Ports, saved: Uint8Array): void {
  const { bytes } = ports.machine;
  const { evtchn_pending, evtchn_mask, wc_version, max_pfn } = SHARED_INFO[32];
  const at = ports.sharedInfo;
  bytes.set(saved.subarray(0, evtchn_pending), at);
  bytes.fill(0xff, at + evtchn_mask, at + wc_version);
  bytes.set(saved.subarray(max_pfn, FRAME_LIST_LIST), at + max_pfn);
  // evtchn_pending_sel
  for (let vcpu = 0; vcpu < ports.vcpus; vcpu++)
    bytes.fill(
      0,
      at + vcpu * VcpuInfo.bytes + VCPU_INFO[32].evtchn_pending_sel,
      at + vcpu * VcpuInfo.bytes + VCPU_INFO[32].cr2,
    );
}

function restoreStartInfo(
  { machine, ports }: PvSaveParts,
  mfn: number,
  pages: number,
  mfnOf: (pfn: number) => number,
): void {
  const view = new DataView(machine.memory, mfn * FRAME_BYTES, FRAME_BYTES);
  const put = (at: number, value: number): void => view.setUint32(at, value, true);
  const store = mfnOf(view.getUint32(START_INFO.store_mfn, true)),
    console = mfnOf(view.getUint32(START_INFO.console_mfn, true));
  put(START_INFO.nr_pages, pages);
  put(START_INFO.shared_info, ports.sharedInfo);
  put(START_INFO.flags, 0);
  put(START_INFO.store_mfn, store);
  put(START_INFO.store_evtchn, getParam(ports, HVM_PARAM.STORE_EVTCHN)[0]);
  put(START_INFO.console_mfn, console);
  put(START_INFO.console_evtchn, getParam(ports, HVM_PARAM.CONSOLE_EVTCHN)[0]);
  setParam(ports, HVM_PARAM.STORE_PFN, store);
  setParam(ports, HVM_PARAM.CONSOLE_PFN, console);
}
