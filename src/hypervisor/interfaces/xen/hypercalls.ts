/**
 * Hypercalls: what a caller is to them, how an operation is declared and carried out, dispatch by number, multicall, the hypercall page.
 * Source: xen/include/public/xen.h; results are 0, a count, or a negated errno. Which there are: table.ts, and docs/hypercalls.md, which is made from it.
 */
import type { Processor } from '../../../cpu/architecture/index.ts';
import type { Trace } from '../../tracing/trace.ts';
import { TRACE_KIND } from '../../tracing/trace.ts';
import type { Vcpus } from '../../domain/vcpus.ts';
import { COUNTED_HYPERCALLS } from '../../layout/layout.ts';
import { XEN, XEN_TYPE } from './layout.ts';
import { type DomainRecord, FRAME_BYTES, type Machine } from '../../memory/machine.ts';
import { EFAULT, EINVAL, ENOSYS, EPERM, HYPERCALL } from './abi.ts';
import type { Ports } from './events/ports.ts';
import type { GuestAccess } from '../../memory/guest-access.ts';
import type { GuestFrames } from './memory/guest-frames.ts';
import type { PvDomain } from './pv/pv-domain.ts';
import {
  answer,
  array,
  type Fields,
  long,
  type Span,
  type StructCopy,
  type StructType,
  spansOf,
  struct,
  typeAt,
  ulong,
  type Values,
  type Width,
  writeValue,
} from './struct.ts';
import type { XenTime } from './time.ts';
import type { UpcallLine } from './upcall-line.ts';

// ---- who calls

/** What the domain gives to its hypercalls. */
export interface HypercallParts {
  readonly processor: Processor;
  readonly vcpus: Vcpus;
  readonly trace: Trace;
  readonly memoryMiB: number;
  /** Bytes for the hypervisor's console. */
  console(bytes: Uint8Array): void;
  /** Ends the slice: others get their turn. */
  yield(): void;
  /** Domain 0 has an event: in virtual time it hears of it before the next instruction. */
  callDomain0(): void;
  /** A machine frame was written by someone who is not the processor. */
  written(mfn: number): void;
}

/** The domain that calls, and what its hypercalls work on. */
export interface HypercallContext {
  readonly machine: Machine;
  readonly record: DomainRecord;
  readonly words: Int32Array;
  /** Index in `words` of the XEN block. */
  readonly xenBlock: number;
  /** XEN_TYPE. */
  readonly type: number;
  /** HVM or PVH. */
  readonly isHvm: boolean;
  readonly parts: HypercallParts;
  readonly ports: Ports;
  /** Memory at linear addresses, as the vCPU that calls sees it. */
  readonly access: GuestAccess;
  readonly time: XenTime;
  /** Guest-physical memory. */
  readonly frames: GuestFrames;
  /** Page tables, traps and descriptors of a paravirtual domain. */
  readonly pv: PvDomain | undefined;
  /** Number of the vCPU that calls. */
  readonly current: number;
  /** Of its code: structures and lists lie in memory so. */
  readonly width: Width;
  /** The hypercalls that this domain has, by number. */
  readonly hypercalls: readonly (Hypercall | undefined)[];
  /** A multicall is under way: none of its calls is one. */
  inMulticall: boolean;

  /** Ends the hypercall under way for now: it is made again with this argument. Its result is not looked at. */
  continueWith(argument: number, value: number): number;
  /** Arguments that change, where the hypercall that has just been made is to be made again. */
  takeContinuation(): ReadonlyMap<number, number> | undefined;

  /** The vCPU that calls waits for an event, with `poll` for that port (-1: one of several), at the longest until `untilNs`. */
  block(poll?: number, untilNs?: number): void;
  /** A vCPU that waits goes on. */
  wake(vcpu: number): void;
  /** An event that the vCPU that calls would take now. */
  deliverable(): boolean;
  /** evtchn_upcall_pending of a vCPU has become 1. */
  assertUpcall(vcpu: number): void;
  /** What tells of upcalls where no vector of a vCPU does. */
  readonly line: UpcallLine;
  /** From now on shared_info has the layout for the code that calls. */
  latchWidth(): void;

