/**
 * npm run -s fuzz:cpu -- [--instructions N] [--seed S]… [--mode real|protected|pae|v86]… [--threshold N] [--within SECONDS]
 *
 * Runs random bytes as code. Each mode gets N instructions (20 million by default), divided among the seeds; every seed runs twice, on two processors. It passes
 * if no JavaScript exception was thrown, nothing outside of the domain's memory was written, and both runs end in the same state. `--threshold`: the second run
 * compiles regions from N samples on (0, the default: neither run compiles) and must end as the first one, which has the interpreter alone.
 */
import { setFlagsFromString } from 'node:v8';
import { FuzzMachine, MODES } from './fuzz/machine.ts';
import { number, seeds, someOf, within } from './harness/options.ts';
import { program } from './harness/program.ts';
import { ofEach, report } from './harness/report.ts';

export const main = program({
  name: 'fuzz:cpu',
  options: {
    instructions: number(20_000_000, { least: 1 }),
    seed: seeds(),
    mode: someOf(MODES),
    threshold: number(0),
    within: within(),
  },
  run: ({ instructions, seed: seeds, mode: modes, threshold, within }, write) => {
    // Nearly every second random instruction faults; unwinding through the interpreter's switch in V8's baseline tier walks all of its bytecode each time.
    setFlagsFromString('--no-sparkplug');
    const each = Math.ceil(instructions / seeds.length);
    const campaigns = ofEach(modes, seeds, (mode, seed) => {
      const first = new FuzzMachine(mode, seed).run(each);
      const again = new FuzzMachine(mode, seed, threshold);
      const second = first.problem === undefined ? again.run(each) : first;
      const isAlike = first.checksum === second.checksum && first.retired === second.retired;
      const regions = again.regions === null ? '' : `, ${again.regions.retired} in ${again.regions.compiled} regions`;
      return {
        text: `${first.retired} instructions, ${first.exits} exits, ${first.restarts} restarts, state ${first.checksum.toString(16).padStart(8, '0')}${regions}`,
        problem: first.problem ?? second.problem ?? (isAlike ? undefined : 'the second run ended in another state'),
      };
    });
    return report(campaigns, write, within);
  },
});
