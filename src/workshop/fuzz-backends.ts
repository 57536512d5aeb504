/**
 * npm run -s fuzz:backends -- [--messages N] [--seed S]… [--what xenstore|vbd|vif|console|vfb]… [--alone] [--within SECONDS]
 *
 * A hostile domain writes anything into its rings, its granted pages and its store, while another thread writes into the same pages (`--alone`: no thread
 * does). Each kind gets N messages (a million by default), divided among the seeds. It passes if no JavaScript exception was thrown, another domain's store and
 * console answered as before, every count of frames, grants and ports agrees with a recount, and nothing of a hostile domain that has ended is still mapped.
 * Domain 0's log has a sentence for each device that it closed; the domain is then destroyed and another one is built. `--within`: begins nothing more after
 * that time.
 */
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { loadEverything } from '../dom0/service/index.ts';
import { CAMPAIGNS } from './fuzz/backends/campaigns.ts';
import { CONTROL_BYTES, Scribbler, type ScribblerStart } from './fuzz/backends/scribbler.ts';
import { Stage } from './fuzz/backends/stage.ts';
import { flag, number, seeds, someOf, within } from './harness/options.ts';
import { picker } from './harness/pick.ts';
import { program } from './harness/program.ts';
import { ofEach, type Outcome, report } from './harness/report.ts';

/** Messages between two looks at everybody, and of one domain at most. */
const LOOK_EVERY = 2000,
  LIFE = 5000;

/** One campaign, with how many kinds of sentences came into the log, numbers left out. */
function run(
  what: string,
  seed: number,
  messages: number,
  scribbler: (stage: Stage['machine']) => Scribbler | undefined,
): Outcome {
  const campaign = CAMPAIGNS[what];
  const pick = picker(seed);
  const said = new Set<string>();
  let stage: Stage | undefined,
    other: Scribbler | undefined,
    made = 0;
  const at = (problem: string | undefined): Outcome => ({
    text: `${messages} messages of ${stage?.lives ?? 0} domains, ${said.size} kinds of sentences`,
    problem: problem && `${problem} (after ${made} messages)`,
  });
  try {
    // The scribbler writes into the stage's memory, so it comes after that, and is passed to the stage.
    stage = new Stage(campaign.device, machine => (other = scribbler(machine)));
    for (let left = 0; made < messages; made++, left--) {
      if (!stage.hostile || left <= 0 || campaign.isOver(stage, stage.hostile)) {
        const problem = stage.death();
        if (problem) return at(problem);
        campaign.begin(stage, stage.birth(campaign.shared));
        left = 1 + pick(LIFE);
      }
      campaign.step(stage, stage.hostile!, pick);
      const problem = stage.turn() ?? (made % LOOK_EVERY === 0 ? stage.look() : undefined);
      if (problem) return at(problem);
      for (const sentence of stage.said.splice(0)) said.add(sentence.replace(/-?\d+/g, 'N').slice(0, 200));
    }
    return at(stage.death() ?? stage.look());
  } catch (error) {
    return at(`JavaScript exception: ${(error as Error).stack}`);
  } finally {
    other?.stop();
    other?.end();
  }
}

export const main = program({
  name: 'fuzz:backends',
  options: {
    messages: number(1_000_000, { least: 1 }),
    seed: seeds(),
    what: someOf(Object.keys(CAMPAIGNS)),
    alone: flag,
    within: within(),
  },
  run: async ({ messages, seed: seeds, what: kinds, alone, within }, write) => {
    await loadEverything();
    const each = Math.ceil(messages / seeds.length);
    const campaigns = ofEach(kinds, seeds, (what, seed) =>
      run(what, seed, each, machine => (alone ? undefined : otherThread(machine.memory as SharedArrayBuffer, seed))),
    );
    return report(campaigns, write, within);
  },
});

/** A thread that scribbles (scribbler-worker.ts, whose bundle lies next to this program's). */
function otherThread(memory: SharedArrayBuffer, seed: number): Scribbler {
  const control = new SharedArrayBuffer(CONTROL_BYTES);
  new Worker(join(dirname(process.argv[1]), 'scribbler.js'), {
    workerData: { memory, control, seed } satisfies ScribblerStart,
  }).unref();
  return new Scribbler(control);
}
