/** What a guest left behind: its last exits by place, its way to the end, its registers and the words of its stack. */

import { exitWords } from '../explained/index.ts';
import { ExitReason, isLongMode, registers as R } from '../../../cpu/architecture/index.ts';
import { SCHEDOP } from '../../../hypervisor/interfaces/xen/index.ts';
import {
  addressText,
  exitTitle,
  generalOf,
  HYPERCALL_VECTOR,
  ipName,
  type LastExit,
  registerText,
  type VcpuState,
  vectorOf as vectorOfExit,
} from '../../../hypervisor/view/index.ts';
import { instructionAt } from '../disassembly.ts';
import { aboutOf } from '../exits/words.ts';
import type { Shown } from '../inspector.ts';
import { CONTROL, frameNotes, kindOf, SEGMENTS, segmentAt, stackOf } from '../vcpu-facts.ts';
import type { CodeRow } from './last-code.tsx';
import { type Moment, momentsOf } from './last-moments.ts';
import { hypervisorWords, words } from './words.ts';

/** Words of the stack that are shown. */
export const STACK_WORDS = 8;
export const hex = (value: number, digits = 8): string => (value >>> 0).toString(16).padStart(digits, '0');

export interface Data {
  vcpu: number;
  /** Newest first; undefined: its definition does not ask for them. */
  code: readonly CodeRow[] | undefined;
  /** General registers that the last instructions wrote. */
  written: ReadonlySet<number>;
  /** Of its exits those for ports. */
  io: number;
  state: VcpuState;
  moments: readonly Moment[];
  lasts: readonly LastExit[];
  exits: number;
}

/** The hypercall of a paravirtual guest: its number is in the entry of the hypercall page, MOV EAX before INT 82h (xen/include/public/arch-x86/xen.h). */
export function calledAt(state: VcpuState, { reason, ip }: LastExit): number | undefined {
  const code =
    vectorOfExit(reason) === HYPERCALL_VECTOR
      ? state.bytesAt(state.linear(R.CS, ip - MOV_EAX_BYTES), MOV_EAX_BYTES)
      : undefined;
  return code?.[0] === MOV_EAX ? code[1] : undefined;
}
/** The hypercall by which a guest of Xen ends itself. */
const SHUTDOWN_CALL = 'sched_op';
const MOV_EAX = 0xb8,
  MOV_EAX_BYTES = 5;

/** What an exit was about, in a few words. */
export function about(state: VcpuState, exit: LastExit, vcpu: number): string {
  const number = calledAt(state, exit);
  return number === undefined ? aboutOf({ ...exit, key: '', domain: 0, vcpu }) : exitWords().callName(number);
}

/** Exits of one place together, the newest first. */
export function placesOf(exits: readonly LastExit[]): LastExit[][] {
  const places = new Map<string, LastExit[]>();
  for (const exit of exits) {
    const key = `${exit.reason} ${exit.ip}`,
      place = places.get(key);
    if (place) place.push(exit);
    else places.set(key, [exit]);
  }
  return [...places.values()];
}

/** What they were about together: the ports, or from which address to which. */
export function aboutPlace(state: VcpuState, exits: readonly LastExit[], vcpu: number): string {
  const [newest] = exits as [LastExit];
  if (newest.reason === ExitReason.IO)
    return words.ports(
      [...new Set(exits.map(({ qualification }) => `0x${(qualification >>> 16).toString(16)}`))].sort(),
    );
  if (newest.reason !== ExitReason.EPT_VIOLATION) return about(state, newest, vcpu);
  const at = exits.map(({ detail = 0 }) => detail);
  return words.span(
    about(state, newest, vcpu).split(' ')[0]!,
    addressText(Math.min(...at)),
    addressText(Math.max(...at)),
  );
}

/** What a guest gave as the reason when it shut itself down; its registers are those of the call. */
export function givenReason(state: VcpuState): string | undefined {
  const { regs } = state,
    bytes = regs[R.EBX] === SCHEDOP.SHUTDOWN ? state.bytesAt(regs[R.ECX]! >>> 0, 4) : undefined;
  return bytes?.length === 4 ? words.reasons[bytes[0]!] : undefined;
}

