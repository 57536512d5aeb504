/** Volumes of pools. Sources: libvirt's documentation, "Storage pool and volume XML format"; src/conf/storage_conf.c and src/storage/storage_driver.c. */
import { SECTOR_BYTES } from '../../formats/blocks/index.ts';
import { createVmdk, createVpc, ImageError } from '../../formats/other-images/index.ts';
import { type Backing, createQcow2 } from '../../formats/qcow2/index.ts';
import { isQcow2 } from '../../hypervisor/disks/index.ts';
import { type Definition, escapedXml } from '../definitions/config/index.ts';
import type { ImageFormat } from '../host/files/index.ts';
import { LONE_HOST, seedOfHost } from '../host/index.ts';
import { copyInTurns, GROUP, IMAGES, imageVolume } from '../host/storage/index.ts';
import { type CommandHost, uuidOf, type Uses } from '../toolstack/index.ts';
import type { Domain } from '../toolstack/domains/index.ts';
import { failing, LibvirtError, libvirtErrorOf } from './errors.ts';
import { checkFlags } from './flags.ts';
import {
  activePool,
  forgetVolume,
  knowVolume,
  listPools,
  type Pool,
  poolByName,
  type Volume,
  volumesOf,
} from './pools.ts';
import { openBytes, openDiskIn } from './volume-bytes.ts';
import { bytesOf, childOf, readXml } from './xml.ts';

/** A volume of the host's disk that is the file of an image; undefined: it is no such file. */
async function imageOf(host: Uses<'disk' | 'files'>, { path }: Volume) {
  const storage = await host.disk.openDevices();
  const file = storage?.file(await host.files.realPath(path).catch(() => path));
  if (!storage || !file) return undefined;
  const device = `/dev/${GROUP}/${file.volume}`;
  return { storage, ...file, device, header: storage.qcow2.header(device) };
}

type Image = NonNullable<Awaited<ReturnType<typeof imageOf>>>;

/** With the capacity of the disk in it, which a qcow2 file says in its head, and what it takes of the host's disk. */
async function measured(host: Uses<'disk' | 'files'>, volume: Volume): Promise<Volume> {
  if (volume.type !== 'dir') return volume;
  const { allowed } = host.files;
  if (allowed?.has(volume.path)) {
    // What the daemon may not read is listed as it is.
    const { capacityBytes, allocationBytes } = allowed.measure(volume.path);
    return { ...volume, capacityBytes, allocationBytes };
  }
  const image = await imageOf(host, volume);
  const capacityBytes =
    image?.header?.diskBytes ??
    image?.bytes ??
    (await host.files.openImage(volume.path).then(
      ({ device }) => device.bytes,
      () => volume.capacityBytes,
    ));
  const allocationBytes = image ? image.storage.writtenBytes(image.device) : volume.allocationBytes;
  return { ...volume, capacityBytes, allocationBytes };
}

/** @throws LibvirtError */
export async function volumeByName(host: CommandHost, of: Pool, name: string): Promise<Volume> {
  const found = (await volumesOf(host, of)).find(volume => volume.name === name);
  if (!found) throw new LibvirtError('NO_STORAGE_VOL', `no storage vol with matching name '${name}'`, 'storage');
  return measured(host, found);
}

/** As a client refers to it. @throws LibvirtError */
export async function volumeOf(host: CommandHost, ref: { pool: string; name: string }): Promise<Volume> {
  return volumeByName(host, activePool(await poolByName(host, ref.pool)), ref.name);
}

/** Its key is its path. @throws LibvirtError */
export async function volumeByPath(host: CommandHost, path: string, what: 'path' | 'key' = 'path'): Promise<Volume> {
  for (const { of, isActive } of await listPools(host, 0)) {
    const found = isActive && (await volumesOf(host, of)).find(volume => volume.path === path);
    if (found) return measured(host, found);
  }
  throw new LibvirtError('NO_STORAGE_VOL', `no storage vol with matching ${what} '${path}'`, 'storage');
}

/** virStorageVolType. */
const VOLUME_TYPE = { dir: 0, logical: 1, disk: 1 };

/** virStorageVolInfo. */
export const volumeInfo = ({ type, capacityBytes, allocationBytes }: Volume) => ({
  type: VOLUME_TYPE[type],
  capacityBytes,
  allocationBytes,
});

