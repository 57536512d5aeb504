/** The link of its card at a place goes up or down, as when somebody pulls the cable (QEMU's set_link). */
import { verb } from './verb.ts';

export const setLink = verb({
  apply: ({ domain }, place: number, isUp: boolean) => domain.options.wires?.get(place)?.setLink(isUp),
});
