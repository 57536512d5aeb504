/** A guest's disk image with what the guest wrote to it, for a download: put together of the image's own parts, so that no disk is ever in memory as a whole. */
import { snapshots } from '../toolstack/index.ts';
import type { BlockDevice } from '../../formats/blocks/index.ts';
import { deviceNumber } from '../definitions/config/index.ts';
import { ideName, type NamedFile } from '../definitions/index.ts';
import { type DiskChange, OVERLAY_BLOCK_BYTES } from '../../hypervisor/disks/index.ts';
import { type DriveImage, noMedia } from '../../hypervisor/index.ts';
import { backend, loadBackends } from '../backends/index.ts';
import type { CommandHost, Guest, Uses } from '../toolstack/index.ts';

/** Of an image that is no file of sectors (qcow2): read and put away this much at a time. */
const PIECE_BYTES = 4 * 2 ** 20;

/** A disk whose changes lie above its image (OverlayDisk). */
interface WrittenDisk extends BlockDevice {
  readonly changedBlocks: number;
  changes(): Iterable<DiskChange>;
}

const nameOf = ({ vdev, place }: DriveImage): string => vdev ?? ideName(place);

/** A drive that a guest writes, and whose image is a file; undefined: it is another one. */
export const isImage = ({ readOnly, kind, medium }: DriveImage): boolean =>
  !readOnly && kind !== 'cdrom' && medium !== undefined && ('data' in medium || 'bytes' in medium);

/** The open disk of such a drive; undefined: another worker has it. */
export function openImageOf({ attachments }: Guest, drive: DriveImage): WrittenDisk | undefined {
  const place = drive.place < 0 ? deviceNumber(nameOf(drive)) : drive.place;
  const disk = attachments.media.find(each => each.place === place)?.disk;
  return disk && 'changedBlocks' in disk ? (disk as WrittenDisk) : undefined;
}

/** The whole disk as sectors. What is not changed is a part of the file itself, as far as that is a disk's sectors: nothing of it is read here. */
export function imageWith(disk: WrittenDisk, data: Blob | undefined): Blob {
  return data && isAsFile(disk, data) ? ofParts(disk, data) : ofReads(disk);
}

/** Its sectors are the file's bytes. */
const isAsFile = ({ bytes, sectorBytes }: BlockDevice, { size }: Blob): boolean =>
  Math.ceil(size / sectorBytes) * sectorBytes === bytes;

function ofParts(disk: WrittenDisk, data: Blob): Blob {
  const parts: BlobPart[] = [];
  let at = 0;
  const original = (to: number): void => {
    if (Math.min(to, data.size) > at) parts.push(data.slice(at, Math.min(to, data.size)));
    if (to > data.size) parts.push(new Uint8Array(to - Math.max(at, data.size)));
    at = to;
  };
  for (const { block, bytes } of disk.changes()) {
    const from = block * OVERLAY_BLOCK_BYTES;
    if (from > at) original(from);
    const piece = bytes.slice(0, Math.min(bytes.length, disk.bytes - from));
    parts.push(piece);
    at = from + piece.length;
  }
  if (at < disk.bytes) original(disk.bytes);
  return new Blob(parts);
}

/** The browser puts each piece away when it is made; those that are zeros are one. */
function ofReads(disk: BlockDevice): Blob {
  const parts: Blob[] = [];
  const zeros = new Blob([new Uint8Array(PIECE_BYTES)]);
  for (let at = 0; at < disk.bytes; at += PIECE_BYTES) {
    const piece = new Uint8Array(Math.min(PIECE_BYTES, disk.bytes - at));
    disk.read(at, piece);
    parts.push(piece.some(byte => byte !== 0) ? new Blob([piece]) : zeros.slice(0, piece.length));
  }
  return new Blob(parts);
}

/** What the image is called unpacked; a disk that was read through a format of its own has its sectors here. */
const nameOfSectors = (name: string, isFile: boolean): string => {
  const unpacked = name.replace(/\.(?:gz|xz|zst)$/i, '');
  return isFile ? unpacked : `${unpacked.replace(/\.(?:qcow2?|img)$/i, '')}.img`;
};

/** The disk in a guest's drive as it is now, under its image's name. What the guest has not written yet is missing. @throws Error with a sentence */
export async function imageOfDrive(host: CommandHost, id: number, vdev: string): Promise<NamedFile> {
  const member = host.domains.member(id);
  const drive = member.blueprint.drives?.find(each => nameOf(each) === vdev);
  if (!drive || !isImage(drive))
    throw new Error(`${member.name} has no image file in ${vdev} that it writes: there is nothing to download.`);
  const { medium } = drive;
  const data =
    medium && 'data' in medium
      ? medium.data
      : medium && 'bytes' in medium
        ? new Blob([medium.bytes as BlobPart])
        : undefined;
  const disk = openImageOf(member, drive) ?? (await elsewhere(host, member, drive));
  return { name: nameOfSectors(medium!.name, data !== undefined && isAsFile(disk, data)), data: imageWith(disk, data) };
}

/** The guest's worker has the image open: a saved state says what was changed. */
async function elsewhere(host: Uses<'parts' | 'toolstack'>, member: Guest, drive: DriveImage): Promise<WrittenDisk> {
  if (member.ending)
    throw new Error(`${member.name} has stopped, and what it had written to ${nameOf(drive)} went with it.`);
  const { savedChanges } = await snapshots.load();
  await loadBackends(['drives']);
  const { attachDrives, restoreChanges } = backend('drives');
  const changes = await savedChanges(host, member);
  const attached = attachDrives([drive], host.parts.openMedium ?? noMedia, () => {});
  for (const { place, changes: blocks } of changes) restoreChanges(attached, place, blocks);
  return attached[0]!.disk as unknown as WrittenDisk;
}
