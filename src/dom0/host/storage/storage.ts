/**
 * The host's storage: one disk, sda, with the partition table that an installer leaves, and the volume group vg0 on its last partition.
 * Domains' disks are partitions and volumes; who has one open keeps others from writing to it or removing it.
 */
import { ExtentDisk } from './extent-disk.ts';
import type { StoredDisk } from './stored-disk.ts';
import { HostDisk } from './host-disk.ts';
import { extentStart, type GroupText, type LogicalVolume, lvmUuid, readGroup, writeGroup } from './lvm.ts';
import { type BlockDevice, deviceOf, type Place, SECTOR_BYTES } from '../../../formats/blocks/index.ts';
import { layoutOf, partOf, type Segment } from './part.ts';
import { DiskUsers, type DiskUser, type OpenDisk } from './disk-users.ts';
import { canonical, DISK_BYTES, GOOD_NAME, GROUP, LVM_NUMBER, PE_BYTES, told, volumeIn } from './device-names.ts';
import { filePath, imageVolume } from './image-names.ts';
import { formatFatDisk, type Partition, readPartitions, TYPE } from '../../../formats/file-systems/index.ts';
import { Overlays } from './overlays.ts';
import {
  type BaseImage,
  overlayBytes,
  type OverlayHeader,
  OverlayVolume,
  readOverlayHeader,
  writeOverlayHeader,
} from './overlay-volume.ts';
import { install } from './installed-disk.ts';
import { bytesOf, count, firstFit, firstOf, lastOf, merged } from './segments.ts';
import { type Store, StorageError } from './store.ts';
import { isTransfer, namesSize, transferBytes, transferVolume } from './transfer-names.ts';
import { runsOf, sideBySide, Volume } from './volume.ts';

export interface StorageParts {
  store: Store;
  /** Milliseconds since 1970. */
  epochMs: () => number;
  /** Whole numbers from 0 to `below` − 1. */
  random: (below: number) => number;
  /** Of a disk that is not there yet (500 GB). */
  diskBytes?: number;
}

type Unfinished = Pick<LogicalVolume, 'unfinished'>;

const MIB = 2 ** 20;
const ROOT_NUMBER = 2;
/** Slots of the disk's file that are moved at a time, to make it shorter. */
const MOVES = 16;

/** A file of Domain 0 on the host's disk. */
export interface StoredFile {
  /** Its own path. */
  path: string;
  volume: string;
  bytes: number;
  /** Milliseconds since 1970. */
  createdMs: number;
}

/** The disk where its files are: a store in another worker has it there. */
const openDisk = (store: Store, bytes: number): Promise<StoredDisk> =>
  store.openDisk?.('disk', bytes) ?? ExtentDisk.open(store, 'disk', { bytes });

export class Storage {
  readonly disk: HostDisk;
  readonly where: string;
  readonly outlivesHost: boolean;
  private readonly parts: StorageParts;
  private group: GroupText;
  private readonly users = new DiskUsers();
  /** Names of volumes by the numbers that records of requests have for them. */
  private readonly followed: string[] = [];
  private readonly overlays = new Overlays();

  private constructor(parts: StorageParts, disk: HostDisk, group: GroupText) {
    this.parts = parts;
    this.where = parts.store.where;
    this.outlivesHost = parts.store.outlivesHost;
    this.disk = disk;
    this.group = group;
  }

  /** @throws StoreDamaged, and any Error of the store */
  static async open(parts: StorageParts): Promise<Storage> {
    const disk = new HostDisk(await openDisk(parts.store, parts.diskBytes ?? DISK_BYTES));
    if (readPartitions(disk).length === 0) install(disk, parts);
    const last = readPartitions(disk).find(({ type }) => type === TYPE.LVM);
    const group = last && readGroup(partOf(disk, last));
    if (!group)
      throw new StorageError(
        `There is no volume group on the disk in ${parts.store.where}: something else wrote it. Name another directory, put back a copy of this one, or begin with an empty one.`,
      );
    return new Storage(parts, disk, group);
  }

  /** A disk's identifier that nobody else has. */
  newDiskId(): number {
    return this.parts.random(2 ** 32);
  }

  get partitions(): Partition[] {
    return readPartitions(this.disk);
  }

