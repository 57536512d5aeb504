/**
 * The hostile domain: its hypercalls are made for it, with arguments that are random, half right, or somebody else's; its memory is written as its own
 * code could; and now and then it runs random code.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { registers as R } from '../../../cpu/architecture/index.ts';
import { assembleDomain } from '../../../hypervisor/interfaces/index.ts';
import type { Boot } from '../../../hypervisor/domain/index.ts';
import type { Domain } from '../../../hypervisor/domain/index.ts';
import { FRAME, FRAME_COUNT_MASK, FRAME_TYPE, FRAME_TYPE_SHIFT } from '../../../hypervisor/layout/index.ts';
import { XEN } from '../../../hypervisor/interfaces/xen/index.ts';
import {
  type DomainRecord,
  type DomainShape,
  FRAME_SHIFT,
  FRAME_BYTES,
  type Machine,
} from '../../../hypervisor/memory/index.ts';
import { DOMID_SELF, HVM_PARAM, HYPERCALL } from '../../../hypervisor/interfaces/xen/index.ts';
import { GrantTable } from '../../../hypervisor/interfaces/xen/grants/index.ts';
import type { XenGuest } from '../../../hypervisor/interfaces/xen/index.ts';
import { hypercall, XEN_RECORDS, xenOf } from '../../../hypervisor/interfaces/xen/index.ts';
import { getParam } from '../../../hypervisor/interfaces/xen/hvm/index.ts';
import { Ports } from '../../../hypervisor/interfaces/xen/events/index.ts';
import { pvhKernel } from '../../../hypervisor/interfaces/xen/pvh-program.test-support.ts';
import type { Pick } from '../../harness/pick.ts';

export type HostileType = 'hvm' | 'pvh' | 'pv';
export const HOSTILE_MIB = 8,
  HOSTILE_VCPUS = 3;
/** A call that asks to go on is made again this often at most. */
const MOST_CONTINUATIONS = 50;
/** Where it keeps its arguments: pages of its RAM that its kernel does not use. */
const SCRATCH_PFN = 0x300,
  SCRATCH_PAGES = 4;
const SCRATCH_END = SCRATCH_PFN + SCRATCH_PAGES;
/** Page directory and code of its own. */
const DIRECTORY_PFN = 0x310,
  CODE_PFN = 0x311;
/** The pvtest kernel's first mapping. */
const PV_BASE = 0xc0000000;
/** Places where no RAM is: the hypervisor's part of a PV guest's space, devices, the end of the space. */
const ODD_PLACES = [
  0, 0xa0000, 0xb8000, 0xf0000, 0xf5800000, 0xf6000000, 0xfec00000, 0xfee00000, 0xfeff8000, 0xfefff000, 0xffe00000,
  0xfffff000, 0xffffffff,
];
const NUMBERS = Object.values(HYPERCALL);
/** First ones of sixteen: machine checks and their like, Hyper-V's, Xen's. */
const MSRS = [
  0x179, 0x198, 0x280, 0x400, 0x40000000, 0x40000020, 0x40000070, 0x40000080, 0x40000090, 0x400000b0, 0x40000100,
  0x40000200,
];
const CLI_HLT = [0xfa, 0xf4];
const PAGES = HOSTILE_MIB * 256;
/** Instructions of a piece of random code. */
const MOST_INSTRUCTIONS = 400;
const CR0_PE_PG = 0x80000001 | 0,
  CR4_PSE = 0x10;
const SUPERPAGE = 0xe7;

export interface Surroundings {
  machine: Machine;
  /** Domains next to it, Domain 0 among them. */
  others: readonly number[];
  /** Machine frames that they own. */
  foreign: readonly number[];
  /** Entries of their grant tables that are its to use. */
  refs: { first: number; count: number };
}

export class Hostile {
  readonly domain: Domain;
  readonly record: DomainRecord;
  readonly type: HostileType;
  /** Calls that were not refused: one that gets nothing but errors tries nothing. */
  succeeded = 0;
  private readonly around: Surroundings;
  private readonly machine: Machine;
  private readonly pick: Pick;
  private readonly xen: XenGuest;
  private readonly own: number[];
  /** A paravirtual domain's frames by its own numbers, as it started. */
  private readonly pvFrames: number[] = [];
  private readonly known: number[];
  /** Calls left with paging on and tables of its own making (HVM and PVH). */
  private forged = 0;

