/** Exits in words: what one was about, what it cost, and the texts around the tables. */

import { ExitReason } from '../../../cpu/architecture/index.ts';
import { addressText, HYPERCALL_VECTOR, vectorOf } from '../../../hypervisor/view/index.ts';
import { hex8, whole } from '../../units.ts';
import { shortly } from '../disassembly.ts';
import { ofHost, type OfEach } from '../../hypervisors/of-host.ts';
import { explainExit } from '../explain.ts';
import { exitWords } from '../explained/index.ts';
import type { SeenExit } from './log.ts';

export const words = {
  number: 'No.',
  reason: 'Reason',
  exits: 'Exits',
  share: 'Share of exits',
  timeHint: 'The mean of those that were timed, one in 64, times all',
  log: 'Log',
  newest: 'newest first; ~: the mean of its kind',
  times: (n: number) => (n === 1 ? '' : ` × ${n}`),
  clock: 'Minutes and seconds on the guest’s own clock; of several guests on the clock that their workers share',
  group: 'Count by',
  byReason: 'Exit reason',
  before: 'before',
  beforeOpened: 'before this view was opened',
  at: 'Time',
  vcpu: 'vCPU',
  rip: 'Guest IP',
  code: 'Code',
  codeHint: 'The function, where the guest’s kernel names it, else the instruction, as memory is now',
  codeNow: 'As memory is now',
  about: 'About',
  cost: 'Cost',
  costHint:
    'The browser’s clock goes in steps. ~: of an exit that took few of them, the mean of its kind: the same guest and reason, and, where enough were seen, hypercall, port or page',
  mostly: (mean: string) => `~${mean}`,
  each: 'Each',
  calls: 'Calls',
  shareOfCalls: 'Share of calls',
  call: 'Hypercall',
  none: 'No exit has been counted yet.',
  quiet: (isOfStep: boolean) => `Nothing since this ${isOfStep ? 'step began' : 'view was opened'}.`,
  noCalls: 'No hypercall has been counted yet.',
  noMatch: 'Nothing has all of these words.',
  last: 'its last of this kind',
  noLast: 'None of its kind is among those that are kept. The next one is.',
  way: 'Handler',
  previous: '‹ Earlier',
  next: 'Later ›',
  previousHint: 'The exit before it',
  nextHint: 'The exit after it',
  filter: 'Filter by domain and reason',
  example: 'Filter: a domain, a reason, a hypercall',
  count: (n: number, what: string) => `${whole(n)} ${what}`,
  exitsWord: (isOfStep: boolean) => `exits since ${isOfStep ? 'this step began' : 'start'}`,
  callsWord: (isOfStep: boolean) => `hypercalls since ${isOfStep ? 'this step began' : 'start'}`,
  since: (n: number, isOfStep: boolean) => `${whole(n)} since this ${isOfStep ? 'step began' : 'view was opened'}`,
  qualification: (value: number) => `Qualification 0x${hex8(value)}`,
  costOf: (cost: string) => `Cost of this exit, ${cost}`,
  costOfKind: (mean: string) => `Cost, ${mean} on average`,
  noCost: 'Too few of its kind have been timed (one exit in 64 is).',
  meanOf: (n: number, about: string | undefined, apart: number) =>
    `Of ${whole(n)} ${about === undefined ? 'of its reason' : about ? `like it (${about})` : 'like it'}${apart > 0 ? `, without ${whole(apart)} far longer` : ''}.`,
  thisOne: (cost: string) => `This one took ${cost}.`,
  kindTakes: (mean: string, of: number) => `Its kind takes ${mean}, the mean of ${whole(of)} that were timed.`,
  parts: ['exit, decode', 'finish, entry'] as const,
  rare: (n: number) => `Show ${n} rarer`,
  exit: 'exits',
  bytesLong: (n: number) => `len ${n}`,
};

interface HypervisorWords {
  time: string;
  wayHint: string;
  /** Of what an exit cost, where nobody else was asked. */
  itself: string;
  controlsHint: string;
  /** What came with an external interrupt, in the room of a row. */
  interrupted: string;
}
const OF_EACH: OfEach<HypervisorWords> = {
  xen: {
    time: 'Time in Xen',
    wayHint: 'with the names of functions in Xen',
    itself: 'Xen itself',
    controlsHint: 'Chosen here, or by xl exit-controls. The guest finds no difference but its speed.',
    interrupted: 'doorbell rang',
  },
  kvm: {
    time: 'Time in KVM',
    wayHint: 'with the names of functions in Linux 6.1 and QEMU',
    itself: 'KVM itself',
    controlsHint: 'Chosen here. The guest finds no difference but its speed.',
    interrupted: 'vCPU was kicked',
  },
};
/** The words of the hypervisor that the host has. */
export const hypervisorWords = (): HypervisorWords => ofHost(OF_EACH);

export const ms = (ns: number): string =>
  ns >= 1e8 ? `${whole(ns / 1e6)} ms` : ns < 1e4 ? '<0.01 ms' : `${(ns / 1e6).toFixed(ns < 1e6 ? 2 : 1)} ms`;