  private get physicalVolume(): BlockDevice {
    return partOf(this.disk, this.partitions.find(({ number }) => number === LVM_NUMBER) as Partition);
  }

  // Volumes, with LVM2's messages.

  get volumes(): { name: string; uuid: string; bytes: number; open: boolean }[] {
    return this.group.volumes.map(({ name, uuid, segments }) => ({
      name,
      uuid,
      bytes: bytesOf(segments),
      open: this.users.of(`/dev/${GROUP}/${name}`).length > 0,
    }));
  }

  /** Counts changes of the group: what was read of volumes holds as long as it is the same. */
  get seqno(): number {
    return this.group.seqno;
  }

  /** Files of Domain 0 that are volumes (image-names.ts). */
  get files(): StoredFile[] {
    return this.group.volumes.flatMap(({ name, segments, bytes = bytesOf(segments), created }) => {
      const path = filePath(name);
      return path === undefined ? [] : [{ path, volume: name, bytes, createdMs: created * 1000 }];
    });
  }

  /** That of a path, its own. */
  file(path: string): StoredFile | undefined {
    return this.files.find(each => each.path === path);
  }

  /** The image that a file is, by its own path. */
  image(path: string): StoredFile | undefined {
    const volume = imageVolume(path);
    return volume === undefined ? undefined : this.files.find(each => each.volume === volume);
  }

  /** What LVM2 calls a volume that nobody gave a name. */
  freeName(): string {
    let number = 0;
    while (this.group.volumes.some(({ name }) => name === `lvol${number}`)) number++;
    return `lvol${number}`;
  }

  get freeExtents(): number {
    return this.group.extents - this.group.volumes.reduce((sum, { segments }) => sum + count(segments), 0);
  }

  get extents(): number {
    return this.group.extents;
  }

  private find(name: string): LogicalVolume {
    const volume = this.group.volumes.find(each => each.name === name);
    if (!volume) throw new StorageError(`Failed to find logical volume "${GROUP}/${name}"`);
    return volume;
  }

  /** A new volume reads as zeros. Durable when it returns. @throws StorageError */
  createVolume(
    name: string,
    bytes: number,
    tags: Pick<LogicalVolume, 'bytes' | 'overlay' | 'unformatted' | 'unfinished'> = {},
  ): LogicalVolume {
    if (!GOOD_NAME.test(name)) throw new StorageError(`Logical volume name "${name.slice(0, 60)}" is invalid.`);
    if (this.group.volumes.some(each => each.name === name))
      throw new StorageError(`Logical Volume "${name}" already exists in volume group "${GROUP}"`);
    const segments = this.allocate(Math.ceil(bytes / PE_BYTES));
    const volume = {
      name,
      uuid: lvmUuid(this.parts.random),
      created: Math.floor(this.parts.epochMs() / 1000),
      segments,
      ...tags,
    };
    this.write([...this.group.volumes, volume]);
    return volume;
  }

  /** @throws StorageError */
  extendVolume(name: string, bytes: number): { before: number; after: number } {
    const volume = this.find(name);
    const before = count(volume.segments),
      after = Math.ceil(bytes / PE_BYTES);
    if (after <= before)
      throw new StorageError(`New size given (${after} extents) not larger than existing size (${before} extents)`);
    const { bytes: _, ...whole } = volume;
    const longer = { ...whole, segments: merged([...volume.segments, ...this.allocate(after - before)]) };
    this.write(this.group.volumes.map(each => (each === volume ? longer : each)));
    return { before, after };
  }

  /** A volume has exactly so many bytes from now on; what is new reads as zeros. Nobody has it open. Durable when it returns. @throws StorageError */
  resizeVolume(name: string, bytes: number): void {
    const volume = this.refuseUsed(name);
    const had = volume.bytes ?? bytesOf(volume.segments);
    const extents = Math.ceil(bytes / PE_BYTES);
    // The end of an extent that stays may be a part of the volume again.
    if (bytes < had) this.clear(this.volumeMedium(volume), bytes, Math.min(had, extents * PE_BYTES));
    const more = extents - count(volume.segments);
    const segments =
      more > 0 ? merged([...volume.segments, ...this.allocate(more)]) : firstOf(volume.segments, extents);
    this.write(this.group.volumes.map(each => (each === volume ? { ...volume, segments, bytes } : each)));
    if (more < 0) this.discard(lastOf(volume.segments, extents));
  }