  /** Builds a domain whose record and first ports are there. */
  constructor(type: HostileType, record: DomainRecord, around: Surroundings, pick: Pick) {
    const { machine } = around;
    this.type = type;
    this.record = record;
    this.around = around;
    this.machine = machine;
    this.pick = pick;
    const guests = join(process.env.RINGSIDE_ROOT ?? '.', 'guests');
    const name = type === 'pv' ? 'pvtest' : 'demo';
    // A PVH domain wants a kernel with the note. What its kernel would do does not matter.
    const kernel =
      type === 'pvh' ? pvhKernel(CLI_HLT) : new Uint8Array(readFileSync(join(guests, name, `${name}.elf`)));
    const boot: Boot = { kind: type === 'hvm' ? 'kernel' : type, kernel, name, cmdline: '' };
    this.domain = assembleDomain({
      machine,
      record,
      memoryMiB: HOSTILE_MIB,
      boot,
      startEpochMs: 0,
      onReset: 'end',
      onTripleFault: 'end',
      serial: () => {},
    });
    const xen = xenOf(this.domain);
    if (!xen) throw new Error('the hostile domain has no half of Xen');
    this.xen = xen;
    this.own = Array.from({ length: machine.frames }, (_, mfn) => mfn).filter(
      mfn => machine.ownerOf(mfn) === record.id,
    );
    for (const mfn of this.own)
      if (machine.words[machine.m2p + mfn] >= 0) this.pvFrames[machine.words[machine.m2p + mfn]] = mfn;
    this.known = Object.keys(this.xen.hypercalls).map(Number);
  }

  static shape(type: HostileType): DomainShape {
    return { vcpus: HOSTILE_VCPUS, guest: XEN_RECORDS[type] };
  }

  private get isPv(): boolean {
    return this.type === 'pv';
  }

  // ---- values

  frame(): number {
    const from = this.pick(8);
    if (from < 5) return this.own[this.pick(this.own.length)];
    return from < 7 ? this.around.foreign[this.pick(this.around.foreign.length)] : this.pick(this.machine.frames + 64);
  }

  private pointer(): number {
    const base = this.isPv ? PV_BASE : 0;
    switch (this.pick(16)) {
      case 0:
        return this.pick(2 ** 32);
      case 1:
        return (ODD_PLACES[this.pick(ODD_PLACES.length)] + this.pick(64) * 4) >>> 0;
      case 2:
        // Across the end of a page, into the next one or into nothing.
        return (base + ((SCRATCH_PFN + 1 + this.pick(SCRATCH_PAGES)) << FRAME_SHIFT) - 1 - this.pick(16)) >>> 0;
      case 3:
        return (base + this.pick(PAGES * FRAME_BYTES)) >>> 0;
      default:
        return (base + (SCRATCH_PFN << FRAME_SHIFT) + this.pick(SCRATCH_PAGES * FRAME_BYTES - 64)) >>> 0;
    }
  }

  /** Something that some field of some call might be. */
  private value(): number {
    const { pick } = this;
    switch (pick(10)) {
      case 0:
      case 1:
        return pick(4);
      case 2:
        return pick(64);
      case 3:
        return this.frame();
      case 4:
        return (this.frame() << FRAME_SHIFT) | pick(4096);
      case 5:
        return this.domid() | (pick(4) === 0 ? pick(65536) << 16 : 0);
      case 6:
      case 7:
        return this.pointer();
      case 8:
        return pick(0x1000);
      default:
        return pick(2 ** 32);
    }
  }

  private values(count: number): number[] {
    return Array.from({ length: count }, () => this.value());
  }

  private domid(): number {
    const { pick, around } = this;
    const { id } = this.record;
    switch (pick(8)) {
      case 0:
      case 1:
        return DOMID_SELF;
      case 2:
        return id;
      case 3:
        return 0x7ff1 + pick(5);
      case 4:
        return pick(65536);
      default:
        return around.others[pick(around.others.length)];
    }
  }

  // ---- its memory, as its own code writes it

