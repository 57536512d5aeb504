/** The boot sectors (guests/bootsectors) as a person edits, assembles and boots them. What was changed is kept in this browser. */

import { signal } from '@preact/signals';
import type { Assembled } from '../cpu/assembler/index.ts';
import { pagePart } from './load-again.ts';
import { host } from './host.ts';
import { sentence } from './sentence.ts';
import { keep, recall } from './indexed-db.ts';
import { sectorProblem } from './sector-problem.ts';
import { bootBeside } from './navigation.ts';
import { Typing } from './typing.ts';

export interface BootSector {
  /** Of its file and its guest. */
  readonly name: string;
  readonly title: string;
  readonly about: string;
  /** As committed. */
  readonly source: string;
}

const SOURCES = import.meta.glob<string>('../../guests/bootsectors/*.asm', {
  query: '?raw',
  import: 'default',
  eager: true,
});

/** A source begins with its title and a paragraph, in comments. */
export const SECTORS: readonly BootSector[] = Object.entries(SOURCES).map(([path, source]) => {
  const [title = '', , ...about] = source
    .split('\n\n', 1)[0]!
    .split('\n')
    .map(line => line.replace(/^; ?/, ''));
  return { name: path.slice(path.lastIndexOf('/') + 1, -'.asm'.length), title, about: about.join(' '), source };
});

/** Texts that differ from what is committed, by name. */
export const edits = signal<Readonly<Record<string, string>>>({});
const KEY = 'ringside-boot-sectors';
/** A browser that keeps nothing begins with the committed ones. */
export const editsRead: Promise<void> = recall<Record<string, unknown>>(KEY).then(
  kept => {
    const known = Object.entries(kept ?? {}).filter(
      (pair): pair is [string, string] => typeof pair[1] === 'string' && SECTORS.some(({ name }) => name === pair[0]),
    );
    edits.value = { ...Object.fromEntries(known), ...edits.peek() };
  },
  () => {},
);

export const textOf = ({ name, source }: BootSector): string => edits.value[name] ?? source;

/** What a text has become, or why it cannot be booted. */
export interface Made extends Assembled {
  text: string;
  /** Absent: a BIOS boots it. */
  problem?: string;
}
/** The latest of each sector. */
export const made = signal<ReadonlyMap<string, Made>>(new Map());
/** Why a sector could not be assembled or booted, though its text is not to blame. */
export const trouble = signal<string | undefined>(undefined);

/** It carries the instruction table. */
const assembler = pagePart(() => import('../cpu/assembler/index.ts'));
const typing = new Typing();

/** What somebody types is kept, and assembled once they pause. */
export function editSector(sector: BootSector, text: string): void {
  const { [sector.name]: _, ...others } = edits.peek();
  edits.value = text === sector.source ? others : { ...others, [sector.name]: text };
  void keep(KEY, edits.peek()).catch(() => {});
  typing.whenQuiet(() => void makeSector(sector));
}

/** @returns undefined where the assembler could not be loaded, which `trouble` says */
export async function makeSector(sector: BootSector): Promise<Made | undefined> {
  try {
    const { assemble } = await assembler.load();
    const text = (edits.peek()[sector.name] ?? sector.source).replace(/\r\n?/g, '\n');
    const before = made.peek().get(sector.name);
    if (before?.text === text) return before;
    const result = assemble(text);
    const problem = result.problems.length === 0 ? sectorProblem(result.bytes) : undefined;
    const now: Made = { ...result, text, ...(problem === undefined ? {} : { problem }) };
    made.value = new Map(made.peek()).set(sector.name, now);
    return now;
  } catch (error) {
    trouble.value = sentence(error);
    return undefined;
  }
}

let booting = Promise.resolve();

/** Boots it as its text is now, in place of the guest that was booted of it before; one whose text has a mistake leaves that guest alone. */
export function bootSector(sector: BootSector): Promise<void> {
  booting = booting
    .then(() => boot(sector))
    .catch(error => {
      trouble.value = sentence(error);
    });
  return booting;
}

async function boot(sector: BootSector): Promise<void> {
  await editsRead;
  trouble.value = undefined;
  typing.stop();
  const now = await makeSector(sector);
  if (!now || now.problems.length > 0 || now.problem !== undefined) return;
  await bootBeside(sector.name, async () => {
    const files = [{ name: `${sector.name}.img`, data: new Blob([now.bytes as Uint8Array<ArrayBuffer>]) }];
    return { domain: await host.create(files, true), files };
  });
}
