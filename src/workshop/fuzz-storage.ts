/**
 * npm run -s fuzz:storage -- [--cuts N] [--seed S]… [--what journal|disk|volumes|domains|flips|states]… [--within SECONDS]
 *
 * Cuts the power of the host's storage while it works: any part of what was not flushed is lost, and one write is torn. Each kind of work gets N cuts (10,000 by
 * default), divided among the seeds. It passes if after each cut everything is there that was flushed or acknowledged, and nothing that was never written.
 * `flips` flips one bit of a map's files instead: each bit of a small map, and N of a large one. It passes if the disk is refused or holds what it held, and
 * reading writes nothing. `states` flips N bits in files of whole states, half of them in large ones (host/state/flips.ts).
 */
import { cutDomains } from '../dom0/service/domain-cuts/index.ts';
import { flipStates } from '../dom0/host/state/index.ts';
import { cutExtentDisk, cutJournal, cutVolumes, flipBits } from '../dom0/host/storage/index.ts';
import { number, seeds, someOf, within } from './harness/options.ts';
import { program } from './harness/program.ts';
import { ofEach, report } from './harness/report.ts';

const KINDS = {
  journal: cutJournal,
  disk: cutExtentDisk,
  volumes: cutVolumes,
  domains: cutDomains,
  flips: flipBits,
  states: flipStates,
};

export const main = program({
  name: 'fuzz:storage',
  options: {
    cuts: number(10_000, { least: 1 }),
    seed: seeds(),
    what: someOf(Object.keys(KINDS) as (keyof typeof KINDS)[]),
    within: within(),
  },
  run: ({ cuts, seed: seeds, what: kinds, within }, write) => {
    const each = Math.ceil(cuts / seeds.length);
    const campaigns = ofEach(kinds, seeds, async (kind, seed) => ({
      text: `${each} ${kind === 'flips' || kind === 'states' ? 'flips' : 'cuts'}`,
      problem: await KINDS[kind](seed, each),
    }));
    return report(campaigns, write, within);
  },
});