  /** Whether it can store there: what a table holds, a PV guest cannot. */
  private mayStore(mfn: number): boolean {
    const { machine } = this;
    if (mfn <= 0 || machine.ownerOf(mfn) !== this.record.id) return false;
    const type = machine.words[machine.frameEntry(mfn) + FRAME.TYPE];
    return (type & FRAME_COUNT_MASK) === 0 || type >>> FRAME_TYPE_SHIFT === FRAME_TYPE.WRITABLE;
  }

  private frameOf(pfn: number): number {
    return this.isPv ? this.pvFrames[pfn] : this.machine.secondStage(this.record).mfn(pfn);
  }

  /** Stores words at a place of its RAM, if it is plain memory now. Returns the linear address. */
  private store(words: readonly number[]): number {
    const page = SCRATCH_PFN + this.pick(SCRATCH_PAGES);
    const mfn = this.frameOf(page);
    const word = this.pick(8) === 0 ? 1024 - this.pick(Math.min(64, words.length + 1)) : this.pick(1024 - 64);
    if (mfn !== undefined && this.mayStore(mfn))
      this.machine.words.set(words.slice(0, 1024 - word), (mfn << 10) + word);
    return ((this.isPv ? PV_BASE : 0) + (page << FRAME_SHIFT) + word * 4) >>> 0;
  }

  /** Random words anywhere in what it may write: rings, grant entries, event words, vcpu_info, shared_info, areas. */
  private scribble(): void {
    const { pick, machine } = this;
    const { words } = machine;
    const ports = new Ports(machine, this.record);
    let mfn: number;
    switch (pick(6)) {
      case 0:
        mfn = words[ports.xenBlock + XEN.SHARED_INFO];
        break;
      case 1:
      case 2: {
        const [gfn] = getParam(ports, [HVM_PARAM.STORE_PFN, HVM_PARAM.CONSOLE_PFN][pick(2)]);
        mfn = this.isPv ? gfn : machine.secondStage(this.record).mfn(gfn);
        if (!this.mayStore(mfn)) return;
        // Indices of the store's ring (from word 512) and of the console's (from 768): out of range, or nearly right.
        for (const at of [512, 513, 514, 515, 768, 769, 770, 771]) {
          if (pick(3) === 0)
            words[(mfn << 10) + at] = pick(3) === 0 ? pick(2 ** 32) : words[(mfn << 10) + at] + pick(64) - 8;
        }
        // A request's header, and something like a path.
        if (pick(2) === 0)
          words.set(
            [pick(32), pick(4), pick(3), pick(4) === 0 ? pick(2 ** 32) : pick(80), 0x61746164, 0x2f, pick(2 ** 32)],
            (mfn << 10) + pick(240),
          );
        return;
      }
      case 3: {
        const table = new GrantTable(ports);
        if (table.frames === 0) return;
        mfn = table.sharedFrame(pick(table.frames));
        break;
      }
      default:
        mfn = this.own[pick(this.own.length)];
        if (!this.mayStore(mfn)) return;
    }
    for (let n = pick(12); n >= 0; n--)
      words[(mfn << 10) + pick(1024)] = pick(3) === 0 ? 0 : pick(2) === 0 ? -1 : pick(2 ** 32);
  }

  /** An entry of its own grant table that looks right: also for itself, and for frames that are not its. */
  private grantSomething(): void {
    const { pick, machine } = this;
    const table = new GrantTable(new Ports(machine, this.record));
    if (table.frames === 0) return;
    const frame = this.isPv ? this.frame() : pick(PAGES);
    const at = table.entryAt(pick(32));
    if (table.version === 1) machine.words.set([pick(4) | (pick(2) << 2) | (this.domid() << 16), frame], at);
    else
      machine.words.set(
        [
          pick(4) | (pick(2) << 2) | (pick(4) === 0 ? 256 : 0) | (this.domid() << 16),
          pick(2) === 0 ? (pick(4096) << 16) | pick(64) : this.domid(),
          pick(2) === 0 ? frame : pick(40),
          0,
        ],
        at,
      );
  }

  // ---- arguments

