/**
 * npm run -s fuzz:hypercalls -- [--calls N] [--seed S]… [--type hvm|pvh|pv]… [--others running|paused]… [--within SECONDS]
 *
 * A hostile domain makes random hypercalls: forged page tables, other domains' frames, stale grants and handles, indices out of range, while its frames
 * are ballooned and granted; it dies and is built again at random moments. Each type gets N calls (2 million by default), divided among the seeds. Three
 * self-checking guests are next to it: paused with an even seed, running with an odd one (`--others` overrides that). It passes if no JavaScript exception was
 * thrown, every count of frames, grants and ports agrees with a recount, the others' memory is unchanged or as they report it, and all frames of the hostile
 * domain are returned, empty, when it dies.
 */
import { loadEverything } from '../dom0/service/index.ts';
import { Campaign } from './fuzz/hypercalls/campaign.ts';
import { number, seeds, someOf, within } from './harness/options.ts';
import { program } from './harness/program.ts';
import { report } from './harness/report.ts';

export const main = program({
  name: 'fuzz:hypercalls',
  options: {
    calls: number(2_000_000, { least: 1 }),
    seed: seeds(),
    type: someOf(['hvm', 'pvh', 'pv']),
    others: someOf(['running', 'paused'], []),
    within: within(),
  },
  run: async ({ calls, seed: seeds, type: types, others, within }, write) => {
    await loadEverything();
    const each = Math.ceil(calls / seeds.length);
    const othersOf = (seed: number): readonly string[] =>
      others.length > 0 ? others : [seed % 2 !== 0 ? 'running' : 'paused'];
    const campaigns = types.flatMap(type =>
      seeds.flatMap(seed =>
        othersOf(seed).map(state => ({
          name: `${type} seed ${seed}, others ${state}`,
          run: () => {
            const campaign = new Campaign({ type, seed, running: state === 'running' });
            const problem = campaign.run(each) ?? campaign.end();
            return { text: `${each} calls, ${campaign.succeeded} taken, ${campaign.lives} lives`, problem };
          },
        })),
      ),
    );
    return report(campaigns, write, within);
  },
});
