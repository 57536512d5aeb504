/** Volumes of pools. Sources: libvirt's documentation, "Storage pool and volume XML format"; src/conf/storage_conf.c and src/storage/storage_driver.c. */
import { isQcow2 } from '../../../hypervisor/disks/index.ts';
import { escapedXml } from '../../definitions/config/index.ts';
import { copyInTurns } from '../../host/storage/index.ts';
import type { CommandHost } from '../command-host.ts';
import { failing, LibvirtError } from './errors.ts';
import { checkFlags } from './flags.ts';
import { activePool, listPools, type Pool, poolByName, type Volume, volumesOf } from './pools.ts';
import { openBytes } from './volume-bytes.ts';
import { bytesOf, childOf, readXml } from './xml.ts';

/** With the capacity of the disk in it: a qcow2 file says that in its head. */
const measured = async (host: CommandHost, volume: Volume): Promise<Volume> => ({
  ...volume,
  capacityBytes: host.isDevice(volume.path)
    ? volume.capacityBytes
    : await host.openImage(volume.path).then(
        image => image.device.bytes,
        () => volume.capacityBytes,
      ),
});

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
const VOLUME_TYPE = { dir: 0, logical: 1 };

/** virStorageVolInfo. */
export const volumeInfo = ({ type, capacityBytes, allocationBytes }: Volume) => ({
  type: VOLUME_TYPE[type],
  capacityBytes,
  allocationBytes,
});

export async function volumeXml(host: CommandHost, volume: Volume): Promise<string> {
  const { type, name, path, capacityBytes, allocationBytes } = volume;
  return `<volume type='${type === 'dir' ? 'file' : 'block'}'>
  <name>${escapedXml(name)}</name>
  <key>${escapedXml(path)}</key>
  <capacity unit='bytes'>${capacityBytes}</capacity>
  <allocation unit='bytes'>${allocationBytes}</allocation>
  <target>
    <path>${escapedXml(path)}</path>
    <format type='${await formatOf(host, volume)}'/>
  </target>
</volume>
`;
}

async function formatOf(host: CommandHost, { path }: Volume): Promise<'raw' | 'qcow2'> {
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

interface Wanted {
  name: string;
  bytes: number;
}

/** `like`: one whose size counts where none is said. @throws LibvirtError */
async function readVolume(xml: string, like?: Volume): Promise<Wanted> {
  const root = await readXml(xml, 'volume');
  const name = childOf(root, 'name')?.text;
  if (!name) throw new LibvirtError('XML_ERROR', 'missing volume name element', 'storage');
  if (/[/\n]/.test(name)) throw new LibvirtError('XML_ERROR', `name ${name} cannot contain '/'`, 'storage');
  const format = childOf(childOf(root, 'target'), 'format')?.attributes.type ?? 'raw';
  if (childOf(root, 'backingStore')?.children.length)
    throw new LibvirtError('CONFIG_UNSUPPORTED', 'volumes on others are made by qemu-img create -b here', 'storage');
  if (format !== 'raw' && !like)
    throw new LibvirtError(
      'CONFIG_UNSUPPORTED',
      `images of format ${format} are read here, and not written: make a raw one`,
      'storage',
    );
  const bytes = (await bytesOf(childOf(root, 'capacity'))) ?? like?.capacityBytes;
  if (bytes === undefined) throw new LibvirtError('XML_ERROR', 'missing capacity element', 'storage');
  return { name, bytes };
}

/** Makes what reads as zeros. @throws LibvirtError */
export async function createVolume(host: CommandHost, pool: Pool, xml: string, flags = 0): Promise<Volume> {
  checkFlags(flags, CREATE.PREALLOC_METADATA | CREATE.VALIDATE, 'storageVolCreateXML');
  return makeVolume(host, pool, await readVolume(xml));
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
  const wanted = await readVolume(xml, source);
  const from = await openBytes(host, source.path, false);
  try {
    const bytes = Math.max(wanted.bytes, from.length);
    const made = await makeVolume(host, pool, { ...wanted, bytes });
    const to = await openBytes(host, made.path, true);
    try {
      await copyInTurns(from.length, host.parts, (at, piece) => to.write(at, from.read(at, piece.length)));
    } finally {
      await to.close();
    }
    return volumeByName(host, pool, made.name);
  } finally {
    await from.close();
  }
}

async function makeVolume(host: CommandHost, pool: Pool, { name, bytes }: Wanted): Promise<Volume> {
  if ((await volumesOf(host, pool)).some(volume => volume.name === name))
    throw new LibvirtError('STORAGE_VOL_EXIST', `'${name}' exists already`, 'storage');
  await failing(() =>
    host.tasks.run(`virsh vol-create ${pool.name} ${name}`, async () => {
      if (pool.type === 'dir') await host.parts.files!.truncate(`${pool.folder}/${name}`, bytes);
      else (await host.openDevices())!.createVolume(name, bytes);
    }),
  );
  return volumeByName(host, pool, name);
}

/** @throws LibvirtError */
export async function deleteVolume(host: CommandHost, volume: Volume, flags = 0): Promise<void> {
  checkFlags(flags, 0, 'storageVolDelete');
  await failing(() =>
    host.tasks.run(`virsh vol-delete ${volume.name} ${volume.pool}`, async () => {
      // Its folder may be a link to another.
      if (volume.type === 'dir') await host.parts.files!.rm(await host.realPath(volume.path));
      else (await host.openDevices())!.removeVolume(volume.name);
    }),
  );
}

/** What is new reads as zeros. @throws LibvirtError */
export async function resizeVolume(host: CommandHost, volume: Volume, capacity: number, flags = 0): Promise<void> {
  checkFlags(flags, RESIZE.ALLOCATE | RESIZE.DELTA | RESIZE.SHRINK, 'storageVolResize');
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
  if (volume.type === 'dir' && (await formatOf(host, volume)) !== 'raw')
    throw new LibvirtError('CONFIG_UNSUPPORTED', 'images of format qcow2 are read here, and not written', 'storage');
  await failing(() =>
    host.tasks.run(`virsh vol-resize ${volume.name} ${bytes}`, async () => {
      if (volume.type === 'dir') await host.parts.files!.truncate(volume.path, bytes);
      else (await host.openDevices())!.resizeVolume(volume.name, bytes);
    }),
  );
}

/** Overwrites it with zeros. @throws LibvirtError */
export async function wipeVolume(host: CommandHost, volume: Volume): Promise<void> {
  await failing(() =>
    host.tasks.run(`virsh vol-wipe ${volume.name}`, async () => {
      const bytes = await openBytes(host, volume.path, true);
      try {
        await copyInTurns(bytes.length, host.parts, (at, piece) => bytes.write(at, piece.fill(0)));
      } finally {
        await bytes.close();
      }
    }),
  );
}
