/**
 * `qemu-img`: what an image is, new raw images and overlays, images copied to files and volumes. Source: qemu-img(1) for words and output; sizes are as
 * qemu-img rounds them.
 */
import { type HostFiles, writeWhole } from '../host/files/index.ts';
import type { Uses } from '../toolstack/index.ts';
import { type BlockDevice, MemoryDisk } from '../../formats/blocks/index.ts';
import type { Backing, Qcow2Header } from '../../formats/qcow2/index.ts';
import { isQcow2, readQcow2Header } from '../../hypervisor/disks/index.ts';
import { HEAD_BYTES } from '../definitions/images/index.ts';
import {
  copyInTurns,
  devicesOverlap,
  IMAGES,
  imageVolume,
  isDevice,
  overlayHeaderOf,
  type Storage,
  StorageError,
} from '../host/storage/index.ts';
import { onDisk, storedAt } from './disk-paths.ts';
import {
  absolutePath,
  failed,
  type Program,
  type Ran,
  succeeded,
  type Surroundings,
} from '../toolstack/programs/index.ts';
import { check } from './qemu-img-check.ts';

const SECTOR_BYTES = 512;
const USAGE = `usage: qemu-img info IMAGE
       qemu-img check [-q] [-f FORMAT] [--output=human|json] IMAGE
       qemu-img create [-f raw] FILE SIZE
       qemu-img create -f qcow2 [-b IMAGE -F raw|qcow2] FILE [SIZE]
       qemu-img create -f qcow2 -b IMAGE [-F raw|qcow2] /dev/vg0/NAME [SIZE]
       qemu-img convert [-f raw|qcow2] [-O raw|qcow2] IMAGE FILE|/dev/vg0/NAME
       qemu-img compare [-s] IMAGE IMAGE
       qemu-img resize [--shrink] [-f raw|qcow2] FILE [+|-]SIZE
`;
const UNITS = 'bkmgt';
/** A size to be taken away, and no option. */
const LESS = /^-\d/;

/** Commands of QEMU's that are not here, and what does the same. */
const INSTEAD: Readonly<Record<string, string>> = {
  snapshot:
    'Images have no snapshots inside here: a guest has them with its disks (virsh snapshot-create-as, xl snapshot).',
  commit: 'Write what the overlay shows into an image of its own: qemu-img convert -O qcow2 OVERLAY IMAGE.',
  rebase:
    'Make an overlay of the other image (qemu-img create -f qcow2 -b IMAGE -F FORMAT FILE), or one that needs none: qemu-img convert.',
  amend: 'An image gets its options when it is made: qemu-img convert -O qcow2 IMAGE NEW.',
  map: 'What an image takes is in qemu-img info, its tables in qemu-img check.',
  measure: 'What an image takes is in qemu-img info.',
  dd: 'dd reads and writes raw images and volumes; what is in a qcow2 image qemu-img convert gives.',
};

class Wrong extends Error {}

/** Bytes of a disk, wherever they lie. */
interface Source {
  bytes: number;
  read(at: number, into: Uint8Array): void;
  close(): void;
}

interface Words {
  options: Map<string, string>;
  rest: string[];
}

/** @throws Wrong */
function read(words: readonly string[]): Words {
  const options = new Map<string, string>();
  const rest: string[] = [];
  const queue = [...words];
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (!/^-./.test(word) || LESS.test(word)) rest.push(word);
    else if (word === '--shrink' || word === '-s') options.set(word, '');
    else if (!['-f', '-F', '-O', '-b'].includes(word)) throw new Wrong(`unrecognized option '${word}'\n${USAGE}`);
    else {
      const value = queue.shift();
      if (value === undefined) throw new Wrong(`option requires an argument -- '${word.slice(1)}'`);
      options.set(word, value);
    }
  }
  return { options, rest };
}

/** Bytes, in whole sectors. @throws Wrong */
function sizeOf(text: string): number {
  const [, digits, unit = 'b'] = /^(\d+(?:\.\d+)?)([bkmgt])?$/i.exec(text) ?? [];
  if (digits === undefined)
    throw new Wrong(
      `Invalid image size specified. You may use k, M, G or T suffixes for kilobytes, megabytes, gigabytes and terabytes.`,
    );
  return Math.ceil((Number(digits) * 1024 ** UNITS.indexOf(unit.toLowerCase())) / SECTOR_BYTES) * SECTOR_BYTES;
}

