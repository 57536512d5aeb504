/** What a lesson does to the host of this page. */
import type { Facts, NamedFile } from '../../dom0/service/index.ts';
import { host } from '../host.ts';
import { pageParts } from '../load-again.ts';
import { assembler, behind, commandsOf, type LessonHost, SMALL_GUESTS } from '../../lessons/index.ts';

const KERNELS: Readonly<Record<string, string>> = {
  'minipv.elf': new URL('../../../guests/minipv/minipv.elf', import.meta.url).href,
  'demo.elf': new URL('../../../guests/demo/demo.elf', import.meta.url).href,
};
const SOURCES = pageParts(import.meta.glob<{ default: string }>('../../../guests/small/*.asm', { query: '?raw' }));
const BLANK_BYTES = 2 ** 20;

/** A small guest's own source, or what they have in common. */
const sourceOf = async (name: string): Promise<string> =>
  (await SOURCES[`../../../guests/small/${name}`]!.load()).default;

const assembledGuests = new Map<string, Blob>();
/** A small guest's kernel. Each step that is begun again wants it, and the assembler takes some 50 ms. */
async function smallGuest(name: string): Promise<Blob> {
  const kernel = assembledGuests.get(name) ?? (await kernelOf(name, await sourceOf(name)));
  assembledGuests.set(name, kernel);
  return kernel;
}

/** From a source, its own or another. @throws Error with its first mistake */
async function kernelOf(name: string, source: string): Promise<Blob> {
  const { assembled } = await assembler.load();
  return new Blob([assembled(source, await Promise.all(behind(name).map(sourceOf)))]);
}

/** The files that a definition of a lesson names; `source`: of its small guest, where that is not its own. @throws Error with a sentence */
async function filesOf(text: string, source?: string): Promise<NamedFile[]> {
  const files: NamedFile[] = [{ name: 'lesson.cfg', data: new Blob([text]) }];
  for (const [name, url] of Object.entries(KERNELS)) {
    if (!text.includes(name)) continue;
    const answer = await fetch(url);
    if (!answer.ok)
      throw new Error(`${name} could not be fetched: the server answered ${answer.status}. Load the page again.`);
    files.push({ name, data: await answer.blob() });
  }
  for (const name of SMALL_GUESTS)
    if (text.includes(name))
      files.push({ name, data: await (source === undefined ? smallGuest(name) : kernelOf(name, source)) });
  if (text.includes('blank.img')) files.push({ name: 'blank.img', data: new Blob([new Uint8Array(BLANK_BYTES)]) });
  return files;
}

/** What was asked last of each guest, and when. */
const asked = new Map<number, { facts: Promise<Facts>; atMs: number }>();

const factsOf = (id: number): Promise<Facts> => {
  const facts = host.inspect('facts', id);
  asked.set(id, { facts, atMs: performance.now() });
  return facts;
};

/** For a picture: as they were at most this long ago, so that it does not ask next to the step, which asks as often. */
export function factsSeen(id: number, ageMs: number): Promise<Facts> {
  const last = asked.get(id);
  return last && performance.now() - last.atMs <= ageMs ? last.facts : factsOf(id);
}

export const pageHost: LessonHost = {
  create: async (text, source) => (await host.create(await filesOf(text, source))).id,
  source: sourceOf,
  assemble: kernelOf,
  type: (id, bytes) => host.time('type', id, bytes),
  ...commandsOf(host),
  facts: factsOf,
  destroy: id => {
    asked.delete(id);
    return host.destroy(id);
  },
  stand: () => host.time('stand'),
  now: () => host.time('now'),
  keep: ids => host.time('keep', ids),
  goBack: (moment, ids) => host.time('goBack', moment, ids),
  forget: after => host.time('forget', after),
  inputs: () => host.time('inputs'),
  runFor: async ms => void (await host.time('runFor', ms)),
};
