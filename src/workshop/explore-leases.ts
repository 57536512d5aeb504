/**
 * npm run -s explore:leases -- [--hosts N] [--moves N] [--cancels N] [--declines N] [--losses N] [--crashes N] [--sleeps N] [--takeOvers N]
 *   [--anews N] [--copies N] [--ticks N]
 *
 * All that can happen to a guest of a pool within what is given (src/dom0/pool/leases): the protocol's own code, every order of messages. It passes if no two
 * hosts ever run the guest, none runs an earlier copy, and the guest runs again from wherever nothing more fails.
 */
import { number } from './harness/options.ts';
import { program } from './harness/program.ts';
import { explore } from './leases/explorer.ts';

export const main = program({
  name: 'explore:leases',
  options: {
    hosts: number(2),
    moves: number(1),
    cancels: number(1),
    declines: number(0),
    losses: number(1),
    crashes: number(1),
    sleeps: number(0),
    takeOvers: number(1),
    anews: number(0),
    copies: number(0),
    ticks: number(1),
  },
  run: (budget, write) => {
    const began = performance.now();
    const seen = (worlds: number): void => void process.stderr.write(`\r${worlds} worlds`);
    const { worlds, problem } = explore(budget, { seen });
    process.stderr.write('\r');
    const counts = Object.entries(budget).map(([name, count]) => `${count} ${name}`);
    write(`${worlds} worlds (${counts.join(', ')}) in ${((performance.now() - began) / 1000).toFixed(0)} s\n`);
    if (!problem) write('0 failed\n');
    else write(`1 failed: ${problem.sentence}\n${problem.steps.map(step => `  ${step}\n`).join('')}`);
    return problem ? 1 : 0;
  },
});
