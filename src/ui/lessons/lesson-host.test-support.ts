/** A host in virtual time without a page, for walks through lessons. */
import { readFileSync } from 'node:fs';
import { loadEverything } from '../../dom0/service/load-everything.ts';
import type { Host } from '../../dom0/service/host.ts';
import { later, soon, testHost } from '../../dom0/service/host.test-support.ts';
import { inTurns } from '../../dom0/toolstack/runners/in-turns.ts';
import { VIRTUAL_EPOCH_MS } from '../../dom0/service/virtual-epoch.ts';
import { VirtualTime } from '../../dom0/service/virtual-time.ts';
import { functionOrScript } from '../../hypervisor/worker/index.ts';
import { assembled } from './assembled.ts';
import { commandsOf, type LessonHost } from './run.ts';
import { BASE, SMALL_GUESTS } from './small-guests.ts';

// As its worker does before it is there (turns-worker.ts).
await loadEverything();

const guest = (path: string) => readFileSync(new URL(`../../../guests/${path}`, import.meta.url));
/** What a definition may name. */
const KERNELS: readonly (readonly [name: string, kernel: Blob])[] = [
  ['minipv.elf', new Blob([guest('minipv/minipv.elf')])],
  ...SMALL_GUESTS.map(
    name => [name, new Blob([assembled(`${guest(`small/${name}`)}`, `${guest(`small/${BASE}`)}`)])] as const,
  ),
];

export function lessonHost(): LessonHost & { host: Host } {
  const virtual = new VirtualTime({ wallMs: () => 0, soon, speed: Infinity });
  const host = testHost({
    virtual,
    runners: inTurns({ soon, later, pace: virtual, compile: functionOrScript }),
    epochMs: () => VIRTUAL_EPOCH_MS,
    seed: 7,
    readsWhole: true,
  });
  return {
    host,
    create: async text =>
      (
        await host.create([
          { name: 'lab.cfg', data: new Blob([text]) },
          ...KERNELS.flatMap(([name, data]) => (text.includes(name) ? [{ name, data }] : [])),
          ...(text.includes('blank.img') ? [{ name: 'blank.img', data: new Blob([new Uint8Array(2 ** 20)]) }] : []),
        ])
      ).id,
    type: async (id, bytes) => virtual.type(id, bytes),
    ...commandsOf(host),
    stand: async () => virtual.stand(),
    now: async () => virtual.now(),
    inputs: async () => virtual.inputs(),
    runFor: async ms => void (await virtual.runFor(ms)),
  };
}
