/**
 * npm run -s fuzz:native -- [--cases N] [--seed S]… [--limit N] [--bits 16|32|64]
 *
 * Runs random instructions, one at a time, on the host's processor in ring 3 and on ours, from the same registers and memory, and compares how they end.
 * N cases (100,000 by default) are divided among the seeds: half of them 64-bit code, a tenth 16-bit code, or all of one size (`--bits`). It passes if nothing
 * differs but what src/workshop/fuzz/native/differences.ts lists. Needs Linux on an x86-64 processor and gcc; elsewhere it says so and passes.
 */
import { judge } from './fuzz/native/compare.ts';
import { type Bits, Drawer } from './fuzz/native/cases.ts';
import { findHost, type Host, NoHost, runNatively } from './fuzz/native/host.ts';
import { NativeMachine } from './fuzz/native/machine.ts';
import { number, oneOf, seeds } from './harness/options.ts';
import { program, type Write } from './harness/program.ts';

/** Cases of one run of the runner: some 10 MB each way. */
const BATCH = 5_000;

interface Wanted {
  cases: number;
  seeds: readonly number[];
  /** Differences printed. */
  limit: number;
  /** Of all cases; undefined: some of each. */
  bits: Bits | undefined;
}

function compareAll(host: Host, { cases, seeds, limit, bits }: Wanted, write: Write): number {
  write(`against ${host.name} (${host.vendor})\n`);
  const machine = new NativeMachine();
  const each = Math.ceil(cases / seeds.length);
  const known = new Map<string, number>();
  let same = 0,
    differ = 0;
  for (const seed of seeds) {
    const drawer = new Drawer(seed, bits);
    for (let done = 0; done < each; done += BATCH) {
      const settings = Array.from({ length: Math.min(BATCH, each - done) }, () => drawer.next());
      const ends = runNatively(host, settings);
      for (const [i, setting] of settings.entries()) {
        const judgement = judge(host, setting, ends[i], machine.run(setting), machine);
        for (const { why } of judgement.known) known.set(why, (known.get(why) ?? 0) + 1);
        if (judgement.bad.length === 0) {
          same++;
          continue;
        }
        if (differ++ < limit)
          write(
            `DIFFERS seed ${seed} case ${done + i}, ${setting.bits}-bit code: ${judgement.text}: ${judgement.bad.slice(0, 4).join('; ')}\n`,
          );
      }
    }
  }
  for (const [why, count] of known) write(`${count} cases were compared in part: ${why}\n`);
  write(`${same} passed, ${differ} failed\n`);
  return differ === 0 ? 0 : 1;
}

/** Where the host cannot be asked, nothing differs. */
export const main = program({
  name: 'fuzz:native',
  options: {
    cases: number(100_000, { least: 1 }),
    seed: seeds(),
    limit: number(20),
    bits: oneOf(['16', '32', '64']),
  },
  run: ({ cases, seed: seeds, limit, bits }, write) => {
    try {
      return compareAll(
        findHost(),
        { cases, seeds, limit, bits: bits === undefined ? undefined : (Number(bits) as Bits) },
        write,
      );
    } catch (error) {
      if (!(error instanceof NoHost)) throw error;
      write(`fuzz:native was skipped: ${error.message}.\n`);
      return 0;
    }
  },
});
