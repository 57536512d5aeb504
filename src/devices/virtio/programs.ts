/** The programs of virtio's devices but for its disks, which are drives (../drives.ts): most guests have none. */
import { part } from '../../formats/loading/index.ts';

export const virtioDevicePrograms = part(() => import('./programs/index.ts'), 'is the guest’s devices of virtio');
