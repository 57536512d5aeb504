/**
 * The host's storage: one disk, sda, with the partition table that an installer leaves, and the volume group vg0 on its last partition.
 * Domains' disks are partitions and volumes; a domain that has one open keeps others from writing to it or removing it.
 */
import { ExtentDisk } from './extent-disk.ts';
import type { StoredDisk } from './stored-disk.ts';
import { HostDisk } from './host-disk.ts';
import { type GroupText, type LogicalVolume, lvmUuid, readGroup } from './lvm.ts';
import { type BlockDevice, type Place, SECTOR_BYTES } from '../../../formats/blocks/index.ts';
import { emptyImageBytes, type NewImage, Qcow2Disk } from '../../../formats/qcow2/index.ts';
import { layoutOf, partOf } from './part.ts';
import { DiskUsers, type DiskUser, type OpenDisk } from './disk-users.ts';
import {
  canonical,
  DISK_BYTES,
  GOOD_NAME,
  GROUP,
  LVM_NUMBER,
  PE_BYTES,
  nameForPeople,
  volumeIn,
} from './device-names.ts';
import { filePath, imageVolume } from './image-names.ts';
import { type Partition, readPartitions, TYPE } from '../../../formats/file-systems/index.ts';
import { Overlays } from './overlays.ts';
import {
  type BaseImage,
  overlayBytes,
  type OverlayHeader,
  OverlayVolume,
  readOverlayHeader,
  writeOverlayHeader,
} from './overlay-volume.ts';
import { install, wasBeingInstalled } from './installed-disk.ts';
import { Qcow2Volumes } from './qcow2-volumes.ts';
import { bytesOf, count, firstOf, lastOf, merged } from './segments.ts';
import { damaged, type Store, StorageError } from './store.ts';
import { deviceFor, emptyTransfer, transferOf } from './transfer-disks.ts';
import { isTransfer } from './transfer-names.ts';
import { clear, runsOf, sideBySide, Volume } from './volume.ts';
import { marked, VolumeGroup } from './volume-group.ts';

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

const ROOT_NUMBER = 2;
/** Slots of the disk's file that are moved at a time, to make it shorter. */
const MOVES = 16;

/** A file of Domain 0 on the host's disk. */
export interface StoredFile {
  /** Its own path. */
  path: string;
  volume: string;
  bytes: number;
  /** An image that is written in place. */
  isQcow2?: true;
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
  private readonly group: VolumeGroup;
  private readonly users = new DiskUsers();
  /** Names of volumes by the numbers that records of requests have for them. */
  private readonly followed: string[] = [];
  private readonly overlays = new Overlays();
  /** Images that are written in place. */
  readonly qcow2 = new Qcow2Volumes({
    volumes: () => this.group.volumes,
    medium: volume => this.volumeMedium(volume),
    grow: (name, bytes) => this.group.grow(name, bytes),
    overlay: name => this.overlays.on(name, () => this.volumeMedium(this.group.find(name))),
    image: path => this.overlays.image(path)?.device,
  });

  private constructor(parts: StorageParts, disk: HostDisk, group: GroupText) {
    this.parts = parts;
    this.where = parts.store.where;
    this.outlivesHost = parts.store.outlivesHost;
    this.disk = disk;
    this.group = new VolumeGroup(() => this.physicalVolume, group, parts.epochMs);
  }

