/**
 * Pools of storage: Domain 0's images and the volumes of its disk, which are the host's own, and what clients define: folders, and the disk with its partitions.
 * Sources: libvirt's documentation, "Storage pool and volume XML format"; src/storage/storage_driver.c, storage_util.c and storage_backend_disk.c of libvirt 9 for
 * what is refused.
 */
import { xmlLanguage } from '../definitions/config/index.ts';
import { escapedXml } from '../definitions/config/index.ts';
import { SECTOR_BYTES } from '../../formats/blocks/index.ts';
import { GROUP, IMAGES, PE_BYTES } from '../host/storage/index.ts';
import { type CommandHost, uuidOfName, type Uses } from '../toolstack/index.ts';
import { failing, LibvirtError } from './errors.ts';
import { LISTED, LISTED_GROUPS, matches } from './flags.ts';
import { type Entry, KEPT_EVENT, KeptObjects } from './kept.ts';
import { childOf, readXml, type XmlElement } from './xml.ts';

export type PoolType = 'dir' | 'logical' | 'disk';

export interface Pool {
  name: string;
  uuid: string;
  type: PoolType;
  folder: string;
  /** Of a disk. */
  device?: string;
  /** Whose its folder is asked to be, as it is written: here all is Domain 0's root's. */
  permissions?: string;
}
export type PoolEntry = Entry<Pool>;

const own = (name: string, type: Pool['type'], folder: string): Pool => ({
  name,
  uuid: uuidOfName(`pool ${name}`),
  type,
  folder,
});

const OWN: readonly Pool[] = [own('images', 'dir', IMAGES), own(GROUP, 'logical', `/dev/${GROUP}`)];

const POOLS = new KeptObjects<Pool>({
  what: 'storage pool',
  folder: '/etc/libvirt/storage',
  own: OWN,
  read: readPool,
  write: pool => documentOf(pool, []),
  missing: detail => new LibvirtError('NO_STORAGE_POOL', detail, 'storage'),
});

/** virStoragePoolType: the bit of each in virConnectListAllStoragePoolsFlags follows those that networks have, too. */
const TYPES = 'dir fs netfs logical disk iscsi iscsi-direct scsi mpath rbd sheepdog gluster zfs vstorage'.split(' ');
const FLAGS_BEFORE = 6,
  ALL_KINDS = ~0x3f;
const GROUPS = [...LISTED_GROUPS, ALL_KINDS];

/** Where devices are, and the only disk. */
const DEVICES = '/dev',
  DISK = '/dev/sda';

/** The table that a disk has: a PC's. A document may leave it out. @throws LibvirtError */
function readDisk(root: XmlElement, folder: string): string {
  const source = childOf(root, 'source');
  const device = childOf(source, 'device')?.attributes.path,
    format = childOf(source, 'format')?.attributes.type ?? 'dos';
  if (!device) throw new LibvirtError('XML_ERROR', 'missing storage pool source device name', 'storage');
  const unsupported = (detail: string): never => {
    throw new LibvirtError('CONFIG_UNSUPPORTED', detail, 'storage');
  };
  if (format !== 'dos' && format !== 'unknown')
    unsupported(`a disk of format '${format}' has no place here: ${DISK} has the table of a PC, 'dos'`);
  if (folder !== DEVICES) unsupported(`partitions are below ${DEVICES} alone, and not '${folder}'`);
  return device;
}

/** virStoragePoolDefParseXML(). @throws LibvirtError */
async function readPool(text: string): Promise<Pool> {
  const root = await readXml(text, 'pool');
  const wrong = (detail: string): never => {
    throw new LibvirtError('XML_ERROR', detail, 'storage');
  };
  const { type = '' } = root.attributes;
  if (!TYPES.includes(type)) wrong(`Invalid value for attribute 'type' in element 'pool': '${type}'.`);
  if (type !== 'dir' && type !== 'disk')
    throw new LibvirtError(
      'CONFIG_UNSUPPORTED',
      `a pool of type '${type}' has no place here: folders and ${DISK} are pools, and ${GROUP} is the host's own`,
      'storage',
    );
  const name = childOf(root, 'name')?.text || wrong('missing pool source name element');
  if (/[/\n]/.test(name)) wrong(`name ${name} cannot contain '/'`);
  const folder = childOf(childOf(root, 'target'), 'path')?.text || wrong('missing storage pool target path');
  if (!folder.startsWith('/')) wrong(`storage pool target path '${folder}' is not absolute`);
  const path = folder.replace(/(?<=.)\/+$/, '');
  const permissions = childOf(childOf(root, 'target'), 'permissions');
  const { xmlText } = await xmlLanguage.load();
  return {
    name,
    uuid: childOf(root, 'uuid')?.text.toLowerCase() || uuidOfName(`pool ${name}`),
    type,
    folder: path,
    ...(type === 'disk' ? { device: readDisk(root, path) } : {}),
    ...(permissions ? { permissions: xmlText(permissions, '    ').trimEnd() } : {}),
  };
}

