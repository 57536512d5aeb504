/** What the commands of a page's first guest do: that comes with Domain 0, and the words for them with all others (index.ts) when one is asked for. */
import { dmesg } from './dmesg.ts';
import { create, destroy, pause, reboot, shutdown, trigger, unpause } from './life.ts';

export const GUEST_COMMANDS = { create, dmesg, pause, unpause, shutdown, reboot, destroy, trigger };
