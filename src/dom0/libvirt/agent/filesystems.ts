/** File systems that a guest has mounted, as its agent tells them, and what it does with them. Source: src/qemu/qemu_agent.c and qemu_driver.c of libvirt 9. */
import { slotOfDisk } from '../../../devices/index.ts';
import { VIRTIO_PLACE } from '../../../devices/ide/index.ts';
import { type Definition, placeUnderKvm } from '../../definitions/config/index.ts';
import type { CommandHost, Uses } from '../../toolstack/index.ts';
import type { Domain } from '../../toolstack/domains/index.ts';
import { LibvirtError } from '../errors.ts';
import { type Agent, malformed, withAgent } from './session.ts';
import { count, list, listIn, maybeCount, maybeText, part, text } from './words.ts';

/** Where a disk is, as the guest finds it. */
export interface DiskAddress {
  /** Slot and function on PCI's bus 0 of the disk itself (virtio), or of the adapter that it is at. */
  slot: number;
  function: number;
  bus: number;
  target: number;
  unit: number;
  serial: string | undefined;
  device: string | undefined;
}

export interface FileSystem {
  mountpoint: string;
  name: string;
  type: string;
  usedBytes: number | undefined;
  totalBytes: number | undefined;
  disks: DiskAddress[];
}

/** qemuAgentGetDiskAddress(). @throws LibvirtError */
export function readDiskAddress(said: unknown): DiskAddress {
  const number = (of: unknown, name: string): number => {
    // The agent says -1 of what it could not find out.
    const value = part(of, name);
    return value === -1 ? -1 : count(of, name, `'${name}' missing`);
  };
  const pci = part(said, 'pci-controller');
  if (pci === undefined) throw malformed("'pci-controller' missing");
  return {
    slot: number(pci, 'slot'),
    function: number(pci, 'function'),
    bus: number(said, 'bus'),
    target: number(said, 'target'),
    unit: number(said, 'unit'),
    serial: maybeText(said, 'serial'),
    device: maybeText(said, 'dev'),
  };
}

/** PIIX3's IDE function, to which four disks belong. */
const IDE = { slot: 1, function: 1 };

/** What the definition calls the disk at an address (virDomainDiskByAddress()); undefined: it has none there. */
export function targetAt({ disks }: Pick<Definition, 'disks'>, address: DiskAddress): string | undefined {
  return disks.find(disk => {
    const place = placeUnderKvm(disk);
    if (place === undefined) return false;
    if (place >= VIRTIO_PLACE) return slotOfDisk(place) === address.slot && address.function === 0;
    const isAtIde = address.slot === IDE.slot && address.function === IDE.function && address.target === 0;
    return isAtIde && place === 2 * address.bus + address.unit;
  })?.vdev;
}

/** Those that it tells last were mounted first. @throws LibvirtError */
export function readFileSystems(said: unknown): FileSystem[] {
  const missing = (field: string): string => `'${field}' missing in reply of guest-get-fsinfo`;
  if (said === undefined) throw malformed('guest-get-fsinfo reply was missing return data');
  return list(said, 'Malformed guest-get-fsinfo data array')
    .toReversed()
    .map(each => {
      const [mountpoint, name, type] = (['mountpoint', 'name', 'type'] as const).map(field =>
        text(each, field, missing(field)),
      );
      if (part(each, 'disk') === undefined) throw malformed(missing('disk'));
      const disks = listIn(each, 'disk', "Malformed guest-get-fsinfo 'disk' data array").map(readDiskAddress);
      return {
        mountpoint: mountpoint!,
        name: name!,
        type: type!,
        usedBytes: maybeCount(each, 'used-bytes'),
        totalBytes: maybeCount(each, 'total-bytes'),
        disks,
      };
    });
}

export const fileSystemsBy = async (agent: Agent): Promise<FileSystem[]> =>
  readFileSystems(await agent.ask('guest-get-fsinfo'));

/** File systems, each with the disks of the definition that it lies on. @throws LibvirtError */
export async function guestFileSystems(
  host: Uses<'toolstack'>,
  domain: Domain,
): Promise<(FileSystem & { targets: string[] })[]> {
  const all = await withAgent(host, domain, 'virDomainGetFSInfo', fileSystemsBy);
  return all.map(each => ({
    ...each,
    targets: each.disks.flatMap(address => targetAt(domain.definition, address) ?? []),
  }));
}

/** @throws LibvirtError */
function howMany(said: unknown): number {
  if (!Number.isSafeInteger(said)) throw malformed('malformed return value');
  return said as number;
}

/** Holds writes of file systems back: of all, or of those at some mount points; how many. @throws LibvirtError */
export const freezeFileSystems = (host: CommandHost, domain: Domain, mountpoints: readonly string[]): Promise<number> =>
  withAgent(host, domain, 'virDomainFSFreeze', async agent =>
    howMany(
      await (mountpoints.length > 0
        ? agent.ask('guest-fsfreeze-freeze-list', { mountpoints })
        : agent.ask('guest-fsfreeze-freeze')),
    ),
  );

/** Lets all of them go on; how many. @throws LibvirtError */
export async function thawFileSystems(
  host: Uses<'toolstack'>,
  domain: Domain,
  mountpoints: readonly string[],
): Promise<number> {
  if (mountpoints.length > 0)
    throw new LibvirtError('ARGUMENT_UNSUPPORTED', 'specifying mountpoints is not supported', 'qemu');
  return withAgent(host, domain, 'virDomainFSThaw', async agent => howMany(await agent.ask('guest-fsfreeze-thaw')));
}

/** Tells disks which of their blocks are free, where at least `minimumBytes` are in a row. @throws LibvirtError */
export async function trimFileSystems(
  host: Uses<'toolstack'>,
  domain: Domain,
  mountpoint: string | undefined,
  minimumBytes: number,
): Promise<void> {
  if (mountpoint !== undefined)
    throw new LibvirtError('ARGUMENT_UNSUPPORTED', 'Specifying mount point is not supported for now', 'qemu');
  await withAgent(host, domain, 'virDomainFSTrim', agent => agent.ask('guest-fstrim', { minimum: minimumBytes }));
}
