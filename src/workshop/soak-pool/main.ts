/**
 * npm run -s soak:pool -- [--members N] [--empty N]
 *
 * 30 members on one hub, which takes 32 (`ringside pool --members 32`), each with a guest of 16 MiB, in one process: they join, all see all, each guest pings each
 * other, density empties so many hosts, the hub is started anew, and they leave. Nothing may be lost. It tells the time of each step, and the most memory that
 * the process had.
 */
import { numbersOf } from '../numbers.ts';
import { PoolSoak } from './soak.ts';

const WRONG_USE = 2;

export async function main(argv: string[], write = (text: string) => void process.stdout.write(text)): Promise<number> {
  let members: number, empty: number;
  try {
    ({ members, empty } = numbersOf(argv, { members: 30, empty: 5 }));
    if (members < 2 || empty >= members) throw new Error('--members N: at least 2, and more than are to be empty.');
  } catch (error) {
    process.stderr.write(`soak:pool: ${(error as Error).message}\n`);
    return WRONG_USE;
  }
  const soak = new PoolSoak(members, members + 2);
  const step = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    const began = performance.now();
    const told = await work();
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    write(`${name.padEnd(10)}${seconds.padStart(6)} s  ${told ?? ''}\n`);
  };
  try {
    await step('join', () => soak.join());
    await step('list', () => soak.list());
    await step('ping', async () => `${await soak.ping()} pairs`);
    await step('balance', async () => `${await soak.balance(empty)} hosts are empty`);
    await step('restart', () => soak.restart());
    await step('leave', () => soak.leave());
  } catch (error) {
    write(`failed: ${(error as Error).message}\n`);
    return 1;
  }
  write(
    `${members} members, nothing lost; at most ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB of memory\n`,
  );
  return 0;
}
