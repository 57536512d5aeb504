// @vitest-environment happy-dom
import { beforeEach, expect, it, vi } from 'vitest';
import type { DomainInfo } from '../dom0/service/index.ts';

/** What is asked of the host, and the snapshots that it has. */
const asked = vi.hoisted(() => ({ words: [] as string[], taken: [] as string[], refuse: '' }));
vi.mock('./indexed-db.ts', () => ({ recall: async () => undefined, keep: async () => {} }));
vi.mock('./host.ts', async original => ({
  ...(await original<object>()),
  host: {
    'snapshot-list': async () => asked.taken.map(name => ({ name })),
    'snapshot-delete': async (_domain: string, name: string) => {
      asked.words.push(`delete ${name}`);
      asked.taken = asked.taken.filter(each => each !== name);
    },
    snapshot: async (domain: string, name: string) => {
      if (asked.refuse) throw new Error(asked.refuse);
      asked.words.push(`${domain} ${name}`);
      asked.taken.push(name);
    },
    inventory: async () => {
      throw new Error('nobody looks');
    },
  },
}));
const { domains } = await import('./host.ts');
const { follow, nextMs, problems, saveAll } = await import('./checkpoints.ts');
const { saveEvery } = await import('./settings.ts');

const domain = (name: string, ended?: string): DomainInfo => ({
  id: 1,
  name,
  state: ended ? 's' : 'r',
  type: 'hvm',
  memoryMiB: 16,
  vcpus: 1,
  definition: '',
  ...(ended ? { ended } : {}),
});
beforeEach(() => {
  Object.assign(asked, { words: [], taken: [], refuse: '' });
  problems.value = new Map();
  domains.value = [domain('web'), domain('old', 'It powered off.')];
});

it('saves guests that run, and the checkpoint before goes once the new one is whole', async () => {
  asked.taken = ['mine'];
  await saveAll();
  await saveAll();
  await saveAll();
  expect(asked.words).toEqual([
    'web checkpoint-1',
    'web checkpoint-2',
    'delete checkpoint-1',
    'web checkpoint-1',
    'delete checkpoint-2',
  ]);
  expect(asked.taken).toEqual(['mine', 'checkpoint-1']);
});

it('goes on where the page ended between two checkpoints', async () => {
  asked.taken = ['checkpoint-1', 'checkpoint-2'];
  await saveAll();
  expect(asked.taken).toEqual(['checkpoint-1']);
});

it('keeps the checkpoint before where there is no room for another, and says so until there is', async () => {
  await saveAll();
  asked.refuse = 'The browser has no room left for this site.';
  await saveAll();
  expect([asked.taken, problems.value.get('web')]).toEqual([['checkpoint-1'], asked.refuse]);
  asked.refuse = '';
  await saveAll();
  expect([asked.taken, problems.value.get('web')]).toEqual([['checkpoint-2'], undefined]);
});

it('saves as often as is wanted now', async () => {
  vi.useFakeTimers();
  try {
    follow();
    const startMs = Date.now();
    saveEvery.value = 15;
    expect(nextMs.value).toBe(startMs + 15 * 60_000);
    await vi.advanceTimersByTimeAsync(31 * 60_000);
    expect(nextMs.value).toBe(startMs + 45 * 60_000);
    expect(asked.words).toHaveLength(3);
    saveEvery.value = 5;
    await vi.advanceTimersByTimeAsync(6 * 60_000);
    expect(asked.words).toHaveLength(5);
    saveEvery.value = 0;
    expect(nextMs.value).toBeUndefined();
    await vi.advanceTimersByTimeAsync(60 * 60_000);
    expect(asked.words).toHaveLength(5);
  } finally {
    vi.useRealTimers();
  }
});