  /** The domain shuts down with a SHUTDOWN code. */
  shutdown(code: number): void;
  /** Timers 0 and 1 of SCHEDOP_watchdog; 0 seconds stop one. -1: both are in use. */
  setWatchdog(index: number, seconds: number): void;
  watchdogInUse(index: number): boolean;
  readonly freeWatchdog: number;
}

// ---- operations

/**
 * One hypercall: its arguments as the registers hold them, signed, and the result. An `int` of the headers is the low word of a register of 64 bits
 * (`& 0`-like operators cut it), an address all of it.
 */
export type Hypercall = (caller: HypercallContext, args: readonly number[]) => number;

/** Kinds of guests, one bit for each XEN_TYPE. */
export const HVM = 1 << XEN_TYPE.HVM,
  PVH = 1 << XEN_TYPE.PVH,
  PV = 1 << XEN_TYPE.PV,
  TRANSLATED = HVM | PVH,
  ALL = HVM | PVH | PV;

/** What an operation does: `args` is its structure, or the argument's word where it has none; `extra` what else its hypercall passes. */
type Run<Args> = (caller: HypercallContext, args: Args, extra: number) => number;

interface Conduct<Args, Name> {
  /** Who may make it (ALL unless it says otherwise); others get -ENOSYS. */
  guests?: number;
  /** OUT: fields that the guest gets back where the operation ends with 0. */
  out?: readonly Name[];
  /** It gets them back whatever the result is. */
  outAlways?: boolean;
  /** No field is IN: nothing is copied before. */
  outOnly?: boolean;
  /** Checks of what lies in registers, before the structure is copied: 0 or a negated errno. */
  before?(caller: HypercallContext, extra: number): number;
  /** The result where the structure cannot be read (-EFAULT). */
  unreadable?(extra: number): number;
  /** Takes back what was done, where the guest cannot be given its answer. */
  undo?(caller: HypercallContext, args: Args): void;
}

/** A row of a table of operations. */
// biome-ignore lint/suspicious/noExplicitAny: rows over all structures.
export interface Operation extends Conduct<any, any> {
  guests: number;
  args?: StructType<Fields>;
  /** Of OUT fields, by the caller's width. */
  spans?: Readonly<Record<Width, readonly Span[]>>;
  // biome-ignore lint/suspicious/noExplicitAny: see above.
  run: Run<any>;
}

/** An operation over a structure. */
export function operation<F extends Fields>(
  args: StructType<F>,
  run: Run<Values<F> & StructCopy>,
  conduct: Conduct<Values<F> & StructCopy, keyof F> = {},
): Operation {
  return {
    guests: ALL,
    ...conduct,
    args: args as unknown as StructType<Fields>,
    spans: spansOf(args, conduct.out ?? []),
    run,
  };
}

/** An operation whose argument is a word, or nothing. */
export function plain(run: Run<number>, conduct: Conduct<number, never> = {}): Operation {
  return { guests: ALL, ...conduct, run };
}

/** The operations of one hypercall. */
export interface Operations {
  /** What the header puts before their names. */
  readonly prefix: string;
  /** Their numbers, by the name's rest in capitals. */
  readonly numbers: Readonly<Record<string, number>>;
  readonly rows: (Operation | undefined)[];
}

/** Declares them, by name. */
export function operations<Numbers extends Readonly<Record<string, number>>>(
  prefix: string,
  numbers: Numbers,
  named: { readonly [Name in keyof Numbers]?: Operation },
): Operations {
  const rows: (Operation | undefined)[] = [];
  for (const [name, row] of Object.entries(named)) rows[numbers[name]] = row as Operation;
  return { prefix, numbers, rows };
}

/** An operation that the caller may make. */
export function offered({ rows }: Operations, number: number, caller: HypercallContext): Operation | undefined {
  const row = rows[number];
  return row && (row.guests >>> caller.type) & 1 ? row : undefined;
}

