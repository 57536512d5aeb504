/** A domain in the browser's worker goes on from a saved state. */
import type { Domain } from '../domain/domain.ts';
import { SavedStateError } from '../domain/saved-state-error.ts';
import { warmUp } from '../domain/warm-up.ts';
import { BUILT_BY_STATE } from '../kinds/index.ts';
import type { Arriving } from '../worker/worker-messages.ts';
import { Arrival, restoreFrom } from './xen/stream/arrival.ts';
import type { SavedHead, SavedPages, SavedState } from './xen/stream/saved-state.ts';

/**
 * A domain goes on from its saved state, which is in a file or comes by `next`; `placed`: called for each piece in place; `turn`: lets the event loop have one;
 * `away`: called with each frame that a vCPU waits for once it runs. @throws
 * SavedStateError: it must not be used
 */
export async function restore(
  domain: Domain,
  { state, file }: { state: object; file?: Blob },
  name: string,
  next: () => Promise<Arriving>,
  placed: () => void,
  turn: () => Promise<void>,
  away: (domid: number, gfn: number) => void,
): Promise<void> {
  if (file) return restoreFrom(domain, state as SavedState, file, name);
  const arrival = new Arrival(domain, away);
  if (!BUILT_BY_STATE.has((state as SavedHead).about.kind)) await warmUp(domain, turn);
  for (;;) {
    const piece = await next();
    if ('refused' in piece) throw new SavedStateError(piece.refused);
    if ('rest' in piece) return arrival.rest(piece.rest as SavedState);
    if ('rehearse' in piece) arrival.rehearse(piece.rehearse as SavedState);
    else arrival.pages(piece.pages as SavedPages, true);
    placed();
  }
}
