/** Pools of storage and their volumes: Domain 0's images, and the volumes of its disk. Source: libvirt's documentation, "Storage pool and volume XML format". */
import { escapedXml } from '../../definitions/config/index.ts';
import { GROUP, IMAGES, PE_BYTES } from '../../host/storage/index.ts';
import type { CommandHost } from '../command-host.ts';
import { uuidOfName } from '../uuid.ts';
import { LibvirtError } from './errors.ts';
import { HOST_GROUPS, matches, OF_HOST } from './flags.ts';

export interface Pool {
  name: string;
  uuid: string;
  type: 'dir' | 'logical';
  folder: string;
}

export interface Volume {
  pool: string;
  name: string;
  path: string;
  capacityBytes: number;
  allocationBytes: number;
}

const pool = (name: string, type: Pool['type'], folder: string): Pool => ({
  name,
  uuid: uuidOfName(`pool ${name}`),
  type,
  folder,
});
const POOLS: readonly Pool[] = [pool('images', 'dir', IMAGES), pool(GROUP, 'logical', `/dev/${GROUP}`)];

/** virConnectListAllStoragePoolsFlags has a bit for each kind, behind those that networks have, too. */
const KINDS = { dir: 1 << 6, logical: 1 << 9 },
  ALL_KINDS = ~0x3f;

export const listPools = (flags: number): Pool[] =>
  POOLS.filter(({ type }) => matches(OF_HOST | KINDS[type], flags, [...HOST_GROUPS, ALL_KINDS]));

export function poolByName(name: string): Pool {
  const found = POOLS.find(each => each.name === name);
  if (!found) throw new LibvirtError('NO_STORAGE_POOL', `no storage pool with matching name '${name}'`, 'storage');
  return found;
}

export function poolByUuid(uuid: string): Pool {
  const found = POOLS.find(each => each.uuid === uuid);
  if (!found) throw new LibvirtError('NO_STORAGE_POOL', `no storage pool with matching uuid '${uuid}'`, 'storage');
  return found;
}

/** virStoragePoolInfo. Images take their room from the files' own disk, of which it is not known how much is left: only what they take is. */
export async function poolInfo(host: CommandHost, of: Pool) {
  const volumes = await volumesOf(host, of);
  const taken = volumes.reduce((sum, { allocationBytes }) => sum + allocationBytes, 0);
  const storage = of.type === 'logical' ? await host.openDevices() : undefined;
  if (!storage) return { capacityBytes: taken, allocationBytes: taken, availableBytes: 0 };
  const { extents, freeExtents } = storage;
  return {
    capacityBytes: extents * PE_BYTES,
    allocationBytes: (extents - freeExtents) * PE_BYTES,
    availableBytes: freeExtents * PE_BYTES,
  };
}

/** By their names. An image's capacity is that of its file: `measured` looks into it. */
export async function volumesOf(host: CommandHost, { name: inPool, type, folder }: Pool): Promise<Volume[]> {
  if (type === 'logical')
    return ((await host.openDevices())?.volumes ?? [])
      .map(({ name, bytes }) => ({
        pool: inPool,
        name,
        path: `${folder}/${name}`,
        capacityBytes: bytes,
        allocationBytes: bytes,
      }))
      .sort(byName);
  const { files } = host.parts;
  const names = (await files?.readdir(folder).catch(() => [])) ?? [];
  const found = await Promise.all(
    names.map(async name => {
      const path = `${folder}/${name}`;
      const { isFile, size } = await files!.stat(path);
      if (!isFile) return [];
      return [{ pool: inPool, name, path, capacityBytes: size, allocationBytes: size }];
    }),
  );
  return found.flat().sort(byName);
}

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

const byName = (a: Volume, b: Volume): number => (a.name < b.name ? -1 : 1);

export async function volumeByName(host: CommandHost, of: Pool, name: string): Promise<Volume> {
  const found = (await volumesOf(host, of)).find(volume => volume.name === name);
  if (!found) throw new LibvirtError('NO_STORAGE_VOL', `no storage vol with matching name '${name}'`, 'storage');
  return measured(host, found);
}

/** Its key is its path. */
export async function volumeByPath(host: CommandHost, path: string, what: 'path' | 'key' = 'path'): Promise<Volume> {
  for (const each of POOLS) {
    const found = (await volumesOf(host, each)).find(volume => volume.path === path);
    if (found) return measured(host, found);
  }
  throw new LibvirtError('NO_STORAGE_VOL', `no storage vol with matching ${what} '${path}'`, 'storage');
}

export async function poolXml(host: CommandHost, of: Pool): Promise<string> {
  const { capacityBytes, allocationBytes, availableBytes } = await poolInfo(host, of);
  const source =
    of.type === 'logical'
      ? `  <source>\n    <name>${of.name}</name>\n    <format type='lvm2'/>\n  </source>\n`
      : '  <source>\n  </source>\n';
  return `<pool type='${of.type}'>
  <name>${of.name}</name>
  <uuid>${of.uuid}</uuid>
  <capacity unit='bytes'>${capacityBytes}</capacity>
  <allocation unit='bytes'>${allocationBytes}</allocation>
  <available unit='bytes'>${availableBytes}</available>
${source}  <target>
    <path>${of.folder}</path>
  </target>
</pool>
`;
}

export const volumeXml = ({ type }: Pool, { name, path, capacityBytes, allocationBytes }: Volume): string =>
  `<volume type='${type === 'dir' ? 'file' : 'block'}'>
  <name>${escapedXml(name)}</name>
  <key>${escapedXml(path)}</key>
  <capacity unit='bytes'>${capacityBytes}</capacity>
  <allocation unit='bytes'>${allocationBytes}</allocation>
  <target>
    <path>${escapedXml(path)}</path>
    <format type='${/\.qcow2$/.test(name) ? 'qcow2' : 'raw'}'/>
  </target>
</volume>
`;
