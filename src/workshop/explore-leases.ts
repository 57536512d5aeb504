/**
 * npm run -s explore:leases -- [--hosts N] [--moves N] [--cancels N] [--declines N] [--losses N] [--crashes N] [--sleeps N] [--takeOvers N]
 *   [--anews N] [--copies N] [--ticks N]
 *
 * All that can happen to a guest of a pool within what is given (src/dom0/pool/leases): the protocol's own code, every order of messages. It passes if no two
 * hosts ever run the guest, none runs a copy of before, and the guest runs again from wherever nothing more fails.
 */
import { type Budget, explore } from './leases/explorer.ts';
import { numbersOf } from './numbers.ts';

const DEFAULTS: Budget = {
  hosts: 2,
  moves: 1,
  cancels: 1,
  declines: 0,
  losses: 1,
  crashes: 1,
  sleeps: 0,
  takeOvers: 1,
  anews: 0,
  copies: 0,
  ticks: 1,
};
const WRONG_USE = 2;

export async function main(argv: string[]): Promise<number> {
  let budget: Budget;
  try {
    budget = numbersOf(argv, DEFAULTS);
  } catch (error) {
    process.stderr.write(`explore:leases: ${(error as Error).message}\n`);
    return WRONG_USE;
  }
  const began = performance.now();
  const seen = (worlds: number): void => void process.stderr.write(`\r${worlds} worlds`);
  const { worlds, problem } = explore(budget, { seen });
  process.stderr.write('\r');
  const told = Object.entries(budget)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
  console.log(`${worlds} worlds (${told}) in ${((performance.now() - began) / 1000).toFixed(0)} s`);
  if (!problem) console.log('0 failed');
  else console.log(`1 failed: ${problem.sentence}\n${problem.steps.map(step => `  ${step}`).join('\n')}`);
  return problem ? 1 : 0;
}
