/** What libvirt said of the rows of judged-by-qemu.jsonl, with which the checks between elements are tested (src/dom0/definitions/config/xml/between.test.ts). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../../cli/repository.ts';
import type { Drawn } from './draw-xml.ts';

/** Pieces of a document by their places. */
type Slots = Readonly<Record<string, string>>;

/** A definition, and with what libvirt refused it; undefined: it took it. */
export type Recorded = Drawn & { said: string | undefined };

/** Two definitions a row: one that is refused, and a near one that is taken. */
export function recorded(): Recorded[] {
  const file = join(repository(), 'src/dom0/definitions/config/xml/judged-by-qemu.jsonl');
  const [head, ...rows] = readFileSync(file, 'utf8').trim().split('\n');
  const { document, usual } = JSON.parse(head) as { document: string; usual: Slots };
  const drawn = (name: string, key: string, slots: Slots, said?: string): Recorded => {
    const all: Slots = { ...usual, name, type: 'qemu', ...slots };
    const text = document.replaceAll(/@(\w+)@/g, (_, slot: string) => all[slot] ?? '');
    return { name, text, pieces: [key, ...Object.values(slots)], said };
  };
  return rows.flatMap((line, i) => {
    const { key, refused, taken, said } = JSON.parse(line) as Record<'refused' | 'taken', Slots> & {
      key: string;
      said: string;
    };
    return [drawn(`refused${i}`, key, refused, said), drawn(`taken${i}`, key, taken)];
  });
}
