/** The table of facts says what guests really tell: the author's guide is made of it. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { timersOfTest } from '../dom0/service/host.test-support.ts';
import { FACTS, nearestFact, rowsOfFact } from '../dom0/service/index.ts';
import { headlessHost } from './headless.ts';

const guests = new URL('../../guests/', import.meta.url);
const read = async (path: string) => new Uint8Array(readFileSync(new URL(path, guests)));

const DEFINITIONS = [
  'name = "a"\ntype = "pv"\nmemory = 4\nkernel = "minipv.elf"\ndisk = [ "file:blank.img,xvda,w" ]\nvif = [ "" ]',
  'name = "b"\ntype = "hvm"\nmemory = 4\nkernel = "grants.asm"',
];
/** Facts that no guest tells as it starts. */
const LATER = [
  'grant.N.flags',
  'grant.N.readers',
  'grant.N.writers',
  ...FACTS.flatMap(({ name }) => (name.startsWith('move.') ? [name] : [])),
];

it('has one row for each fact that a guest tells, of its kind, and no row that none tells', async () => {
  const host = await headlessHost({ read, ...timersOfTest() }),
    told = new Set<string>(LATER),
    wrong: string[] = [];
  await host.stand();
  for (const definition of DEFINITIONS) {
    const id = await host.create(definition);
    await host.runFor(100);
    const { counts, values } = await host.facts(id);
    for (const [kind, facts] of [
      ['count', counts],
      ['value', values],
    ] as const)
      for (const name of Object.keys(facts)) {
        const rows = rowsOfFact(name);
        if (rows.length !== 1 || rows[0]!.kind !== kind) wrong.push(name);
        for (const row of rows) told.add(row.name);
      }
  }
  expect(wrong).toEqual([]);
  expect(FACTS.map(({ name }) => name).filter(name => !told.has(name))).toEqual([]);
});

it('knows a reason, a call or a switch by its name alone, and which one was meant', () => {
  for (const name of ['exit.IO', 'exit.IDT_128', 'hypercall.event_channel_op', 'control.cr3-load', 'port.3.pending'])
    expect(rowsOfFact(name)).toHaveLength(1);
  for (const name of ['exit.OI', 'hypercall.event', 'control.cr3', 'exitz', 'port.x.pending', 'constructor'])
    expect(rowsOfFact(name)).toHaveLength(0);
  expect(['exitz', 'exit.OI', 'hypercall.event_chanel_op', 'zzz'].map(nearestFact)).toEqual([
    'exits',
    'exit.IO',
    'hypercall.event_channel_op',
    undefined,
  ]);
});
