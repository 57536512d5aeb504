/** What a guest has open of the host is let go whatever happens. */
import { expect, it } from 'vitest';
import { DeviceFull, MemoryDisk } from '../../formats/blocks/index.ts';
import { SlowDisk } from '../../formats/blocks/slow-disk.test-support.ts';
import { loadBackends } from '../backends/index.ts';
import { guestDevice } from './guest-device.ts';

it('is closed also where the last that was written finds no room, which is told', async () => {
  await loadBackends(['drives']);
  const said: string[] = [];
  let closed = 0;
  const device = guestDevice(
    {
      medium: new MemoryDisk(new Uint8Array(4096)),
      path: '/images/disk.qcow2',
      rename: () => {},
      close: () => {
        closed++;
        throw new DeviceFull('ENOSPC: no space left on device, write');
      },
    },
    'disk.qcow2',
    { uuid: '', readOnly: false, sectorBytes: 512, format: 'qcow2', say: sentence => said.push(sentence) },
    () => () => {},
  );
  device.close();
  expect([closed, said]).toEqual([
    1,
    ['disk.qcow2: what was written last may not be there: ENOSPC: no space left on device, write'],
  ]);
});

it('tells of an answer that comes in another turn than it was asked for, since a guest of this thread may sleep then', async () => {
  await loadBackends(['drives']);
  let late = 0;
  const open = (medium: MemoryDisk | SlowDisk) =>
    guestDevice(
      { medium, path: '/dev/vg0/a', rename: () => {}, close: () => {} },
      'a',
      { uuid: '', readOnly: false, sectorBytes: 512, format: 'raw', say: () => {}, late: () => late++ },
      () => () => {},
    ).disk;
  const answers: (Error | undefined)[] = [];
  const request = { op: 'read', at: 0, pieces: [new Uint8Array(512)] } as const;
  open(new MemoryDisk(new Uint8Array(4096))).request(request, error => answers.push(error));
  expect([answers, late]).toEqual([[undefined], 0]);
  const slow = new SlowDisk(new Uint8Array(4096));
  open(slow).request(request, error => answers.push(error));
  expect([answers.length, late]).toEqual([1, 0]);
  slow.waiting[0]!();
  expect([answers, late]).toEqual([[undefined, undefined], 1]);
});
