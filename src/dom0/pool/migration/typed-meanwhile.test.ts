import { expect, it } from 'vitest';
import { until } from '../../service/host.test-support.ts';
import type { Host } from '../../service/index.ts';
import { GUESTS, pair, watch } from './pair.test-support.ts';

/** Of libxc's records: it comes behind memory. */
const X86_TSC_INFO = 8;

/** Types a line at a guest's PV console when that has been copied, with all of its memory; `then` is called behind it. */
function typeWhileStill({ toolstack }: Host, id: number, line: string, then: () => void): void {
  const hold = toolstack.hold.bind(toolstack);
  const { attached } = toolstack.members.get(id)!;
  toolstack.hold = (guest, signal, sink, live) =>
    hold(
      guest,
      signal,
      piece => {
        if (piece[0] === X86_TSC_INFO) {
          attached!.input(new TextEncoder().encode(line));
          then();
        }
        return sink(piece);
      },
      live,
    );
}

it('gets there what is typed at its console while it stands still, once', async () => {
  const { a, b } = pair();
  const { id } = await a.create(GUESTS.minipv('web'));
  const shown = await watch(a, id);
  await until(() => shown.text().endsWith('> '));
  let times = 0;
  typeWhileStill(a, id, 'grants\r', () => times++);
  await a.migrate(id, 'b');
  expect(times).toBe(1);
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
  typeWhileStill(a, id, 'grants\r', () => cable.cutAll('the cable was pulled'));
  await expect(a.migrate(id, 'b')).rejects.toThrow();
  await until(() => /grants: \d+ of 512 used/.test(shown.text()));
});
