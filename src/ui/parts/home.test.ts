// @vitest-environment happy-dom
import { type ComponentChild, render } from 'preact';
import { afterEach, expect, it, vi } from 'vitest';

vi.mock('../host.ts', async original => ({
  ...(await original<object>()),
  offerFirmware: async () => {},
  offerGuests: async () => {},
}));
const { info } = await import('../host.ts');
const { afterPrompt } = await import('../prompt-reached.ts');
const page = await import('../offered-guests.ts');
const { homePanel } = await import('./home.tsx');

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

it('adds guests that are fetched meanwhile below the rows that are in sight: none takes another’s place', async () => {
  vi.useFakeTimers();
  const guest = (id: string) => ({ id, title: id, about: '', bytes: 7, files: [{ name: 'vmlinuz', path: `${id}/k` }] });
  let answer: object = { guests: [], coming: { text: 'fetching linux-image-686', done: 1, of: 14 } };
  vi.stubGlobal('fetch', async () => Response.json(answer));
  info.value = { mode: 'workers' } as unknown as NonNullable<typeof info.value>;
  const root = document.createElement('div');
  document.body.replaceChildren(root);
  render(homePanel.show({ kind: 'home' }) as ComponentChild, root);
  page.startCatalogue();
  await page.catalogue;
  const rows = (): (string | null)[] =>
    [...root.querySelectorAll('.offers')[0]!.querySelectorAll('td:first-child > .b')].map(name => name.textContent);
  await vi.advanceTimersByTimeAsync(0);
  expect(rows()).toEqual(['pcos', 'minipv-pv', 'minipv-pvh', 'demo']);
  const fetched = async (...ids: string[]): Promise<void> => {
    answer = { guests: ids.map(guest), coming: { text: 'more', done: 2, of: 14 } };
    await vi.advanceTimersByTimeAsync(2000);
  };
  await fetched('debian-686');
  expect(rows()).toEqual(['pcos', 'minipv-pv', 'minipv-pvh', 'demo', 'debian-686']);
  await fetched('debian-686', 'debian-686-pae');
  expect(rows()).toEqual(['pcos', 'minipv-pv', 'minipv-pvh', 'demo', 'debian-686', 'debian-686-pae']);
  // Those of the closed list that come behind the first prompt stay in it.
  afterPrompt.value = true;
  await vi.advanceTimersByTimeAsync(0);
  expect(rows().length).toBe(6);
});
