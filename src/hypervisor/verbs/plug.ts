/**
 * A disk or a card comes to a guest that runs, or it is asked to let go of what is in a PCI slot (DomainListener.ejected tells when it has). @throws HostError with a
 * sentence where that cannot be: nothing has changed then
 */
import type { Plugged } from '../domain/plug.ts';
import { plugging } from '../domain/plugging.ts';
import { question } from './verb.ts';

export const plug = question({
  by: 'message',
  apply: async (on, what: Plugged | { slot: number }): Promise<void> => (await plugging.load()).plug(on, what),
  gone: () => {
    throw new Error('The domain has stopped with an internal error.');
  },
});