  /** A structure that looks as the call wants it, three times in four; otherwise anything. */
  private structure(number: number, op: number): number[] {
    const { pick, around, isPv } = this;
    if (pick(4) === 0) return this.values(24);
    const list = (): number =>
      this.store(Array.from({ length: 8 }, () => (pick(2) === 0 ? this.frame() : pick(0x900))));
    const ref = (): number => (pick(3) === 0 ? around.refs.first + pick(around.refs.count) : pick(40));
    switch (number) {
      case HYPERCALL.EVENT_CHANNEL_OP:
        if (op === 0) return [this.domid(), pick(12), 0];
        if (op === 6) return [this.domid() | (this.domid() << 16), 0];
        if (op === 1) return [pick(16), pick(HOSTILE_VCPUS + 1), 0];
        if (op === 5) return [this.domid(), pick(12), 0, 0, 0, 0];
        if (op === 11)
          return [
            isPv ? this.frame() : pick(PAGES),
            0,
            pick(2) === 0 ? 0 : pick(0x1100),
            pick(HOSTILE_VCPUS + 1),
            0,
            0,
          ];
        if (op === 12) return [isPv ? this.frame() : pick(PAGES), 0];
        return [pick(op === 7 || op === 10 ? 3 : 16), pick(3), 0, pick(3), 0, 0];
      case HYPERCALL.MEMORY_OP:
        if (op === 7)
          return [
            this.domid(),
            pick(6),
            pick(3) === 0 ? pick(16) : pick(2) === 0 ? (0x80000000 | pick(4)) >>> 0 : pick(0x900),
            pick(8) === 0 ? 0xfeff8 + pick(8) : pick(0x900),
          ];
        if (op === 15) return [this.domid(), pick(8) === 0 ? 0xfeff8 + pick(8) : pick(0x900)];
        if (op === 11) return [list(), pick(9), pick(3), 0, this.domid(), list(), pick(9), pick(3), 0, this.domid(), 0];
        if (op === 23) return [this.domid() | (pick(4) << 16), pick(6), list(), list(), list()];
        if (op === 16 || op === 17) return [pick(PAGES), 0, 0, 0, 0, 0, 0, 0, this.domid()];
        return [list(), pick(9), pick(12) === 0 ? pick(12) : 0, 0, this.domid()];
      case HYPERCALL.GRANT_TABLE_OP: {
        const one = (): number[] => {
          const place =
            isPv && pick(2) === 0
              ? ((this.frame() << FRAME_SHIFT) | (pick(512) << 3)) >>> 0
              : ((isPv ? PV_BASE : 0) + (this.page() << FRAME_SHIFT)) >>> 0;
          if (op === 0) return [place, 0, [2, 6, 18, 22, 3, 10][pick(6)], ref(), this.domid(), 0, 0, 0];
          if (op === 1) return [place, 0, pick(4) === 0 ? (this.frame() << FRAME_SHIFT) >>> 0 : 0, 0, pick(12), 0];
          if (op === 7) return [place, 0, this.pointer(), 0, pick(12), 0];
          if (op === 5)
            return [
              pick(2) === 0 ? ref() : this.frame(),
              this.domid() | (pick(4096) << 16),
              pick(2) === 0 ? ref() : this.frame(),
              this.domid() | (pick(64) << 16),
              pick(4160) | (pick(4) << 16),
              0,
            ];
          if (op === 8) return [1 + pick(2)];
          if (op === 11) return [pick(40), pick(40), 0];
          return [this.domid(), pick(5), 0, list(), 0, 0];
        };
        return [...one(), ...one(), ...one()];
      }
      case HYPERCALL.MMU_UPDATE:
        return [0, 1, 2].flatMap(() => [
          ((this.frame() << FRAME_SHIFT) | (pick(512) << 3) | pick(4)) >>> 0,
          0,
          (this.frame() << FRAME_SHIFT) | pick(8),
          pick(8) === 0 ? this.value() : 0,
        ]);
      case HYPERCALL.MMUEXT_OP:
        return [0, 1, 2].flatMap(() => [
          pick(22),
          pick(3) === 0 ? this.pointer() & ~0xfff : this.frame(),
          pick(2) === 0 ? this.frame() : pick(600),
        ]);
      case HYPERCALL.MULTICALL:
        return [0, 1].flatMap(() => [
          NUMBERS[pick(NUMBERS.length)],
          0,
          this.value(),
          this.pointer(),
          pick(4),
          pick(2) === 0 ? DOMID_SELF : this.value(),
          0,
          0,
        ]);
      case HYPERCALL.VCPU_OP:
        if (op === 10) return [isPv ? this.frame() : pick(PAGES), 0, pick(3) === 0 ? pick(4096) : pick(64) * 64, 0];
        if (op === 5 || op === 13) return [this.pointer(), 0];
        if (op === 6 || op === 8)
          return [pick(3) === 0 ? pick(2 ** 32) : 1_000_000 + pick(1000), pick(4) === 0 ? pick(4) : 0, 0];
        return this.values(24);
      case HYPERCALL.HVM_OP:
        if (op <= 1) return [this.domid(), pick(44), this.value(), pick(3) === 0 ? this.value() : pick(3) << 24];
        return [pick(4), pick(256), pick(4), 0];
      default:
        return this.values(24);
    }
  }

