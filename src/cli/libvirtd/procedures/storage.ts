/** Procedures of storage: pools, their volumes, and what goes into volumes and comes out of them. */
import { array, int, struct, unsigned, unsignedHyper } from '../../../formats/xdr/index.ts';
import type { CommandHost } from '../../../dom0/toolstack/index.ts';
import * as libvirt from '../../../dom0/libvirt/index.ts';
import { type Procedure, procedure, type Table } from '../procedure.ts';
import type { Stream } from '../stream.ts';
import { flags, LIST_MAX, maybeText, type NamedRef, named, text, volume } from '../types.ts';
import { keptProcedures, OF_NAMED, OF_NAMED_WITH_FLAGS, refOf } from './kept.ts';
import { COUNT, firstOf, NAMES } from './lists.ts';

const OF_VOLUME = struct({ volume });
const OF_VOLUME_WITH_FLAGS = struct({ volume, flags });
const XML_WITH_FLAGS = struct({ xml: text, flags });

const volumeRefOf = ({ pool, name, path }: libvirt.Volume) => ({ volume: { pool, name, key: path } });

const { meant, deed, ...pools } = keptProcedures({
  list: libvirt.listPools,
  byName: libvirt.poolByName,
  byUuid: libvirt.poolByUuid,
  setAutostart: libvirt.setPoolAutostart,
  events: 'pool',
});
/** The pool that a client means, which is active. @throws LibvirtError */
const active = async (host: CommandHost, ref: NamedRef): Promise<libvirt.Pool> =>
  libvirt.activePool(await meant(host, ref));

const deedWithFlags = (
  act: (host: CommandHost, pool: libvirt.PoolEntry, flags: number) => Promise<unknown>,
): Procedure =>
  procedure({
    changes: true,
    arguments: OF_NAMED_WITH_FLAGS,
    run: async ({ host }, given) => void (await act(host, await meant(host, given.of), given.flags)),
  });

export const POOLS: Table = {
  connect_num_of_storage_pools: pools.countOfActive,
  connect_list_storage_pools: pools.namesOfActive,
  connect_num_of_defined_storage_pools: pools.countOfInactive,
  connect_list_defined_storage_pools: pools.namesOfInactive,
  connect_list_all_storage_pools: pools.listAll,
  connect_storage_pool_event_register_any: pools.registerEvent,
  connect_storage_pool_event_deregister_any: pools.deregisterEvent,
  connect_find_storage_pool_sources: procedure({
    arguments: struct({ type: text, source: maybeText, flags }),
    result: struct({ xml: text }),
    run: async ({ host }, { type }) => ({ xml: await libvirt.poolSources(host, type) }),
  }),
  storage_pool_create_xml: procedure({
    changes: true,
    arguments: XML_WITH_FLAGS,
    result: OF_NAMED,
    run: async ({ host }, given) => refOf(await libvirt.createPool(host, given.xml, given.flags)),
  }),
  storage_pool_define_xml: procedure({
    changes: true,
    arguments: XML_WITH_FLAGS,
    result: OF_NAMED,
    run: async ({ host }, { xml }) => refOf(await libvirt.definePool(host, xml)),
  }),
  storage_pool_create: deedWithFlags(libvirt.startPool),
  storage_pool_build: deedWithFlags(libvirt.buildPool),
  storage_pool_destroy: deed(libvirt.stopPool),
  storage_pool_delete: deedWithFlags(libvirt.deletePool),
  storage_pool_undefine: deed(libvirt.undefinePool),
  storage_pool_refresh: deedWithFlags(libvirt.refreshPool),
  storage_pool_lookup_by_name: pools.lookupByName,
  storage_pool_lookup_by_uuid: pools.lookupByUuid,
  storage_pool_lookup_by_volume: procedure({
    arguments: OF_VOLUME,
    result: OF_NAMED,
    run: async ({ host }, given) => refOf(await libvirt.poolByName(host, given.volume.pool)),
  }),
  storage_pool_lookup_by_target_path: procedure({
    arguments: struct({ path: text }),
    result: OF_NAMED,
    run: async ({ host }, { path }) => refOf(await libvirt.poolByFolder(host, path)),
  }),
  storage_pool_get_info: procedure({
    arguments: OF_NAMED,
    result: struct({
      state: int,
      capacityBytes: unsignedHyper,
      allocationBytes: unsignedHyper,
      availableBytes: unsignedHyper,
    }),
    run: async ({ host }, { of }) => libvirt.poolInfo(host, await meant(host, of)),
  }),
  storage_pool_get_xml_desc: procedure({
    arguments: OF_NAMED_WITH_FLAGS,
    result: struct({ xml: text }),
    run: async ({ host }, { of }) => ({ xml: await libvirt.poolXml(host, await meant(host, of)) }),
  }),
  storage_pool_get_autostart: pools.getAutostart,
  storage_pool_is_active: pools.isActive,
  storage_pool_is_persistent: pools.isPersistent,
  storage_pool_set_autostart: pools.setAutostart,
};

/** Of what a client is sent at once of a volume. */
const PIECE_BYTES = 262_120;

/** What comes goes into a volume from a place on. @throws LibvirtError */
async function uploadTo(host: CommandHost, path: string, offset: number): Promise<Stream> {
  const bytes = await libvirt.openBytes(host, path, true);
  let at = offset;
  return {
    begin: () => {},
    receive: piece => {
      bytes.write(at, piece);
      at += piece.length;
    },
    finish: () => bytes.close(),
    end: () => void bytes.close().catch(() => {}),
  };
}

