/** What of a case is compared: registers, selectors, flags, changed memory, x87 and SSE state, and how it ended. */
import { disassemble, undefinedFlags } from '../../../cpu/table/index.ts';
import { type FloatState, STACK, START } from '../../oracle/fixture.ts';
import { close80, closeFloats, NAMES } from '../../oracle/compare.ts';
import type { Ending, Setting } from '../../oracle/machine.ts';
import { firstOf } from '../../oracle/vendors.ts';
import { differencesOf, type Known } from './differences.ts';
import type { Host } from './host.ts';
import type { NativeMachine } from './machine.ts';
import type { NativeEnd } from './wire.ts';

const SEGMENTS = ['cs', 'ss', 'ds', 'es', 'fs', 'gs'];
/** EFLAGS but RF, which a signal frame shows as the kernel found it. */
const FLAGS = 0x3e7fd7;
const COUNTERS = new Set(['rcx', 'rsi', 'rdi']);
const LOW_HALF = 0xffff_ffffn,
  ALL = 0xffff_ffff_ffff_ffffn;
const SIGSYS = 31,
  DEBUG = 1,
  BREAKPOINT = 3,
  PAGE_FAULT = 14;
const SYSTEM_CALL = 0x80;

/** A null selector's RPL: kernels and hypervisors that reload segment registers make it 0. */
const visible = (selector: number) => (selector < 4 ? 0 : selector);
const hex = (value: number | bigint) => value.toString(16);

export interface Judgement {
  /** What is different and has no entry in differences.ts; empty: nothing. */
  bad: string[];
  /** What it has. */
  known: readonly Known[];
  text: string;
}

type Check = (name: string, theirs: number | bigint, our: number | bigint) => void;

/** Bits that are left out. */
const maskOf = (known: readonly Known[], what: 'flags' | 'status') =>
  known.reduce((bits, entry) => (entry.what === what ? bits | (entry.mask ?? 0) : bits), 0);

export function judge(
  host: Host,
  setting: Setting,
  native: NativeEnd | undefined,
  ours: Ending,
  machine: NativeMachine,
): Judgement {
  const decoded = firstOf(setting);
  const start = setting.bits === 16 ? START : setting.at;
  const text = `${Buffer.from(setting.code).toString('hex')} ${disassemble(decoded, start, 'intel', setting.code)}`;
  const bad: string[] = [];
  const known = differencesOf({ host, setting, decoded, native, ours });
  const judgement = { bad, known, text };
  if (known.some(({ what }) => what === 'all')) return judgement;
  const ignores = (what: string) => known.some(entry => entry.what === what);
  const check: Check = (name, theirs, our) => {
    if (theirs !== our) bad.push(`${name} ${hex(our)} native ${hex(theirs)}`);
  };
  if (native === undefined) {
    bad.push('native: did not end');
    return judgement;
  }
  if (ours.problem) bad.push(ours.problem);
  if (native.signal === SIGSYS) {
    check('vector', SYSTEM_CALL, ours.vector);
    return judgement;
  }
  check('vector', native.vector, ours.vector);
  if (native.vector !== DEBUG && native.vector !== BREAKPOINT && !ignores('error'))
    check('error code', native.errorCode, ours.errorCode);
  if (native.vector === PAGE_FAULT && !ignores('address')) check('address', native.cr2, ours.cr2);
  check('ip', native.vector === BREAKPOINT ? native.ip - 1n : native.ip, ours.ip);
  const undefinedHere =
    decoded.row === null ? 0 : undefinedFlags(decoded.row, decoded, Number(setting.registers[1]! & 0xffn));
  const flags = FLAGS & ~undefinedHere & ~maskOf(known, 'flags');
  check('flags', native.flags & flags, ours.flags & flags);
  for (const [i, name] of NAMES[setting.bits].entries()) {
    // Back on a stack of 16 bits, RSP's high half is the kernel's (Linux, arch/x86/kernel/espfix_64.c): narrow code has none.
    const isLow = setting.bits !== 64 || (ignores('counters') && COUNTERS.has(name));
    const mask = isLow ? LOW_HALF : ALL;
    check(name, native.registers[i]! & mask, ours.registers[i]! & mask);
  }
  // INT n went through our gate: the selectors are the handler's.
  if (!ours.throughGate)
    for (const [i, selector] of machine.selectors().entries())
      check(SEGMENTS[i]!, visible(native.selectors[i]!), visible(selector));
  if (setting.bits === 64) {
    const bases = machine.bases();
    check('fs base', native.bases.fs, bases.fs);
    check('gs base', native.bases.gs, bases.gs);
    if (!ignores('fip')) check('fip', native.fip, machine.fip);
  }
  const changed = machine.changed(setting, [...native.changed.keys()]);
  // Addresses of data and stack: those of 16-bit code are offsets in the stack's segment.
  const esp = Number(setting.registers[4]!),
    top = setting.bits === 16 ? STACK + (esp & 0xffff) : esp;
  for (const at of new Set([...changed.keys(), ...native.changed.keys()])) {
    const our = changed.get(at),
      theirs = native.changed.get(at);
    if (our === theirs || ignores('memory') || (ignores('pushed') && at < top)) continue;
    bad.push(
      `mem[${hex(at)}] ${our === undefined ? '-' : hex(our)} native ${theirs === undefined ? '-' : hex(theirs)}`,
    );
  }
  compareFloats(check, native.float, machine.float(), known);
  return judgement;
}

/** MXCSR, XMM registers and the x87's state. */
function compareFloats(check: Check, a: FloatState, b: FloatState, known: readonly Known[]): void {
  const ignores = (what: string) => known.some(entry => entry.what === what);
  const close = ignores('close');
  check('mxcsr', a.mx & (close ? ~0x3f : -1), b.mx & (close ? ~0x3f : -1));
  for (const [i, value] of a.xm.entries())
    if (!(close && closeFloats(value, b.xm[i]!))) check(`xmm${i}`, value, b.xm[i]!);
  if (ignores('x87')) return;
  const status = ~maskOf(known, 'status');
  check('fcw', a.cw & 0xf3f, b.cw & 0xf3f);
  check('fsw', a.sw & status, b.sw & status);
  check('ftw', a.tw, b.tw);
  const first = (a.sw >> 11) & 7;
  for (let i = 0; i < 8; i++) {
    const inUse = (a.tw >> ((first + i) & 7)) & 1;
    if (inUse && !(close && close80(a.st[i]!, b.st[i]!))) check(`st${i}`, a.st[i]!, b.st[i]!);
  }
}
