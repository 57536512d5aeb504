/** Where a domain is to stop: an instruction, or bytes that somebody writes or touches. The command is ours; with Xen one attaches gdbsx. */
import { BREAK_KINDS, type BreakPoint, MOST_BREAKS, MOST_WATCHED_BYTES } from '../../../hypervisor/domain/index.ts';
import { kernelSymbols } from '../../../hypervisor/loader/index.ts';
import { isCanonicalAddress, readAddress } from '../../../hypervisor/view/index.ts';
import type { CommandHost } from '../command-host.ts';
import type { Blueprint } from '../running-domain.ts';
import { hex, spelled } from '../break-words.ts';
import { command, Refusal } from './command.ts';
import { atLeast, findDomain, readWords } from './words.ts';

const ADDRESSES =
  'write up to 16 hexadecimal digits, which name a canonical one, up to 00007fffffffffff or from ffff800000000000 on';

const isSame = (a: BreakPoint, b: BreakPoint): boolean =>
  a.kind === b.kind && a.linear === b.linear && a.bytes === b.bytes;

const FLAGS: Readonly<Record<BreakPoint['kind'], string>> = { execute: '', write: '-w ', access: '-a ' };

/** What makes these points of those that were. */
function xlOf(name: string, before: readonly BreakPoint[], next: readonly BreakPoint[]): string {
  const lacks = (all: readonly BreakPoint[]) => (point: BreakPoint) => !all.some(each => isSame(each, point));
  const one = (point: BreakPoint, off: string): string =>
    `xl break ${off}${FLAGS[point.kind]}${name} ${hex(point.linear)}${point.kind === 'execute' ? '' : ` ${point.bytes}`}`;
  if (next.length === 0) return `xl break -d ${name}`;
  return (
    [
      ...before.filter(lacks(next)).map(point => one(point, '-d ')),
      ...next.filter(lacks(before)).map(point => one(point, '')),
    ].join('; ') || `xl break ${name}`
  );
}

/** @throws Refusal */
function checked({ kind, linear, bytes }: BreakPoint): BreakPoint {
  if (!BREAK_KINDS.includes(kind))
    throw new Refusal(`A point is of the kind ${BREAK_KINDS.join(', ')}, and not ${String(kind)}.`);
  if (!Number.isInteger(linear) || !isCanonicalAddress(linear))
    throw new Refusal(`${String(linear)} is no linear address: ${ADDRESSES}.`);
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > (kind === 'execute' ? 1 : MOST_WATCHED_BYTES))
    throw new Refusal(`From 1 to ${MOST_WATCHED_BYTES} bytes are watched, and an instruction begins at one.`);
  return { kind, linear, bytes };
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

export const breakAt = command({
  summary: 'Have a domain stop at an instruction, or at bytes that are written or read',
  usage: '[-w | -a] [-d] <Domain> [Address [Bytes]]',
  options: [
    ['-w', 'Stop after an instruction that writes there.'],
    ['-a', 'Stop after one that reads or writes there.'],
    ['-d', 'No more: without an address nowhere.'],
  ],
  modifies: true,
  /** All points from now on, in the place of those that were. While there is one each instruction runs alone, and the domain is slower. */
  run: async (host: CommandHost, id: number, points: readonly BreakPoint[]): Promise<void> => {
    const member = host.living(id);
    if (points.length > MOST_BREAKS)
      throw new Refusal(`A domain stops at ${MOST_BREAKS} points at most. Take one away first.`);
    const before = member.breaks ?? [],
      next = points.map(checked);
    await host.tasks.run(xlOf(member.name, before, next), async task => {
      member.breaks = next;
      member.runner.ask('breakAt', next);
      task.message =
        next.length === 0
          ? 'It stops nowhere, and is as fast as before.'
          : `It stops for ${next.map(spelled).join('; ')}. Each instruction runs alone meanwhile.`;
    });
  },
  xl: async ({ host, words }, run) => {
    const { options, rest } = readWords(words, { flags: 'wad' });
    atLeast('break', rest, 1);
    const id = findDomain(host, rest[0]);
    if (id === 0) throw new Refusal('Domain 0 cannot be stopped: it is who would stop it.');
    const before = host.living(id).breaks ?? [];
    if (rest[1] === undefined) {
      if (options.has('d')) await run(id, []);
      return options.has('d') ? '' : before.map(point => `${spelled(point)}\n`).join('');
    }
    const kind = options.has('w') ? 'write' : options.has('a') ? 'access' : 'execute';
    const point = checked({
      kind,
      linear: addressOf(host.living(id).blueprint, rest[1]),
      bytes: Number(rest[2] ?? (kind === 'execute' ? 1 : 4)),
    });
    const others = before.filter(each => !isSame(each, point));
    await run(id, options.has('d') ? others : [...others, point]);
    return '';
  },
});