/** 1.5 GiB: three digits that count, as size_to_str() has them. */
function human(bytes: number): string {
  const at = Math.min(4, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  return `${Number((bytes / 1024 ** at).toPrecision(3))} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][at]}`;
}

/** What `info` tells of an image besides its sizes. */
const ofQcow2 = ({ clusterBits, version, backing }: Qcow2Header): string[] => [
  `cluster_size: ${2 ** clusterBits}`,
  ...(backing ? [`backing file: ${backing.path}`] : []),
  ...(backing?.format === undefined ? [] : [`backing file format: ${backing.format}`]),
  'Format specific information:',
  `    compat: ${version === 2 ? '0.10' : '1.1'}`,
];

class QemuImg {
  private readonly host: Uses<'clock' | 'disk' | 'files'>;
  private readonly around: Surroundings;

  constructor(host: Uses<'clock' | 'disk' | 'files'>, around: Surroundings) {
    this.host = host;
    this.around = around;
  }

  private absolute(path: string): string {
    return absolutePath(path, this.around);
  }

  private get files(): HostFiles {
    const { own: files } = this.host.files;
    if (!files) throw new Wrong('Domain 0 has no files here.');
    return files;
  }

  private async storage(): Promise<Storage> {
    const storage = await this.host.disk.openDevices();
    if (!storage) throw new Wrong('This host has no disk of its own: there are no volumes.');
    return storage;
  }

  /** @throws Wrong */
  async file(path: string): Promise<Uint8Array> {
    try {
      return await this.files.readFileBuffer(this.absolute(path));
    } catch {
      throw new Wrong(`Could not open '${path}': Could not open '${path}': No such file or directory`);
    }
  }

  async info({ rest }: Words): Promise<string> {
    const [path] = rest;
    if (path === undefined) throw new Wrong(`Expecting one image file name\n${USAGE}`);
    const lines = (format: string, bytes: number, more: string[]): string =>
      [`image: ${path}`, `file format: ${format}`, `virtual size: ${human(bytes)} (${bytes} bytes)`, ...more, ''].join(
        '\n',
      );
    const device = await onDisk(this.host, path, this.around);
    if (device) {
      const { storage } = device;
      const header = overlayHeaderOf(storage, device.path),
        qcow2 = storage.qcow2.header(device.path);
      const size = `disk size: ${human(storage.writtenBytes(device.path))}`;
      if (qcow2) return lines('qcow2', qcow2.diskBytes, [size, ...ofQcow2(qcow2)]);
      const { bytes } = storage.medium(device.path);
      return header ? lines('overlay', bytes, [size, `backing file: ${header.path}`]) : lines('raw', bytes, [size]);
    }
    const bytes = await this.file(path);
    const size = `disk size: ${human(bytes.length)}`;
    if (!isQcow2(bytes)) return lines('raw', bytes.length, [size]);
    const header = readQcow2Header(bytes.subarray(0, HEAD_BYTES), bytes.length, { onOthers: true });
    return lines('qcow2', header.diskBytes, [size, ...ofQcow2(header)]);
  }

  async create({ options, rest }: Words): Promise<string> {
    const [path, size] = rest;
    if (path === undefined) throw new Wrong(`Expecting image file name\n${USAGE}`);
    const base = options.get('-b'),
      format = options.get('-f') ?? 'raw';
    if (base !== undefined) {
      if (options.has('-f') && format !== 'qcow2')
        throw new Wrong(`${path}: Backing file not supported for file format '${format}'`);
      if (isDevice(path)) return this.createOverlay(path, base, options.get('-F'), size);
    }
    if (format !== 'raw' && format !== 'qcow2') throw new Wrong(`${path}: Unknown file format '${format}'`);
    if (isDevice(path)) throw new Wrong(`${path}: a volume is made by lvcreate -L SIZE -n NAME vg0.`);
    if (base !== undefined) return this.createOn(path, base, options.get('-F'), size);
    if (size === undefined) throw new Wrong(`${path}: Image creation needs a size parameter`);
    const bytes = sizeOf(size);
    if (format === 'qcow2') return this.createQcow2(path, bytes);
    await this.empty(path, bytes);
    return `Formatting '${path}', fmt=raw size=${bytes}\n`;
  }

  /** An image on another, whose bytes are seen where nobody wrote. */
  private async createOn(
    path: string,
    base: string,
    format: string | undefined,
    size: string | undefined,
  ): Promise<string> {
    if (format === undefined)
      throw new Wrong(
        `${path}: Backing file specified without backing format\nDetected format of ${await this.formatOf(base)}.`,
      );
    if (format !== 'raw' && format !== 'qcow2') throw new Wrong(`${path}: Unknown driver '${format}'`);
    const source = await this.source(base);
    source.close();
    const own = isDevice(base) ? base : await this.host.files.realPath(this.absolute(base));
    const bytes = size === undefined ? source.bytes : sizeOf(size);
    return this.createQcow2(path, bytes, { path: own, format });
  }

  private async formatOf(path: string): Promise<string> {
    return (await this.present(path)).format;
  }

  private async createQcow2(path: string, bytes: number, backing?: Required<Backing>): Promise<string> {
    const storage = await this.storage();
    const whole = this.absolute(path);
    const own = await this.host.files.realPath(whole).catch(() => whole);
    const volume = imageVolume(own);
    if (volume === undefined)
      throw new Wrong(`${path}: qcow2 images are written below ${IMAGES}, where the host's disk keeps them.`);
    if (await this.files.exists(own)) await this.files.rm(own);
    storage.createQcow2(volume, { bytes, ...(backing ? { backing } : {}) });
    const on = backing ? ` backing_file=${backing.path} backing_fmt=${backing.format}` : '';
    return `Formatting '${path}', fmt=qcow2 cluster_size=65536 extended_l2=off compression_type=zlib size=${bytes}${on} lazy_refcounts=off refcount_bits=16\n`;
  }

  private async createOverlay(
    path: string,
    base: string,
    baseFormat: string | undefined,
    size: string | undefined,
  ): Promise<string> {
    const name = /^(?:\/dev\/)?vg0\/([^/]+)$/.exec(path)?.[1];
    if (name === undefined)
      throw new Wrong(
        `${path}: what is written to another image is kept on a volume, which takes no more room than that. Write /dev/vg0/NAME.`,
      );
    if (isDevice(base))
      throw new Wrong(`${base}: a volume needs no overlay. xl clone and xl snapshot share what nobody writes.`);
    const is = isQcow2(await this.file(base)) ? 'qcow2' : 'raw';
    if (baseFormat !== undefined && baseFormat !== is)
      throw new Wrong(`${path}: Could not open backing image: ${base} is a ${is} image. Write -F ${is}.`);
    const image = await this.host.files.openImage(this.absolute(base));
    const { bytes: has } = image.device;
    const bytes = size === undefined ? has : sizeOf(size);
    if (bytes !== has)
      throw new Wrong(
        `${path}: what is written to an image has the image's size, and ${base} has ${has} bytes. Leave ${size} out.`,
      );
    const storage = await this.storage();
    storage.createOverlay(name, this.absolute(base), image);
    return `Formatting '/dev/vg0/${name}', fmt=overlay size=${has} backing_file=${base}\n`;
  }

  async convert({ options, rest }: Words): Promise<string> {
    const [from, to] = rest;
    if (from === undefined || to === undefined) throw new Wrong(`Must specify image file name\n${USAGE}`);
    const format = options.get('-O') ?? 'raw';
    if (format !== 'raw' && format !== 'qcow2') throw new Wrong(`${to}: Unknown file format '${format}'`);
    if (format === 'qcow2' && isDevice(to)) throw new Wrong(`${to}: what is on a volume is raw here.`);
    if (isDevice(from) && isDevice(to) && devicesOverlap(from, to))
      throw new Wrong(`${to}: the image lies there itself. Take another volume.`);
    const source = await this.source(from);
    try {
      if (format === 'qcow2') await this.toQcow2(source, to);
      else if (isDevice(to)) await this.toVolume(source, to);
      else await this.toFile(source, to);
    } finally {
      source.close();
    }
    return '';
  }

  async resize({ options, rest }: Words): Promise<string> {
    const [path, wanted] = rest;
    if (path === undefined || wanted === undefined) throw new Wrong(`Expecting image file name and size\n${USAGE}`);
    if (isDevice(path)) throw new Wrong(`${path}: a volume is made larger by lvextend -L SIZE vg0/NAME.`);
    const { bytes: has, format, image } = await this.present(path);
    if (format === 'qcow2' && !image)
      throw new Wrong(`${path}: qcow2 images are written below ${IMAGES}, where the host's disk keeps them.`);
    const [, sign = '', size = ''] = /^([+-]?)(.*)$/s.exec(wanted) ?? [];
    const given = sizeOf(size),
      bytes = sign === '+' ? has + given : sign === '-' ? has - given : given;
    if (bytes < 0) throw new Wrong('New image size must be positive');
    if (bytes < has && !options.has('--shrink'))
      throw new Wrong(
        "Use the --shrink option to perform a shrink operation.\nqemu-img: warning: Shrinking an image will delete all data beyond the shrunken image's end. Before performing such an operation, make sure there is no important data there.",
      );
    const { storage, path: own } = (await onDisk(this.host, path, this.around)) ?? {};
    const holder = storage && own !== undefined ? storage.whoHas(own).find(who => who !== 'qemu-img') : undefined;
    if (holder !== undefined) throw new Wrong(`${path}: ${holder} has it open.`);
    if (storage && image) storage.resizeQcow2(image, bytes);
    else
      await this.files.truncate(this.absolute(path), bytes).catch((error: Error) => {
        throw new Wrong(`${path}: ${error.message}`);
      });
    return 'Image resized.\n';
  }

  /** Bytes of the disk in an image; `image`: the volume of one that is written in place. */
  private async present(path: string): Promise<{ bytes: number; format: 'raw' | 'qcow2'; image?: string }> {
    const device = await onDisk(this.host, path, this.around);
    if (!device) {
      const bytes = await this.file(path);
      return { bytes: bytes.length, format: isQcow2(bytes) ? 'qcow2' : 'raw' };
    }
    const image = device.storage.image(device.path);
    return {
      bytes: device.storage.medium(device.path).bytes,
      format: image?.isQcow2 ? 'qcow2' : 'raw',
      ...(image?.isQcow2 ? { image: image.volume } : {}),
    };
  }

  /** Behind the end of the shorter one zeros are as nothing, but with -s. */
  async compare({ options, rest }: Words): Promise<Ran> {
    const [one, other, ...more] = rest;
    if (one === undefined || other === undefined || more.length > 0)
      throw new Wrong(`Expecting two image file names\n${USAGE}`);
    const differ = (text: string): Ran => ({ stdout: text, stderr: '', status: 1 });
    const sources = [await this.source(one)];
    try {
      sources.push(await this.source(other));
      const [least, most] = sources.map(({ bytes }) => bytes).sort((a, b) => a - b) as [number, number];
      if (least !== most && options.has('-s')) return differ('Strict mode: Image size mismatch!\n');
      let at = -1;
      await this.copy(most, (from, part) => {
        if (at >= 0) return;
        const other = new Uint8Array(part.length);
        part.fill(0);
        for (const [i, into] of [part, other].entries()) {
          const { bytes } = sources[i]!;
          if (from < bytes) sources[i]!.read(from, into.subarray(0, Math.min(into.length, bytes - from)));
        }
        const wrong = part.findIndex((byte, i) => byte !== other[i]);
        if (wrong >= 0) at = from + wrong - (wrong % SECTOR_BYTES);
      });
      const warning = least === most || (at >= 0 && at < least) ? '' : 'Warning: Image size mismatch!\n';
      return at >= 0
        ? differ(`${warning}Content mismatch at offset ${at}!\n`)
        : succeeded(`${warning}Images are identical.\n`);
    } finally {
      for (const { close } of sources) close();
    }
  }

  private copy(bytes: number, piece: (at: number, piece: Uint8Array) => void): Promise<void> {
    const { soon } = this.host.clock;
    return copyInTurns(bytes, { soon, signal: this.around.signal }, piece);
  }

  private async source(path: string): Promise<Source> {
    const device = await onDisk(this.host, path, this.around);
    if (device) {
      const { medium, close } = device.storage.look(device.path, 'qemu-img');
      return { bytes: medium.bytes, read: (at, into) => medium.read(at, into), close };
    }
    await this.file(path);
    const { device: image } = await this.host.files.openImage(this.absolute(path));
    return {
      bytes: image.bytes,
      read: (at, into) => {
        try {
          image.read(at, into);
        } catch {
          throw new Wrong(`error while reading at byte ${at}: ${path} is damaged.`);
        }
      },
      close: () => {},
    };
  }

  /** To a new image, which goes again where the copy fails. */
  private async toQcow2(source: Source, path: string): Promise<void> {
    await this.createQcow2(path, source.bytes);
    const own = await this.host.files.realPath(this.absolute(path));
    try {
      await this.fill(await this.storage(), source, own);
    } catch (error) {
      await this.files.rm(own);
      throw error;
    }
  }

  /** To a volume that is there, or a new one, which goes again where the copy fails. */
  private async toVolume(source: Source, path: string): Promise<void> {
    const storage = await this.storage();
    const name = /^\/dev\/vg0\/([^/]+)$/.exec(path)?.[1];
    if (name === undefined || storage.volumes.some(volume => volume.name === name))
      return this.fill(storage, source, path);
    storage.createVolume(name, source.bytes);
    try {
      await this.fill(storage, source, path);
    } catch (error) {
      storage.removeUnused(name);
      throw error;
    }
  }

  private async fill(storage: Storage, source: Source, path: string): Promise<void> {
    const { medium, close } = storage.open(path, 'qemu-img', true);
    try {
      if (medium.bytes < source.bytes)
        throw new Wrong(
          `${path}: the device has ${medium.bytes} bytes, and the image ${source.bytes}. Make it larger: lvextend.`,
        );
      medium.discard(0, source.bytes);
      await this.copy(source.bytes, (at, part) => {
        const old = new Uint8Array(part.length);
        source.read(at, part);
        medium.read(at, old);
        // What is zeros, and reads as zeros, takes no room.
        if (part.some((byte, i) => byte !== old[i])) medium.write(at, part);
      });
      medium.flush();
    } finally {
      close();
    }
  }

  /** A file of this many zeros, in place of what is there. */
  private async empty(path: string, bytes: number): Promise<void> {
    const whole = this.absolute(path);
    if (await this.files.exists(whole)) await writeWhole(this.files, whole, new Uint8Array());
    await this.files.truncate(whole, bytes).catch((error: Error) => {
      throw new Wrong(`${path}: ${error.message}`);
    });
  }

  private async toFile(source: Source, path: string): Promise<void> {
    const { storage, path: own } = (await onDisk(this.host, path, this.around)) ?? {};
    if (storage && own !== undefined && storage.whoHas(own).some(who => who !== 'qemu-img'))
      throw new Wrong(`${path}: ${storage.whoHas(own)[0]} has it open.`);
    await this.empty(path, source.bytes);
    const made = await storedAt(this.host, await this.host.files.realPath(this.absolute(path)));
    if (made) return this.fill(made.storage, source, made.path);
    const whole = new Uint8Array(source.bytes);
    await this.copy(source.bytes, (at, { length }) => source.read(at, whole.subarray(at, at + length)));
    await writeWhole(this.files, this.absolute(path), whole);
  }
}

export function qemuImgProgram(host: Uses<'clock' | 'disk' | 'files'>): Program {
  const names = ['info', 'create', 'convert', 'compare', 'resize'] as const;
  /** What `check` looks at: a file, or a disk that has it. @throws Error with a sentence */
  const open = async (path: string, around: Surroundings): Promise<BlockDevice> => {
    const device = await onDisk(host, path, around);
    const image = device?.storage.image(device.path);
    if (device) return image ? device.storage.fileMedium(image.volume) : device.storage.medium(device.path);
    return new MemoryDisk(await new QemuImg(host, around).file(path));
  };
  return {
    name: 'qemu-img',
    summary:
      'tells what an image is, and whether its tables agree (check); makes raw images and overlays; resizes them; copies images to files and volumes',
    run: async ([name = '', ...words], around): Promise<Ran> => {
      if (name === '--help' || name === '-h') return succeeded(USAGE);
      if (name === 'check') return check(words, path => open(path, around));
      const command = names.find(each => each === name);
      if (!command)
        return failed(
          name === ''
            ? `qemu-img: Not enough arguments\n${USAGE}`
            : Object.hasOwn(INSTEAD, name)
              ? `qemu-img: ${name} is not here. ${INSTEAD[name]}`
              : `qemu-img: Command not found: ${name}`,
        );
      try {
        const done = await new QemuImg(host, around)[command](read(words));
        return typeof done === 'string' ? succeeded(done) : done;
      } catch (error) {
        // A sentence in either case: of the store, the file system or ours.
        const spelled =
          error instanceof Wrong || error instanceof StorageError
            ? (error as Error).message
            : `${words.at(-1) ?? ''}: ${(error as Error).message}`;
        // Of compare 1 means that they differ.
        return failed(`qemu-img: ${spelled}`, name === 'compare' ? 2 : 1);
      }
    },
    complete: words => (words.length === 1 ? [...names, 'check'] : []),
  };
}