export async function volumeXml(host: CommandHost, volume: Volume): Promise<string> {
  const { type, name, path, capacityBytes, allocationBytes } = volume;
  const image = await imageOf(host, volume),
    { allowed } = host.files,
    header = allowed?.has(path) ? allowed.measure(path).qcow2 : image?.header,
    backing = header?.backing;
  return `<volume type='${type === 'dir' ? 'file' : 'block'}'>
  <name>${escapedXml(name)}</name>
  <key>${escapedXml(path)}</key>
  <capacity unit='bytes'>${capacityBytes}</capacity>
  <allocation unit='bytes'>${allocationBytes}</allocation>
  <target>
    <path>${escapedXml(path)}</path>
    <format type='${await formatOf(host, volume, image)}'/>
${header ? compatOf(header.version) : ''}  </target>
${backing ? backingXml(backing) : ''}</volume>
`;
}

/** Of qcow2, as virStorageVolTargetDefFormat() writes it. */
const compatOf = (version: number): string =>
  version === 2 ? '    <compat>0.10</compat>\n' : '    <compat>1.1</compat>\n    <features/>\n';

const backingXml = ({ path, format = 'raw' }: Backing): string =>
  `  <backingStore>\n    <path>${escapedXml(path)}</path>\n    <format type='${escapedXml(format)}'/>\n  </backingStore>\n`;

async function formatOf(host: CommandHost, { type, path }: Volume, image: Image | undefined): Promise<ImageFormat> {
  if (type !== 'dir') return 'raw';
  if (host.files.allowed?.has(path)) return host.files.allowed.measure(path).format;
  // What a guest writes into a raw image says nothing of it.
  if (image) return image.isQcow2 ? 'qcow2' : 'raw';
  const bytes = await openBytes(host, path, false);
  const head = bytes.read(0, Math.min(512, bytes.length));
  await bytes.close();
  return isQcow2(head) ? 'qcow2' : 'raw';
}

// ---- volumes that come, change and go

/** virStorageVolCreateFlags: there is no metadata to put there before, and nothing to share. */
const CREATE = { PREALLOC_METADATA: 1 << 0, REFLINK: 1 << 1, VALIDATE: 1 << 2 };
/** virStorageVolResizeFlags. */
const RESIZE = { ALLOCATE: 1 << 0, DELTA: 1 << 1, SHRINK: 1 << 2 };

const FORMATS: readonly ImageFormat[] = ['raw', 'qcow2', 'vmdk', 'vpc'];

interface Wanted {
  name: string;
  bytes: number;
  /** Of a raw file, what has room on its disk from the start. */
  allocationBytes: number;
  /** Of a qcow2 image (<compat>). */
  version?: 2 | 3;
  format: ImageFormat;
  backing?: Required<Backing>;
}

/** virStorageFileFormat. */
const KNOWN_FORMATS = 'none raw dir bochs cloop dmg iso vpc vdi fat vhd ploop cow qcow qcow2 qed vmdk luks'.split(' ');

/** @throws LibvirtError */
function formatNamed(format: string): ImageFormat {
  const known = FORMATS.find(each => each === format);
  if (known) return known;
  if (!KNOWN_FORMATS.includes(format))
    throw new LibvirtError('XML_ERROR', `unknown volume format type ${format}`, 'storage');
  throw new LibvirtError('CONFIG_UNSUPPORTED', `images here are raw, qcow2, vmdk or vpc, and not ${format}`, 'storage');
}

/** `like`: one whose size and format count where none is said. @throws LibvirtError */
async function readVolume(host: CommandHost, xml: string, like?: Volume): Promise<Wanted> {
  const root = await readXml(xml, 'volume');
  const name = childOf(root, 'name')?.text;
  if (!name) throw new LibvirtError('XML_ERROR', 'missing volume name element', 'storage');
  if (/[/\n]/.test(name)) throw new LibvirtError('XML_ERROR', `name ${name} cannot contain '/'`, 'storage');
  const said = childOf(childOf(root, 'target'), 'format')?.attributes.type;
  const format =
    said === undefined ? (like ? await formatOf(host, like, await imageOf(host, like)) : 'raw') : formatNamed(said);
  const under = childOf(root, 'backingStore');
  const path = childOf(under, 'path')?.text;
  const backing = path ? { path, format: formatNamed(childOf(under, 'format')?.attributes.type ?? 'raw') } : undefined;
  // An element without a text is none (virXPathString()).
  const size = (name: string): Promise<number | undefined> =>
    bytesOf(childOf(root, name)?.text ? childOf(root, name) : undefined);
  const bytes = (await size('capacity')) ?? like?.capacityBytes;
  if (bytes === undefined) throw new LibvirtError('XML_ERROR', 'missing capacity element', 'storage');
  const allocationBytes = Math.min(bytes, (await size('allocation')) ?? bytes);
  const version = versionOf(childOf(childOf(root, 'target'), 'compat')?.text);
  return { name, bytes, allocationBytes, format, ...(version ? { version } : {}), ...(backing ? { backing } : {}) };
}