/** From its last instruction to its end; `ended`: what its host said of that. Only a hypercall of Xen's says why a guest ends itself. */
export function momentsAt(state: VcpuState, last: LastExit | undefined, vcpu: number, ended: string): Moment[] {
  const ip = last?.ip ?? state.ip,
    text = instructionAt(state, ip)?.text ?? words.noStack;
  const first: Moment = {
    kind: 'instruction',
    head: words.last,
    name: text.replace(/\s+/g, ' '),
    text: `at ${addressText(ip)}`,
  };
  if (last?.reason === ExitReason.TRIPLE_FAULT) return [first, ...momentsOf(state)];
  const call = last && about(state, last, vcpu),
    { shutdown, keeper, preserve, preserveText } = hypervisorWords(),
    isShutdown = shutdown !== undefined && call === SHUTDOWN_CALL,
    reason = isShutdown ? givenReason(state) : undefined;
  const exit: Moment[] = last
    ? [
        {
          kind: 'event',
          head: words.left,
          name: exitTitle(last.reason),
          text: isShutdown ? shutdown.calls : (call ?? ''),
        },
      ]
    : [];
  // It did not end itself: its last exit is only where it was seen last.
  if (!reason)
    return [
      { ...first, head: words.seen },
      ...exit,
      { kind: 'end', head: keeper, name: words.foundEnded, text: ended },
    ];
  return [
    first,
    ...exit,
    { kind: 'event', head: words.called, name: SHUTDOWN_CALL, text: words.shutDown(reason) },
    { kind: 'end', head: keeper, name: preserve, text: preserveText },
  ];
}

/** The gate that is looked at: that of the chosen event, else the first that blocked an event. */
export const vectorOf = ({ data: { moments }, chosen }: Shown<Data>): number | undefined =>
  (
    moments.find(({ vector }) => vector !== undefined && chosen === `g${vector}`) ??
    moments.find(({ kind }) => kind === 'gate')
  )?.vector;

/** Of a triple fault: where it was, and the gate that blocked delivery first. */
export function headline({ data: { moments, lasts }, target }: Shown<Data>): string | undefined {
  const gate = moments.find(({ kind }) => kind === 'gate'),
    [last] = lasts;
  return (
    gate &&
    last &&
    words.fell(
      target.session?.info.value.name ?? '',
      addressText(last.ip),
      gate.head,
      /^(.*): /.exec(gate.text)?.[1] ?? gate.name,
    )
  );
}

/** Four in a row, with their places among the state words where instructions write them by number. */
export function registersOf({ regs, eflags }: VcpuState): [name: string, value: string, at?: number][] {
  const selector = ([name, segment]: readonly [string, number]): [string, string] => [
    name,
    hex(regs[segmentAt(segment) + R.SEG_SELECTOR]!, 4),
  ];
  return [
    ...generalOf(regs).map(([name, at]): [string, string, number] => [name, registerText(regs, at), at]),
    [ipName(regs), registerText(regs, R.EIP)],
    ['EFL', hex(eflags)],
    ...CONTROL.slice(0, 4).map(([name, at]): [string, string] => [name, registerText(regs, at)]),
    ['GDTR', registerText(regs, R.GDTR_BASE)],
    ['limit', hex(regs[R.GDTR_LIMIT]!, 4)],
    ['IDTR', registerText(regs, R.IDTR_BASE)],
    ['limit', hex(regs[R.IDTR_LIMIT]!, 4)],
    ...SEGMENTS.slice(0, 6).map(selector),
  ];
}
export const segmentRows = ({ regs }: VcpuState): string[][] =>
  SEGMENTS.map(([name, segment]) => {
    const at = segmentAt(segment);
    return [
      name,
      hex(regs[at + R.SEG_SELECTOR]!, 4),
      registerText(regs, at + R.SEG_BASE),
      kindOf(regs[at + R.SEG_RIGHTS]!, isLongMode(regs)),
    ];
  });

/** The words on the top of the stack, each with what it is, from memory; else with which of the last instructions wrote it. */
export function stackRows(
  state: VcpuState,
  code: readonly CodeRow[] | undefined,
): { at: string; text: string; note: string | undefined }[] {
  const stack = stackOf(state, code ? STACK_WORDS - 1 : STACK_WORDS),
    notes = frameNotes(state, stack);
  const noteOf = (at: number): string | undefined =>
    notes.has(at) ? words.notes[notes.get(at)!] : code?.find(({ wrote }) => wrote === state.linear(R.SS, at))?.text;
  return stack.map(({ at, text }) => ({ at: addressText(at, state.isLong), text, note: noteOf(at) }));
}
