/**
 * npm run -s fuzz:devices -- [--accesses N] [--seed S]… [--what DEVICE]… [--within SECONDS]
 *
 * Each device of a PC gets N random accesses (a million by default), divided among the seeds: to its registers, to descriptors in guest memory, from the wire
 * and from people, while time passes. It passes if no JavaScript exception was thrown, every access ended, no byte outside of guest memory was written, and a
 * machine that is saved and restored in the middle continues as the first one does.
 */
import { loadDrives } from '../devices/ide/index.ts';
import { loadNics, loadVirtio } from '../devices/index.ts';
import { CAMPAIGNS, draw } from './fuzz/devices/campaigns.ts';
import { type Action, difference, Target } from './fuzz/devices/target.ts';
import { number, seeds, someOf, within } from './harness/options.ts';
import { picker } from './harness/pick.ts';
import { program } from './harness/program.ts';
import { ofEach, report } from './harness/report.ts';

/** Accesses between two looks, and those that a restored machine is compared in. */
const LOOK_EVERY = 10_000,
  COMPARED = 1000;

const HEX = (key: string, value: unknown): unknown =>
  value instanceof Uint8Array
    ? `${value.length} bytes`
    : typeof value === 'number' && key !== 'ns' && key !== 'size'
      ? `0x${value.toString(16)}`
      : value;
const shown = (action: Action): string => JSON.stringify(action, HEX);

/** What one campaign fails of; undefined: nothing. */
function run(what: string, seed: number, accesses: number): string | undefined {
  const campaign = CAMPAIGNS[what];
  const pick = picker(seed);
  const target = new Target(campaign.nic ?? 'pcnet');
  let made = 0,
    twin: Target | undefined,
    last: Action | undefined;
  const at = (problem: string): string => `${problem} (after ${made} accesses, ${last ? shown(last) : 'none'})`;
  try {
    for (const look = Math.min(LOOK_EVERY, accesses); made < accesses; ) {
      const since = made % look;
      if (since === Math.max(0, look - COMPARED) && !twin) {
        twin = new Target(campaign.nic ?? 'pcnet');
        twin.continue(target);
      }
      for (last of draw(campaign, target, pick)) {
        made++;
        const is = target.do(last);
        const then = twin?.do(last) ?? is;
        if (is !== then) return at(`a restored machine read ${then}, and the first one ${is}`);
      }
      if (made % look >= since) continue;
      if (target.isTouched || twin?.isTouched) return at('a byte outside of guest memory was written');
      const other = twin && difference(target.outcome, twin.outcome);
      if (other) return at(`a restored machine ended otherwise: ${other}`);
      twin = undefined;
    }
    return target.isTouched ? at('a byte outside of guest memory was written') : undefined;
  } catch (error) {
    return at((error as Error).stack ?? String(error));
  }
}

export const main = program({
  name: 'fuzz:devices',
  options: {
    accesses: number(1_000_000, { least: 1 }),
    seed: seeds(),
    what: someOf(Object.keys(CAMPAIGNS)),
    within: within(),
  },
  run: async ({ accesses, seed: seeds, what: kinds, within }, write) => {
    await Promise.all([loadNics(), loadDrives(), loadVirtio()]);
    const each = Math.ceil(accesses / seeds.length);
    const campaigns = ofEach(kinds, seeds, (what, seed) => ({
      text: `${each} accesses`,
      problem: run(what, seed, each),
    }));
    return report(campaigns, write, within);
  },
});
