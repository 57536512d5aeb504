/** What a guest has open of the host is let go whatever happens. */
import { expect, it } from 'vitest';
import { DeviceFull, MemoryDisk } from '../../formats/blocks/index.ts';
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
