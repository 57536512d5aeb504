/** A domain's worker does what its mailbox says. */
import { PartError } from '../../formats/loading/index.ts';
import { SavedStateError } from '../domain/saved-state-error.ts';
import { HostError } from '../memory/machine.ts';
import type { Carried, Verbs } from '../verbs/verb.ts';
import type { Mailbox } from './mailbox.ts';
import type { FromDomainWorker } from './worker-messages.ts';

export interface Served {
  mailbox: Mailbox;
  verbs: Verbs;
  on: Carried & { readonly hasLeft: boolean };
  /** Arguments that come as a message: it is on its way. */
  given(): Promise<readonly unknown[]>;
  send(message: FromDomainWorker, transfer?: Transferable[]): void;
}

/** Between two slices: all that has come, in its order, until the domain is to run no more. Without questions it is done when this returns. */
export async function serveVerbs({ mailbox, verbs, on, given, send }: Served): Promise<void> {
  for (let sent = mailbox.take(); sent; sent = on.hasLeft ? undefined : mailbox.take()) {
    const row = verbs[sent.name];
    const words = row.by === 'message' ? await given() : sent.given;
    if (!('gone' in row)) {
      row.apply(on, ...words);
      continue;
    }
    try {
      const answer: unknown = await row.apply(on, ...words);
      send({ kind: 'answer', answer }, row.transfer?.(answer));
    } catch (error) {
      if (!(error instanceof SavedStateError || error instanceof HostError || error instanceof PartError)) throw error;
      send({ kind: 'answer', sentence: error.message });
    }
  }
}
