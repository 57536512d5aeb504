/**
 * Entry of the worker in which an experiment runs, on hosts of its own: the page's guests and their time are left alone. It is a script of its own, with the processor in it:
 * WebKit's JavaScriptCore runs a processor in a module that is loaded later three to five times slower.
 */
import { holdLifeLock, later, makeSoon, sharedMs } from '../../hypervisor/worker/index.ts';
import { EXPERIMENTS, runExperiment, timeExperiment } from '../../lessons/experiments/index.ts';
import type { Asked, ExperimentNews } from './messages.ts';

const FILES: Readonly<Record<string, string>> = {
  'minipv/minipv.elf': new URL('../../../guests/minipv/minipv.elf', import.meta.url).href,
  'demo/demo.elf': new URL('../../../guests/demo/demo.elf', import.meta.url).href,
};
const SOURCES = import.meta.glob<string>('../../../guests/small/*.asm', {
  query: '?raw',
  import: 'default',
  eager: true,
});

/** A file of the folder guests. @throws Error with a sentence */
async function read(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const source = SOURCES[`../../../guests/${path}`];
  if (source !== undefined) return new TextEncoder().encode(source);
  const answer = await fetch(FILES[path]!);
  if (!answer.ok)
    throw new Error(`${path} could not be fetched: the server answered ${answer.status}. Load the page again.`);
  return new Uint8Array(await answer.arrayBuffer());
}

const tell = (news: ExperimentNews): void => postMessage(news);
const parts = {
  read,
  soon: makeSoon(),
  later,
};

void holdLifeLock(self.name).then(holds => {
  if (holds !== undefined) tell({ holds });
});

self.onmessage = async ({ data: { id, seed, isTimed } }: MessageEvent<Asked>) => {
  try {
    const experiment = EXPERIMENTS.find(each => each.id === id)!,
      told = {
        progress: (progress: ExperimentNews['progress']) => tell({ progress }),
        rows: (rows: ExperimentNews['rows']) => tell({ rows }),
      };
    const rows = isTimed
      ? await timeExperiment(experiment, parts, { seed, told, nowMs: sharedMs })
      : await runExperiment(experiment, parts, { seed, told });
    tell({ rows, isDone: true });
  } catch (error) {
    tell({ problem: (error as Error).message });
  }
};
