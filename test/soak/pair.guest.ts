/** npm run -s soak:pair: two of Debian's guests of each kind copy 100 MiB, with what it takes; then one is saved, snapshot and cloned while it works. */
import { loadavg } from 'node:os';
import { describe, it, onTestFinished } from 'vitest';
import { DebianPair } from '../support/debian-pair.ts';
import type { Kind } from '../support/debian-root.ts';
import { haveGuests, NEEDS_GUESTS } from '../support/guests.ts';
import { reachAndCopy, savedWhileItWorks } from '../support/pair-checks.ts';

const MIB = 100;

describe.skipIf(!haveGuests)(`two Debian guests with their roots on disks ${NEEDS_GUESTS}`, () => {
  it.each(['pvhvm', 'emulated', 'pvh'] as Kind[])(
    `copy ${MIB} MiB over TCP, and are saved while they work: %s`,
    { timeout: 60 * 60_000 },
    async kind => {
      const guests = new DebianPair(kind, { diskMiB: 256, bootSeconds: 600 });
      onTestFinished(() => guests.close());
      await guests.start();
      const { seconds, cpu, sums } = await reachAndCopy(guests, MIB);
      const spent = Object.entries(cpu).map(([name, used]) => `${name} ${used.toFixed(1)}`);
      const speed = `${MIB} MiB in ${seconds.toFixed(1)} s, ${(MIB / seconds).toFixed(2)} MiB/s`;
      process.stdout.write(`${kind}: ${speed}; processor seconds: ${spent.join(', ')}; load ${loadavg()[0].toFixed(1)}\n`);
      await savedWhileItWorks(guests, sums[0]);
    },
  );
});