export const poolEvents = POOLS.events;

export async function listPools(host: CommandHost, flags: number): Promise<PoolEntry[]> {
  return (await POOLS.list(host)).filter(({ of: { type }, isActive, isPersistent, isAutomatic }) =>
    matches(
      (isActive ? LISTED.ACTIVE : LISTED.INACTIVE) |
        (isPersistent ? LISTED.PERSISTENT : LISTED.TRANSIENT) |
        (isAutomatic ? LISTED.AUTOSTART : LISTED.NO_AUTOSTART) |
        (1 << (FLAGS_BEFORE + TYPES.indexOf(type))),
      flags,
      GROUPS,
    ),
  );
}

export const poolByName = (host: CommandHost, name: string): Promise<PoolEntry> => POOLS.byName(host, name);
export const poolByUuid = (host: CommandHost, uuid: string): Promise<PoolEntry> => POOLS.byUuid(host, uuid);

/** @throws LibvirtError */
export async function poolByFolder(host: CommandHost, folder: string): Promise<PoolEntry> {
  const found = (await POOLS.list(host)).find(({ of, isActive }) => isActive && of.folder === folder);
  if (!found)
    throw new LibvirtError('NO_STORAGE_POOL', `no storage pool with matching target path '${folder}'`, 'storage');
  return found;
}

/** One that is active. @throws LibvirtError */
export function activePool(entry: PoolEntry): Pool {
  POOLS.refuseInactive(entry);
  return entry.of;
}

/** virStoragePoolCreateFlags. */
const BUILD = 1 << 0;

/** @throws LibvirtError */
export const definePool = (host: CommandHost, xml: string): Promise<PoolEntry> => POOLS.define(host, xml);
/** @throws LibvirtError */
export const createPool = (host: CommandHost, xml: string, flags = 0): Promise<PoolEntry> =>
  POOLS.create(host, xml, pool => begin(host, pool, flags));
/** @throws LibvirtError */
export const startPool = (host: CommandHost, entry: PoolEntry, flags = 0): Promise<void> =>
  POOLS.start(host, entry, pool => begin(host, pool, flags));
/** What is in it stays. @throws LibvirtError */
export const stopPool = (host: CommandHost, entry: PoolEntry): Promise<void> => POOLS.stop(host, entry);
/** @throws LibvirtError */
export const setPoolAutostart = (host: CommandHost, entry: PoolEntry, on: boolean): Promise<void> =>
  POOLS.setAutomatic(host, entry, on);

/** @throws LibvirtError */
export async function undefinePool(host: CommandHost, entry: PoolEntry): Promise<void> {
  POOLS.refuseOwn(entry);
  refuseActive(entry);
  await POOLS.undefine(host, entry);
}

/** Makes its folder. @throws LibvirtError */
export async function buildPool(host: CommandHost, entry: PoolEntry): Promise<void> {
  POOLS.refuseOwn(entry);
  refuseActive(entry);
  await makeIn(host, entry.of);
  POOLS.events.tell(host, entry.of, KEPT_EVENT.CREATED);
}

/** Removes its folder, which is empty. @throws LibvirtError */
export async function deletePool(host: CommandHost, entry: PoolEntry): Promise<void> {
  POOLS.refuseOwn(entry);
  refuseActive(entry);
  const { folder, type } = entry.of;
  if (type === 'disk') throw new LibvirtError('NO_SUPPORT', 'pool does not support pool deletion', 'storage');
  await failing(async () => {
    if ((await host.files.own!.readdir(folder)).length > 0)
      throw new LibvirtError('SYSTEM_ERROR', `failed to remove pool '${folder}': Directory not empty`, 'storage');
    await host.files.own!.rm(folder, { recursive: true });
  });
  POOLS.events.tell(host, entry.of, KEPT_EVENT.DELETED);
}

