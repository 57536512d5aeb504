/**
 * Page-table hypercalls of a paravirtual domain: mmu_update, mmuext_op, update_va_mapping. Every new entry is checked and counted (page-types.ts)
 * before the processor can see it. Source: xen/include/public/xen.h; the errors are Xen's.
 */
import { FRAME_TYPE } from '../../../layout/layout.ts';
import { FRAME_BYTES, type Machine } from '../../../memory/machine.ts';
import {
  DOMID_FIRST_RESERVED,
  DOMID_SELF,
  EACCES,
  EFAULT,
  EINVAL,
  ENOSYS,
  EOPNOTSUPP,
  EPERM,
  ESRCH,
  PV_VIRT_START,
} from '../abi.ts';
import { type GuestStruct, struct, u32, u64words, ulong } from '../struct.ts';
import { PV, type PvBlock } from './block.ts';
import type { Descriptors } from './descriptors.ts';
import type { PvMemory } from './memory.ts';
import type { PageTypes } from './page-types.ts';
import type { PageTables } from './tables.ts';

/** Commands in bits 0-2 of an mmu_update request's pointer. */
const NORMAL_PT_UPDATE = 0,
  MACHPHYS_UPDATE = 1,
  PT_UPDATE_PRESERVE_AD = 2,
  PT_UPDATE_NO_TRANSLATE = 3;
/** ptr: the machine address of an entry, and the command in bits 0-2; val: the entry. */
export const MmuUpdate = struct({ ptr: u64words, val: u64words });
/** arg1: mfn or linear_addr. arg2: nr_ents, vcpumask or src_mfn. */
export const MmuextOp = struct({ cmd: u32, arg1: ulong, arg2: ulong });
/** Bit of a count: the call was made before, and the count so far is where the total is to be written. */
const PREEMPTED = 0x80000000;
/** Of a list, before others have their turn. */
const REQUESTS_A_TURN = 1024,
  OPERATIONS_A_TURN = 64;
/** mmuext_op commands. */
const MMUEXT = {
  PIN_L1_TABLE: 0,
  PIN_L2_TABLE: 1,
  PIN_L3_TABLE: 2,
  PIN_L4_TABLE: 3,
  UNPIN_TABLE: 4,
  NEW_BASEPTR: 5,
  TLB_FLUSH_LOCAL: 6,
  INVLPG_LOCAL: 7,
  TLB_FLUSH_MULTI: 8,
  INVLPG_MULTI: 9,
  TLB_FLUSH_ALL: 10,
  INVLPG_ALL: 11,
  FLUSH_CACHE: 12,
  SET_LDT: 13,
  NEW_USER_BASEPTR: 15,
  CLEAR_PAGE: 16,
  COPY_PAGE: 17,
  FLUSH_CACHE_GLOBAL: 18,
  MARK_SUPER: 19,
  UNMARK_SUPER: 20,
} as const;
/** Flags of update_va_mapping. */
const UVMF_FLUSH = 3,
  UVMF_TLB_FLUSH = 1,
  UVMF_INVLPG = 2;

export interface MmuParts {
  machine: Machine;
  domid: number;
  types: PageTypes;
  tables: PageTables;
  block: PvBlock;
  descriptors: Descriptors;
  memory: PvMemory;
  /** State words that the processor runs on. */
  regs: Int32Array;
  /** Whose registers they are. */
  currentVcpu(): number;
  /** Drops the domain's translations, or those of one page. */
  flushTlb(): void;
  flushPage(linear: number): void;
  /** Ends the hypercall under way for now: it is made again with this argument. */
  continueWith(argument: number, value: number): number;
}

export class Mmu {
  private readonly parts: MmuParts;

  constructor(parts: MmuParts) {
    this.parts = parts;
  }

  private isSelf(domid: number): boolean {
    return domid === DOMID_SELF || domid === this.parts.domid;
  }

  private flush(): void {
    this.parts.types.flushed();
    this.parts.flushTlb();
  }

  /** One page. What else is stale stays noted, and goes before a frame changes its type or owner. */
  private flushPage(linear: number): void {
    this.parts.flushPage(linear >>> 0);
  }

  /** -EPERM for a domain that there is, -ESRCH for one that there is not; 0: the caller itself. */
  private ownerError(domid: number): number {
    if (this.isSelf(domid)) return 0;
    return domid >= DOMID_FIRST_RESERVED || this.parts.machine.find(domid) ? -EPERM : -ESRCH;
  }

