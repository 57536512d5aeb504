/** Where a domain is to stop: an instruction, bytes that somebody writes or touches, an exit, a hypercall, a port, an event. The command is ours; with Xen one attaches gdbsx. */
import { ExitReason } from '../../../cpu/architecture/index.ts';
import {
  ADDRESS_KINDS,
  type AddressPoint,
  type BreakPoint,
  isAddress,
  MOST_BREAKS,
  MOST_WATCHED_BYTES,
  TRACE_KINDS,
  type TracePoint,
} from '../../../hypervisor/domain/index.ts';
import { HYPERCALL } from '../../../hypervisor/interfaces/xen/index.ts';
import { kernelSymbols } from '../../../hypervisor/loader/index.ts';
import { isCanonicalAddress, readAddress } from '../../../hypervisor/view/index.ts';
import type { Uses } from '../command-host.ts';
import { type CommandValue, commandOf } from '../hypervisors/command/command-value.ts';
import type { Blueprint } from '../running-domain.ts';
import { BREAK_FLAGS, breakCommand, pointValue, setBreaks, spelled } from '../breaks/index.ts';
import { command, Refusal } from './command.ts';
import { atLeast, findDomain, readWords } from './words.ts';

const ADDRESSES =
  'write up to 16 hexadecimal digits, which name a canonical one, up to 00007fffffffffff or from ffff800000000000 on';

const isSame = (a: BreakPoint, b: BreakPoint): boolean =>
  isAddress(a) && isAddress(b)
    ? a.kind === b.kind && a.linear === b.linear && a.bytes === b.bytes
    : !isAddress(a) && !isAddress(b) && a.kind === b.kind && a.number === b.number;

const KIND_OF = new Map(
  Object.entries(BREAK_FLAGS).map(([kind, flag]) => [flag.slice(1, 2), kind as BreakPoint['kind']]),
);

/** What makes these points of those that were. */
function valueOf(name: string, before: readonly BreakPoint[], next: readonly BreakPoint[]): CommandValue {
  const lacks = (all: readonly BreakPoint[]) => (point: BreakPoint) => !all.some(each => isSame(each, point));
  if (next.length === 0) return commandOf('break', name, { none: true });
  return breakCommand(name, [
    ...before.filter(lacks(next)).map(point => pointValue(point, true)),
    ...next.filter(lacks(before)).map(point => pointValue(point)),
  ]);
}

/** @throws Refusal */
function checked<Point extends BreakPoint>(point: Point): Point;
function checked(point: BreakPoint): BreakPoint {
  if (!isAddress(point)) return checkedOfTrace(point);
  const { kind, linear, bytes } = point;
  if (!ADDRESS_KINDS.includes(kind))
    throw new Refusal(
      `A point is of the kind ${[...ADDRESS_KINDS, ...Object.keys(TRACE_KINDS)].join(', ')}, and not ${String(kind)}.`,
    );
  if (!Number.isInteger(linear) || !isCanonicalAddress(linear))
    throw new Refusal(`${String(linear)} is no linear address: ${ADDRESSES}.`);
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > (kind === 'execute' ? 1 : MOST_WATCHED_BYTES))
    throw new Refusal(`A watchpoint covers 1 to ${MOST_WATCHED_BYTES} bytes; a breakpoint has a single address.`);
  return { kind, linear, bytes };
}

/** @throws Refusal */
function checkedOfTrace({ kind, number }: TracePoint): TracePoint {
  const most = TRACE_KINDS[kind];
  if (most === undefined)
    throw new Refusal(
      `A point is of the kind ${[...ADDRESS_KINDS, ...Object.keys(TRACE_KINDS)].join(', ')}, and not ${String(kind)}.`,
    );
  if (!Number.isInteger(number) || number < 0 || number > most)
    throw new Refusal(
      `${String(number)} is no ${NUMBERED[kind]}: write a number from 0 to ${most}${kind === 'exit' || kind === 'hypercall' ? ', or its name' : ''}.`,
    );
  return { kind, number };
}

/** What the number of a point is. */
const NUMBERED: Readonly<Record<TracePoint['kind'], string>> = {
  exit: 'reason of an exit',
  hypercall: 'hypercall',
  port: 'I/O port',
  event: 'event channel',
};

