/**
 * npm run -s fuzz:backends -- [--messages N] [--seed S]… [--what xenstore|vbd|vif|console|vfb]… [--alone]
 *
 * A hostile domain writes what it likes into its rings, its granted pages and its store, while another thread writes into the same pages (`--alone`: none
 * does). Each kind gets N messages (a million unless told), shared among the seeds. It passes if there was no JavaScript exception, another domain's store
 * and console answered as ever, all counts of frames, grants and ports agree with what is counted anew, and nothing of a hostile domain that is gone stays
 * mapped. A device that is closed has a sentence in Domain 0's log; the domain then goes, and another one comes.
 */
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { loadEverything } from '../dom0/service/index.ts';
import { CAMPAIGNS } from './fuzz/backends/campaigns.ts';
import { CONTROL_BYTES, Scribbler, type ScribblerStart } from './fuzz/backends/scribbler.ts';
import { Stage } from './fuzz/backends/stage.ts';
import { picker } from './fuzz/pick.ts';

const USAGE = `usage: fuzz:backends [--messages N] [--seed S]… [--what ${Object.keys(CAMPAIGNS).join('|')}]… [--alone]\n`;
/** Messages between two looks at everybody, and of one domain at most. */
const LOOK_EVERY = 2000,
  LIFE = 5000;

interface Outcome {
  problem: string | undefined;
  lives: number;
  said: ReadonlySet<string>;
}

/** One campaign; what it failed of, how many domains there were, and the sentences in the log, with numbers left out. */
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
    problem: problem && `${problem} (after ${made} messages)`,
    lives: stage?.lives ?? 0,
    said,
  });
  try {
    // The scribbler writes into the stage's memory, so it comes after that, and is told to the stage.
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

/** Status 0: all passed, 1: something failed, 2: the command line is wrong. */
export async function main(
  argv: string[],
  write: (text: string) => void = text => process.stdout.write(text),
): Promise<number> {
  let messages = 1_000_000,
    alone = false;
  const seeds: number[] = [],
    kinds: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const [name, value = ''] = [argv[i], argv[i + 1]];
    const number = /^\d+$/.test(value) ? Number(value) : -1;
    if (name === '--alone') alone = true;
    else if (name === '--messages' && number > 0) messages = number;
    else if (name === '--seed' && number >= 0) seeds.push(number);
    else if (name === '--what' && Object.hasOwn(CAMPAIGNS, value)) kinds.push(value);
    else {
      process.stderr.write(`fuzz:backends: ${name} ${value} is not understood\n${USAGE}`);
      return 2;
    }
    if (name !== '--alone') i++;
  }
  await loadEverything();
  if (seeds.length === 0) seeds.push(1, 2, 3, 4);
  const each = Math.ceil(messages / seeds.length);
  let failed = 0;
  for (const what of kinds.length > 0 ? kinds : Object.keys(CAMPAIGNS)) {
    for (const seed of seeds) {
      const { problem, lives, said } = run(what, seed, each, machine =>
        alone ? undefined : otherThread(machine.memory as SharedArrayBuffer, seed),
      );
      if (problem !== undefined) failed++;
      write(
        `${what} seed ${seed}: ${each} messages of ${lives} domains, ${said.size} kinds of sentences${problem === undefined ? '' : ` FAILED: ${problem}`}\n`,
      );
    }
  }
  write(`${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

/** A thread that scribbles (scribbler-worker.ts, whose bundle lies beside this program's). */
function otherThread(memory: SharedArrayBuffer, seed: number): Scribbler {
  const control = new SharedArrayBuffer(CONTROL_BYTES);
  new Worker(join(dirname(process.argv[1]), 'scribbler.js'), {
    workerData: { memory, control, seed } satisfies ScribblerStart,
  }).unref();
  return new Scribbler(control);
}
