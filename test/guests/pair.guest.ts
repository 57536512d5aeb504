/** Two of Debian's guests with their roots on volumes: one finds IDE and PCnet, the other unplugs them. 100 MiB, and each kind: npm run -s soak:pair. */
import { expect, it, onTestFinished } from 'vitest';
import { DebianPair } from '../support/debian-pair.ts';
import { haveGuests, NEEDS_GUESTS } from '../support/guests.ts';
import { reachAndCopy, savedWhileItWorks } from '../support/pair-checks.ts';

const MIB = 4;

it.skipIf(!haveGuests)(
  `two Debian guests, on IDE and PCnet and on Xen's drivers, copy ${MIB} MiB over TCP, and one is saved, gone back to and cloned as it works ${NEEDS_GUESTS}`,
  async () => {
    const guests = new DebianPair(['emulated', 'pvhvm'], { diskMiB: 32 });
    onTestFinished(() => guests.close());
    await guests.start();
    await reachAndCopy(guests, MIB);
    const { copiedMiB } = await savedWhileItWorks(guests, MIB);
    expect(copiedMiB).toBeGreaterThan(0);
  },
);
