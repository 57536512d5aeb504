/**
 * Each check between elements (between.ts and the files next to it) with a definition that it refuses and a near one that passes. judged-by-qemu.jsonl holds
 * both, and what `virsh -c qemu:///embed define` of libvirt 9.0 said of the first; it took the second. `npm run -s judge:definitions -- recorded` asks it again.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { isFault, judgeDefinition } from '../judge-definition.ts';
import { prepareToRead } from '../source.ts';

/** Pieces of a document by their places. */
type Slots = Readonly<Record<string, string>>;

const [head, ...lines] = readFileSync(new URL('judged-by-qemu.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n');
const { document, usual } = JSON.parse(head) as { document: string; usual: Slots };
/** `key`: what is in the sentence with which Ringside refuses it. */
const rows = lines.map(line => JSON.parse(line) as { key: string; refused: Slots; taken: Slots });
const faults = (slots: Slots): string[] => {
  const all: Slots = { ...usual, name: 'v', type: 'kvm', ...slots };
  const text = document.replaceAll(/@(\w+)@/g, (_, slot: string) => all[slot] ?? '');
  return judgeDefinition('v.xml', text)
    .findings.filter(isFault)
    .map(({ text: why }) => why);
};

beforeAll(() => prepareToRead('<domain/>'));

describe('checks between elements', () => {
  it.each(rows.map(row => [row.key, row] as const))('%s', (key, { refused, taken }) => {
    expect(faults(refused).join('\n')).toContain(key);
    expect(faults(taken)).toEqual([]);
  });

  it('have a row each', () => {
    const without = ['between', 'between-qemu', 'between-controllers', 'between-places'].flatMap(file => {
      const source = readFileSync(new URL(`${file}.ts`, import.meta.url), 'utf8');
      const [, ...checks] = source.split(/(?<!const )\b(?:fault|twice)\(/);
      return checks.filter(check => !rows.some(({ key }) => check.replaceAll("\\'", "'").includes(key)));
    });
    expect(without).toEqual([]);
  });
});
