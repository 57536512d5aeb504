/** npm run -s soak:pair: two of Debian's guests of each kind copy 100 MiB, with what it takes; then one is saved, snapshot and cloned while it works. */
import { loadavg } from 'node:os';
import { describe, it, onTestFinished } from 'vitest';
import { DebianPair } from '../support/debian-pair.ts';
import type { Kind } from '../support/debian-root.ts';
import { haveGuests, NEEDS_GUESTS } from '../support/guests.ts';
import { reachAndCopy, savedWhileItWorks } from '../support/pair-checks.ts';

const MIB = Number(process.env.RINGSIDE_MIB ?? 100);
/** While it is saved: enough to be in the middle of it. */
const SAVED_MIB = 24;

describe.skipIf(!haveGuests)(`two Debian guests with their roots on disks ${NEEDS_GUESTS}`, () => {
  it.each(['pvhvm', 'emulated', 'pvh'] as Kind[])(
    `copy ${MIB} MiB over TCP, and are saved while they work: %s`,
    { timeout: 60 * 60_000 },
    async kind => {
      const guests = new DebianPair([kind, kind], { diskMiB: 144, bootSeconds: 600, keeps: true });
      onTestFinished(() => guests.close());
      await guests.start();
      const copy = await reachAndCopy(guests, MIB);
      const spent = Object.entries(copy.cpu).map(([name, used]) => `${name} ${used.toFixed(1)}`);
      const speed = `${MIB} MiB in ${copy.seconds.toFixed(1)} s, ${(MIB / copy.seconds).toFixed(2)} MiB/s`;
      process.stdout.write(
        `${kind}: ${speed}; processor seconds: ${spent.join(', ')}; load ${loadavg()[0].toFixed(1)}\n`,
      );
      const { seconds, copiedMiB, lines, pings } = await savedWhileItWorks(guests, Math.min(MIB, SAVED_MIB), {
        thorough: true,
      });
      const took = Object.entries(seconds).map(([what, each]) => `${what} ${each.toFixed(1)} s`);
      process.stdout.write(
        `${kind}: ${took.join(', ')}; saved with ${copiedMiB.toFixed(1)} MiB copied; ${lines} lines; ${pings.sent} pings, ${pings.lost} lost\n`,
      );
    },
  );
});
