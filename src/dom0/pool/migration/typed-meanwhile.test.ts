import { expect, it } from 'vitest';
import { until } from '../../service/host.test-support.ts';
import { GUESTS, pair, watch } from './pair.test-support.ts';

/** Of libxc's records: it comes behind memory. */
const X86_TSC_INFO = 8;
const typed = (text: string): Uint8Array => new TextEncoder().encode(text);

it('gets there what is typed at its console while it stands still, once', async () => {
  const { a, b } = pair();
  const { id } = await a.create(GUESTS.minipv('web'));
  const shown = await watch(a, id);
  await until(() => shown.text().endsWith('> '));
  const { toolstack } = a,
    hold = toolstack.hold.bind(toolstack);
  const { attached } = toolstack.members.get(id)!;
  let isTyped = false;
  toolstack.hold = (guest, signal, sink, live) =>
    hold(
      guest,
      signal,
      piece => {
        if (piece[0] === X86_TSC_INFO && !isTyped) {
          isTyped = true;
          attached!.input(typed('grants\r'));
        }
        return sink(piece);
      },
      live,
    );
  await a.migrate(id, 'b');
  expect(isTyped).toBe(true);
  const [{ id: there }] = await b.list().then(all => all.filter(({ name }) => name === 'web'));
  const on = await watch(b, there);
  await until(() => /grants: \d+ of 512 used/.test(on.text()));
  expect(on.text().match(/grants: /g)).toHaveLength(1);
});

it('gets it here where it does not move after all', async () => {
  const { a, cable } = pair();
  const { id } = await a.create(GUESTS.minipv('web'));
  const shown = await watch(a, id);
  await until(() => shown.text().endsWith('> '));
  const { toolstack } = a,
    hold = toolstack.hold.bind(toolstack);
  const { attached } = toolstack.members.get(id)!;
  toolstack.hold = (guest, signal, sink, live) =>
    hold(
      guest,
      signal,
      piece => {
        if (piece[0] === X86_TSC_INFO) {
          attached!.input(typed('grants\r'));
          cable.cutAll('the cable was pulled');
        }
        return sink(piece);
      },
      live,
    );
  await expect(a.migrate(id, 'b')).rejects.toThrow();
  await until(() => /grants: \d+ of 512 used/.test(shown.text()));
});
