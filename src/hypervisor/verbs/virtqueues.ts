/** The queues of a domain's devices of virtio, as the devices see them. */
import type { VirtQueueLook } from '../../devices/index.ts';
import { question } from './verb.ts';

export interface LookedAt {
  /** As its board has it: virtio-blk0. */
  device: string;
  queues: VirtQueueLook[];
}

export const virtqueues = question({
  apply: ({ domain }): LookedAt[] =>
    (domain.platform.virtio ?? []).map(device => ({ device: device.name, queues: device.looks() })),
  gone: (): LookedAt[] => [],
});