  /** Reads as zeros from there to there, and takes no room as far as it is whole units of the disk. */
  private clear(medium: BlockDevice, from: number, to: number): void {
    const unit = Math.min(to, Math.ceil(from / MIB) * MIB);
    medium.write(from, new Uint8Array(unit - from));
    if (unit < to) medium.discard(unit, to - unit);
    medium.flush();
  }

  /** @throws StorageError: there is one of the new name, or somebody has it open */
  renameVolume(name: string, to: string): void {
    const volume = this.refuseUsed(name);
    if (this.group.volumes.some(each => each.name === to))
      throw new StorageError(`Logical Volume "${to}" already exists in volume group "${GROUP}"`);
    this.write(this.group.volumes.map(each => (each === volume ? { ...volume, name: to } : each)));
  }

  private refuseUsed(name: string): LogicalVolume {
    const [user] = this.users.of(`/dev/${GROUP}/${name}`);
    if (user) throw new StorageError(`${told(`/dev/${GROUP}/${name}`)} is used by ${user.who}.`);
    return this.find(name);
  }

  /** Its room is free, and what was in it is gone. @throws StorageError */
  removeVolume(name: string): void {
    const volume = this.find(name);
    const [user] = this.users.of(`/dev/${GROUP}/${name}`);
    if (user) throw new StorageError(`Logical volume ${GROUP}/${name} in use.\n  ${user.who} has it open.`);
    this.overlays.forget(name);
    this.write(this.group.volumes.filter(each => each !== volume));
    this.discard(volume.segments);
    this.tidy();
  }

  /** A new volume becomes what it shall be, or goes again. @throws what `fill` throws */
  private orRemove(volume: LogicalVolume, fill: () => void): LogicalVolume {
    try {
      fill();
    } catch (error) {
      this.removeUnused(volume.name);
      throw error;
    }
    return volume;
  }

  /** Where a volume was made in vain: what hinders that it goes is told by whoever needs its room. */
  removeUnused(name: string): void {
    try {
      if (this.group.volumes.some(volume => volume.name === name)) this.removeVolume(name);
    } catch {
      // What went wrong before is what people must hear.
    }
  }

  /** Volumes of what was being made or removed when the host ended, or is being now. */
  get unfinished(): string[] {
    return this.group.volumes.filter(({ unfinished }) => unfinished).map(({ name }) => name);
  }

  /** Volumes belong to something from now on, or (`unfinished`) to nothing: all at once, and durable when it returns. */
  setUnfinished(names: readonly string[], unfinished: boolean): void {
    const changes = (volume: LogicalVolume): boolean =>
      names.includes(volume.name) && (volume.unfinished === true) !== unfinished;
    if (!this.group.volumes.some(changes)) return;
    this.write(this.group.volumes.map(volume => (changes(volume) ? marked(volume, unfinished) : volume)));
  }

  /**
   * A new volume with what a device holds now. They share what neither writes: nothing is copied, and only what is written later takes room. Durable when it
   * returns. @throws StorageError
   */
  copyToVolume(path: string, name: string, tags: Unfinished = {}): LogicalVolume {
    const original = this.group.volumes.find(each => each.name === volumeIn(path));
    // Of an overlay which blocks are there goes with it.
    if (original?.overlay) this.overlays.flush(original.name);
    const source = original ? this.volumeMedium(original) : this.medium(path);
    const { overlay, bytes } = original ?? {};
    const volume = this.createVolume(name, source.bytes, {
      ...tags,
      ...(overlay ? { overlay } : {}),
      ...(bytes === undefined ? {} : { bytes }),
    });
    return this.orRemove(volume, () => {
      this.shareAll(source, this.volumeMedium(volume));
      this.disk.flush();
    });
  }