/** What has come to a client's pool by itself is a volume from now on. @throws LibvirtError */
export async function refreshPool(host: CommandHost, entry: PoolEntry): Promise<void> {
  await lookInto(host, activePool(entry));
  await noteVolumes(host, entry.of);
  POOLS.events.tell(host, entry.of, 'refreshed');
}

function refuseActive({ of: { name }, isActive }: PoolEntry): void {
  if (isActive) throw new LibvirtError('OPERATION_INVALID', `storage pool '${name}' is still active`, 'storage');
}

async function begin(host: CommandHost, pool: Pool, flags: number): Promise<void> {
  const other = (await POOLS.list(host)).find(
    ({ of, isActive }) => isActive && of.name !== pool.name && of.folder === pool.folder,
  );
  if (other)
    throw new LibvirtError('OPERATION_FAILED', `Storage source conflict with pool: '${other.of.name}'`, 'storage');
  if ((flags & BUILD) !== 0) await makeIn(host, pool);
  await lookInto(host, pool);
  await noteVolumes(host, pool);
}

/** Its folder; a disk has a table, and virStorageBackendDiskBuildPool() writes none over that. @throws LibvirtError */
async function makeIn({ files: { own: files } }: Uses<'files'>, { type, folder, device }: Pool): Promise<void> {
  if (type === 'disk')
    throw new LibvirtError(
      'OPERATION_FAILED',
      `Device '${device}' has an existing partition table: it is the host's own`,
      'storage',
    );
  await failing(() => files!.mkdir(folder, { recursive: true }));
}

/** @throws LibvirtError where the folder or the disk is not there */
async function lookInto(host: Uses<'disk' | 'files'>, { type, folder, device }: Pool): Promise<void> {
  if (type === 'disk' && !(device === DISK && (await host.disk.openDevices())))
    throw new LibvirtError('INVALID_ARG', `device path '${device}' doesn't exist`, 'storage');
  if (type !== 'dir') return;
  const stat = await host.files.own?.stat(folder).catch(() => undefined);
  if (!stat?.isDirectory)
    throw new LibvirtError(
      'SYSTEM_ERROR',
      `cannot open directory '${folder}': ${stat ? 'Not a directory' : 'No such file or directory'}`,
      'storage',
    );
}

// ---- what is in them

export interface Volume {
  pool: string;
  /** Of its pool: a file of a folder, or a volume or a partition of the host's disk. */
  type: PoolType;
  name: string;
  path: string;
  capacityBytes: number;
  allocationBytes: number;
}

/**
 * What is in the folder of a client's pool, as it was when that was looked at last: libvirt has a list of a pool's volumes, which a refresh makes again
 * (storagePoolRefreshImpl()). Of the host's own pools all are there at once, as Domain 0 itself puts them there.
 */
const known = new WeakMap<CommandHost['toolstack'], Map<string, Set<string>>>();

const isOwn = ({ name }: Pool): boolean => OWN.some(pool => pool.name === name);

/** @throws nothing: a folder that cannot be read has nothing */
async function noteVolumes(host: Uses<'disk' | 'files' | 'toolstack'>, pool: Pool): Promise<Set<string>> {
  const its = known.get(host.toolstack) ?? new Map<string, Set<string>>();
  known.set(host.toolstack, its);
  const names = new Set((await volumesIn(host, pool)).map(({ name }) => name));
  its.set(pool.name, names);
  return names;
}

/** A volume was made in a pool. */
export const knowVolume = ({ toolstack }: Uses<'toolstack'>, { name: pool }: Pool, name: string): void =>
  void known.get(toolstack)?.get(pool)?.add(name);

/** A volume of a pool is gone. */
export const forgetVolume = ({ toolstack }: Uses<'toolstack'>, { pool, name }: Volume): void =>
  void known.get(toolstack)?.get(pool)?.delete(name);

/** By their names. An image's capacity is that of its file: `measured` looks into it. */
export async function volumesOf(host: Uses<'disk' | 'files' | 'toolstack'>, pool: Pool): Promise<Volume[]> {
  const found = await volumesIn(host, pool);
  if (pool.type !== 'dir' || isOwn(pool)) return found;
  const names = known.get(host.toolstack)?.get(pool.name) ?? (await noteVolumes(host, pool));
  return found.filter(({ name }) => names.has(name));
}

