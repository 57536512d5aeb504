/** How the page makes guests for a comparison. */
import { domains, host } from '../host.ts';
import type { GuestMaker } from './made-guests.ts';

const KERNEL = new URL('../../../guests/minipv/minipv.elf', import.meta.url).href;

export const pageGuests: GuestMaker = {
  create: files => host.create(files, true),
  destroy: id => host.destroy(id),
  open: async id => (await host.view(id)).console,
  kernel: async () => {
    const answer = await fetch(KERNEL);
    if (!answer.ok)
      throw new Error(`minipv.elf could not be fetched: the server answered ${answer.status}. Load the page again.`);
    return answer.blob();
  },
  ended: id => {
    const domain = domains.peek().find(each => each.id === id);
    return domain ? domain.ended : 'it was destroyed';
  },
  sleep: ms => new Promise(resolve => setTimeout(resolve, ms)),
};