  /**
   * Devices and volumes exchange what they hold: all at once, whenever the power fails, as far as the devices are volumes. Of a volume that is not there the
   * other one takes the name; the same call again takes all back. What `by` is then is unfinished, and so are the volumes that the devices are then, where
   * that is asked for (`unfinished`). @throws StorageError: somebody uses one of them, and none has changed
   */
  exchange(pairs: readonly { path: string; by: string }[], { unfinished = false } = {}): void {
    const named = pairs.map(({ path, by }) => ({ path, by, name: volumeIn(path) }));
    for (const { path, by, name } of named) {
      if (name === undefined) this.resolve(path);
      if (name === undefined || !this.group.volumes.some(volume => volume.name === name)) this.find(by);
      for (const device of [canonical(path), `/dev/${GROUP}/${by}`]) {
        const [user] = this.users.of(device);
        if (user) throw new StorageError(`Device ${told(device)} is used by ${user.who}.`);
      }
    }
    for (const { path, by, name } of named) if (name === undefined) this.exchangeContents(path, by);
    let { volumes } = this.group;
    for (const { by, name } of named) {
      if (name === undefined) continue;
      for (const each of [by, name]) {
        this.overlays.flush(each);
        this.overlays.forget(each);
      }
      const [here, there] = [name, by].map(each => volumes.find(volume => volume.name === each));
      const called = (
        volume: LogicalVolume,
        other: LogicalVolume | undefined,
        as: string,
        isUnfinished: boolean,
      ): LogicalVolume =>
        marked({ ...volume, ...(other ? { uuid: other.uuid, created: other.created } : {}), name: as }, isUnfinished);
      volumes = volumes.map(volume =>
        volume === here
          ? called(volume, there, by, true)
          : volume === there
            ? called(volume, here, name, unfinished)
            : volume,
      );
    }
    this.write(volumes);
  }

  /** Of a device that is no volume: extent by extent. */
  private exchangeContents(path: string, by: string): void {
    const kept = this.copyToVolume(path, `${by}.kept`, { unfinished: true });
    this.orRemove(kept, () => {
      const target = this.find(by);
      this.shareAll(this.volumeMedium(target), this.medium(path));
      this.shareAll(this.volumeMedium(kept), this.volumeMedium(target));
    });
    this.removeVolume(kept.name);
  }

  // Overlays.

  /**
   * A new volume on which writes to an image come, which is never changed; `path`: where it is found again. Durable when it returns. @throws StorageError
   */
  createOverlay(name: string, path: string, image: BaseImage, tags: Unfinished = {}): LogicalVolume {
    const volume = this.createVolume(name, overlayBytes(image.device.bytes), { ...tags, overlay: true });
    this.orRemove(volume, () => writeOverlayHeader(this.volumeMedium(volume), path, image));
    this.setImage(path, image);
    return volume;
  }

  /** Overlays that there are, with what they know of their images. */
  get overlayHeaders(): { name: string; header: OverlayHeader }[] {
    return this.group.volumes.flatMap(volume => {
      const header = volume.overlay && readOverlayHeader(this.volumeMedium(volume));
      return header ? [{ name: volume.name, header }] : [];
    });
  }

  /** The overlay that lies on an image file; undefined: none does. */
  private overlayOf(device: string): string | undefined {
    const path = filePath(volumeIn(device) ?? '');
    return path === undefined ? undefined : this.overlayHeaders.find(({ header }) => header.path === path)?.name;
  }

  /** The image at a path as it is now; undefined: there is none. Overlays that somebody has open keep the one that they have. */
  setImage(path: string, image: BaseImage | undefined): void {
    if (!this.overlays.setImage(path, image)) return;
    for (const { name, header } of this.overlayHeaders)
      if (header.path === path && this.users.of(`/dev/${GROUP}/${name}`).length === 0) this.overlays.forget(name);
  }

  /** Bytes that a device holds of its own; what was never written, and what an overlay has from its image, is not of them. @throws StorageError */
  writtenBytes(path: string): number {
    const { medium } = this.resolve(path);
    if (medium instanceof OverlayVolume) return medium.writtenBytes;
    if (medium === this.disk) return this.disk.writtenBytes(0, medium.bytes);
    return runsOf(layoutOf(medium)!).reduce((sum, { at, bytes }) => sum + this.disk.writtenBytes(at, bytes), 0);
  }

  /** Extent by extent: both begin with one. */
  private shareAll(source: BlockDevice, target: BlockDevice): void {
    for (const { from, to, bytes } of sideBySide(layoutOf(source)!, layoutOf(target)!))
      this.disk.share(from, to, bytes);
  }

  private volumeMedium({ name, segments, bytes }: LogicalVolume): Volume {
    let number = this.followed.indexOf(name);
    if (number < 0) number = this.followed.push(name) - 1;
    return new Volume(this.physicalVolume, `${GROUP}/${name}`, segments, number, bytes);
  }

