/** Procedures of what a host has beside its domains: networks, storage, and lists of what there is none of. */
import { array, int, struct, unsigned, unsignedHyper } from '../../../formats/xdr/index.ts';
import * as libvirt from '../../../dom0/toolstack/libvirt/index.ts';
import { type Procedure, procedure, type Table } from '../procedure.ts';
import { flags, LIST_MAX, type NamedRef, named, text, uuid, volume } from '../types.ts';

const OF_NAMED = struct({ of: named });
const OF_NAMED_WITH_FLAGS = struct({ of: named, flags });
const LISTED = struct({ needResults: int, flags });
const refOf = ({ name, uuid: id }: NamedRef): NamedRef => ({ name, uuid: id });
const volumeRefOf = ({ pool, name, path }: libvirt.Volume) => ({ volume: { pool, name, key: path } });

/** A list that is always empty, of what libvirt knows and a host here has none of. */
const none: Procedure = procedure({
  arguments: LISTED,
  result: struct({ list: array(named, LIST_MAX), count: unsigned }),
  run: () => ({ list: [], count: 0 }),
});

/** Nobody has others here than these. */
const always = (answer: number, check: (uuid: string) => unknown): Procedure =>
  procedure({
    arguments: OF_NAMED,
    result: struct({ answer: int }),
    run: (_caller, { of }) => (check(of.uuid), { answer }),
  });

export const NETWORKS: Table = {
  connect_list_all_networks: procedure({
    arguments: LISTED,
    result: struct({ networks: array(named, LIST_MAX), count: unsigned }),
    run: (_caller, given) => {
      const found = libvirt.listNetworks(given.flags);
      return { networks: given.needResults ? found.map(refOf) : [], count: found.length };
    },
  }),
  network_lookup_by_name: procedure({
    arguments: struct({ name: text }),
    result: OF_NAMED,
    run: (_caller, { name }) => ({ of: refOf(libvirt.networkByName(name)) }),
  }),
  network_lookup_by_uuid: procedure({
    arguments: struct({ uuid }),
    result: OF_NAMED,
    run: (_caller, given) => ({ of: refOf(libvirt.networkByUuid(given.uuid)) }),
  }),
  network_get_xml_desc: procedure({
    arguments: OF_NAMED_WITH_FLAGS,
    result: struct({ xml: text }),
    run: (_caller, { of }) => ({ xml: libvirt.networkXml(libvirt.networkByUuid(of.uuid)) }),
  }),
  network_get_bridge_name: procedure({
    arguments: OF_NAMED,
    result: struct({ bridge: text }),
    run: (_caller, { of }) => ({ bridge: libvirt.networkByUuid(of.uuid).bridge }),
  }),
  network_get_autostart: always(1, libvirt.networkByUuid),
  network_is_active: always(1, libvirt.networkByUuid),
  network_is_persistent: always(1, libvirt.networkByUuid),
  connect_list_all_interfaces: none,
  connect_list_all_node_devices: none,
  connect_list_all_secrets: none,
  connect_list_all_nwfilters: none,
};

/** virStoragePoolState, VIR_STORAGE_VOL_FILE and _BLOCK. */
const RUNNING = 2,
  FILE = 0,
  BLOCK = 1;

