/** What of a case is compared: registers, selectors, flags, changed memory, x87 and SSE state, and how it ended. */
import { decode, type Decoded, disassemble, newDecoded, undefinedFlags } from '../../../cpu/table/index.ts';
import { CODE, STACK, START } from '../../oracle/fixture.ts';
import { close80, closeFloats } from '../../oracle/compare.ts';
import type { Ending, Setting } from '../../oracle/machine.ts';
import type { NativeEnd } from './cases.ts';
import { differencesOf, type Known } from './differences.ts';
import type { Host } from './host.ts';
import type { NativeMachine } from './machine.ts';

const NAMES = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'],
  SEGMENTS = ['cs', 'ss', 'ds', 'es', 'fs', 'gs'];
/** EFLAGS but RF, which a signal frame shows as the kernel found it. */
const FLAGS = 0x3e7fd7;
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

function decodeCase({ code, bits }: Setting): Decoded {
  const decoded = newDecoded();
  decode(Uint8Array.from([...code, ...Array<number>(16).fill(0xcc)]), 0, 31, bits, decoded);
  return decoded;
}

export function judge(
  host: Host,
  setting: Setting,
  native: NativeEnd | undefined,
  ours: Ending,
  machine: NativeMachine,
): Judgement {
  const decoded = decodeCase(setting);
  const start = setting.bits === 32 ? CODE + START : START;
  const text = `${Buffer.from(setting.code).toString('hex')} ${disassemble(decoded, start, 'intel', setting.code)}`;
  const bad: string[] = [];
  const known = differencesOf({ host, setting, decoded, native, ours });
  const judgement = { bad, known, text };
  if (known.some(({ what }) => what === 'all')) return judgement;
  const ignores = (what: string) => known.some(entry => entry.what === what);
  const masked = (what: 'flags' | 'status') =>
    known.reduce((bits, entry) => (entry.what === what ? bits | (entry.mask ?? 0) : bits), 0);
  const close = ignores('close');
  const check = (name: string, theirs: number | bigint, our: number | bigint): void => {
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
  if (native.vector === PAGE_FAULT && !ignores('address')) check('address', BigInt(native.cr2), ours.cr2);
  check('ip', BigInt(native.vector === BREAKPOINT ? (native.ip - 1) >>> 0 : native.ip), ours.ip);
  const undefinedHere =
    decoded.row === null ? 0 : undefinedFlags(decoded.row, decoded, Number(setting.registers[1]! & 0xffn));
  check(
    'flags',
    native.flags & FLAGS & ~undefinedHere & ~masked('flags'),
    ours.flags & FLAGS & ~undefinedHere & ~masked('flags'),
  );
  for (let i = 0; i < 8; i++) check(NAMES[i]!, BigInt(native.registers[i]!), ours.registers[i]!);
  // INT n went through our gate: the selectors are the handler's.
  if (!ours.throughGate)
    for (const [i, selector] of machine.selectors().entries())
      check(SEGMENTS[i]!, visible(native.selectors[i]!), visible(selector));
  const changed = machine.changed(setting);
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
  const a = native.float,
    b = machine.float();
  check('mxcsr', a.mx & (close ? ~0x3f : -1), b.mx & (close ? ~0x3f : -1));
  for (let i = 0; i < 8; i++) if (!(close && closeFloats(a.xm[i]!, b.xm[i]!))) check(`xmm${i}`, a.xm[i]!, b.xm[i]!);
  if (ignores('x87')) return judgement;
  check('fcw', a.cw & 0xf3f, b.cw & 0xf3f);
  check('fsw', a.sw & ~masked('status'), b.sw & ~masked('status'));
  check('ftw', a.tw, b.tw);
  const first = (a.sw >> 11) & 7;
  for (let i = 0; i < 8; i++) {
    const inUse = (a.tw >> ((first + i) & 7)) & 1;
    if (inUse && !(close && close80(a.st[i]!, b.st[i]!))) check(`st${i}`, a.st[i]!, b.st[i]!);
  }
  return judgement;
}
