/** What becomes of a guest's disks when it goes to another host, for who is about to send it. */
import { isNetworkDisk } from '../../../formats/nbd/index.ts';
import { overlayHeaderOf, writtenRanges } from '../../host/storage/index.ts';
import type { CommandHost, Guest, Uses } from '../../toolstack/index.ts';

export interface DiskToMove {
  path: string;
  /**
   * `copied`: it lies on this host's disk, and goes with --copy-storage-all alone. `needed`: it has to be there, since the guest only reads it. `found`: the
   * other host takes a file of its own with the same contents, and what the guest wrote goes with the guest. `served`: both hosts reach it.
   */
  how: 'copied' | 'needed' | 'found' | 'served';
  /** Of `copied`: what is to be sent. Else: of all of it. */
  bytes: number;
}

/** Its disks, as they are now. */
export async function disksToMove(host: Uses<'disk'>, guest: Guest): Promise<DiskToMove[]> {
  const disks: DiskToMove[] = [];
  for (const { medium } of guest.blueprint.drives ?? []) {
    if (!medium) continue;
    const path = medium.name;
    const device = guest.attachments.devices.find(each => each.path === path);
    if (isNetworkDisk(path)) disks.push({ path, how: 'served', bytes: device?.disk.bytes ?? 0 });
    else if (!device) disks.push({ path, how: 'found', bytes: 'data' in medium ? medium.data.size : 0 });
    else if (device.disk.readOnly) disks.push({ path, how: 'needed', bytes: device.disk.bytes });
    else {
      const storage = await host.disk.openDevices();
      const volume = storage!.medium(path);
      // Of an image's overlay the image's blocks go, too.
      const isWhole = overlayHeaderOf(storage!, path) !== undefined;
      const written = isWhole ? [volume] : [...writtenRanges(storage!.disk, volume)];
      disks.push({ path, how: 'copied', bytes: written.reduce((sum, { bytes }) => sum + bytes, 0) });
    }
  }
  return disks;
}

/** What lies on this host alone cannot be reached from the other one; of its volumes copies can go there. @throws Error with a sentence */
export function refuseLocalDisks({ files: { allowed } }: CommandHost, guest: Guest, to: string, copies: boolean): void {
  for (const { medium } of guest.blueprint.drives ?? []) {
    if (!medium || !('device' in medium) || isNetworkDisk(medium.name)) continue;
    const isBeneath = allowed?.has(medium.name) === true;
    if (copies && !isBeneath) continue;
    const where = isBeneath ? 'is a file of the machine beneath this host' : 'lies on the disk of this host';
    throw new Error(
      `${medium.name} ${where}, and ${to} does not reach it. Serve it with qemu-nbd, and give ${guest.name} nbd://… in its place${isBeneath ? '.' : ', or migrate it with --copy-storage-all.'}`,
    );
  }
}
