/** Two of Debian's guests on one host, each with its root on a volume and its card at the bridge, by rings alone. Other kinds: npm run -s soak:pair. */
import { expect, it, onTestFinished } from 'vitest';
import { DebianPair } from '../support/debian-pair.ts';
import { haveGuests, NEEDS_GUESTS } from '../support/guests.ts';
import { reachAndCopy } from '../support/pair-checks.ts';

const MIB = 8;

it.skipIf(!haveGuests)(
  `two Debian guests with their roots on disks reach each other and copy ${MIB} MiB over TCP, as PVH ${NEEDS_GUESTS}`,
  async () => {
    const guests = new DebianPair('pvh', { diskMiB: 32 });
    onTestFinished(() => guests.close());
    await guests.start();
    expect((await reachAndCopy(guests, MIB)).mib).toBe(MIB);
  },
);
