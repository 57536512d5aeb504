/** What the other end of a channel wants of its port. */
import type { ChannelWish } from '../../devices/index.ts';
import { verb } from './verb.ts';

export const channel = verb({
  by: 'message',
  apply: ({ domain }, name: string, wish: ChannelWish) =>
    domain.platform.virtio?.forEach(device => device.channel?.(name, wish)),
});