  /** A page of its RAM to lose: not where its arguments lie, without which nothing more would be tried. */
  private page(): number {
    const pfn = this.pick(PAGES);
    return pfn >= SCRATCH_PFN && pfn < SCRATCH_END ? SCRATCH_END : pfn;
  }

  // ---- calls

  /** Makes one call. */
  call(): void {
    const { pick, xen } = this;
    if (!this.isPv) this.forgeTables();
    const number = pick(20) === 0 ? pick(80) : this.known[pick(this.known.length)];
    const op =
      pick(10) === 0 ? this.value() : pick(number === HYPERCALL.MEMORY_OP ? 30 : number === HYPERCALL.HVM_OP ? 26 : 15);
    const at = this.store(this.structure(number, op));
    if (pick(40) === 0) this.grantSomething();
    if (pick(30) === 0) this.scribble();
    if (!this.isPv && pick(10) === 0) this.accessMsr();
    let args = [op, at, this.value(), this.value(), this.value()];
    if (number === HYPERCALL.MMU_UPDATE || number === HYPERCALL.MMUEXT_OP)
      args = [at, pick(4), pick(2) === 0 ? 0 : this.pointer(), pick(8) === 0 ? this.value() : DOMID_SELF, 0];
    else if (
      [HYPERCALL.SET_GDT, HYPERCALL.MULTICALL, HYPERCALL.SET_TRAP_TABLE, HYPERCALL.EVENT_CHANNEL_OP_COMPAT].includes(
        number as 0,
      )
    )
      args = [at, pick(3), 0, 0, 0];
    else if (number === HYPERCALL.GRANT_TABLE_OP) args[2] = pick(4);
    else if (number === HYPERCALL.CONSOLE_IO) args = [pick(2), pick(100), at, 0, 0];
    else if (number === HYPERCALL.VCPU_OP) args = [op, pick(HOSTILE_VCPUS + 1), at, 0, 0];
    else if (number === HYPERCALL.UPDATE_DESCRIPTOR)
      args = [(this.frame() << FRAME_SHIFT) | (pick(512) << 3), 0, pick(2 ** 32), pick(2 ** 32), 0];
    else if (number === HYPERCALL.UPDATE_VA_MAPPING)
      args = [
        PV_BASE + (this.page() << FRAME_SHIFT),
        (this.frame() << FRAME_SHIFT) | pick(8),
        pick(16) === 0 ? this.value() : 0,
        pick(8),
        0,
      ];
    if (pick(12) === 0) args[pick(5)] = this.value();
    this.make(
      number,
      args.map(argument => argument | 0),
    );
    // A domain that has shut down makes no more calls: here it does.
    xen.words[xen.xenBlock + XEN.SHUTDOWN] = 0;
  }

  /** An MSR of Xen's or of Hyper-V's, with a page of its own or somebody else's in it, or a hypercall by Hyper-V's convention. */
  private accessMsr(): void {
    const { pick, xen } = this;
    const { regs } = this.domain.processor;
    const index = MSRS[pick(MSRS.length)] + pick(16);
    const low = pick(2) === 0 ? (this.page() << FRAME_SHIFT) | 1 : pick(3) === 0 ? this.value() : pick(2 ** 20);
    if (xen.ownsMsr(index)) {
      if (xen.writeMsr(index, low >>> 0, pick(8) === 0 ? pick(2 ** 32) : 0)) this.succeeded++;
      xen.readMsr(index);
    }
    if (pick(4) !== 0 || !xen.layer) return;
    regs.set([pick(0x18) | (pick(2) << 16), this.pointer(), pick(16), pick(32) === 0 ? pick(4) : 0]);
    xen.layer.hypercall(0x80000000);
    // A guest that sets timers gets their events.
    this.domain.timers.run();
  }

