/**
 * npm run -s soak:migration -- [--moves N] [--only GUEST] [--postcopy]
 *
 * Debian's kernels with and without Xen's drivers, in a PC and without one, of 32 and 64 bits, and minipv as a paravirtual guest go from one of two hosts to the
 * other and back, 100 times each. A shell in them writes files and its disk, compares their sums and looks at the clock, while a connection by TCP that they have made and one
 * that was made to them go on; minipv sends or gets a stream during each move, and sums it up. Each move must go on with what follows, nothing may be lost, no
 * connection end, and no clock go back: else the status is 1. `--postcopy`: they go on after the first round, before the rest of their memory has come. Needs npm run guests (-- --amd64).
 */
import { InMemoryFs } from 'just-bash/browser';
import { type HostFiles, KeptFiles } from '../../dom0/host/files/index.ts';
import { MemoryStore } from '../../dom0/host/storage/index.ts';
import { createHost, inWorkers } from '../../dom0/service/index.ts';
import { median } from '../harness/median.ts';
import { flag, number, oneOf } from '../harness/options.ts';
import { program } from '../harness/program.ts';
import { later, sharedMs, soon } from '../../cli/node-clock.ts';
import { spawnDomainWorker } from '../../cli/node-worker.ts';
import { DISK, diskImage, GUESTS, isHere, MINIPV_PORTS, PORTS } from './guests.ts';
import { Soak } from './soak.ts';
import { Talk } from './talk.ts';

/** Of a host that has nothing else. */
async function filesWithDisk(): Promise<HostFiles> {
  const files = await KeptFiles.open(new MemoryStore(), new InMemoryFs());
  await files.writeFile(`/${DISK.name}`, diskImage());
  return files;
}

export const main = program({
  name: 'soak:migration',
  options: {
    moves: number(100, { least: 1 }),
    only: oneOf(GUESTS.map(({ name }) => name)),
    postcopy: flag,
  },
  run: async ({ moves, only, postcopy }, write) => {
    let status = 0;
    for (const guest of GUESTS) {
      if (only !== undefined && only !== guest.name) continue;
      if (postcopy && guest.type === 'pv') continue;
      if (!isHere(guest)) {
        write(`${guest.name}: ${guest.folder} is not here (npm run guests).\n`);
        continue;
      }
      const talk = await Talk.open(guest.folder === undefined ? MINIPV_PORTS : PORTS);
      const soak = new Soak(guest, {
        make: parts =>
          createHost({
            version: 'soak',
            readsWhole: true,
            pcpus: 2,
            runners: inWorkers({ spawn: () => spawnDomainWorker(), later, hostMs: sharedMs }),
            soon,
            later,
            hostMs: sharedMs,
            epochMs: () => Date.now(),
            ...parts,
          }),
        soon,
        pause: ms => new Promise(resolve => void later(ms, resolve)),
        shared: true,
        wish: postcopy ? { postcopy: 'after-precopy' } : {},
        talk,
        files: [await filesWithDisk(), await filesWithDisk()],
      });
      const downtimes: number[] = [];
      let left = 0;
      try {
        await soak.start();
        for (let i = 0; i < moves; i++) {
          const { downtimeMs, leftBehind = 0 } = await soak.move();
          downtimes.push(downtimeMs);
          left += leftBehind;
        }
        write(
          `${guest.name}: ${moves} moves, nothing lost, ${soak.crossed} with connections that went on; it was paused for ${Math.round(median(downtimes))} ms (median), ${Math.round(Math.max(...downtimes))} ms at most${postcopy ? `; it went on without ${left} pages, and waited for ${soak.faults} of them` : ''}\n`,
        );
      } catch (error) {
        status = 1;
        write(`${guest.name}: after ${downtimes.length} moves: ${(error as Error).message}\n`);
      }
      await soak.end();
    }
    return status;
  },
});
