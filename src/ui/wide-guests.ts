/** The page's own guests of 64 bits. They are loaded behind the first prompt, and listed behind all others. */
import { type Offer, ownGuest } from './offered-guests.ts';

const kernel = { name: 'minipv64.elf', url: new URL('../../guests/minipv/minipv64.elf', import.meta.url).href };

export const wideGuests: readonly Offer[] = [
  ownGuest('demo64', 'hvm', 'our monitor in long mode', [
    { name: 'demo64.cfg', url: new URL('../../guests/demo/demo64.cfg', import.meta.url).href },
    { name: 'demo64.elf', url: new URL('../../guests/demo/demo64.elf', import.meta.url).href },
  ]),
  ownGuest('minipv64-pvh', 'pvh', 'our small kernel of 64 bits on VT', [
    { name: 'minipv64-pvh.cfg', url: new URL('../../guests/minipv/minipv64-pvh.cfg', import.meta.url).href },
    kernel,
  ]),
  ownGuest('minipv64-hvm', 'hvm', 'the same on emulated IDE and PCnet', [
    { name: 'minipv64-hvm.cfg', url: new URL('../../guests/minipv/minipv64-hvm.cfg', import.meta.url).href },
    kernel,
  ]),
];