  private make(number: number, args: number[]): void {
    const { xen } = this;
    // A list of calls that never ends, all of them of number 0, is no more than one of a thousand.
    const most = number === HYPERCALL.MULTICALL ? 1 : MOST_CONTINUATIONS;
    for (let i = 0; i < most; i++) {
      const result = hypercall(xen, number, args);
      if (result >= 0) this.succeeded++;
      const again = xen.takeContinuation();
      if (!again) return;
      for (const [argument, value] of again) args[argument] = value | 0;
    }
  }

  /** An HVM guest's page tables are its own affair: now and then calls are made through tables of which it has forged a part. */
  private forgeTables(): void {
    const { pick, domain } = this;
    const { regs } = domain.processor;
    if (this.forged > 0 && --this.forged === 0) {
      regs[R.CR0] &= ~(CR0_PE_PG & ~1);
      domain.processor.reload();
    }
    if (this.forged > 0 || pick(400) !== 0) return;
    const directory = this.frameOf(DIRECTORY_PFN);
    if (!this.mayStore(directory)) return;
    for (let slot = 0; slot < 1024; slot++)
      this.machine.words[(directory << 10) + slot] =
        slot > 0 && pick(4) === 0
          ? pick(2) === 0
            ? pick(2 ** 32)
            : (pick(PAGES) << FRAME_SHIFT) | 7
          : (slot << 22) | SUPERPAGE;
    regs[R.CR3] = DIRECTORY_PFN << FRAME_SHIFT;
    regs[R.CR4] = CR4_PSE;
    regs[R.CR0] |= CR0_PE_PG;
    domain.processor.reload();
    domain.processor.flushTlb();
    this.forged = 1 + pick(40);
  }

  /** Its processor runs random bytes, among them calls as its code makes them. False: that ended it. */
  runCode(): boolean {
    const { pick, domain, machine, isPv } = this;
    const mfn = this.frameOf(CODE_PFN);
    if (mfn === undefined || !this.mayStore(mfn)) return true;
    const code = new Uint8Array(machine.memory, mfn * FRAME_BYTES, FRAME_BYTES);
    let at = 0;
    const word = (value: number): number[] => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
    for (let n = 1 + pick(12); n > 0; n--) {
      const number = this.known[pick(this.known.length)],
        op = pick(15);
      const piece =
        pick(3) > 0
          ? [
              0xb8,
              ...word(number),
              0xbb,
              ...word(op),
              0xb9,
              ...word(this.store(this.structure(number, op))),
              0xba,
              ...word(pick(4)),
              ...(isPv ? [0xcd, 0x82] : [0x0f, 0x01, 0xc1]),
            ]
          : Array.from({ length: 1 + pick(12) }, () => pick(256));
      if (at + piece.length > 4000) break;
      code.set(piece, at);
      at += piece.length;
    }
    code.set([0xeb, 0xfe], at);
    domain.processor.invalidate(mfn);
    const { regs } = domain.processor;
    const kept = regs.slice();
    regs[R.EIP] = (isPv ? PV_BASE : 0) + (CODE_PFN << FRAME_SHIFT);
    domain.processor.reload();
    domain.stopAtInstruction = domain.instructions + 1 + pick(MOST_INSTRUCTIONS);
    for (let slices = 0; slices < 4 && domain.instructions < domain.stopAtInstruction; slices++) {
      if (domain.runSlice().state !== 'running') return false;
    }
    // Another vCPU may have its turn, or this one waits for something: then there is nobody to make calls.
    if (domain.vcpus.current.id !== 0 || domain.instructions < domain.stopAtInstruction) return false;
    // Which tables are in use is the hypervisor's to say of a PV guest.
    for (const [first, count] of [
      [R.RETIRED_LOW, 2],
      ...(isPv
        ? [
            [R.CR3, 1],
            [R.PDPTE, 8],
          ]
        : []),
    ])
      kept.set(regs.subarray(first, first + count), first);
    regs.set(kept);
    domain.processor.reload();
    domain.processor.flushTlb();
    return true;
  }
}
