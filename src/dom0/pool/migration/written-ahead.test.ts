import { expect, it } from 'vitest';
import { MemoryDisk } from '../../../formats/blocks/index.ts';
import { OVERLAY_BLOCK_BYTES, OverlayDisk } from '../../../hypervisor/disks/overlay-disk.ts';
import type { Guest } from '../../toolstack/index.ts';
import type { Line } from './line.ts';
import { keepWritten, sendWritten } from './written-ahead.ts';

const BLOCKS = 1200;

it('takes nothing more of a disk once its move is given up: what is saved next has all of it', async () => {
  const disk = new OverlayDisk(new MemoryDisk(new Uint8Array(BLOCKS * OVERLAY_BLOCK_BYTES), { readOnly: true }));
  disk.write(0, new Uint8Array(BLOCKS * OVERLAY_BLOCK_BYTES).fill(1));
  const guest = { attachments: { media: [{ place: 0, kind: 'disk', disk }] } } as unknown as Guest;
  let sent = (): void => {};
  const line = { send: () => new Promise<void>(resolve => (sent = resolve)) } as unknown as Line;
  const move = new AbortController();
  const sending = sendWritten(guest, line, move.signal);
  move.abort(new Error('given up'));
  keepWritten(guest);
  sent();
  await expect(sending).rejects.toThrow('given up');
  expect([...disk.changesLeft()]).toHaveLength(BLOCKS);
});
