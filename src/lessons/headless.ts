/** A host in virtual time without a page, for walks through lessons. */
import {
  createHost,
  inTurns,
  type Later,
  loadEverything,
  type NamedFile,
  VIRTUAL_EPOCH_MS,
  VirtualTime,
} from '../dom0/service/index.ts';
import { functionOrScript } from '../hypervisor/worker/index.ts';
import { commandsOf, type LessonHost } from './run.ts';
import { assembler, behind, isSmallGuest, SMALL_GUESTS } from './small-guests.ts';

const MIB = 2 ** 20;
const HOST_MEMORY_MIB = 64;
/** Files that a definition of a lesson may name, next to the small guests. */
const KERNELS = ['minipv.elf', 'demo.elf'],
  BLANK = 'blank.img';

/** `read`: a file of the folder `guests`; `soon`, `later`: turns of the event loop, as for any host. */
export interface HeadlessParts {
  read(path: string): Promise<Uint8Array<ArrayBuffer>>;
  soon(callback: () => void): void;
  later: Later;
}

/** Kernels that were read or assembled. */
const kernels = new Map<string, Promise<Blob>>();

function kernelOf(name: string, read: HeadlessParts['read']): Promise<Blob> {
  const known = kernels.get(name) ?? (isSmallGuest(name) ? smallGuest(name, read) : elf(name, read));
  kernels.set(name, known);
  return known;
}

const elf = async (name: string, read: HeadlessParts['read']): Promise<Blob> =>
  new Blob([await read(`${name.replace(/\.elf$/, '')}/${name}`)]);

const sourceOf = async (name: string, read: HeadlessParts['read']): Promise<string> =>
  new TextDecoder().decode(await read(`small/${name}`));

/** `source`: another than its own. */
async function smallGuest(name: string, read: HeadlessParts['read'], source?: string): Promise<Blob> {
  const [{ assembled }, own, ...common] = await Promise.all([
    assembler.load(),
    source ?? sourceOf(name, read),
    ...behind(name).map(each => sourceOf(each, read)),
  ]);
  return new Blob([assembled(own, common)]);
}

/** What a definition names, with itself; `source`: of its small guest, where that is not its own. */
export const filesOf = (text: string, read: HeadlessParts['read'], source?: string): Promise<NamedFile[]> =>
  Promise.all([
    { name: 'lab.cfg', data: new Blob([text]) },
    ...[...KERNELS, ...SMALL_GUESTS]
      .filter(name => text.includes(name))
      .map(async name => ({
        name,
        data: await (source !== undefined && isSmallGuest(name)
          ? smallGuest(name, read, source)
          : kernelOf(name, read)),
      })),
    ...(text.includes(BLANK) ? [{ name: BLANK, data: new Blob([new Uint8Array(MIB)]) }] : []),
  ]);

/** Nobody waits for its wall clock: it goes as fast as it goes. */
export async function headlessHost({
  read,
  soon,
  later,
}: HeadlessParts): Promise<LessonHost & Pick<VirtualTime, 'fingerprints'>> {
  // As its worker does before it is there (turns-worker.ts).
  await loadEverything();
  const hostMs = (): number => 0,
    virtual = new VirtualTime({ wallMs: hostMs, soon, speed: Infinity });
  const host = createHost({
    version: 'lessons',
    why: 'lessons',
    // V8 collects for each 64 MiB of buffers that are not shared: a fifth of the time of a walk.
    memory: new SharedArrayBuffer(HOST_MEMORY_MIB * MIB),
    virtual,
    runners: inTurns({ soon, later, pace: virtual, compile: functionOrScript }),
    soon,
    later,
    hostMs,
    epochMs: () => VIRTUAL_EPOCH_MS,
    seed: 7,
    readsWhole: true,
  });
  return {
    create: async (text, source) => (await host.create(await filesOf(text, read, source))).id,
    source: name => sourceOf(name, read),
    assemble: (name, source) => smallGuest(name, read, source),
    type: async (id, bytes) => virtual.type(id, bytes),
    ...commandsOf(host),
    stand: async () => virtual.stand(),
    now: async () => virtual.now(),
    keep: ids => virtual.keep(ids),
    goBack: (moment, ids) => virtual.goBack(moment, ids),
    forget: after => virtual.forget(after),
    fingerprints: () => virtual.fingerprints(),
    inputs: async () => virtual.inputs(),
    runFor: async ms => void (await virtual.runFor(ms)),
  };
}
