// @vitest-environment happy-dom
import { afterEach, expect, it, vi } from 'vitest';
import { eventually } from '../../test/support/eventually.ts';

vi.mock('./host.ts', async original => ({
  ...(await original<object>()),
  offerFirmware: async () => {},
  offerGuests: () => Promise.reject(new Error('/etc/xen is read-only.')),
}));
const { info, tasks } = await import('./host.ts');
const { afterPrompt } = await import('./prompt-reached.ts');
const page = await import('./offered-guests.ts');

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

it('offers what was fetched where Domain 0 cannot take it among its files, and says why in its words', async () => {
  const guest = {
    id: 'debian',
    title: 'Debian',
    about: 'A system',
    bytes: 7,
    files: [{ name: 'vmlinuz', path: 'debian/vmlinuz' }],
  };
  vi.stubGlobal('fetch', async () => Response.json({ guests: [guest] }));
  page.startCatalogue();
  await page.catalogue;
  expect(page.offers.value.map(({ id }) => id)).toContain('debian');
  expect(page.isAnyFetched.value).toBe(true);
  expect(tasks.value.map(({ command, message }) => [command, message])).toEqual([
    ['Domain-0', '/etc/xen is read-only.'],
  ]);
});

it('lists each guest that npm start fetches as soon as it is there, and says why none come', async () => {
  vi.useFakeTimers();
  const guest = (id: string) => ({
    id,
    title: id,
    about: 'A system',
    bytes: 7,
    files: [{ name: 'vmlinuz', path: `${id}/vmlinuz` }],
  });
  let answer: object = { guests: [], coming: { text: 'fetching linux-image-686', done: 1, of: 14 } };
  vi.stubGlobal('fetch', async () => Response.json(answer));
  page.startCatalogue();
  await page.catalogue;
  expect([page.coming.value, page.offers.value.filter(({ bytes }) => bytes > 0)]).toEqual([
    { text: 'fetching linux-image-686', done: 1, of: 14 },
    [],
  ]);
  answer = { guests: [guest('debian-686')], coming: { text: 'debian-686 is there', done: 2, of: 14 } };
  await vi.advanceTimersByTimeAsync(2000);
  expect(page.offers.value.filter(({ bytes }) => bytes > 0).map(({ id }) => id)).toEqual(['debian-686']);
  // The server may be away for a moment.
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
  await vi.advanceTimersByTimeAsync(2000);
  expect(page.coming.value).toMatchObject({ done: 2 });
  vi.stubGlobal('fetch', async () => Response.json(answer));
  answer = { guests: [], coming: { problem: 'there is no apt-get on this machine' } };
  await vi.advanceTimersByTimeAsync(2000);
  expect([page.coming.value, page.offers.value.some(({ bytes }) => bytes > 0)]).toEqual([
    { problem: 'there is no apt-get on this machine' },
    false,
  ]);
  answer = { guests: [guest('debian-686')] };
  await vi.advanceTimersByTimeAsync(60_000);
  expect(page.offers.value.some(({ bytes }) => bytes > 0)).toBe(false);
});

it('does not ask for guests to be fetched where they were, and this host cannot start them', async () => {
  const guest = { id: 'debian', title: 'Debian', about: '', bytes: 7, files: [{ name: 'vmlinuz', path: 'vmlinuz' }] };
  vi.stubGlobal('fetch', async () => Response.json({ guests: [guest] }));
  page.startCatalogue();
  await page.catalogue;
  const before = info.value;
  info.value = { noVt: true } as NonNullable<typeof before>;
  expect([page.offers.value.map(({ id }) => id), page.notHere.value > 1, page.isAnyFetched.value]).toEqual([
    ['minipv-pv'],
    true,
    true,
  ]);
  info.value = before;
});

it('gives a download up that nothing comes of any more', async () => {
  vi.useFakeTimers();
  vi.stubGlobal('fetch', async () => new Response(new ReadableStream({ start: to => to.enqueue(new Uint8Array(3)) })));
  const guest = { id: 'x', title: 'x', about: '', bytes: 7, files: [{ name: 'vmlinuz', url: 'http://host/vmlinuz' }] };
  const done = expect(page.fetchGuest(guest, new AbortController().signal, () => {})).rejects.toThrow(
    'vmlinuz could not be fetched (the server sent nothing for 60 s)',
  );
  await vi.advanceTimersByTimeAsync(61_000);
  await done;
});

it('lists its own guests of 64 bits behind all others, once the first prompt is there', async () => {
  const ids = (): string[] => page.offers.value.map(({ id }) => id);
  vi.stubGlobal('fetch', async () => Response.json({ guests: [], cds: [{ name: 'a.iso', path: 'a.iso', bytes: 7 }] }));
  page.startCatalogue();
  await page.catalogue;
  expect(ids().at(-1)).toBe('a.iso');
  afterPrompt.value = true;
  await eventually(() => expect(ids().slice(-4)).toEqual(['a.iso', 'demo64', 'minipv64-pvh', 'minipv64-hvm']));
  page.startCatalogue();
  await page.catalogue;
  expect(ids().slice(-4)).toEqual(['a.iso', 'demo64', 'minipv64-pvh', 'minipv64-hvm']);
});

it('offers kernels of Xen where there is one', () => {
  const types = () => page.offers.value.map(({ type }) => type);
  expect(types()).toEqual(expect.arrayContaining(['pv', 'pvh', 'hvm']));
  const before = info.value;
  info.value = { ...before, hypervisor: 'kvm' } as typeof before;
  expect(types().filter(type => type?.startsWith('pv'))).toEqual([]);
  expect(types()).toContain('hvm');
  info.value = before;
});