  private loadBase(): void {
    this.loadBaseOf(this.parts.currentVcpu(), this.parts.regs);
  }

  /** A vCPU's registers get its top table. */
  loadBaseOf(vcpu: number, regs: Int32Array): void {
    const { machine, block, tables } = this.parts;
    tables.load(machine.words, block.vcpu(vcpu)[PV.BASE], regs);
  }

  /** HYPERVISOR_mmu_update. `doneAt` 0: nobody wants the count. */
  update(requests: number, count: number, doneAt: number, foreign: number): number {
    const { memory } = this.parts;
    const noOwner =
      this.ownerError(foreign & 0xffff) || (foreign >>> 16 === 0 ? 0 : this.ownerError((foreign >>> 16) - 1));
    if (noOwner !== 0) return noOwner;
    const bytes = new Uint8Array(MmuUpdate.bytes);
    const request = MmuUpdate.over(bytes);
    return this.inTurns(requests, count, doneAt, MmuUpdate.bytes, REQUESTS_A_TURN, at =>
      memory.read(at, bytes) ? this.one(request) : -EFAULT,
    );
  }

  /** Does what a list says, to the first error; a long one goes on after others had their turn. `doneAt` gets how many were done, where it can be written. */
  private inTurns(
    list: number,
    count: number,
    doneAt: number,
    bytes: number,
    most: number,
    one: (at: number) => number,
  ): number {
    const { memory, continueWith } = this.parts;
    const total = (count & ~PREEMPTED) >>> 0;
    const word = new Uint8Array(4);
    const before =
      count & PREEMPTED && doneAt !== 0 && memory.read(doneAt, word) ? new DataView(word.buffer).getUint32(0, true) : 0;
    let error = 0,
      done = 0;
    while (done < Math.min(total, most)) {
      error = one((list + done * bytes) >>> 0);
      if (error !== 0) break;
      done++;
    }
    if (doneAt !== 0) memory.write(doneAt, new Uint8Array(Uint32Array.of(before + done).buffer));
    if (error !== 0 || done === total) return error;
    continueWith(0, (list + done * bytes) | 0);
    return continueWith(1, (total - done) | PREEMPTED);
  }

  private one({ ptr, val }: GuestStruct<typeof MmuUpdate>): number {
    const { machine, domid, types, block, tables } = this.parts;
    const [pointer, pointerHigh] = ptr,
      low = val[0] | 0,
      high = val[1] | 0;
    const command = pointer & 7,
      mfn = pointer >>> 12;
    if (command > PT_UPDATE_NO_TRANSLATE) return -ENOSYS;
    if (pointerHigh !== 0 || !machine.takeReference(mfn, domid)) return -EINVAL;
    try {
      if (command === MACHPHYS_UPDATE) {
        machine.words[machine.m2p + mfn] = low;
        return 0;
      }
      const type = types.typeOf(mfn);
      if (tables.entriesOf(type) > 0) {
        const error = types.replaceEntry(mfn, (pointer & 0xfff) >>> 3, low, high, command === PT_UPDATE_PRESERVE_AD);
        if (error === 0 && type === tables.top) {
          for (let vcpu = 0; vcpu < block.vcpus; vcpu++) if (block.vcpu(vcpu)[PV.BASE] === mfn) this.loadBase();
          this.flush();
        }
        return error;
      }
      // Memory that is no table now: a plain store.
      if (command !== NORMAL_PT_UPDATE && command !== PT_UPDATE_PRESERVE_AD) return -EINVAL;
      if (types.get(mfn, FRAME_TYPE.WRITABLE) !== 0) return -EINVAL;
      const at = (pointer & ~7) >>> 2;
      machine.words[at] = low;
      machine.words[at + 1] = high;
      types.written(mfn);
      types.put(mfn);
      return 0;
    } finally {
      types.drop(mfn);
    }
  }

  /** HYPERVISOR_update_va_mapping: replaces the entry that maps `linear` in the tables in use. */
  updateVaMapping(linear: number, low: number, high: number, flags: number): number {
    const { memory, types } = this.parts;
    if (linear >>> 0 >= PV_VIRT_START) return -EINVAL;
    const { table, slot } = memory.walk(linear);
    if (table < 0) return -EINVAL;
    const error = types.replaceEntry(table, slot, low, high, false);
    // Of which vCPUs does not matter: all share one TLB here.
    if ((flags & UVMF_FLUSH) === UVMF_TLB_FLUSH) this.flush();
    else if ((flags & UVMF_FLUSH) === UVMF_INVLPG) this.flushPage(linear);
    return error;
  }