/** The version of qcow2 that QEMU's compat means; undefined: it is left to QEMU (virStorageCheckCompat(), qcow2_create()). @throws LibvirtError */
function versionOf(compat: string | undefined): 2 | 3 | undefined {
  if (!compat) return undefined;
  if (!/^\d+\.\d+$/.test(compat))
    throw new LibvirtError('XML_ERROR', "forbidden characters in 'compat' attribute", 'storage');
  if (compat !== '0.10' && compat !== '1.1')
    throw new LibvirtError(
      'INTERNAL_ERROR',
      `qemu-img: Parameter 'compat' does not accept value '${compat}'`,
      'storage',
    );
  return compat === '0.10' ? 2 : 3;
}

/** Makes what reads as zeros. @throws LibvirtError */
export async function createVolume(host: CommandHost, pool: Pool, xml: string, flags = 0): Promise<Volume> {
  checkFlags(flags, CREATE.PREALLOC_METADATA | CREATE.VALIDATE, 'storageVolCreateXML');
  return makeVolume(host, pool, await readVolume(host, xml));
}

/** Makes a copy. @throws LibvirtError */
export async function cloneVolume(
  host: CommandHost,
  pool: Pool,
  xml: string,
  source: Volume,
  flags = 0,
): Promise<Volume> {
  checkFlags(flags, CREATE.PREALLOC_METADATA | CREATE.REFLINK | CREATE.VALIDATE, 'storageVolCreateXMLFrom');
  const wanted = await readVolume(host, xml, source);
  const from = await openDiskIn(host, source, false);
  try {
    const bytes = Math.max(wanted.bytes, from.length);
    // Of a copy that is to take less room than its original has nothing is taken ahead (createRawFile()).
    const allocationBytes = wanted.allocationBytes < from.length ? 0 : wanted.allocationBytes;
    const made = await makeVolume(host, pool, { ...wanted, bytes, allocationBytes });
    const to = await openDiskIn(host, made, true);
    try {
      await copyInTurns(from.length, host.clock, (at, piece) => {
        const read = from.read(at, piece.length);
        // What is zeros takes no room in a new volume; on others it may be something else.
        if (wanted.backing || read.some(byte => byte !== 0)) to.write(at, read);
      });
    } finally {
      await to.close();
    }
    return volumeByName(host, pool, made.name);
  } finally {
    await from.close();
  }
}

async function makeVolume(host: CommandHost, pool: Pool, wanted: Wanted): Promise<Volume> {
  const { name, bytes, format, backing } = wanted;
  if ((await volumesOf(host, pool)).some(volume => volume.name === name))
    throw new LibvirtError('STORAGE_VOL_EXIST', `'${name}' exists already`, 'storage');
  if (pool.type === 'disk')
    throw new LibvirtError('INTERNAL_ERROR', `no large enough free extent: make volumes in ${GROUP}`, 'storage');
  if (pool.type === 'logical' && format !== 'raw')
    throw new LibvirtError('CONFIG_UNSUPPORTED', `a volume of ${GROUP} is raw, and not ${format}`, 'storage');
  if (backing && format === 'raw')
    throw new LibvirtError('CONFIG_UNSUPPORTED', 'backing storage not supported for raw volumes', 'storage');
  if (backing && format !== 'qcow2')
    throw new LibvirtError(
      'CONFIG_UNSUPPORTED',
      `an image of ${format} lies on no other here: make it qcow2`,
      'storage',
    );
  if (backing) await lookAtBacking(host, backing.path);
  const path = `${pool.folder}/${name}`;
  await failing(() =>
    host.tasks.run(`virsh vol-create ${pool.name} ${name}`, async () => {
      if (pool.type === 'logical') return void (await host.disk.openDevices())!.createVolume(name, bytes);
      // What cannot become a volume is none (virStorageBackendCreateRaw(), createFileDir()).
      const make = { raw: makeRaw, qcow2: makeQcow2, vmdk: makeOther, vpc: makeOther }[format];
      await make(host, path, wanted).catch(async (error: Error) => {
        await host.files.own!.rm(path, { force: true }).catch(() => {});
        throw error;
      });
    }),
  );
  knowVolume(host, pool, name);
  return volumeByName(host, pool, name);
}

