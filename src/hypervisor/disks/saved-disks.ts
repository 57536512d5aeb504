/**
 * Disks in a saved state. The medium stays where it is; the state says which one it was and holds what the guest had changed of it.
 *
 *   DISK record   place (32 bits), blocks n (32 bits), n block numbers (32 bits each), n blocks of 4 KiB
 */
import { type IdeAttachment, VIRTIO_DISKS } from '../../devices/ide/index.ts';
import type { BlockDevice } from '../../formats/blocks/index.ts';
import { type DiskChange, OVERLAY_BLOCK_BYTES, type OverlayDisk } from './overlay-disk.ts';
import { type SavedDrive, WHAT } from './saved-drive.ts';

/** A disk whose changes can be saved. */
interface SavableDisk extends BlockDevice {
  readonly label: string;
  fingerprint(): number;
  changes(): Iterable<DiskChange>;
  /** Those that nobody took while the guest ran (OverlayDisk). */
  changesLeft?(): Iterable<DiskChange>;
  change(change: DiskChange): void;
}

const isSavable = (disk: BlockDevice): disk is SavableDisk => 'changes' in disk;
/** Checksum of a sample of a medium; 0: nothing is in the drive, or nobody can tell. */
export const fingerprintOf = (disk: BlockDevice | null): number => (disk && isSavable(disk) ? disk.fingerprint() : 0);
const WHERE = [
  'primary master',
  'primary slave',
  'secondary master',
  'secondary slave',
  'floppy drive A',
  'floppy drive B',
  ...Array.from({ length: VIRTIO_DISKS }, (_, i) => `virtio disk vd${String.fromCharCode(97 + i)}`),
];
/** Blocks of one record: 4 MiB. */
const BLOCKS_PER_RECORD = 1024;

const drivePlace = (place: number): string => WHERE[place] ?? `virtual disk ${place}`;

/** What the state says of the drives; `refuse` is called with a sentence where one cannot be saved. */
export function describeDrives(ide: readonly IdeAttachment[], refuse: (sentence: string) => never): SavedDrive[] {
  return ide.map(({ place, kind, disk }) => {
    if (!disk) return { place, kind, bytes: -1, label: '', fingerprint: 0 };
    if (!isSavable(disk))
      return refuse(
        `The ${drivePlace(place)}'s changes lie where a saved state cannot reach them. Start the guest without that drive to save it.`,
      );
    const bytes = disk.sectors * disk.sectorBytes;
    const readOnly = kind === 'disk' && disk.readOnly ? { readOnly: true as const } : {};
    return { place, kind, bytes, label: disk.label, fingerprint: disk.fingerprint(), ...readOnly };
  });
}

/** Does `work`; what that asks of the media meanwhile, nobody is asked. */
export function askingNobody(ide: readonly IdeAttachment[], work: () => void): void {
  const media = ide.flatMap(({ disk }) => disk ?? []);
  // A device in front of another (BlockDevice.behind) has a `request` of its own.
  const own = media.map(disk => Object.getOwnPropertyDescriptor(disk, 'request'));
  for (const disk of media) disk.request = () => {};
  try {
    work();
  } finally {
    media.forEach((disk, i) => {
      const request = own[i];
      if (request) Object.defineProperty(disk, 'request', request);
      else Reflect.deleteProperty(disk, 'request');
    });
  }
}

/** Bodies of the DISK records; `left`: of what nobody has taken while the guest ran. */
export function* diskRecords(ide: readonly IdeAttachment[], left = false): Generator<Uint8Array> {
  for (const { place, disk } of ide) {
    if (!disk || !isSavable(disk)) continue;
    const changes = [...(left && disk.changesLeft ? disk.changesLeft() : disk.changes())];
    for (let from = 0; from < changes.length; from += BLOCKS_PER_RECORD)
      yield record(place, changes.slice(from, from + BLOCKS_PER_RECORD));
  }
}