  /** Of the volume that records of requests call so (hypervisor/tracing); undefined: none was opened under it. */
  volumeName(number: number): string | undefined {
    return this.followed[number];
  }

  /** The volume that a path names goes. @throws StorageError */
  removeDevice(path: string): void {
    const name = volumeIn(path);
    if (name === undefined) throw new StorageError(`${path} is no volume.`);
    this.removeVolume(name);
  }

  private write(volumes: LogicalVolume[]): void {
    const next = { ...this.group, volumes, seqno: this.group.seqno + 1 };
    writeGroup(this.physicalVolume, next, this.parts.epochMs());
    this.group = next;
  }

  private discard(segments: Segment[]): void {
    for (const { first, count: extents } of segments)
      this.physicalVolume.discard(extentStart(first), extents * PE_BYTES);
  }

  /** First fit. What others left there is gone. @throws StorageError */
  private allocate(wanted: number): Segment[] {
    if (!(wanted >= 1)) throw new StorageError('Please specify either size or extents');
    const free = this.freeExtents;
    if (wanted > free)
      throw new StorageError(
        `Volume group "${GROUP}" has insufficient free space (${free} extents): ${wanted} required.`,
      );
    const taken = this.group.volumes.flatMap(({ segments }) => segments);
    const found = firstFit(taken, this.group.extents, wanted);
    this.discard(found);
    return found;
  }

  // Disks for domains.

  /** Whether Domain 0 itself works with the partition of this number. */
  isDomain0s(partition: number): boolean {
    return [1, ROOT_NUMBER, LVM_NUMBER].includes(partition);
  }

  /** Domains that have a device open, by the path that `open` resolves it to (/dev/sda3, /dev/vg0/NAME). */
  namesOfUsers(path: string): string[] {
    return this.users.of(path).map(({ who }) => who);
  }

  /** The volume that is a domain's transfer disk; undefined: it has none. */
  transferOf(domain: string): string | undefined {
    const name = transferVolume(domain);
    return this.group.volumes.some(each => each.name === name) ? `/dev/${GROUP}/${name}` : undefined;
  }

  /** The path of what a domain's definition names: a transfer disk is its volume, made where there is none yet. @throws StorageError */
  deviceOf(target: string, domain: string): string {
    if (!isTransfer(target)) return target;
    const bytes = transferBytes(target);
    if (typeof bytes === 'string') throw new StorageError(bytes);
    const name = transferVolume(domain);
    const path = `/dev/${GROUP}/${name}`;
    const volume =
      this.group.volumes.find(each => each.name === name) ?? this.createVolume(name, bytes, { unformatted: true });
    const has = bytesOf(volume.segments);
    if (namesSize(target) && has !== Math.ceil(bytes / PE_BYTES) * PE_BYTES)
      throw new StorageError(
        `${target}: the transfer disk of ${domain} is there, and has ${has / MIB} MiB. Write transfer:${has / MIB}M, or remove it with what is in it: lvremove ${GROUP}/${name}.`,
      );
    // Whatever anybody has written to it stays.
    if (volume.unformatted || (!volume.overlay && this.writtenBytes(path) === 0)) {
      formatFatDisk(this.volumeMedium(volume), 'transfer', this.parts.random(2 ** 32));
      this.settle(name);
    }
    return path;
  }

  /** From here on what lies in a volume is somebody's. */
  private settle(name: string | undefined): void {
    const volume = this.group.volumes.find(each => each.name === name && each.unformatted);
    if (!volume) return;
    const { unformatted: _, ...settled } = volume;
    this.write(this.group.volumes.map(each => (each === volume ? settled : each)));
  }

  /** What a definition calls /dev/vg0/NAME, /dev/mapper/vg0-NAME, /dev/sdaN or vg0/NAME, for looking at it. @throws StorageError */
  medium(path: string): BlockDevice {
    if (isTransfer(path)) return emptyDisk(path);
    return this.resolve(path).medium;
  }