/** A file of the host's disk has its room there in any case. @throws Error of the file system */
async function makeRaw({ files }: Uses<'files'>, path: string, { bytes, allocationBytes }: Wanted): Promise<void> {
  await files.own!.truncate(path, bytes);
  if (allocationBytes > 0 && files.allowed?.has(path)) files.allowed.allocate(path, allocationBytes);
}

/** Bytes of an upload that are read and written at once. */
const PIECE_BYTES = 1 << 20;

/** A new volume with these bytes: where it cannot have all of them there is none. @throws LibvirtError */
export async function uploadVolume(host: CommandHost, pool: Pool, name: string, data: Blob): Promise<Volume> {
  if (name === '' || /[/\n]/.test(name))
    throw new LibvirtError('XML_ERROR', `name ${name} cannot contain '/'`, 'storage');
  const made = await makeVolume(host, pool, { name, bytes: data.size, allocationBytes: 0, format: 'raw' });
  const task = host.tasks.start(`virsh vol-upload ${name} ${name} --pool ${pool.name}`);
  try {
    const bytes = await openBytes(host, made.path, true);
    try {
      for (let at = 0; at < data.size; at += PIECE_BYTES) {
        task.say(`${at / PIECE_BYTES} of ${Math.ceil(data.size / PIECE_BYTES)} MiB are there.`, at / data.size);
        bytes.write(at, new Uint8Array(await data.slice(at, at + PIECE_BYTES).arrayBuffer()));
      }
    } finally {
      await bytes.close();
    }
    task.end('done', `It is ${made.path}.`);
  } catch (error) {
    task.end('failed', (error as Error).message);
    await deleteVolume(host, made).catch(() => {});
    throw libvirtErrorOf(error);
  }
  return volumeByName(host, pool, name);
}

/** Domains that have a volume, or would have it: by their definitions. */
export function usersOf(domains: readonly Domain[], path: string): { name: string; runs: boolean }[] {
  const names = (definition: Definition): boolean => definition.disks.some(({ target }) => target === path);
  return domains
    .filter(({ definition, managed }) => names(definition) || (managed !== undefined && names(managed.definition)))
    .map(({ name, id }) => ({ name, runs: id !== undefined }));
}

/** @throws LibvirtError */
async function lookAtBacking(host: Uses<'disk' | 'files'>, path: string): Promise<void> {
  const isThere = path.startsWith('/dev/')
    ? (await host.disk.openDevices())?.isThere(path)
    : await host.files.own?.exists(path);
  if (!isThere)
    throw new LibvirtError(
      'SYSTEM_ERROR',
      `inaccessible backing store volume ${path}: No such file or directory`,
      'storage',
    );
}

/** @throws Error with a sentence */
async function makeQcow2(host: Uses<'disk' | 'files'>, path: string, wanted: Wanted): Promise<void> {
  const { bytes, version, backing } = wanted;
  const image = {
    bytes: Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES,
    ...(version ? { version } : {}),
    ...(backing ? { backing: { ...backing, path: await host.files.realPath(backing.path) } } : {}),
  };
  const { allowed } = host.files;
  if (allowed?.has(path)) {
    await allowed.truncate(path, 0);
    const { file, close } = allowed.openFile(path, true);
    try {
      createQcow2(file, image);
    } finally {
      close();
    }
    return;
  }
  const storage = await host.disk.openDevices();
  const folder = path.slice(0, path.lastIndexOf('/'));
  const own = `${await host.files.realPath(folder)}${path.slice(folder.length)}`;
  const volume = imageVolume(own);
  if (!storage || volume === undefined)
    throw new LibvirtError(
      'CONFIG_UNSUPPORTED',
      `qcow2 images are made below ${IMAGES}, where the host's disk keeps what guests write`,
      'storage',
    );
  storage.createQcow2(volume, image);
}

