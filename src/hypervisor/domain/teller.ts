/** What a domain's listener hears after its slices: bytes first, and each thing once. */
import type { Domain } from './domain.ts';
import type { SliceResult } from './slice.ts';
import type { DomainListener } from './domain-listener.ts';
import { emptiedSlots } from './emptied-slots.ts';
import type { Ending } from './ending.ts';
import type { GuestLog } from './guest-log.ts';
import { type WaitsFor, waitsFor, waitsReport } from './waits.ts';

export class Teller {
  private readonly domain: Domain;
  private readonly listener: DomainListener;
  private readonly log: GuestLog;
  private readonly flush: () => void;
  /** One ending may follow another at once, where the domain was resumed between them. */
  private lastEnding: Ending | undefined;
  private waits: WaitsFor | undefined;

  /** `flush`: passes on what it has written. */
  constructor(domain: Domain, listener: DomainListener, log: GuestLog, flush: () => void) {
    this.domain = domain;
    this.listener = listener;
    this.log = log;
    this.flush = flush;
  }

  /** After a slice. */
  tell(result: SliceResult): void {
    const { domain, listener } = this;
    const ending = result.state === 'ended' ? result.ending : undefined;
    if (ending) this.log.close();
    this.flush();
    listener.changed?.();
    for (const slot of emptiedSlots(domain)) listener.ejected?.(slot);
    const isNew = ending !== this.lastEnding;
    this.lastEnding = ending;
    const waits = waitsFor(domain, result);
    if (waits !== this.waits) listener.waits?.(waits, waitsReport(domain, waits));
    this.waits = waits;
    if (ending && isNew) listener.ended(ending);
  }

  /** At the end of a step, or at a place where it is to stop, the callback pauses it, and the listener hears which. True: it is paused. */
  stop(stand: () => void): boolean {
    const { listener } = this,
      { stops } = this.domain;
    if (!stops.stepped) return false;
    const hit = stops.takeHit();
    stops.step(0);
    stand();
    if (hit) listener.broke?.(hit);
    else listener.stepped?.();
    return true;
  }
}