async function volumesIn(host: Uses<'disk' | 'files'>, { name: inPool, type, folder }: Pool): Promise<Volume[]> {
  const volume = (name: string, bytes: number): Volume => ({
    pool: inPool,
    type,
    name,
    path: `${folder}/${name}`,
    capacityBytes: bytes,
    allocationBytes: bytes,
  });
  if (type === 'logical')
    return ((await host.disk.openDevices())?.volumes ?? []).map(({ name, bytes }) => volume(name, bytes)).sort(byName);
  if (type === 'disk')
    return ((await host.disk.openDevices())?.partitions ?? []).map(({ number, sectors }) =>
      volume(`${DISK.slice(DEVICES.length + 1)}${number}`, sectors * SECTOR_BYTES),
    );
  const { own: files } = host.files;
  const names = (await files?.readdir(folder).catch(() => [])) ?? [];
  const found = await Promise.all(
    names.map(async name => {
      // A link may lead nowhere.
      const stat = await files!.stat(`${folder}/${name}`).catch(() => undefined);
      return stat?.isFile ? [volume(name, stat.size)] : [];
    }),
  );
  return found.flat().sort(byName);
}

const byName = (a: Volume, b: Volume): number => (a.name < b.name ? -1 : 1);

/** virStoragePoolState. */
const STATE = { INACTIVE: 0, RUNNING: 2 };

/** virStoragePoolInfo. What is in folders lies on the host's disk; without one it is only known what they take. */
export async function poolInfo(host: Uses<'disk' | 'files' | 'toolstack'>, { of, isActive }: PoolEntry) {
  if (!isActive) return { state: STATE.INACTIVE, capacityBytes: 0, allocationBytes: 0, availableBytes: 0 };
  const state = STATE.RUNNING;
  const { allowed } = host.files;
  if (allowed?.has(of.folder)) {
    const { capacityBytes, availableBytes } = allowed.room(of.folder);
    return { state, capacityBytes, allocationBytes: capacityBytes - availableBytes, availableBytes };
  }
  const storage = await host.disk.openDevices();
  const takenBytes = async (): Promise<number> =>
    (await volumesOf(host, of)).reduce((sum, { allocationBytes }) => sum + allocationBytes, 0);
  if (!storage) {
    const taken = await takenBytes();
    return { state, capacityBytes: taken, allocationBytes: taken, availableBytes: 0 };
  }
  if (of.type === 'disk') {
    const capacityBytes = storage.medium(DISK).bytes,
      allocationBytes = await takenBytes();
    return { state, capacityBytes, allocationBytes, availableBytes: capacityBytes - allocationBytes };
  }
  const { extents, freeExtents } = storage;
  return {
    state,
    capacityBytes: extents * PE_BYTES,
    allocationBytes: (extents - freeExtents) * PE_BYTES,
    availableBytes: freeExtents * PE_BYTES,
  };
}

export async function poolXml(host: Uses<'disk' | 'files' | 'toolstack'>, entry: PoolEntry): Promise<string> {
  const { capacityBytes, allocationBytes, availableBytes } = await poolInfo(host, entry);
  return documentOf(entry.of, [
    `  <capacity unit='bytes'>${capacityBytes}</capacity>`,
    `  <allocation unit='bytes'>${allocationBytes}</allocation>`,
    `  <available unit='bytes'>${availableBytes}</available>`,
  ]);
}

const documentOf = ({ type, name, uuid, folder, device, permissions }: Pool, sizes: readonly string[]): string =>
  [
    `<pool type='${type}'>`,
    `  <name>${escapedXml(name)}</name>`,
    `  <uuid>${uuid}</uuid>`,
    ...sizes,
    '  <source>',
    ...(device === undefined ? [] : [`    <device path='${escapedXml(device)}'/>`, "    <format type='dos'/>"]),
    ...(type === 'logical' ? [`    <name>${name}</name>`, "    <format type='lvm2'/>"] : []),
    '  </source>',
    '  <target>',
    `    <path>${escapedXml(folder)}</path>`,
    ...(permissions === undefined ? [] : [permissions]),
    '  </target>',
    '</pool>',
    '',
  ].join('\n');

/** What there is of a kind that a pool could be made of: the host's volume group. @throws LibvirtError */
export async function poolSources(host: Uses<'disk'>, type: string): Promise<string> {
  if (type !== 'logical')
    throw new LibvirtError('NO_SUPPORT', `pool type '${type}' does not support source discovery`, 'storage');
  const storage = await host.disk.openDevices();
  return storage
    ? `<sources>\n  <source>\n    <device path='/dev/sda2'/>\n    <name>${GROUP}</name>\n    <format type='lvm2'/>\n  </source>\n</sources>\n`
    : '<sources>\n</sources>\n';
}
