/**
 * Flags that procedures know, and refuse others as virCheckFlags() does, before anything is done. Not here: procedures whose flags what they answer from
 * (src/dom0/libvirt) refuses itself. Source: the drivers' functions in src/qemu/qemu_driver.c, src/libxl/libxl_driver.c, src/network/bridge_driver.c
 * and src/storage/storage_driver.c of libvirt 9.0, and the bits' names in include/libvirt.
 */
import type { Uses } from '../../dom0/toolstack/index.ts';
import { checkFlags, CONFIG, driverOf, LIVE } from '../../dom0/libvirt/index.ts';
import { functionOf } from './protocol.ts';

/** VIR_CONNECT_LIST_DOMAINS_FILTERS_ALL; those by activity, persistence and state; VIR_CONNECT_GET_ALL_DOMAINS_STATS_*: NOWAIT, BACKING, ENFORCE_STATS. */
const ALL_LISTED = 0xffff,
  LISTED_BY_STATE = 0xff,
  NO_WAIT = 1 << 29,
  BACKING = 1 << 30,
  ENFORCE = 1 << 31;
/** VIR_CONNECT_LIST_NETWORKS_* and, with fourteen types of pools, VIR_CONNECT_LIST_STORAGE_POOLS_*. */
const LISTED_NETWORKS = 0x3f,
  LISTED_POOLS = 0xfffff;
/** VIR_CONNECT_LIST_NODE_DEVICES_CAP_*, and PERSISTENT, TRANSIENT, INACTIVE and ACTIVE in the bits from 28 on. */
const LISTED_DEVICES = 0xf01fffff;
/** VIR_DOMAIN_XML_*: SECURE, INACTIVE, UPDATE_CPU, MIGRATABLE. */
const XML = 0xf;
/** VIR_TYPED_PARAM_STRING_OKAY. */
const STRINGS = 1 << 2;
/** Of pools and networks. */
const INACTIVE = 1 << 0;
/** Documents are to be validated. */
const VALIDATE = 1 << 0;

interface ByDriver {
  libxl: number;
  qemu: number;
}

const KNOWN: Readonly<Record<string, number | ByDriver>> = {
  connect_list_all_domains: ALL_LISTED,
  connect_get_all_domain_stats: {
    libxl: LISTED_BY_STATE | ENFORCE,
    qemu: LISTED_BY_STATE | NO_WAIT | BACKING | ENFORCE,
  },
  connect_get_sysinfo: 0,
  connect_get_domain_capabilities: 0,
  connect_domain_xml_from_native: 0,
  connect_domain_xml_to_native: 0,
  connect_set_identity: 0,
  node_get_cpu_map: 0,
  node_num_of_devices: 0,
  node_list_devices: 0,
  domain_get_state: 0,
  domain_get_xml_desc: XML,
  domain_has_managed_save_image: 0,
  domain_managed_save_remove: 0,
  domain_rename: 0,
  /** VIR_DOMAIN_SAVE_BYPASS_CACHE, RUNNING and PAUSED. */
  domain_save_params: 7,
  domain_restore_params: 7,
  domain_interface_addresses: 0,
  domain_block_stats_flags: STRINGS,
  domain_memory_stats: 0,
  domain_get_block_info: 0,
  domain_get_vcpu_pin_info: LIVE | CONFIG,
  /** VIR_DOMAIN_CONSOLE_FORCE and SAFE. */
  domain_open_console: 3,
  domain_send_key: 0,
  domain_fsfreeze: 0,
  domain_fsthaw: 0,
  domain_fstrim: 0,
  domain_get_fsinfo: 0,
  domain_get_time: 0,
  domain_get_guest_vcpus: 0,
  domain_set_guest_vcpus: 0,
  domain_agent_set_response_timeout: 0,
  domain_qemu_agent_command: 0,
  domain_has_current_snapshot: 0,
  domain_snapshot_current: 0,
  domain_snapshot_is_current: 0,
  domain_snapshot_has_metadata: 0,
  domain_snapshot_get_parent: 0,
  domain_snapshot_lookup_by_name: 0,
  /** VIR_DOMAIN_SNAPSHOT_XML_SECURE. */
  domain_snapshot_get_xml_desc: 1,
  /** VIR_CONNECT_LIST_INTERFACES_INACTIVE and ACTIVE; VIR_CONNECT_LIST_SECRETS_*; all that devices of the host are listed by. */
  connect_list_all_interfaces: 3,
  connect_list_all_secrets: 15,
  connect_list_all_nwfilters: 0,
  connect_list_all_node_devices: LISTED_DEVICES,
  connect_list_all_networks: LISTED_NETWORKS,
  network_define_xml_flags: VALIDATE,
  network_create_xml_flags: VALIDATE,
  network_get_xml_desc: INACTIVE,
  network_update: LIVE | CONFIG,
  network_get_dhcp_leases: 0,
  connect_list_all_storage_pools: LISTED_POOLS,
  connect_find_storage_pool_sources: 0,
  storage_pool_define_xml: VALIDATE,
  /** VIR_STORAGE_POOL_CREATE_*: WITH_BUILD, with OVERWRITE or NO_OVERWRITE. */
  storage_pool_create: 7,
  storage_pool_create_xml: 7,
  /** VIR_STORAGE_POOL_BUILD_*: REPAIR, RESIZE, NO_OVERWRITE, OVERWRITE. */
  storage_pool_build: 15,
  storage_pool_delete: 0,
  storage_pool_refresh: 0,
  storage_pool_get_xml_desc: INACTIVE,
  storage_pool_list_all_volumes: 0,
  /** VIR_STORAGE_VOL_GET_PHYSICAL. */
  storage_vol_get_info_flags: 1,
  storage_vol_get_xml_desc: 0,
  storage_vol_wipe: 0,
  /** VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM, and that of downloads. */
  storage_vol_upload: 1,
  storage_vol_download: 1,
};

/** The driver's function for a procedure. */
function driverFunction(host: Uses<'toolstack'>, name: string): string {
  const api = functionOf(name).slice('vir'.length);
  const owner = /^(network|storage)_/.exec(name)?.[1];
  if (owner !== undefined) return api[0]!.toLowerCase() + api.slice(1);
  const of = /_all_(network|storage)|_(storage)_/.exec(name);
  return `${of?.[1] ?? of?.[2] ?? driverOf(host).name}${api}`;
}

/** @throws LibvirtError where a procedure's flags are none that its driver knows */
export function refuseUnknownFlags(host: Uses<'toolstack'>, name: string, given: unknown): void {
  const known = Object.hasOwn(KNOWN, name) ? KNOWN[name] : undefined;
  if (known === undefined) return;
  const { flags } = given as { flags: number };
  checkFlags(flags, typeof known === 'number' ? known : known[driverOf(host).name], driverFunction(host, name));
}
