/** What Domain 0 has for a guest of Xen that runs, and loads with the first that is changed, or goes on from a saved state. */
import type { RunningKind } from '../running-kind.ts';
import { plugging } from './hotplug.ts';
import { memory } from './memory.ts';
import { savedDevices } from './saved-devices.ts';

export const running: RunningKind = { memory, plugging, savedDevices };