export const us = (ns: number): string => `${(ns / 1e3).toFixed(ns < 99_950 ? 1 : 0)} µs`;

/** Of one exit: the browser's clock goes in steps. */
export const wholeUs = (ns: number): string => (ns < 999_500 ? `${whole(ns / 1e3)} µs` : `${(ns / 1e6).toFixed(1)} ms`);
export const costText = (ns: number | undefined, stepNs: number): string =>
  ns === undefined ? '–' : ns < 500 ? (Number.isFinite(stepNs) ? `< ${wholeUs(stepNs)}` : '–') : wholeUs(ns);
export const shareText = (count: number, all: number): string =>
  count < 0.0005 * all ? '<0.1 %' : `${((100 * count) / all).toFixed(1)} %`;

/** Of an exit; vectors have their number in their names. */
export const numberOf = (reason: number): string => (vectorOf(reason) >= 0 ? '' : String(reason));

/** The hypercall that an exit was for: as it came back, or as EAX had it. */
export const callOf = ({ reason, detail, call }: SeenExit): number | undefined =>
  call?.number ?? (reason === ExitReason.VMCALL || reason === ExitReason.VMMCALL ? detail : undefined);
/** Hypercalls come by it. */
export const isCall = (reason: number): boolean =>
  reason === ExitReason.VMCALL || reason === ExitReason.VMMCALL || vectorOf(reason) === HYPERCALL_VECTOR;

/** A hypercall by its operation, where its first argument says one, else by its name. */
export function callText(number: number, first: number | undefined): string {
  const { operation, callName } = exitWords();
  return (first === undefined ? undefined : operation(number, first)) ?? callName(number);
}

/** What an exit was about, in a few words; of most reasons the qualification says nothing (SDM vol. 3, 28.2.1). */
export function aboutOf(exit: SeenExit): string {
  const { reason, qualification, detail = 0, call } = exit,
    number = callOf(exit);
  if (number !== undefined)
    return `${callText(number, call?.first)}${call && call.result !== 0 ? ` → ${call.result}` : ''}`;
  if (reason === ExitReason.IO)
    return `${qualification & 32 ? `${detail} byte${detail === 1 ? '' : 's'}, ` : qualification & 16 ? 'string, ' : qualification & 8 ? '' : `0x${(detail >>> 0).toString(16)} → `}port 0x${(qualification >>> 16).toString(16)}`;
  if (reason === ExitReason.EPT_VIOLATION)
    return `${qualification & 2 ? 'write' : qualification & 4 ? 'fetch' : 'read'} ${addressText(detail)}`;
  if (reason === ExitReason.RDMSR || reason === ExitReason.WRMSR) return `MSR 0x${(detail >>> 0).toString(16)}`;
  if (isShort(reason)) return shortlyOf(reason)!;
  if (vectorOf(reason) === PAGE_FAULT) return `at ${addressText(detail)}`;
  return vectorOf(reason) < 0 && explainExit({ reason, qualification }).fields.length > 0 ? hex8(qualification) : '';
}
const PAGE_FAULT = 14;
/** What a column of the log has room for; whole texts are a title away. */
const CODE_ROOM = 24,
  ABOUT_ROOM = 20;
/** Of an instruction that is too long the address goes, of an operation its family's name. */
export const codeInCell = (text: string): string => {
  const short = shortly(text);
  return short.length <= CODE_ROOM ? short : short.replace(/\[[^\]]{4,}\]/, '[…]');
};
export const aboutInCell = (text: string): string =>
  text.length <= ABOUT_ROOM ? text : text.replace(/^[A-Z]+OP_(?=[a-z])/, '');
/** Where the reason alone says what it was about. */
const SHORTLY: Readonly<Record<number, string>> = {
  [ExitReason.PREEMPTION_TIMER]: 'timer is due',
  [ExitReason.INTERRUPT_WINDOW]: 'interrupt waits',
  [ExitReason.HLT]: 'nothing to do',
};
const shortlyOf = (reason: number): string | undefined =>
  reason === ExitReason.EXTERNAL_INTERRUPT ? hypervisorWords().interrupted : SHORTLY[reason];
export const isShort = (reason: number): boolean => shortlyOf(reason) !== undefined;
/** What registers held, as far as the record of an exit tells: a hypercall's number and first argument, the port and what is written there, an MSR's number. */
export function keptOf({ reason, qualification: q, detail = 0, call, cr3 }: SeenExit): string[] {
  const of = (name: string, value: number, digits = 8): string =>
    `${name} ${(value >>> 0).toString(16).padStart(digits, '0')}`;
  return [
    ...(call ? [`${of('EAX', call.number)} → ${call.result}`, of('EBX', call.first)] : []),
    ...(reason === ExitReason.IO
      ? [
          ...(q & 64 ? [] : [of('DX', q >>> 16, 4)]),
          ...(q & 24 ? [] : [of(['AL', 'AX', '', 'EAX'][q & 3]!, detail, 2 * ((q & 3) + 1))]),
        ]
      : []),
    ...(reason === ExitReason.RDMSR || reason === ExitReason.WRMSR ? [of('ECX', detail)] : []),
    ...(cr3 ? [of('CR3', cr3)] : []),
  ];
}
