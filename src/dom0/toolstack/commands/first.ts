/** The commands of a page's first guest: they come with Domain 0, and all others (index.ts) when one is asked for. */
import { dmesg } from './dmesg.ts';
import { create, destroy, pause, reboot, shutdown, trigger, unpause } from './life.ts';

export const FIRST_COMMANDS = { create, dmesg, pause, unpause, shutdown, reboot, destroy, trigger };