export const STORAGE: Table = {
  connect_list_all_storage_pools: procedure({
    arguments: LISTED,
    result: struct({ pools: array(named, LIST_MAX), count: unsigned }),
    run: (_caller, given) => {
      const found = libvirt.listPools(given.flags);
      return { pools: given.needResults ? found.map(refOf) : [], count: found.length };
    },
  }),
  storage_pool_lookup_by_name: procedure({
    arguments: struct({ name: text }),
    result: OF_NAMED,
    run: (_caller, { name }) => ({ of: refOf(libvirt.poolByName(name)) }),
  }),
  storage_pool_lookup_by_uuid: procedure({
    arguments: struct({ uuid }),
    result: OF_NAMED,
    run: (_caller, given) => ({ of: refOf(libvirt.poolByUuid(given.uuid)) }),
  }),
  storage_pool_lookup_by_volume: procedure({
    arguments: struct({ volume }),
    result: OF_NAMED,
    run: (_caller, given) => ({ of: refOf(libvirt.poolByName(given.volume.pool)) }),
  }),
  storage_pool_get_info: procedure({
    arguments: OF_NAMED,
    result: struct({
      state: int,
      capacityBytes: unsignedHyper,
      allocationBytes: unsignedHyper,
      availableBytes: unsignedHyper,
    }),
    run: async ({ host }, { of }) => ({
      state: RUNNING,
      ...(await libvirt.poolInfo(host, libvirt.poolByUuid(of.uuid))),
    }),
  }),
  storage_pool_get_xml_desc: procedure({
    arguments: OF_NAMED_WITH_FLAGS,
    result: struct({ xml: text }),
    run: async ({ host }, { of }) => ({ xml: await libvirt.poolXml(host, libvirt.poolByUuid(of.uuid)) }),
  }),
  storage_pool_get_autostart: always(1, libvirt.poolByUuid),
  storage_pool_is_active: always(1, libvirt.poolByUuid),
  storage_pool_is_persistent: always(1, libvirt.poolByUuid),
  /** What is there is looked at whenever somebody asks. */
  storage_pool_refresh: procedure({
    changes: true,
    arguments: OF_NAMED_WITH_FLAGS,
    run: (_caller, { of }) => void libvirt.poolByUuid(of.uuid),
  }),
  storage_pool_num_of_volumes: procedure({
    arguments: OF_NAMED,
    result: struct({ count: int }),
    run: async ({ host }, { of }) => ({
      count: (await libvirt.volumesOf(host, libvirt.poolByUuid(of.uuid))).length,
    }),
  }),
  storage_pool_list_all_volumes: procedure({
    arguments: struct({ of: named, needResults: int, flags }),
    result: struct({ volumes: array(volume, LIST_MAX), count: unsigned }),
    run: async ({ host }, given) => {
      const found = await libvirt.volumesOf(host, libvirt.poolByUuid(given.of.uuid));
      return {
        volumes: given.needResults ? found.map(each => volumeRefOf(each).volume) : [],
        count: found.length,
      };
    },
  }),
  storage_vol_lookup_by_name: procedure({
    arguments: struct({ of: named, name: text }),
    result: struct({ volume }),
    run: async ({ host }, { of, name }) =>
      volumeRefOf(await libvirt.volumeByName(host, libvirt.poolByUuid(of.uuid), name)),
  }),
  storage_vol_lookup_by_path: procedure({
    arguments: struct({ path: text }),
    result: struct({ volume }),
    run: async ({ host }, { path }) => volumeRefOf(await libvirt.volumeByPath(host, path)),
  }),
  storage_vol_lookup_by_key: procedure({
    arguments: struct({ key: text }),
    result: struct({ volume }),
    run: async ({ host }, { key }) => volumeRefOf(await libvirt.volumeByPath(host, key, 'key')),
  }),
  storage_vol_get_info: procedure({
    arguments: struct({ volume }),
    result: struct({ type: int, capacityBytes: unsignedHyper, allocationBytes: unsignedHyper }),
    run: async ({ host }, { volume: { pool: name, name: of } }) => {
      const pool = libvirt.poolByName(name);
      return { type: pool.type === 'dir' ? FILE : BLOCK, ...(await libvirt.volumeByName(host, pool, of)) };
    },
  }),
  storage_vol_get_path: procedure({
    arguments: struct({ volume }),
    result: struct({ path: text }),
    run: async ({ host }, { volume: { pool, name } }) => ({
      path: (await libvirt.volumeByName(host, libvirt.poolByName(pool), name)).path,
    }),
  }),
  storage_vol_get_xml_desc: procedure({
    arguments: struct({ volume, flags }),
    result: struct({ xml: text }),
    run: async ({ host }, { volume: { pool: name, name: of } }) => {
      const pool = libvirt.poolByName(name);
      return { xml: libvirt.volumeXml(pool, await libvirt.volumeByName(host, pool, of)) };
    },
  }),
};
