/** The past of a domain on this thread: what is asked of it is noted while its past is kept. */
import type { BlockDevice } from '../../../formats/blocks/index.ts';
import { part } from '../../../formats/loading/index.ts';
import type { History } from '../../../hypervisor/history/index.ts';
import { type Carried, CHANGES_BOARD, CHANGES_GUEST, doVerb, VERBS } from '../../../hypervisor/verbs/index.ts';
import type { Domain } from '../../../hypervisor/index.ts';

const past = part(() => import('../../../hypervisor/history/index.ts'), 'goes back in time');

/** An interleaved domain. */
interface InTurns {
  domain: Domain;
  othersNs: number;
  history?: History;
}

/** Kept from the first call on. @throws SavedStateError where it cannot be */
export async function historyOf(entry: InTurns): Promise<History> {
  const { domain } = entry;
  const { History } = await past.load();
  entry.history ??= new History(domain, {
    doVerb: (name, given, disc) => {
      if (name === 'insertMedium') domain.insertMedium(given[0] as number, disc ?? null);
      else doVerb(VERBS, { domain } as Carried, name, given);
    },
    goesOn: lostNs => {
      entry.othersNs += lostNs;
    },
  });
  return entry.history;
}

/** Nothing of it is kept any more. */
export function forgetPast(entry: InTurns): void {
  entry.history?.end();
  delete entry.history;
}

/** Does a verb, now or, where the guest is in the middle of a slice, after that. */
export function askedOf(entry: InTurns, on: Carried, name: string, given: readonly unknown[]): unknown {
  if (CHANGES_BOARD.has(name)) {
    if (entry.history?.isInPast)
      return Promise.reject(
        new Error('It is in its past, in which nothing can be attached or detached: let it continue first.'),
      );
    forgetPast(entry);
  }
  const { history, domain } = entry;
  if (!history) return doVerb(VERBS, on, name, given);
  if (history.isInPast && name === 'step') return void stepOn(history, given[0] as number);
  // A caller that lets it run wants it to run, and not to forget.
  if (name === 'unpause') history.toPresent();
  if (!CHANGES_GUEST.has(name)) return doVerb(VERBS, on, name, given);
  let answer: unknown;
  history.asked(name, given, () => {
    answer = doVerb(VERBS, on, name, given);
    return name === 'insertMedium' ? discAt(domain.options.ide ?? [], given[0] as number) : undefined;
  });
  return answer;
}

/** In its past a step goes on as far as the run is known. Below 0: exits. */
function stepOn(history: History, count: number): void {
  const { instructions, exits } = history.now;
  history.goTo(count < 0 ? { exits: exits - count } : { instructions: instructions + count });
}

const discAt = (drives: readonly { place: number; disk: BlockDevice | null }[], place: number): BlockDevice | null =>
  drives.find(drive => drive.place === place)?.disk ?? null;