  private resolve(written: string): { path: string; medium: BlockDevice } {
    const path = canonical(written);
    const missing = (): StorageError =>
      new StorageError(`${path}: there is no such device. lvs lists the volumes, sfdisk -l the partitions.`);
    if (path === '/dev/sda') return { path, medium: this.disk };
    const partition = /^\/dev\/sda([1-9]\d*)$/.exec(path);
    if (partition) {
      const found = this.partitions.find(({ number }) => number === Number(partition[1]));
      if (!found) throw missing();
      return { path, medium: partOf(this.disk, found) };
    }
    const name = volumeIn(path);
    const volume = this.group.volumes.find(each => each.name === name);
    if (!volume) throw missing();
    return {
      path,
      medium: volume.overlay
        ? this.overlays.on(volume.name, () => this.volumeMedium(volume))
        : this.volumeMedium(volume),
    };
  }

  /** Whether a path names a device that there is. */
  isThere(path: string): boolean {
    const name = volumeIn(path);
    return name === undefined || this.group.volumes.some(volume => volume.name === name);
  }

  /** Opens a device for a domain; one that writes has it alone. @throws StorageError */
  open(written: string, who: string, writes: boolean): OpenDisk {
    const { path, medium } = this.resolve(this.deviceOf(written, who));
    const own = /^\/dev\/sda([1-9]?)$/.exec(path);
    if (own && (own[1] === '' || this.isDomain0s(Number(own[1]))) && writes)
      throw new StorageError(
        `Device ${path} is in use by Domain-0, and so cannot be given to a guest. Take /dev/sda3, or a volume that lvcreate makes.`,
      );
    const problem = this.users.hinders(path, writes, told(path));
    if (problem) throw new StorageError(problem);
    const overlay = writes && this.overlayOf(path);
    if (overlay)
      throw new StorageError(
        `${told(path)} lies under the overlay /dev/${GROUP}/${overlay}, and must stay as it is. Take that volume, or a copy of the file, or remove the overlay: lvremove ${GROUP}/${overlay}.`,
      );
    if (writes) this.settle(volumeIn(path));
    return this.use(medium, { path, who, writes });
  }

  /** To look at a device whoever has it: what is read is what lies there then, and nobody removes or replaces it before it is closed. @throws StorageError */
  look(written: string, who: string): OpenDisk {
    const { path, medium } = this.resolve(written);
    return this.use(medium, { path, who, writes: false });
  }

  private use(medium: BlockDevice, user: DiskUser): OpenDisk {
    return this.users.open(medium, user, () => {
      if (!(user.writes && medium instanceof OverlayVolume)) return;
      try {
        // Whoever opens it next may read it anew, and knows then what lies on the volume alone.
        medium.flush();
      } catch {
        // It is tried again with what nobody flushes.
      }
    });
  }

  /** Who has a device open: names of domains. */
  whoHas(path: string): string[] {
    return this.users.of(canonical(path)).map(({ who }) => who);
  }

  /** The way of a sector of a device to the host's file. @throws StorageError */
  diskPath(path: string, sector: number): Place[] {
    const { medium } = this.resolve(path);
    if (!(Number.isSafeInteger(sector) && sector >= 0 && (sector + 1) * SECTOR_BYTES <= medium.bytes))
      throw new StorageError(
        `${path} has the sectors 0 to ${Math.floor(medium.bytes / SECTOR_BYTES) - 1}, and no ${sector}.`,
      );
    const at = sector * SECTOR_BYTES;
    const file = filePath(volumeIn(path) ?? '');
    return [...(file === undefined ? [] : [{ layer: `image ${file}`, at }]), ...medium.place(at)];
  }

  /** To be called now and then: what no guest flushed becomes durable, and freed room is given back. @throws DeviceFull, and any Error of the store */
  tidy(): void {
    this.overlays.flushAll();
    this.disk.reclaim(MOVES);
  }

  close(): void {
    try {
      this.overlays.flushAll();
    } finally {
      this.disk.close();
    }
  }
}

/** A transfer disk as one looks at it before its domain is there: nothing is made. @throws StorageError */
function emptyDisk(target: string): BlockDevice {
  const bytes = transferBytes(target);
  if (typeof bytes === 'string') throw new StorageError(bytes);
  return deviceOf(bytes, (_at, into) => void into.fill(0));
}

function marked({ unfinished: _, ...volume }: LogicalVolume, unfinished: boolean): LogicalVolume {
  return unfinished ? { ...volume, unfinished } : volume;
}
