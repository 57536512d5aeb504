/** Its card's link goes up or down, as when somebody pulls the cable (QEMU's set_link). */
import { verb } from './verb.ts';

export const setLink = verb({ apply: ({ domain }, isUp: boolean) => domain.options.setLink?.(isUp) });
