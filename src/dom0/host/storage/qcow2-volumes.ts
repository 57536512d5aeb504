/** qcow2 images that are volumes of the host's disk, and are written in place; and what they lie on. */
import { type BlockDevice, ImmediateDevice, type Place } from '../../../formats/blocks/index.ts';
import {
  type Backing,
  createQcow2,
  type GrowingFile,
  type NewImage,
  Qcow2Disk,
  Qcow2Error,
  type Qcow2Header,
  qcow2HeaderOf,
  Qcow2Source,
} from '../../../formats/qcow2/index.ts';
import { canonical, GROUP, nameForPeople, volumeIn } from './device-names.ts';
import { filePath } from './image-names.ts';
import type { LogicalVolume } from './lvm.ts';
import { StorageError } from './store.ts';

interface Parts {
  volumes(): readonly LogicalVolume[];
  /** A volume as it is now. */
  medium(volume: LogicalVolume): BlockDevice;
  /** It has at least this many bytes, what is new reads as zeros. @throws DeviceFull */
  grow(name: string, bytes: number): void;
  /** The overlay on a volume. @throws StorageError */
  overlay(name: string): BlockDevice;
  /** The disk in an image that is no volume; undefined: it is not there. */
  image(path: string): BlockDevice | undefined;
}

const device = (volume: string): string => `/dev/${GROUP}/${volume}`;

/** What an image's header says, as what people see of the volume. */
function inItsName<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof Qcow2Error ? new StorageError(`${nameForPeople(device(name))} ${error.message}`) : error;
  }
}

/** The path of the backing file of the image on a volume: as that has it, from its own folder on. */
function backingPath(volume: string, { path }: Backing): string {
  const own = filePath(volume) ?? device(volume);
  return path.startsWith('/') ? path : `${own.slice(0, own.lastIndexOf('/'))}/${path}`;
}

/** The volume that an image's file is. */
class VolumeFile extends ImmediateDevice implements GrowingFile {
  private under: BlockDevice;
  private readonly longer: (bytes: number) => BlockDevice;

  constructor(under: BlockDevice, longer: (bytes: number) => BlockDevice) {
    super();
    this.under = under;
    this.longer = longer;
  }

  get bytes(): number {
    return this.under.bytes;
  }

  grow(bytes: number): void {
    if (bytes > this.bytes) this.under = this.longer(bytes);
  }

  read(at: number, into: Uint8Array): void {
    this.under.read(at, into);
  }

  override write(at: number, from: Uint8Array): void {
    this.under.write(at, from);
  }

  override flush(): void {
    this.under.flush();
  }

  override place(at: number): Place[] {
    return this.under.place(at);
  }
}

export class Qcow2Volumes {
  private readonly parts: Parts;
  /** By their volumes' names. One for each: it alone knows what its tables are and the file has not yet. */
  private readonly used = new Map<string, Qcow2Disk>();
  /** Those on the way to the last one, which are being opened. */
  private readonly opening = new Set<string>();

  constructor(parts: Parts) {
    this.parts = parts;
  }

  private find(name: string | undefined): LogicalVolume | undefined {
    return this.parts.volumes().find(each => each.name === name);
  }

  private fileOf(name: string): GrowingFile {
    const { medium, grow } = this.parts;
    const volume = (): BlockDevice => medium(this.find(name)!);
    return new VolumeFile(volume(), bytes => {
      grow(name, bytes);
      return volume();
    });
  }

  /** A new volume becomes the file of an image with nothing in it. Durable when it returns. @throws StorageError */
  begin(name: string, image: NewImage): void {
    inItsName(name, () => createQcow2(this.fileOf(name), image));
  }

  /** What the image on a volume says of itself; undefined: there is none, or it cannot be read. */
  header(path: string): Qcow2Header | undefined {
    const volume = this.find(volumeIn(path));
    return volume?.qcow2 && qcow2HeaderOf(this.parts.medium(volume));
  }

  /** The disk in the image on a volume. @throws StorageError */
  on(name: string): Qcow2Disk {
    const known = this.used.get(name);
    if (known) return known;
    if (this.opening.has(name)) throw new StorageError(`${nameForPeople(device(name))} lies on itself.`);
    this.opening.add(name);
    try {
      const backing = this.header(device(name))?.backing;
      const made = inItsName(
        name,
        () => new Qcow2Disk(this.fileOf(name), { backing: backing && this.behind(name, backing) }),
      );
      this.used.set(name, made);
      return made;
    } finally {
      this.opening.delete(name);
    }
  }

  /** The disk has this many bytes from now on; what is new reads as zeros. Nobody has it open. @throws StorageError */
  resize(name: string, bytes: number): void {
    inItsName(name, () => this.on(name).resize(bytes));
  }

  /** The disk in a backing file. @throws StorageError */
  private behind(name: string, backing: Backing): BlockDevice {
    const path = backingPath(name, backing),
      here = nameForPeople(device(name));
    // libvirt's words. A guest's raw disk could say of itself that it is an image on another.
    if (backing.format === undefined)
      throw new StorageError(
        `format of backing image '${path}' of image '${here}' was not specified in the image metadata`,
      );
    if (backing.format !== 'raw' && backing.format !== 'qcow2')
      throw new StorageError(`${here} lies on ${path}, whose format ${backing.format} is not read here.`);
    const volume = this.find(volumeIn(path));
    const missing = (): never => {
      throw new StorageError(`${here} lies on ${path}, which is not there. Put that file back.`);
    };
    if (!volume) return this.parts.image(path) ?? missing();
    if (volume.overlay) return this.parts.overlay(volume.name);
    if (volume.qcow2 && backing.format === 'qcow2') return this.on(volume.name);
    const medium = this.parts.medium(volume);
    return backing.format === 'raw' ? medium : inItsName(volume.name, () => new Qcow2Source(medium));
  }

  /** Images with the paths of their backing files. */
  get backings(): { name: string; path: string }[] {
    return this.parts.volumes().flatMap(({ name }) => {
      const backing = this.header(device(name))?.backing;
      return backing ? [{ name, path: backingPath(name, backing) }] : [];
    });
  }

  /** Files of Domain 0 that are no volumes, and on which images lie. */
  get filesBelow(): string[] {
    return this.backings.map(({ path }) => path).filter(path => !this.find(volumeIn(path)));
  }

  /** The image that lies on a device, by its volume's name; undefined: none does. */
  onTopOf(path: string): string | undefined {
    return this.backings.find(({ path: below }) => canonical(below) === canonical(path))?.name;
  }

  /** Volumes under the image on a volume, one below the other, as devices. */
  below(path: string): string[] {
    const { backings } = this;
    const found: string[] = [];
    for (let at: string | undefined = path; at !== undefined; ) {
      const from: string = at;
      const next = backings.find(({ name }) => name === volumeIn(from))?.path;
      const isNew = next !== undefined && this.find(volumeIn(next)) && !found.includes(canonical(next));
      if (isNew) found.push(canonical(next));
      at = isNew ? next : undefined;
    }
    return found;
  }

  /** Its volume goes, or holds something else: so do the images on it. */
  forget(name: string, backings = this.backings): void {
    this.used.delete(name);
    for (const { name: top, path } of backings)
      if (volumeIn(path) === name && this.used.has(top)) this.forget(top, backings);
  }

  flush(name: string): void {
    this.used.get(name)?.flush();
  }

  flushAll(): void {
    for (const image of this.used.values()) image.flush();
  }
}