  /** HYPERVISOR_mmuext_op. */
  extended(operations: number, count: number, doneAt: number, foreign: number): number {
    const { memory } = this.parts;
    const noOwner = this.ownerError(foreign & 0xffff);
    if (noOwner !== 0) return noOwner;
    const bytes = new Uint8Array(MmuextOp.bytes);
    const operation = MmuextOp.over(bytes);
    return this.inTurns(operations, count, doneAt, MmuextOp.bytes, OPERATIONS_A_TURN, at =>
      memory.read(at, bytes) ? this.oneExtended(operation) : -EFAULT,
    );
  }

  private oneExtended({ cmd: command, arg1: first, arg2: second }: GuestStruct<typeof MmuextOp>): number {
    const { types, descriptors, machine, currentVcpu, tables } = this.parts;
    switch (command) {
      case MMUEXT.PIN_L1_TABLE:
      case MMUEXT.PIN_L2_TABLE:
      case MMUEXT.PIN_L3_TABLE:
      case MMUEXT.PIN_L4_TABLE: {
        const type = tables.levels[command];
        return type === undefined ? -EINVAL : types.pin(first, type);
      }
      case MMUEXT.UNPIN_TABLE:
        return types.unpin(first);
      case MMUEXT.NEW_BASEPTR:
        return this.newBase(first);
      case MMUEXT.TLB_FLUSH_LOCAL:
      case MMUEXT.TLB_FLUSH_ALL:
        this.flush();
        return 0;
      case MMUEXT.INVLPG_LOCAL:
      case MMUEXT.INVLPG_ALL:
        this.flushPage(first);
        return 0;
      case MMUEXT.TLB_FLUSH_MULTI:
      case MMUEXT.INVLPG_MULTI:
        if (!this.parts.memory.read(second, new Uint8Array(4))) return -EINVAL;
        if (command === MMUEXT.INVLPG_MULTI) this.flushPage(first);
        else this.flush();
        return 0;
      case MMUEXT.NEW_USER_BASEPTR:
        // For guests of 64 bits, which have two sets of tables.
        return -EINVAL;
      // A domain without devices has no use for these.
      case MMUEXT.FLUSH_CACHE:
        return -EACCES;
      case MMUEXT.FLUSH_CACHE_GLOBAL:
        return -EINVAL;
      case MMUEXT.SET_LDT: {
        const error = descriptors.setLdt(currentVcpu(), first, second);
        if (error === 0) {
          descriptors.loadTables(currentVcpu(), this.parts.regs);
          this.flush();
        }
        return error;
      }
      case MMUEXT.CLEAR_PAGE:
        if (types.get(first, FRAME_TYPE.WRITABLE) !== 0) return -EINVAL;
        machine.scrub(first);
        types.written(first);
        types.put(first);
        return 0;
      case MMUEXT.COPY_PAGE:
        return this.copyPage(first, second);
      case MMUEXT.MARK_SUPER:
      case MMUEXT.UNMARK_SUPER:
        return -EOPNOTSUPP;
      default:
        return -ENOSYS;
    }
  }

  private copyPage(to: number, from: number): number {
    const { types, machine, domid } = this.parts;
    if (!machine.takeReference(from, domid)) return -EINVAL;
    const error = types.get(to, FRAME_TYPE.WRITABLE);
    if (error === 0) {
      machine.bytes.copyWithin(to * FRAME_BYTES, from * FRAME_BYTES, (from + 1) * FRAME_BYTES);
      types.written(to);
      types.put(to);
    }
    types.drop(from);
    return error;
  }

  /** Another top table (MMUEXT_NEW_BASEPTR, MOV to CR3). 0 or -EINVAL, and then the old one stays. */
  newBase(mfn: number): number {
    const { types, block, currentVcpu, tables } = this.parts;
    const state = block.vcpu(currentVcpu());
    const old = state[PV.BASE];
    if (mfn !== old) {
      const error = types.get(mfn, tables.top);
      if (error !== 0) return error;
      this.parts.descriptors.forgetLdtPages(currentVcpu());
      state[PV.BASE] = mfn;
      // The old tables may go with the last use of them: the processor must have left them.
      this.loadBase();
      this.flush();
      if (old !== 0) types.put(old);
      return 0;
    }
    this.loadBase();
    this.flush();
    return 0;
  }
}
