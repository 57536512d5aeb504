/** A domain in virtual time goes back in its run. The command is ours: no hypervisor of the kind has its like, though QEMU's record and replay comes near. */
import type { PastNow, PastWish } from '../../../hypervisor/verbs/index.ts';
import type { AddressPoint } from '../../../hypervisor/domain/index.ts';
import { goInPast, hex, LAST_FLAGS } from '../breaks/index.ts';
import type { Uses } from '../command-host.ts';
import { addressPointOf } from './break.ts';
import { command, Refusal } from './command.ts';
import { atLeast, findDomain, readWords } from './words.ts';

/** What a number is of, by its unit. */
const UNITS: Readonly<Record<string, readonly [of: 'instructions' | 'exits' | 'ns', times: number]>> = {
  i: ['instructions', 1],
  e: ['exits', 1],
  ms: ['ns', 1e6],
  s: ['ns', 1e9],
};

/** `1s`, `250ms`, `3e`, `100i`; `@2.5s`: to that time of the guest; `keep`, `now`, `on`. @throws Refusal */
export function pastWish(word: string): PastWish {
  if (word === 'keep') return 'keep';
  if (word === 'now') return 'present';
  if (word === 'on') return 'goOn';
  const [, at, number, unit] = /^(@?)(\d+(?:\.\d+)?)(i|e|ms|s)$/.exec(word) ?? [];
  const [of, times] = UNITS[unit ?? ''] ?? [];
  if (!of || !times)
    throw new Refusal(
      `${word}: write how far back: 1s or 250ms of the guest's time, 3e for exits, 100i for instructions; @2.5s for that time of its run; keep, now (the present) or on (go on from here).`,
    );
  const target = { [of]: Math.round(Number(number) * times) };
  return at ? { goTo: target } : { back: target };
}

const seconds = (ns: number): string => `${(ns / 1e9).toFixed(3)} s`;

/** Where it is, in a line, and what it went back to. */
export const standsAt = ({ at, oldest, newest, isInPast, hit }: PastNow): string =>
  `${hit ? `${spelledHit(hit)}. ` : ''}At ${seconds(at.ns)}, instruction ${at.instructions}, exit ${at.exits}: ${isInPast ? `${seconds(newest.ns - at.ns)} before the present` : 'the present'}. It can go back to ${seconds(oldest.ns)}.`;

const spelledHit = ({ point: { kind, linear }, value }: NonNullable<PastNow['hit']>): string =>
  kind === 'execute'
    ? `Before the instruction at ${hex(linear)}`
    : `Before the instruction that ${kind === 'write' ? 'wrote' : 'touched'} ${hex(linear)}${value === undefined ? '' : `: ${hex(value)}`}`;

const KINDS = Object.keys(LAST_FLAGS) as AddressPoint['kind'][];

export const back = command({
  summary: 'Go back in the run of a domain in virtual time',
  usage: '[-w | -a | -x] <Domain> [<Number>i|e|ms|s|@<Number>s|keep|now|on | Address [Bytes]]',
  options: [
    ['-w', 'To before the last instruction that wrote these bytes.'],
    ['-a', 'To before the last one that wrote or read them.'],
    ['-x', 'To the last time at this instruction.'],
  ],
  modifies: true,
  /** It is paused then. Its past is kept from the first call on. @throws Error with a sentence where it cannot be */
  run: async (host: Uses<'domains' | 'toolstack'>, id: number, wish: PastWish = 'keep'): Promise<PastNow> => {
    return goInPast(host.toolstack, host.domains.living(id), wish);
  },
  xl: async ({ host, words }, run) => {
    const { options, rest } = readWords(words, { flags: Object.values(LAST_FLAGS).join('') });
    const kind = KINDS.find(each => options.has(LAST_FLAGS[each]));
    atLeast('back', rest, kind ? 2 : 1);
    const id = findDomain(host, rest[0]);
    if (!kind) return `${standsAt(await run(id, pastWish(rest[1] ?? 'keep')))}\n`;
    const now = await run(id, { backTo: [addressPointOf(host.domains.living(id).blueprint, kind, rest[1]!, rest[2])] });
    if (!now.hit) throw new Refusal(`There was none since ${seconds(now.oldest.ns)}. ${standsAt(now)}`);
    return `${standsAt(now)}\n`;
  },
});
