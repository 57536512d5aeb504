/** What is wanted of a guest's balloon from now on; a guest without one has nobody to hear it. */
import type { BalloonWish } from '../../devices/index.ts';
import { verb } from './verb.ts';

export const balloon = verb({
  apply: ({ domain }, wish: BalloonWish) => {
    for (const device of domain.platform.virtio ?? []) device.balloon?.(wish);
  },
});
