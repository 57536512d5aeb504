// @vitest-environment happy-dom
import { afterEach, expect, it, vi } from 'vitest';

vi.mock('./host.ts', async original => ({ ...await original<object>(), offerFirmware: async () => {}, offerGuests: () => Promise.reject(new Error('/etc/xen is read-only.')) }));
const { tasks } = await import('./host.ts');
const page = await import('./offers.ts');

afterEach(() => vi.unstubAllGlobals());

it('offers what was fetched where Domain 0 cannot take it among its files, and says why in its words', async () => {
  const guest = { id: 'debian', title: 'Debian', about: 'A system', bytes: 7, files: [{ name: 'vmlinuz', path: 'debian/vmlinuz' }] };
  vi.stubGlobal('fetch', async () => Response.json({ guests: [guest] }));
  page.startCatalogue();
  await page.catalogue;
  expect(page.offers.value.map(({ id }) => id)).toContain('debian');
  expect(tasks.value.map(({ command, message }) => [command, message])).toEqual([['Domain-0', '/etc/xen is read-only.']]);
});