  /** @throws StoreDamaged, and any Error of the store */
  static async open(parts: StorageParts): Promise<Storage> {
    const disk = new HostDisk(await openDisk(parts.store, parts.diskBytes ?? DISK_BYTES));
    if (readPartitions(disk).length === 0 && wasBeingInstalled(disk)) install(disk, parts);
    const last = readPartitions(disk).find(({ type }) => type === TYPE.LVM);
    const group = last && readGroup(partOf(disk, last));
    if (!group)
      throw damaged(
        parts.store,
        `There is no volume group on the disk in ${parts.store.where}: something else wrote it.`,
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
    return this.group.volumes.flatMap(({ name, segments, bytes = bytesOf(segments), created, qcow2 }) => {
      const path = filePath(name);
      if (path === undefined) return [];
      return [{ path, volume: name, bytes, ...(qcow2 ? { isQcow2: true } : {}), createdMs: created * 1000 }];
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
    return this.group.freeName();
  }

  get freeExtents(): number {
    return this.group.freeExtents;
  }

  get extents(): number {
    return this.group.extents;
  }

  /** @throws StorageError */
  extendVolume(name: string, bytes: number): { before: number; after: number } {
    return this.group.extend(name, bytes);
  }

  /** A new volume reads as zeros. Durable when it returns. @throws StorageError */
  createVolume(
    name: string,
    bytes: number,
    tags: Pick<LogicalVolume, 'bytes' | 'overlay' | 'qcow2' | 'unformatted' | 'unfinished'> = {},
  ): LogicalVolume {
    if (!GOOD_NAME.test(name)) throw new StorageError(`Logical volume name "${name.slice(0, 60)}" is invalid.`);
    if (this.group.volumes.some(each => each.name === name))
      throw new StorageError(`Logical Volume "${name}" already exists in volume group "${GROUP}"`);
    const segments = this.group.allocate(Math.ceil(bytes / PE_BYTES));
    const volume = {
      name,
      uuid: lvmUuid(this.parts.random),
      created: Math.floor(this.parts.epochMs() / 1000),
      segments,
      ...tags,
    };
    this.group.change([...this.group.volumes, volume]);
    return volume;
  }

  /** A volume has exactly this many bytes from now on; what is new reads as zeros. Nobody has it open. Durable when it returns. @throws StorageError */
  resizeVolume(name: string, bytes: number): void {
    const volume = this.refuseUsed(name);
    const had = volume.bytes ?? bytesOf(volume.segments);
    const extents = Math.ceil(bytes / PE_BYTES);
    // The end of an extent that stays may be a part of the volume again.
    if (bytes < had) clear(this.volumeMedium(volume), bytes, Math.min(had, extents * PE_BYTES));
    const more = extents - count(volume.segments);
    const segments =
      more > 0 ? merged([...volume.segments, ...this.group.allocate(more)]) : firstOf(volume.segments, extents);
    this.group.change(this.group.volumes.map(each => (each === volume ? { ...volume, segments, bytes } : each)));
    if (more < 0) this.group.discard(lastOf(volume.segments, extents));
  }

  /** @throws StorageError: there is one of the new name, or somebody has it open */
  renameVolume(name: string, to: string): void {
    const volume = this.refuseUsed(name);
    this.settleTables(name);
    this.overlays.forget(name);
    this.qcow2.forget(name);
    if (this.group.volumes.some(each => each.name === to))
      throw new StorageError(`Logical Volume "${to}" already exists in volume group "${GROUP}"`);
    this.group.change(this.group.volumes.map(each => (each === volume ? { ...volume, name: to } : each)));
  }

  private refuseUsed(name: string): LogicalVolume {
    const [user] = this.users.of(`/dev/${GROUP}/${name}`);
    if (user) throw new StorageError(`${nameForPeople(`/dev/${GROUP}/${name}`)} is used by ${user.who}.`);
    return this.group.find(name);
  }

  /** Its room is free, and what was in it is gone. @throws StorageError */
  removeVolume(name: string): void {
    const volume = this.group.find(name);
    const [user] = this.users.of(`/dev/${GROUP}/${name}`);
    if (user) throw new StorageError(`Logical volume ${GROUP}/${name} in use.\n  ${user.who} has it open.`);
    this.overlays.forget(name);
    this.qcow2.forget(name);
    this.group.change(this.group.volumes.filter(each => each !== volume));
    this.group.discard(volume.segments);
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

  /** Where a volume was made in vain: the caller that needs its room reports what keeps it from being removed. */
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
    this.group.setUnfinished(names, unfinished);
  }

  /**
   * A new volume with what a device holds now. They share what neither writes: nothing is copied, and only what is written later takes room. Durable when it
   * returns. @throws StorageError
   */
  copyToVolume(path: string, name: string, tags: Unfinished = {}): LogicalVolume {
    const original = this.group.volumes.find(each => each.name === volumeIn(path));
    // Of an overlay which blocks are there goes with it.
    if (original) this.settleTables(original.name);
    const source = original ? this.volumeMedium(original) : this.medium(path);
    const { overlay, qcow2, bytes } = original ?? {};
    const volume = this.createVolume(name, source.bytes, {
      ...tags,
      ...(overlay ? { overlay } : {}),
      ...(qcow2 ? { qcow2 } : {}),
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
      if (name === undefined || !this.group.volumes.some(volume => volume.name === name)) this.group.find(by);
      for (const device of [canonical(path), `/dev/${GROUP}/${by}`]) {
        const [user] = this.users.of(device);
        if (user) throw new StorageError(`Device ${nameForPeople(device)} is used by ${user.who}.`);
      }
    }
    for (const { path, by, name } of named) if (name === undefined) this.exchangeContents(path, by);
    let volumes = [...this.group.volumes];
    for (const { by, name } of named) {
      if (name === undefined) continue;
      for (const each of [by, name]) {
        this.settleTables(each);
        this.overlays.forget(each);
        this.qcow2.forget(each);
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
    this.group.change(volumes);
  }

  /** Of a device that is no volume: extent by extent. */
  private exchangeContents(path: string, by: string): void {
    const kept = this.copyToVolume(path, `${by}.kept`, { unfinished: true });
    this.orRemove(kept, () => {
      const target = this.group.find(by);
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

  /** What lies on a device, by its volume's name: an overlay, or a qcow2 image; undefined: nothing does. */
  private overlayOf(device: string): string | undefined {
    const path = filePath(volumeIn(device) ?? '');
    const overlay = path !== undefined && this.overlayHeaders.find(({ header }) => header.path === path);
    return overlay ? overlay.name : this.qcow2.onTopOf(device);
  }

  /** A new volume that is the file of a qcow2 image, with nothing in it. Durable when it returns. @throws StorageError */
  createQcow2(name: string, image: NewImage): LogicalVolume {
    const volume = this.createVolume(name, emptyImageBytes(image), { qcow2: true });
    return this.orRemove(volume, () => this.qcow2.begin(name, image));
  }

  /** The disk in a qcow2 image has this many bytes from now on. @throws StorageError: somebody has it open */
  resizeQcow2(name: string, bytes: number): void {
    this.refuseUsed(name);
    this.qcow2.resize(name, bytes);
  }

  /** The bytes of a file of Domain 0 that is a volume, whatever disk is in it. */
  fileMedium(volume: string): BlockDevice {
    this.settleTables(volume);
    return this.volumeMedium(this.group.find(volume));
  }

  /** The same, for somebody who writes it alone, with room for this many bytes. @throws StorageError, DeviceFull */
  openFile(volume: string, who: string, bytes: number): OpenDisk {
    const path = `/dev/${GROUP}/${volume}`;
    this.refuseUsed(volume);
    this.settleTables(volume);
    if (this.group.find(volume).qcow2) this.group.grow(volume, bytes);
    return this.users.open(this.volumeMedium(this.group.find(volume)), { path, who, writes: true }, () =>
      this.qcow2.forget(volume),
    );
  }

  /** What is known of a volume's tables goes there. */
  private settleTables(name: string): void {
    this.overlays.flush(name);
    this.qcow2.flush(name);
  }

  /** The image at a path as it is now; undefined: there is none. Overlays and qcow2 images that somebody has open keep the one that they have. */
  setImage(path: string, image: BaseImage | undefined): void {
    if (!this.overlays.setImage(path, image)) return;
    for (const { name, path: below } of this.qcow2.backings)
      if (below === path && this.users.of(`/dev/${GROUP}/${name}`).length === 0) this.qcow2.forget(name);
    for (const { name, header } of this.overlayHeaders)
      if (header.path === path && this.users.of(`/dev/${GROUP}/${name}`).length === 0) this.overlays.forget(name);
  }

  /** Bytes that a device holds of its own; what was never written, and what an overlay has from its image, is not of them. @throws StorageError */
  writtenBytes(path: string): number {
    const image = this.group.volumes.find(each => each.name === volumeIn(path) && each.qcow2);
    const medium = image ? this.volumeMedium(image) : this.resolve(path).medium;
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
    return transferOf(this.group.volumes, domain);
  }

  /** The path of what a domain's definition names: a transfer disk is its volume, made where there is none yet. @throws StorageError */
  deviceOf(target: string, domain: string): string {
    return deviceFor(target, domain, {
      volumes: () => this.group.volumes,
      create: (name, bytes) => this.createVolume(name, bytes, { unformatted: true }),
      medium: volume => this.volumeMedium(volume),
      writtenBytes: path => this.writtenBytes(path),
      settle: name => this.group.settle(name),
      random: this.parts.random,
    });
  }

  /** What a definition calls /dev/vg0/NAME, /dev/mapper/vg0-NAME, /dev/sdaN or vg0/NAME, for looking at it. @throws StorageError */
  medium(path: string): BlockDevice {
    if (isTransfer(path)) return emptyTransfer(path);
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
        : volume.qcow2
          ? this.qcow2.on(volume.name)
          : this.volumeMedium(volume),
    };
  }

  /** Whether a path names a device that there is. */
  isThere(path: string): boolean {
    const name = volumeIn(path);
    return name === undefined || this.group.volumes.some(volume => volume.name === name);
  }

  /** Opens a device for a domain; one that writes has it alone, unless all that write it share it: of raw ones alone, since an image's tables have one writer. @throws StorageError */
  open(written: string, who: string, writes: boolean, _uuid?: string, _format?: string, isShared = false): OpenDisk {
    const { path, medium } = this.resolve(this.deviceOf(written, who));
    const own = /^\/dev\/sda([1-9]?)$/.exec(path);
    if (own && (own[1] === '' || this.isDomain0s(Number(own[1]))) && writes)
      throw new StorageError(
        `Device ${path} is in use by Domain-0, and so cannot be given to a guest. Take /dev/sda3, or a volume that lvcreate makes.`,
      );
    const below = this.qcow2.below(path);
    const shared = isShared && !(medium instanceof OverlayVolume || medium instanceof Qcow2Disk);
    const problem =
      this.users.hinders(path, writes, nameForPeople(path), shared) ??
      below.map(each => this.users.hinders(each, false, nameForPeople(each))).find(each => each !== undefined);
    if (problem) throw new StorageError(problem);
    const overlay = writes && this.overlayOf(path);
    if (overlay)
      throw new StorageError(
        `${nameForPeople(path)} lies under the overlay ${nameForPeople(`/dev/${GROUP}/${overlay}`)}, and must stay as it is. Take that volume, or a copy of the file, or remove the overlay: lvremove ${GROUP}/${overlay}.`,
      );
    if (writes) this.group.settle(volumeIn(path));
    return this.use(medium, { path, who, writes, shared }, below);
  }

  /** To look at a device that others may have open: what is read is what lies there then, and nobody removes or replaces it before it is closed. @throws StorageError */
  look(written: string, who: string): OpenDisk {
    const { path, medium } = this.resolve(written);
    return this.use(medium, { path, who, writes: false });
  }

  /** `below`: what it lies on stays as it is meanwhile. */
  private use(medium: BlockDevice, user: DiskUser, below: readonly string[] = []): OpenDisk {
    const { who } = user;
    const bases = below.map(path => this.users.open(medium, { path, who, writes: false }, () => {}));
    const opened = this.users.open(medium, user, () => {
      for (const base of bases) base.close();
      if (!(user.writes && (medium instanceof OverlayVolume || medium instanceof Qcow2Disk))) return;
      try {
        // The next opener may read it again, and knows then what lies on the volume alone.
        medium.flush();
      } catch {
        // It is tried again with what nobody flushes.
      }
    });
    return {
      ...opened,
      rename: name => {
        for (const each of [opened, ...bases]) each.rename(name);
      },
    };
  }

  /** Names of the domains that have a device open. */
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
    this.flushTables();
    this.disk.reclaim(MOVES);
  }

  close(): void {
    try {
      this.flushTables();
    } finally {
      this.disk.close();
    }
  }

  private flushTables(): void {
    this.overlays.flushAll();
    this.qcow2.flushAll();
  }
}
