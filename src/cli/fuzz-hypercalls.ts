/**
 * npm run -s fuzz:hypercalls -- [--calls N] [--seed S]… [--type hvm|pvh|pv]…
 *
 * A hostile domain makes random hypercalls: forged page tables, other domains' frames, stale grants and handles, indices out of range, while its frames
 * are ballooned and granted. Each type gets N calls (2 million unless told), shared among the seeds. It passes if there was no JavaScript exception,
 * another domain's memory and its records are what they were, no page table holds what it must not, and all frames come back when the hostile one dies.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDomain } from '../hypervisor/assemble.ts';
import type { Boot, Domain } from '../hypervisor/domain.ts';
import { FRAME, FRAME_COUNT_MASK, FRAME_TYPE, FRAME_TYPE_SHIFT, FRAME_VALIDATED, XEN, XEN_TYPE } from '../hypervisor/layout.ts';
import { type DomainRecord, FRAME_BYTES, FRAME_SHIFT, Machine } from '../hypervisor/machine.ts';
import { DOMID_SELF, HYPERCALL } from '../hypervisor/xen/abi.ts';
import { GrantTable } from '../hypervisor/xen/grants.ts';
import { hypercall } from '../hypervisor/xen/hypercalls.ts';
import { Ports } from '../hypervisor/xen/ports.ts';
import { pvhKernel } from '../hypervisor/xen/pvh-program.test-support.ts';
import { Services } from '../dom0/toolstack/services.ts';

const USAGE = 'usage: fuzz:hypercalls [--calls N] [--seed S]… [--type hvm|pvh|pv]…\n';
const TYPES = ['hvm', 'pvh', 'pv'] as const;
type Type = (typeof TYPES)[number];
const MACHINE_BYTES = 96 << 20,
  HOSTILE_MIB = 8,
  VICTIM_MIB = 2,
  WHOLE_P2M = 0x100000;
/** Calls between two looks at everybody. */
const LOOK_EVERY = 20_000;
/** A call that asks to go on is made again so often at most. */
const MOST_CONTINUATIONS = 50;
/** Where the hostile guest keeps its arguments: a page of its RAM that neither kernel uses. */
const SCRATCH_PFN = 0x300,
  SCRATCH_PAGES = 4;
/** The pvtest kernel's first mapping. */
const PV_BASE = 0xc0000000;
const NUMBERS = Object.values(HYPERCALL);
const CLI_HLT = [0xfa, 0xf4];

interface Options {
  calls: number;
  seeds: number[];
  types: Type[];
}

function parse(argv: string[]): Options | string {
  const options: Options = { calls: 2_000_000, seeds: [], types: [] };
  for (let i = 0; i < argv.length; i += 2) {
    const [name, value] = [argv[i], argv[i + 1]];
    if (value === undefined) return `${name} needs a value`;
    const number = Number(value);
    if (name === '--calls' && Number.isSafeInteger(number) && number > 0) options.calls = number;
    else if (name === '--seed' && Number.isSafeInteger(number)) options.seeds.push(number);
    else if (name === '--type' && (TYPES as readonly string[]).includes(value)) options.types.push(value as Type);
    else return `${name} ${value} is not understood`;
  }
  if (options.seeds.length === 0) options.seeds = [1, 2, 3, 4];
  if (options.types.length === 0) options.types = [...TYPES];
  return options;
}

