/**
 * npm run -s soak:pool -- [--members N] [--empty N]
 *
 * 30 members on one hub, which takes 32 (`ringside pool --members 32`), each with a guest of 16 MiB, in one process: they join, all see all, each guest pings each
 * other, density empties this many hosts, the hub is started again, and they leave. Nothing may be lost. It tells the time of each step, and the most memory that
 * the process had.
 */
import { number, WrongUse } from '../harness/options.ts';
import { program } from '../harness/program.ts';
import { PoolSoak } from './soak.ts';

export const main = program({
  name: 'soak:pool',
  options: { members: number(30, { least: 2 }), empty: number(5) },
  run: async ({ members, empty }, write) => {
    if (empty >= members) throw new WrongUse(`--empty ${empty}: write fewer than the ${members} members.`);
    const soak = new PoolSoak(members, members + 2);
    const step = async (name: string, work: () => Promise<unknown>): Promise<void> => {
      const began = performance.now();
      const found = await work();
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      write(`${name.padEnd(10)}${seconds.padStart(6)} s  ${found ?? ''}\n`);
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
  },
});