/** An image of another product. @throws Error with a sentence */
async function makeOther({ files, clock }: CommandHost, path: string, { name, bytes, format }: Wanted): Promise<void> {
  const { allowed } = files;
  if (!allowed?.has(path))
    throw new LibvirtError(
      'CONFIG_UNSUPPORTED',
      `images of ${format} are made in folders of the machine beneath (ringside libvirtd --allow)`,
      'storage',
    );
  const nowMs = clock.epochMs(),
    drawn = Uint8Array.from(uuidOf(0, nowMs, seedOfHost({ ...LONE_HOST, id: path })).match(/[0-9a-f]{2}/g)!, hex =>
      Number.parseInt(hex, 16),
    );
  await allowed.truncate(path, 0);
  const { file, close } = allowed.openFile(path, true);
  try {
    if (format === 'vmdk') createVmdk(file, { bytes, name, id: new DataView(drawn.buffer).getUint32(0) });
    else createVpc(file, { bytes, nowMs, uuid: drawn });
  } catch (error) {
    throw error instanceof ImageError ? new Error(`${path} ${error.message}`) : error;
  } finally {
    close();
  }
}

/** @throws LibvirtError */
export async function deleteVolume(host: CommandHost, volume: Volume, flags = 0): Promise<void> {
  checkFlags(flags, 0, 'storageVolDelete');
  if (volume.type === 'disk')
    throw new LibvirtError('OPERATION_UNSUPPORTED', `partitions are the host's own: ${volume.path} stays`, 'storage');
  await failing(() =>
    host.tasks.run(`virsh vol-delete ${volume.name} ${volume.pool}`, async () => {
      const { allowed } = host.files;
      // A guest that has it goes on with it (virStorageBackendVolDeleteLocal()).
      if (allowed?.has(volume.path)) allowed.unlink(volume.path);
      // Its folder may be a link to another.
      else if (volume.type === 'dir') await host.files.own!.rm(await host.files.realPath(volume.path));
      else (await host.disk.openDevices())!.removeVolume(volume.name);
    }),
  );
  forgetVolume(host, volume);
}

/** What is new reads as zeros. @throws LibvirtError */
export async function resizeVolume(host: CommandHost, volume: Volume, capacity: number, flags = 0): Promise<void> {
  checkFlags(flags, RESIZE.ALLOCATE | RESIZE.DELTA | RESIZE.SHRINK, 'storageVolResize');
  if (volume.type === 'disk')
    throw new LibvirtError('NO_SUPPORT', 'storage pool does not support changing of volume capacity', 'storage');
  const shrinks = (flags & RESIZE.SHRINK) !== 0;
  const before = volume.capacityBytes;
  const bytes = (flags & RESIZE.DELTA) === 0 ? capacity : before + (shrinks ? -capacity : capacity);
  if (bytes < 0) throw new LibvirtError('INVALID_ARG', 'volume capacity cannot be negative', 'storage');
  if (bytes < before && !shrinks)
    throw new LibvirtError(
      'INVALID_ARG',
      "Can't shrink capacity below current capacity unless shrink flag explicitly specified",
      'storage',
    );
  const { allowed } = host.files;
  const image = volume.type === 'dir' ? await imageOf(host, volume) : undefined;
  const format = await formatOf(host, volume, image),
    isQcow2 = format === 'qcow2';
  // bdrv_co_truncate() of QEMU's block/io.c.
  if (format !== 'raw' && !isQcow2)
    throw new LibvirtError('INTERNAL_ERROR', 'qemu-img: Image format driver does not support resize', 'storage');
  if (isQcow2 && !image?.isQcow2 && !allowed?.has(volume.path))
    throw new LibvirtError('CONFIG_UNSUPPORTED', `qcow2 images are written below ${IMAGES} alone`, 'storage');
  await failing(() =>
    host.tasks.run(`virsh vol-resize ${volume.name} ${bytes}`, async () => {
      const whole = Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES;
      if (image?.isQcow2) image.storage.resizeQcow2(image.volume, whole);
      else if (isQcow2) allowed!.resizeQcow2(volume.path, whole);
      else if (volume.type === 'dir') await host.files.own!.truncate(volume.path, bytes);
      else (await host.disk.openDevices())!.resizeVolume(volume.name, bytes);
    }),
  );
}

/** Overwrites it with zeros. @throws LibvirtError */
export async function wipeVolume(host: CommandHost, volume: Volume): Promise<void> {
  await failing(() =>
    host.tasks.run(`virsh vol-wipe ${volume.name}`, async () => {
      const bytes = await openBytes(host, volume.path, true);
      try {
        await copyInTurns(bytes.length, host.clock, (at, piece) => bytes.write(at, piece.fill(0)));
      } finally {
        await bytes.close();
      }
    }),
  );
}