/** The number in a word: written, or by a name as `xl break` and the page show it (HLT, IDT_14, sched_op). */
function numberOf(kind: TracePoint['kind'], word: string): number {
  if (/^(0x[\da-f]+|\d+)$/i.test(word)) return Number(word);
  const name = word.toUpperCase();
  if (kind === 'exit') {
    const vector = /^IDT_(\d+)$/.exec(name)?.[1];
    return vector === undefined
      ? (ExitReason[name as keyof typeof ExitReason] ?? Number.NaN)
      : ExitReason.IDT_FIRST + Number(vector);
  }
  if (kind === 'hypercall') return HYPERCALL[name as keyof typeof HYPERCALL] ?? Number.NaN;
  return Number.NaN;
}

/** An address as people write it, or a name from the file of the domain's kernel. @throws Refusal */
function addressOf({ boot }: Blueprint, word: string): number {
  const address = readAddress(word);
  if (address !== undefined) return address;
  const symbols = boot.kind === 'firmware' ? undefined : kernelSymbols(boot.kernel),
    index = symbols?.names.indexOf(word) ?? -1;
  if (index < 0)
    throw new Refusal(`${word} is no linear address: ${ADDRESSES}; and its kernel’s file has no such name.`);
  return symbols!.addresses[index]!;
}

/** @throws Refusal */
export const addressPointOf = (
  blueprint: Blueprint,
  kind: AddressPoint['kind'],
  word: string,
  bytes: string | undefined,
): AddressPoint =>
  checked({ kind, linear: addressOf(blueprint, word), bytes: Number(bytes ?? (kind === 'execute' ? 1 : 4)) });

/** What follows the domain's name. @throws Refusal */
function pointOf(blueprint: Blueprint, kind: BreakPoint['kind'], word: string, bytes: string | undefined): BreakPoint {
  if (kind !== 'execute' && kind !== 'write' && kind !== 'access') {
    const number = numberOf(kind, word);
    if (Number.isNaN(number)) throw new Refusal(`${word} is no ${NUMBERED[kind]}.`);
    return { kind, number };
  }
  return addressPointOf(blueprint, kind, word, bytes);
}

export const breakAt = command({
  summary: 'Stop a domain at an instruction, at bytes that are written or read, or at an event of its trace',
  usage: '[-w | -a | -x | -c | -p | -e] [-d] <Domain> [Address [Bytes] | Reason | Hypercall | Port]',
  options: [
    ['-w', 'Stop after an instruction that writes there.'],
    ['-a', 'Stop after one that reads or writes there.'],
    ['-x', 'Stop after an exit of this reason, as HLT, IO or IDT_14.'],
    ['-c', 'Stop after this hypercall, as sched_op or 29.'],
    ['-p', 'Stop after an access to this I/O port.'],
    ['-e', 'Stop after an event that the guest sends on this port of its own.'],
    ['-d', 'No more: without an address nowhere.'],
  ],
  modifies: true,
  /** All points from now on, in the place of those that were. While there is one of an address each instruction runs alone, and the domain is slower. */
  run: async (host: Uses<'domains' | 'tasks'>, id: number, points: readonly BreakPoint[]): Promise<void> => {
    const member = host.domains.living(id);
    if (points.length > MOST_BREAKS)
      throw new Refusal(`A domain has at most ${MOST_BREAKS} breakpoints. Remove one first.`);
    const before = member.breaks ?? [],
      next = points.map(checked);
    await host.tasks.run(valueOf(member.name, before, next), async task => {
      setBreaks(member, next);
      task.message =
        next.length === 0
          ? 'It stops nowhere, and is as fast as before.'
          : `It stops for ${next.map(spelled).join('; ')}.${next.some(isAddress) ? ' Each instruction runs alone meanwhile.' : ''}`;
    });
  },
  xl: async ({ host, words }, run) => {
    const { options, rest } = readWords(words, { flags: 'waxcped' });
    atLeast('break', rest, 1);
    const id = findDomain(host, rest[0]);
    if (id === 0) throw new Refusal('Domain 0 cannot be stopped: it is what stops the others.');
    const before = host.domains.living(id).breaks ?? [];
    if (rest[1] === undefined) {
      if (options.has('d')) await run(id, []);
      return options.has('d') ? '' : before.map(point => `${spelled(point)}\n`).join('');
    }
    const kind = [...KIND_OF].find(([flag]) => flag !== '' && options.has(flag))?.[1] ?? 'execute';
    const point = checked(pointOf(host.domains.living(id).blueprint, kind, rest[1], rest[2]));
    const others = before.filter(each => !isSame(each, point));
    await run(id, options.has('d') ? others : [...others, point]);
    return '';
  },
});
