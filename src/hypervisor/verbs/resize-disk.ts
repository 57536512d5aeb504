/** The medium of the disk at a place has this number of bytes now, where it is open: the guest is notified, as far as its disk can do that (QEMU's block_resize). */
import { HostError } from '../memory/machine.ts';
import { question } from './verb.ts';

export const resizeDisk = question({
  apply: ({ domain }, place: number, bytes: number): void => {
    const { disk } = domain.options.ide?.find(drive => drive.place === place) ?? {};
    if (!disk) throw new HostError('There is no such disk.');
    // On the thread where it is open it has that length already.
    if (disk.bytes !== bytes) disk.resize?.(bytes);
    domain.platform.resized?.(place);
  },
  gone: () => {},
});