/** A volume from a place on; 0 bytes: all. @throws LibvirtError */
async function downloadFrom(host: CommandHost, path: string, offset: number, count: number): Promise<Stream> {
  const bytes = await libvirt.openBytes(host, path, false);
  const end = count === 0 ? bytes.length : Math.min(bytes.length, offset + count);
  let isOver = false;
  return {
    begin: out =>
      void (async () => {
        for (let at = offset; at < end && !isOver; at += PIECE_BYTES) {
          out.send(bytes.read(at, Math.min(PIECE_BYTES, end - at)));
          await out.drained();
        }
        out.finish();
      })().catch(out.fail),
    end: () => {
      isOver = true;
      void bytes.close().catch(() => {});
    },
  };
}

const THROUGH = struct({ volume, offset: unsignedHyper, length: unsignedHyper, flags });

export const VOLUMES: Table = {
  storage_pool_num_of_volumes: procedure({
    arguments: OF_NAMED,
    result: COUNT,
    run: async ({ host }, { of }) => ({
      count: (await libvirt.volumesOf(host, await active(host, of))).length,
    }),
  }),
  storage_pool_list_volumes: procedure({
    arguments: struct({ pool: named, most: int }),
    result: NAMES,
    run: async ({ host }, { pool, most }) => {
      const found = await libvirt.volumesOf(host, await active(host, pool));
      return { names: firstOf(found, most).map(({ name }) => name) };
    },
  }),
  storage_pool_list_all_volumes: procedure({
    arguments: struct({ pool: named, needResults: int, flags }),
    result: struct({ volumes: array(volume, LIST_MAX), count: unsigned }),
    run: async ({ host }, given) => {
      const found = await libvirt.volumesOf(host, await active(host, given.pool));
      return { volumes: given.needResults ? found.map(each => volumeRefOf(each).volume) : [], count: found.length };
    },
  }),
  storage_vol_lookup_by_name: procedure({
    arguments: struct({ pool: named, name: text }),
    result: OF_VOLUME,
    run: async ({ host }, { pool, name }) =>
      volumeRefOf(await libvirt.volumeByName(host, await active(host, pool), name)),
  }),
  storage_vol_lookup_by_path: procedure({
    arguments: struct({ path: text }),
    result: OF_VOLUME,
    run: async ({ host }, { path }) => volumeRefOf(await libvirt.volumeByPath(host, path)),
  }),
  storage_vol_lookup_by_key: procedure({
    arguments: struct({ key: text }),
    result: OF_VOLUME,
    run: async ({ host }, { key }) => volumeRefOf(await libvirt.volumeByPath(host, key, 'key')),
  }),
  storage_vol_get_info: procedure({
    arguments: OF_VOLUME,
    result: struct({ type: int, capacityBytes: unsignedHyper, allocationBytes: unsignedHyper }),
    run: async ({ host }, given) => libvirt.volumeInfo(await libvirt.volumeOf(host, given.volume)),
  }),
  storage_vol_get_info_flags: procedure({
    arguments: OF_VOLUME_WITH_FLAGS,
    result: struct({ type: int, capacityBytes: unsignedHyper, allocationBytes: unsignedHyper, flags }),
    run: async ({ host }, given) => ({
      ...libvirt.volumeInfo(await libvirt.volumeOf(host, given.volume)),
      flags: given.flags,
    }),
  }),
  storage_vol_get_path: procedure({
    arguments: OF_VOLUME,
    result: struct({ path: text }),
    run: async ({ host }, given) => ({ path: (await libvirt.volumeOf(host, given.volume)).path }),
  }),
  storage_vol_get_xml_desc: procedure({
    arguments: OF_VOLUME_WITH_FLAGS,
    result: struct({ xml: text }),
    run: async ({ host }, given) => ({
      xml: await libvirt.volumeXml(host, await libvirt.volumeOf(host, given.volume)),
    }),
  }),
  storage_vol_create_xml: procedure({
    changes: true,
    arguments: struct({ pool: named, xml: text, flags }),
    result: OF_VOLUME,
    run: async ({ host }, given) =>
      volumeRefOf(await libvirt.createVolume(host, await active(host, given.pool), given.xml, given.flags)),
  }),
  storage_vol_create_xml_from: procedure({
    changes: true,
    arguments: struct({ pool: named, xml: text, source: volume, flags }),
    result: OF_VOLUME,
    run: async ({ host }, given) =>
      volumeRefOf(
        await libvirt.cloneVolume(
          host,
          await active(host, given.pool),
          given.xml,
          await libvirt.volumeOf(host, given.source),
          given.flags,
        ),
      ),
  }),
  storage_vol_delete: procedure({
    changes: true,
    arguments: OF_VOLUME_WITH_FLAGS,
    run: async ({ host }, given) => libvirt.deleteVolume(host, await libvirt.volumeOf(host, given.volume), given.flags),
  }),
  storage_vol_wipe: procedure({
    changes: true,
    arguments: OF_VOLUME_WITH_FLAGS,
    run: async ({ host }, given) => libvirt.wipeVolume(host, await libvirt.volumeOf(host, given.volume)),
  }),
  storage_vol_resize: procedure({
    changes: true,
    arguments: struct({ volume, capacityBytes: unsignedHyper, flags }),
    run: async ({ host }, given) =>
      libvirt.resizeVolume(host, await libvirt.volumeOf(host, given.volume), given.capacityBytes, given.flags),
  }),
  storage_vol_upload: procedure({
    changes: true,
    arguments: THROUGH,
    run: async ({ host, stream }, given) =>
      stream(await uploadTo(host, (await libvirt.volumeOf(host, given.volume)).path, Number(given.offset))),
  }),
  storage_vol_download: procedure({
    arguments: THROUGH,
    run: async ({ host, stream }, given) =>
      stream(
        await downloadFrom(
          host,
          (await libvirt.volumeOf(host, given.volume)).path,
          Number(given.offset),
          Number(given.length),
        ),
      ),
  }),
};
