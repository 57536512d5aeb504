// @vitest-environment happy-dom
import { expect, it, vi } from 'vitest';
import { eventually } from '../../test/support/eventually.ts';

const { port1: port } = new MessageChannel();
vi.mock('./indexed-db.ts', () => ({ recall: async () => undefined, keep: async () => {} }));
// Nobody speaks at the port.
vi.mock('./host.ts', async original => ({ ...(await original<object>()), host: { exportState: async () => port } }));
const { hostsLost } = await import('./host.ts');
const { exportAll, exporting, outcome } = await import('./whole-state.ts');

it('ends an export with the Domain 0 that it is of, and says so', async () => {
  const done = exportAll();
  await eventually(() => expect(exporting.value).toBeDefined());
  await new Promise(resolve => setTimeout(resolve, 10));
  hostsLost.value++;
  await done;
  expect(outcome.value).toMatchObject({ good: false, text: expect.stringContaining('Domain-0 ended') });
  expect(exporting.value).toBeUndefined();
});
