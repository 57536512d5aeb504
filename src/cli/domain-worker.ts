/** Entry of a domain's worker in node: src/hypervisor/worker/worker.ts finds the names that a browser's worker has, and a way to files. */
import { actAsWorker } from './as-worker.ts';
import type { OpenMedium } from '../hypervisor/disks/index.ts';
import { openFile } from './boot/image-file.ts';
import { FileDevice } from './file-device.ts';

/** Files that the domain has open. */
const opened: FileDevice[] = [];
const openMedium: OpenMedium = medium => {
  const device = openFile(medium);
  if (device instanceof FileDevice) opened.push(device);
  return device;
};

actAsWorker({
  openMedium,
  closeMedium: () => {
    for (const device of opened.splice(0)) device.close();
  },
});

void import('../hypervisor/worker/worker.ts');