/** xorshift32: the same seed gives the same calls. */
function random(seed: number): (below: number) => number {
  let state = (seed * 2654435761) | 1;
  return below => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

class Fuzz {
  private readonly machine = Machine.create(new SharedArrayBuffer(MACHINE_BYTES));
  private readonly services = new Services(this.machine);
  private readonly victim: DomainRecord;
  private readonly hostile: Domain;
  private readonly type: Type;
  private readonly pick: (below: number) => number;
  private readonly freeBefore: number;
  private readonly victimSum: number;
  /** The frame that the victim lets the hostile one write. */
  private readonly lent: number;
  private readonly own: number[];
  /** A paravirtual domain's frames by its own numbers, as it started. */
  private readonly pvFrames: number[] = [];
  private readonly foreign: number[];
  /** Calls that were not refused: a fuzzer that gets nothing but errors tries nothing. */
  succeeded = 0;

  constructor(type: Type, seed: number) {
    this.type = type;
    this.pick = random(seed);
    const { machine, services } = this;
    this.victim = machine.createDomain(VICTIM_MIB, VICTIM_MIB * 256, { xen: XEN_TYPE.PVH });
    services.prepare(this.victim, '00000000-0000-0000-0000-000000000001');
    const p2m = machine.p2m(this.victim);
    for (let gfn = 0; gfn < p2m.length; gfn++) machine.words.fill(gfn * 7919, p2m[gfn] >>> 2, (p2m[gfn] >>> 2) + FRAME_BYTES / 4);
    this.freeBefore = machine.freeFrames;
    const shape = { vcpus: 2, xen: { hvm: XEN_TYPE.HVM, pvh: XEN_TYPE.PVH, pv: XEN_TYPE.PV }[type] };
    const record = machine.createDomain(HOSTILE_MIB, type === 'pv' ? machine.frames : WHOLE_P2M, shape);
    services.prepare(record, '00000000-0000-0000-0000-000000000002');
    const guests = join(process.env.RINGSIDE_ROOT ?? '.', 'guests');
    const name = type === 'pv' ? 'pvtest' : 'demo';
    // What it would run does not matter: its hypercalls are made for it. A PVH domain wants a kernel with the note.
    const kernel = type === 'pvh' ? pvhKernel(CLI_HLT) : new Uint8Array(readFileSync(join(guests, name, `${name}.elf`)));
    const boot: Boot = { kind: type === 'hvm' ? 'kernel' : type, kernel, name, cmdline: '' };
    this.hostile = createDomain({ machine, record, memoryMiB: HOSTILE_MIB, boot, startEpochMs: 0, onReset: 'end', onTripleFault: 'end', serial: () => {} });
    const grants = new GrantTable(services.dom0.portsOf(this.victim.id));
    for (let ref = 8; ref < 16; ref++) grants.grant(ref, record.id, ref);
    this.lent = p2m[8] >>> FRAME_SHIFT;
    const ports = new Ports(machine, this.victim);
    for (let i = 0; i < 4; i++) ports.locked(() => ports.allocate(1, record.id, 0, 0));
    this.foreign = [...p2m].map(entry => entry >>> FRAME_SHIFT);
    this.own = Array.from({ length: machine.frames }, (_, mfn) => mfn).filter(mfn => machine.ownerOf(mfn) === record.id);
    for (const mfn of this.own) if (machine.words[machine.m2p + mfn] >= 0) this.pvFrames[machine.words[machine.m2p + mfn]] = mfn;
    // The other grants are read-only: what is written to their frames is a defect.
    const table = (grants.sharedFrame(0) * FRAME_BYTES) >>> 1;
    const halves = new Uint16Array(machine.memory);
    for (let ref = 9; ref < 16; ref++) halves[table + ref * 4] |= 4;
    this.victimSum = this.checksum();
  }

  /** Of the victim's memory, without the frame that is lent for writing. */
  private checksum(): number {
    const { machine } = this;
    let sum = 0;
    for (const mfn of this.foreign) {
      if (mfn === this.lent) continue;
      for (let at = mfn << 10; at < (mfn + 1) << 10; at++) sum = (Math.imul(sum, 31) + machine.words[at]) | 0;
    }
    return sum;
  }

  private frame(): number {
    const from = this.pick(8);
    if (from < 5) return this.own[this.pick(this.own.length)];
    return from === 5 ? this.foreign[this.pick(this.foreign.length)] : this.pick(this.machine.frames + 64);
  }

  private pointer(): number {
    const base = this.type === 'pv' ? PV_BASE : 0;
    if (this.pick(16) === 0) return this.pick(2 ** 32);
    return (base + (SCRATCH_PFN << FRAME_SHIFT) + this.pick(SCRATCH_PAGES * FRAME_BYTES - 64)) >>> 0;
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
        return [DOMID_SELF, this.hostile.options.record.id, this.victim.id, 0, 0x7ff1, 0x7ff2][pick(6)] | (pick(4) === 0 ? pick(65536) << 16 : 0);
      case 6:
      case 7:
        return this.pointer();
      case 8:
        return pick(0x1000);
      default:
        return pick(2 ** 32);
    }
  }

  /** Stores words at a place of the guest's RAM, if it is plain memory now: what a table holds, a guest cannot store. Returns its linear address. */
  private store(words: readonly number[]): number {
    const { machine, hostile, pick } = this;
    const { record } = hostile.options;
    const page = SCRATCH_PFN + pick(SCRATCH_PAGES);
    const mfn = this.type === 'pv' ? this.pvFrames[page] : machine.p2m(record)[page] >>> FRAME_SHIFT;
    const word = pick(1024 - 64);
    if (mfn !== 0 && machine.ownerOf(mfn) === record.id) {
      const type = machine.words[machine.frameEntry(mfn) + FRAME.TYPE];
      if ((type & FRAME_COUNT_MASK) === 0 || type >>> FRAME_TYPE_SHIFT === FRAME_TYPE.WRITABLE) machine.words.set(words, (mfn << 10) + word);
    }
    return ((this.type === 'pv' ? PV_BASE : 0) + (page << FRAME_SHIFT) + word * 4) >>> 0;
  }

  private values(count: number): number[] {
    return Array.from({ length: count }, () => this.value());
  }

  private domid(): number {
    const { id } = this.hostile.options.record;
    return [DOMID_SELF, id, id, this.victim.id, this.victim.id, 0, 0x7ff2, this.pick(65536)][this.pick(8)];
  }

  /** A structure that looks as the call wants it, one time in four; otherwise anything. */
  private structure(number: number, op: number): number[] {
    const { pick } = this;
    if (pick(4) === 0) return this.values(24);
    const list = (): number => this.store(Array.from({ length: 8 }, () => (pick(2) === 0 ? this.frame() : pick(0x900))));
    switch (number) {
      case HYPERCALL.EVENT_CHANNEL_OP:
        if (op === 0) return [this.domid(), pick(12), 0];
        if (op === 6) return [this.domid() | (this.domid() << 16), 0];
        if (op === 1) return [pick(16), pick(3), 0];
        if (op === 5) return [this.domid(), pick(12), 0, 0, 0, 0];
        return [pick(op === 7 || op === 10 ? 3 : 16), pick(3), 0, pick(3), 0, 0];
      case HYPERCALL.MEMORY_OP:
        if (op === 7) return [this.domid(), pick(5), pick(8), pick(0x900)];
        if (op === 15) return [this.domid(), pick(0x900)];
        if (op === 23) return [this.domid() | (pick(4) << 16), pick(6), list(), list(), list()];
        return [list(), pick(9), pick(12) === 0 ? pick(12) : 0, 0, this.domid()];
      case HYPERCALL.GRANT_TABLE_OP: {
        const one = (): number[] => {
          const place = this.type === 'pv' && pick(2) === 0 ? ((this.frame() << FRAME_SHIFT) | (pick(512) << 3)) >>> 0 : (PV_BASE * (this.type === 'pv' ? 1 : 0) + (pick(HOSTILE_MIB * 256) << FRAME_SHIFT)) >>> 0;
          if (op === 0) return [place, 0, [2, 6, 18, 22, 3, 10][pick(6)], pick(32), this.domid(), 0, 0, 0];
          if (op === 1) return [place, 0, 0, 0, pick(12), 0];
          if (op === 7) return [place, 0, this.pointer(), 0, pick(12), 0];
          if (op === 5) return [pick(18), this.domid() | (pick(4096) << 16), pick(2) === 0 ? pick(18) : this.frame(), this.domid() | (pick(64) << 16), pick(4160) | (pick(4) << 16), 0];
          if (op === 8) return [1 + pick(2)];
          return [this.domid(), pick(5), 0, list(), 0, 0];
        };
        return [...one(), ...one(), ...one()];
      }
      case HYPERCALL.MMU_UPDATE:
        return [0, 1, 2].flatMap(() => [((this.frame() << FRAME_SHIFT) | (pick(512) << 3) | pick(4)) >>> 0, 0, (this.frame() << FRAME_SHIFT) | pick(8), pick(8) === 0 ? this.value() : 0]);
      case HYPERCALL.MMUEXT_OP:
        return [0, 1, 2].flatMap(() => [pick(22), pick(3) === 0 ? this.pointer() & ~0xfff : this.frame(), pick(2) === 0 ? this.frame() : pick(600)]);
      case HYPERCALL.MULTICALL:
        return [0, 1].flatMap(() => [NUMBERS[pick(NUMBERS.length)], 0, this.value(), this.pointer(), pick(4), pick(2) === 0 ? DOMID_SELF : this.value(), 0, 0]);
      default:
        return this.values(24);
    }
  }

  /** An entry of its own grant table, which the guest writes as memory: also for itself, and for frames that are not its. */
  private grantSomething(): void {
    const { pick, machine, hostile } = this;
    const table = new GrantTable(this.services.dom0.portsOf(hostile.options.record.id));
    const at = (table.sharedFrame(0) << 10) + 2 * pick(32);
    machine.words[at] = pick(4) | (pick(2) << 2) | (this.domid() << 16);
    machine.words[at + 1] = this.type === 'pv' ? this.frame() : pick(HOSTILE_MIB * 256);
  }

  private call(): void {
    const { pick, hostile } = this;
    const xen = hostile.xen;
    if (!xen) throw new Error('the hostile domain has no half of Xen');
    const known = Object.keys(xen.hypercalls);
    const number = pick(20) === 0 ? pick(80) : Number(known[pick(known.length)]);
    const op = pick(10) === 0 ? this.value() : pick(number === HYPERCALL.MEMORY_OP ? 30 : 14);
    const at = this.store(this.structure(number, op));
    if (pick(40) === 0) this.grantSomething();
    let args = [op, at, this.value(), this.value(), this.value()];
    if (number === HYPERCALL.MMU_UPDATE || number === HYPERCALL.MMUEXT_OP) args = [at, pick(4), pick(2) === 0 ? 0 : this.pointer(), pick(8) === 0 ? this.value() : DOMID_SELF, 0];
    else if ([HYPERCALL.SET_GDT, HYPERCALL.MULTICALL, HYPERCALL.SET_TRAP_TABLE, HYPERCALL.EVENT_CHANNEL_OP_COMPAT].includes(number as 0)) args = [at, pick(3), 0, 0, 0];
    else if (number === HYPERCALL.GRANT_TABLE_OP) args[2] = pick(4);
    else if (number === HYPERCALL.CONSOLE_IO) args = [pick(2), pick(100), at, 0, 0];
    else if (number === HYPERCALL.VCPU_OP) args = [op, pick(3), at, 0, 0];
    else if (number === HYPERCALL.UPDATE_VA_MAPPING) {
      // Not where the arguments lie: without them, nothing more would be tried.
      const pfn = pick(HOSTILE_MIB * 256);
      args = [PV_BASE + (pfn << FRAME_SHIFT), (this.frame() << FRAME_SHIFT) | pick(8), pick(16) === 0 ? this.value() : 0, pick(8), 0];
      if (pfn >= SCRATCH_PFN && pfn < SCRATCH_PFN + SCRATCH_PAGES) return;
    }
    if (pick(12) === 0) args[pick(5)] = this.value();
    for (let i = 0; i < MOST_CONTINUATIONS; i++) {
      const result = hypercall(xen, number, args);
      if (result >= 0) this.succeeded++;
      const again = xen.takeContinuation();
      if (!again) break;
      for (const [argument, value] of again) args[argument] = value;
    }
    // A domain that has shut down makes no more calls: here it does.
    xen.words[xen.xen + XEN.SHUTDOWN] = 0;
  }

  /** Why it does not hold; undefined: it does. */
  private problem(): string | undefined {
    const { machine, hostile } = this;
    if (this.checksum() !== this.victimSum) return "another domain's memory has changed";
    for (const mfn of this.foreign) if (machine.ownerOf(mfn) !== this.victim.id) return `frame ${mfn} of another domain has changed hands`;
    const { record } = hostile.options;
    const p2m = machine.p2m(record);
    const shared = machine.words[(record.xenOffset >>> 2) + XEN.SHARED_INFO];
    if (this.type !== 'pv') {
      for (let gfn = 0; gfn < p2m.length; gfn++) {
        const mfn = p2m[gfn] >>> FRAME_SHIFT;
        if (p2m[gfn] === 0 || mfn === shared || machine.ownerOf(mfn) === record.id) continue;
        if (!this.foreign.slice(8, 16).includes(mfn)) return `guest frame ${gfn} shows frame ${mfn}, which was not granted`;
        if (mfn !== this.lent && p2m[gfn] & 2) return `guest frame ${gfn} lets the guest write a frame that was granted read-only`;
      }
      return undefined;
    }
    for (let mfn = 0; mfn < machine.frames; mfn++) {
      if (machine.ownerOf(mfn) !== record.id) continue;
      const word = machine.words[machine.frameEntry(mfn) + FRAME.TYPE];
      if (!(word & FRAME_VALIDATED) || (word & FRAME_COUNT_MASK) === 0 || word >>> FRAME_TYPE_SHIFT !== FRAME_TYPE.L1) continue;
      for (let at = mfn << 10; at < (mfn + 1) << 10; at += 2) {
        const low = machine.words[at],
          target = low >>> FRAME_SHIFT;
        if (!(low & 1) || target === shared) continue;
        const foreign = machine.ownerOf(target) !== record.id;
        if (foreign && !this.foreign.slice(8, 16).includes(target)) return `a page table entry names frame ${target}, which is not the domain's`;
        if (foreign && low & 2 && target !== this.lent) return `a page table entry lets the guest write frame ${target}, which was granted read-only`;
        if (!foreign && low & 2 && machine.words[machine.frameEntry(target) + FRAME.TYPE] >>> FRAME_TYPE_SHIFT !== FRAME_TYPE.WRITABLE)
          return `a page table entry lets the guest write frame ${target}, which is a table`;
      }
    }
    return undefined;
  }

  /** Makes the calls; returns why it failed, or undefined. */
  run(calls: number): string | undefined {
    let made = 0;
    try {
      for (; made < calls; made++) {
        this.call();
        if (made % LOOK_EVERY !== LOOK_EVERY - 1) continue;
        this.services.poll();
        const problem = this.problem();
        if (problem) return `${problem} (after ${made} calls)`;
      }
      const problem = this.problem();
      if (problem) return problem;
      this.services.poll();
      if (!this.machine.destroyDomain(this.hostile.options.record)) return 'the domain could not be destroyed: something still holds its frames';
      const leaked = this.freeBefore - this.machine.freeFrames;
      return leaked === 0 ? undefined : `${leaked} frames did not come back when the domain died`;
    } catch (error) {
      return `JavaScript exception after ${made} calls: ${(error as Error).stack}`;
    }
  }
}

/** Status 0: all passed, 1: something failed, 2: the command line is wrong. */
export function main(argv: string[], write: (text: string) => void = text => process.stdout.write(text)): number {
  const options = parse(argv);
  if (typeof options === 'string') {
    process.stderr.write(`fuzz:hypercalls: ${options}\n${USAGE}`);
    return 2;
  }
  let passed = 0,
    failed = 0;
  const each = Math.ceil(options.calls / options.seeds.length);
  for (const type of options.types) {
    for (const seed of options.seeds) {
      const fuzz = new Fuzz(type, seed);
      const problem = fuzz.run(each);
      if (problem === undefined) passed++;
      else failed++;
      write(`${type} seed ${seed}: ${each} calls, ${fuzz.succeeded} taken${problem === undefined ? '' : ` FAILED: ${problem}`}\n`);
    }
  }
  write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}
