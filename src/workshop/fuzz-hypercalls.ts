/**
 * npm run -s fuzz:hypercalls -- [--calls N] [--seed S]… [--type hvm|pvh|pv]… [--others running|paused]… [--within SECONDS]
 *
 * A hostile domain makes random hypercalls: forged page tables, other domains' frames, stale grants and handles, indices out of range, while its frames
 * are ballooned and granted, and dies and comes back at random moments. Each type gets N calls (2 million unless told), shared among the seeds; of an even
 * seed three self-checking guests stand still next to it, of an odd one they run (`--others`: as told). It passes if there was no JavaScript exception, all
 * counts of frames, grants and ports agree with what is counted again, the others' memory is what it was or what they say it is, and all frames come back,
 * empty, when the hostile one dies.
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
