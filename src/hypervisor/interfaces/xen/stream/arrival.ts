/** A saved state that comes while its domain is there: pages go to memory as they come, and the rest makes the domain what it was. */
import type { Domain } from '../../../domain/domain.ts';
import { letGo } from '../../../memory/let-go.ts';
import { notBeforeItRuns, waitForFrames } from '../../../memory/wait-for-frames.ts';
import { beat } from '../../../worker/worker-life.ts';
import { comingPages, putPages } from './memory.ts';
import { readStateFrom } from './reading.ts';
import { changed } from './changes.ts';
import { type LongParts, longOf, type SavedPages, type SavedRest, type SavedState } from './saved-state.ts';
import { rehearse, restoreInto } from './state.ts';

export class Arrival {
  private readonly domain: Domain;
  private readonly away: ((domid: number, gfn: number) => void) | undefined;

  /** Of a domain that was built to be restored later. `away`: has frames come that it goes on without, for which its worker waits; absent: there are none. */
  constructor(domain: Domain, away?: (domid: number, gfn: number) => void) {
    this.domain = domain;
    this.away = away;
    if (away) domain.options.machine.bring = notBeforeItRuns;
  }

  /** `isIts`: their memory is the domain's from then on. @throws SavedStateError, HostError: the domain must not be used */
  pages(pages: SavedPages, isIts = false): void {
    putPages(this.domain, [pages]);
    // A paravirtual guest's wait for the rest of its state.
    if (isIts && !comingPages(this.domain)) letGo(pages.bytes.buffer);
  }

  /** Its state while it runs elsewhere yet. @throws SavedStateError: the domain must not be used */
  rehearse(saved: SavedRest): void {
    this.long = this.longIn(saved);
    rehearse(this.domain, { ...saved, ...this.long });
  }
  /** Of the last rehearsal. */
  private long: LongParts | undefined;

  private longIn(saved: SavedRest): LongParts {
    return saved.domain ? longOf(saved as LongParts) : (changed(this.long, saved.changes) as LongParts);
  }

  /** All but its pages. @throws SavedStateError, HostError: the domain must not be used */
  rest(saved: SavedRest): void {
    const { domain, away } = this;
    const whole = { ...saved, ...this.longIn(saved), pages: [] };
    domain.restore(() => restoreInto(domain, whole));
    if (!away) return;
    const { machine, record } = domain.options;
    domain.map.onAway = gfn => away(record.id, gfn);
    waitForFrames(machine, away, () => beat(machine, machine.domainEntry(record)));
  }
}

/**
 * Puts a saved state, of which `saved` has all but the pages, into a domain that was built to be restored later: pages go to memory as they are read from the file. What
 * is refused leaves a domain that must not be used. @throws SavedStateError, HostError
 */
export async function restoreFrom(
  domain: Domain,
  saved: SavedState,
  file: Pick<Blob, 'size' | 'slice'>,
  name: string,
): Promise<void> {
  const arrival = new Arrival(domain);
  await readStateFrom(file, name, pages => arrival.pages(pages));
  arrival.rest(saved);
}
