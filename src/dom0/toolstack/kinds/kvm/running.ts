/** What Domain 0 has for a guest of KVM that runs: loaded before the first is built, since a host with Xen needs none of it. */
import type { RunningKind } from '../running-kind.ts';
import type { Plugging } from '../plugging.ts';
import { plugChannel, unplugChannel } from './channel-hotplug.ts';
import { plugFolder } from './folder-hotplug.ts';
import { memory } from './memory.ts';
import { attachCard, attachDisk, detach } from './pci-hotplug.ts';
import { savedDevices } from './saved-devices.ts';

export { askBalloon, beginBalloon } from './memory.ts';
export { ejected } from './pci-hotplug.ts';

const plugging: Plugging = {
  wrongDisk: () => undefined,
  attachDisk,
  attachCard,
  arrived: 'is on the guest’s PCI bus, and the guest was notified.',
  has: () => true,
  detach,
  plugChannel,
  unplugChannel,
  plugFolder,
};

export const running: RunningKind = { memory, plugging, savedDevices };
