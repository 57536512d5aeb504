/**
 * npm run -s fuzz:storage -- [--cuts N] [--seed S]… [--what journal|disk|volumes|domains|flips|states]…
 *
 * Cuts the power of the host's storage while it works: of what was not flushed any part is lost, and one write is torn. Each kind of work gets N cuts
 * (10,000 unless told), shared among the seeds. It passes if after each cut everything is there that was flushed or acknowledged, and nothing that was never
 * written. `flips` flips one bit of a map's files instead: each bit of a small map, and N of a large one. It passes if the disk is refused, or holds
 * what it held, and if reading writes nothing. `states` flips N bits in files of whole states, half of them of large ones (host/state/flips.ts).
 */
import { cutDomains } from '../dom0/service/domain-cuts/index.ts';
import { flipStates } from '../dom0/host/state/index.ts';
import { cutExtentDisk, cutJournal, cutVolumes, flipBits } from '../dom0/host/storage/index.ts';

const USAGE = 'usage: fuzz:storage [--cuts N] [--seed S]… [--what journal|disk|volumes|domains|flips|states]…\n';
const KINDS: Record<string, (seed: number, cuts: number) => Promise<string | undefined>> = {
  journal: cutJournal,
  disk: cutExtentDisk,
  volumes: cutVolumes,
  domains: cutDomains,
  flips: flipBits,
  states: flipStates,
};

/** Status 0: all passed, 1: something failed, 2: the command line is wrong. */
export async function main(
  argv: string[],
  write: (text: string) => void = text => process.stdout.write(text),
): Promise<number> {
  let cuts = 10_000;
  const seeds: number[] = [],
    kinds: string[] = [];
  for (let i = 0; i < argv.length; i += 2) {
    const [name, value = ''] = [argv[i], argv[i + 1]];
    const number = /^\d+$/.test(value) ? Number(value) : -1;
    if (name === '--cuts' && number > 0) cuts = number;
    else if (name === '--seed' && number >= 0) seeds.push(number);
    else if (name === '--what' && Object.hasOwn(KINDS, value)) kinds.push(value);
    else {
      process.stderr.write(`fuzz:storage: ${name} ${value} is not understood\n${USAGE}`);
      return 2;
    }
  }
  if (seeds.length === 0) seeds.push(1, 2, 3, 4);
  let failed = 0;
  const each = Math.ceil(cuts / seeds.length);
  for (const kind of kinds.length > 0 ? kinds : Object.keys(KINDS)) {
    for (const seed of seeds) {
      const problem = await KINDS[kind](seed, each);
      if (problem !== undefined) failed++;
      write(
        `${kind} seed ${seed}: ${each} ${kind === 'flips' || kind === 'states' ? 'flips' : 'cuts'}${problem === undefined ? '' : ` FAILED: ${problem}`}\n`,
      );
    }
  }
  write(`${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}