/** Bodies of DISK records with what had changed since they were taken last, at most `mostBlocks` each. Somebody may write between two of them. */
export function* takenRecords(ide: readonly IdeAttachment[], mostBlocks: number): Generator<Uint8Array> {
  for (const { place, disk } of ide) {
    if (!disk || !isTakable(disk)) continue;
    for (let left = disk.blocksLeft; left > 0; ) {
      const taken = disk.takeChanges(Math.min(left, mostBlocks));
      if (taken.length === 0) break;
      left -= taken.length;
      yield record(place, taken);
    }
  }
}

/** How many blocks `takenRecords` would give now. */
export const blocksLeft = (ide: readonly IdeAttachment[]): number =>
  ide.reduce((sum, { disk }) => sum + (disk && isTakable(disk) ? disk.blocksLeft : 0), 0);

/** Nobody takes changes of them any more. */
export function endTaking(ide: readonly IdeAttachment[]): void {
  for (const { disk } of ide) if (disk && isTakable(disk)) disk.endTaking();
}

const isTakable = (disk: BlockDevice): disk is OverlayDisk => 'takeChanges' in disk;

function record(place: number, changes: DiskChange[]): Uint8Array {
  const bytes = new Uint8Array(8 + changes.length * (4 + OVERLAY_BLOCK_BYTES));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, place, true);
  view.setUint32(4, changes.length, true);
  changes.forEach((change, i) => {
    view.setUint32(8 + 4 * i, change.block, true);
    bytes.set(change.bytes, 8 + 4 * changes.length + i * OVERLAY_BLOCK_BYTES);
  });
  return bytes;
}

/** Reads a DISK record; undefined: it contradicts itself. */
export function readDiskRecord(bytes: Uint8Array): { place: number; changes: DiskChange[] } | undefined {
  if (bytes.length < 8) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(4, true);
  if (bytes.length !== 8 + count * (4 + OVERLAY_BLOCK_BYTES)) return undefined;
  const changes = Array.from({ length: count }, (_, i) => {
    const at = 8 + 4 * count + i * OVERLAY_BLOCK_BYTES;
    return { block: view.getUint32(8 + 4 * i, true), bytes: bytes.subarray(at, at + OVERLAY_BLOCK_BYTES) };
  });
  return { place: view.getUint32(0, true), changes };
}

/** Why these drives are not the ones that the guest had; undefined: they are. A sentence with what to do. */
export function drivesDiffer(saved: readonly SavedDrive[], ide: readonly IdeAttachment[]): string | undefined {
  for (const { place, kind, bytes, label, fingerprint } of saved) {
    const { disk } = ide.find(drive => drive.place === place && drive.kind === kind) ?? {};
    const what = WHAT[kind];
    if (bytes < 0) {
      if (disk)
        return kind === 'floppy'
          ? `the guest's ${drivePlace(place)} was empty. Leave the disk out`
          : `the guest's CD-ROM drive was empty. Leave the CD out`;
      continue;
    }
    if (!disk) return `the guest had the ${what} ${label} as ${drivePlace(place)}. Give it again`;
    const is = disk.sectors * disk.sectorBytes;
    if (is !== bytes) return `the guest's ${what} ${label} had ${bytes} bytes, this one has ${is}. Give the one it had`;
    if (!isSavable(disk) || isOther(fingerprint, disk))
      return `the contents of the guest's ${what} ${label} were others. Give it as it was then`;
  }
  const extra = ide.find(drive => !saved.some(({ place }) => place === drive.place));
  return extra && `the guest had no drive as ${drivePlace(extra.place)}. Leave it out`;
}

/** Whether the medium is known to be another one; a fingerprint of 0 says that nobody could tell, then or now. */
function isOther(saved: number, disk: SavableDisk): boolean {
  const is = saved === 0 ? 0 : disk.fingerprint();
  return is !== 0 && is !== saved;
}

/** Puts changes into a disk that `drivesDiffer` has found right. */
export function restoreChanges(ide: readonly IdeAttachment[], place: number, changes: DiskChange[]): void {
  const disk = ide.find(drive => drive.place === place)?.disk;
  if (disk && isSavable(disk)) for (const change of changes) disk.change(change);
}