/** Carries an operation out: its structure is copied before the first check of what is in it, and only OUT fields are written back. */
export function perform(caller: HypercallContext, operation: Operation, address: number, extra = 0): number {
  const { args, before, run } = operation;
  const refused = before?.(caller, extra);
  if (refused) return refused;
  if (!args) return run(caller, address, extra);
  const { width } = caller,
    type = args.at(width);
  const copy = operation.outOnly ? type.blank() : type.read(caller.access, address);
  if (!copy) return operation.unreadable?.(extra) ?? -EFAULT;
  const result = run(caller, copy, extra);
  const spans = operation.spans?.[width] ?? [];
  if ((result !== 0 && !operation.outAlways) || answer(caller.access, address, copy, spans)) return result;
  operation.undo?.(caller, copy);
  caller.takeContinuation();
  return -EFAULT;
}

/** Carries out what a call's first two arguments say: number and address. */
export function dispatch(caller: HypercallContext, operations: Operations, number: number, address: number): number {
  const found = offered(operations, number | 0, caller);
  return found ? perform(caller, found, address) : -ENOSYS;
}

/**
 * Refused: the toolstack's. No guest is privileged here; Domain 0 is the program around the hypervisor and makes no hypercalls.
 * Errors: EPERM always.
 */
export function toolstackOnly(): number {
  return -EPERM;
}

// ---- dispatch

/** Slots of the hypercall page, 32 bytes each. */
const SLOT_BYTES = 32,
  SLOTS = FRAME_BYTES / SLOT_BYTES;
/** Calls of a multicall that are made before others have their turn. */
const CALLS_A_TURN = 256;

/** Makes a call. */
export function hypercall(caller: HypercallContext, number: number, args: readonly number[]): number {
  const { words, xenBlock } = caller;
  words[xenBlock + XEN.HYPERCALLS]++;
  const call = caller.hypercalls[number];
  if (!call) words[xenBlock + XEN.UNKNOWN_HYPERCALLS]++;
  else if (number < COUNTED_HYPERCALLS) words[xenBlock + XEN.CALLS + number]++;
  const result = call ? call(caller, args) | 0 : -ENOSYS;
  const { trace } = caller.parts;
  if (trace.on) trace.add(TRACE_KIND.HYPERCALL, caller.current, number, args[0], result);
  return result;
}

/** The page for HVM guests: mov eax, n; vmcall; ret in each slot, and ud2 for iret. */
export function hypercallPage(): Uint8Array {
  const page = new Uint8Array(FRAME_BYTES).fill(0xcc);
  for (let slot = 0; slot < SLOTS; slot++) {
    page.set(slot === HYPERCALL.IRET ? [0x0f, 0x0b] : [0xb8, slot, 0, 0, 0, 0x0f, 0x01, 0xc1, 0xc3], slot * SLOT_BYTES);
  }
  return page;
}

/** struct multicall_entry. */
export const MulticallEntry = struct({ op: ulong, result: long, args: array(long, 6) });

/**
 * multicall: makes the calls of a list. Each has its result written back, and none stops the others but one: after a paravirtual guest's iret its registers
 * are a program's, which makes no calls, and EAX stays what the iret gave it. A long list goes on after others had their turn, and so does a long call in
 * it: its entry says then what is left.
 * IN: list, count.
 * Errors: EINVAL a multicall in a multicall; EFAULT an entry cannot be read or written.
 */
export function multicall(caller: HypercallContext, [list, count]: readonly number[]): number {
  if (caller.inMulticall) return -EINVAL;
  caller.inMulticall = true;
  try {
    const { access, width } = caller;
    const Entry = MulticallEntry.at(width),
      { offsets } = Entry,
      word = typeAt(long, width);
    for (let i = 0; i < count >>> 0; i++) {
      const at = list + i * Entry.bytes;
      const goOn = (): number => {
        caller.continueWith(0, at);
        return caller.continueWith(1, (count >>> 0) - i);
      };
      if (i === CALLS_A_TURN) return goOn();
      const entry = Entry.read(access, at);
      if (!entry) return -EFAULT;
      const result = hypercall(caller, entry.op, entry.args);
      const rest = caller.takeContinuation();
      if (rest) {
        for (const [argument, value] of rest)
          if (!writeValue(access, word, at + offsets.args + argument * word.bytes, value)) return -EFAULT;
        return goOn();
      }
      const written = writeValue(access, word, at + offsets.result, result);
      if (entry.op === HYPERCALL.IRET && !caller.isHvm) return result;
      if (!written) return -EFAULT;
    }
  } finally {
    caller.inMulticall = false;
  }
  return 0;
}
