import { expect, it } from 'vitest';
import { FRAME_BYTES, Machine } from '../../../memory/machine.ts';
import { PAGE } from '../stream/format.ts';
import { encodeDelta } from '../stream/page-delta.ts';
import { ComingPages } from './coming-pages.ts';

it('holds zeroes where a page comes as that, whatever it held when it came before', () => {
  const machine = Machine.create(new SharedArrayBuffer(4 * 2 ** 20));
  const [mfn] = machine.allocate(1, 1)!;
  const pages = new ComingPages(machine, Int32Array.of(mfn!));
  const held = (): Uint8Array => machine.bytes.slice(mfn! * FRAME_BYTES, (mfn! + 1) * FRAME_BYTES);
  const one = { pfns: Uint32Array.of(0), bytes: new Uint8Array() };
  pages.put({ ...one, types: Uint8Array.of(PAGE.NORMAL), bytes: new Uint8Array(FRAME_BYTES).fill(7) });
  expect(held()).toEqual(new Uint8Array(FRAME_BYTES).fill(7));
  pages.put({ ...one, types: Uint8Array.of(PAGE.ALLOCATE_ONLY) });
  expect(held()).toEqual(new Uint8Array(FRAME_BYTES));
  // What has changed since is told by what it held then.
  const now = new Uint8Array(FRAME_BYTES);
  now[100] = 1;
  const delta = encodeDelta(new Uint8Array(FRAME_BYTES), now)!;
  pages.put({ ...one, types: Uint8Array.of(PAGE.NORMAL), bytes: delta, deltas: Uint32Array.of(delta.length) });
  expect(held()).toEqual(now);
});
