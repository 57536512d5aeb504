/** A stop, or a place of a domain's past, as the line that one types. The page has these words without the rest of the toolstack. */
import { type AddressPoint, type BreakPoint, isAddress } from '../../../hypervisor/domain/index.ts';
import { hypercallName } from '../../../hypervisor/interfaces/xen/index.ts';
import { addressText, exitName } from '../../../hypervisor/view/index.ts';
import type { PastWish } from '../../../hypervisor/verbs/index.ts';
import { type BreakWords, type CommandValue, commandOf } from '../hypervisors/command/command-value.ts';

export const BREAK_FLAGS: Readonly<Record<BreakPoint['kind'], string>> = {
  execute: '',
  write: '-w ',
  access: '-a ',
  exit: '-x ',
  hypercall: '-c ',
  port: '-p ',
  event: '-e ',
};
/** A point as it is written behind the domain's name. */
export const pointWords = (point: BreakPoint): string =>
  isAddress(point)
    ? `0x${addressText(point.linear)}${point.kind === 'execute' ? '' : ` ${point.bytes}`}`
    : point.kind === 'exit'
      ? exitName(point.number)
      : point.kind === 'hypercall'
        ? hypercallName(point.number).replace('hypercall ', '')
        : point.kind === 'port'
          ? `0x${point.number.toString(16)}`
          : String(point.number);

/** A point as a command has it. */
export const pointValue = (point: BreakPoint, off?: boolean): BreakWords => ({
  kind: point.kind,
  place: pointWords(point),
  ...(off ? { off } : {}),
});

export const breakCommand = (name: string, points: readonly BreakWords[]): CommandValue =>
  commandOf('break', name, points.length === 0 ? {} : { points });

/** The last time that something happened to bytes. */
export const LAST_FLAGS: Readonly<Record<AddressPoint['kind'], string>> = { write: 'w', access: 'a', execute: 'x' };

export function backCommand(name: string, wish: PastWish): CommandValue {
  if (typeof wish === 'string' || !('backTo' in wish)) return commandOf('back', name, { to: placeWord(wish) });
  const [point] = wish.backTo;
  return commandOf('back', name, { to: pointWords(point!), last: point!.kind });
}

function placeWord(wish: Exclude<PastWish, { backTo: unknown }>): string {
  if (typeof wish === 'string') return wish === 'present' ? 'now' : wish === 'goOn' ? 'on' : wish;
  const { instructions, exits, ns } = 'back' in wish ? wish.back : wish.goTo;
  if ('goTo' in wish) return `@${(ns ?? 0) / 1e9}s`;
  return instructions ? `${instructions}i` : exits ? `${exits}e` : `${(ns ?? 0) / 1e9}s`;
}
