/** Where a domain is among its snapshots: the rules of libvirt's virDomainSnapshotDiscard() and of its snapshot-current. */
import { expect, it } from 'vitest';
import { testFiles } from '../../service/host.test-support.ts';
import { currentOf, laterThan, type SnapshotRecord, SnapshotRecords } from './record.ts';

/** What takeSnapshot and deleteSnapshot do of it, without volumes. */
async function made() {
  const records = new SnapshotRecords(await testFiles());
  const list = (): Promise<SnapshotRecord[]> => records.list('web');
  let createdMs = 0;
  return {
    take: async (name: string) => {
      const others = await list(),
        parent = currentOf(others)?.name;
      await records.write({
        domain: 'web',
        name,
        createdMs: createdMs++,
        definition: '',
        disks: [],
        currentMs: laterThan(others, 0),
        ...(parent === undefined ? {} : { parent }),
      });
    },
    goBack: async (name: string) => records.enter(await records.read('web', name), 0),
    forget: async (name: string) => {
      const gone = await records.read('web', name);
      await records.remove('web', name);
      await records.close(gone, 0);
    },
    /** `name<parent`, a star at the one where the domain is. */
    tree: async () => {
      const all = await list();
      return all
        .map(
          each =>
            `${each.name}${each.parent === undefined ? '' : `<${each.parent}`}${currentOf(all) === each ? '*' : ''}`,
        )
        .join(' ');
    },
  };
}

it('hangs a new snapshot below the one that the domain was at, also after it went back', async () => {
  const { take, goBack, tree } = await made();
  for (const name of ['a', 'b']) await take(name);
  expect(await tree()).toBe('a b<a*');
  await goBack('a');
  expect(await tree()).toBe('a* b<a');
  await take('c');
  expect(await tree()).toBe('a b<a c<a*');
});

it('closes the gap of one that goes: its children, and the domain that was there, are at its parent', async () => {
  const { take, goBack, forget, tree } = await made();
  for (const name of ['a', 'b', 'c']) await take(name);
  await goBack('b');
  await forget('b');
  expect(await tree()).toBe('a* c<a');
  await forget('a');
  // It was at none that is left: not at c, from which it went back.
  expect(await tree()).toBe('c');
  await take('d');
  expect(await tree()).toBe('c d*');
});
