/** Procedures of networks, and lists of what a host here has none of. */
import { array, hyper, int, optional, struct, unsigned } from '../../../formats/xdr/index.ts';
import type { CommandHost } from '../../../dom0/toolstack/index.ts';
import * as libvirt from '../../../dom0/toolstack/libvirt/index.ts';
import { type Procedure, procedure, type Table } from '../procedure.ts';
import { flags, LIST_MAX, maybeText, type NamedRef, named, text, uuid } from '../types.ts';
import { countOf, namesOf } from './lists.ts';

const OF_NAMED = struct({ of: named });
const OF_NAMED_WITH_FLAGS = struct({ of: named, flags });
const LISTED = struct({ needResults: int, flags });
const XML = struct({ xml: text });
const XML_WITH_FLAGS = struct({ xml: text, flags });
const refOf = ({ of: { name, uuid: id } }: libvirt.NetworkEntry): { of: NamedRef } => ({ of: { name, uuid: id } });

/** A list that is always empty, of what libvirt knows and a host here has none of. */
const none: Procedure = procedure({
  arguments: LISTED,
  result: struct({ list: array(named, LIST_MAX), count: unsigned }),
  run: () => ({ list: [], count: 0 }),
});

/** The network that a client means: by its UUID, as libvirt's drivers do. @throws LibvirtError */
const meant = (host: CommandHost, ref: NamedRef): Promise<libvirt.NetworkEntry> =>
  libvirt.networkByUuid(host, ref.uuid);

const deed = (act: (host: CommandHost, network: libvirt.NetworkEntry) => Promise<unknown>): Procedure =>
  procedure({
    changes: true,
    arguments: OF_NAMED,
    run: async ({ host }, { of }) => void (await act(host, await meant(host, of))),
  });
const asks = (answer: (network: libvirt.NetworkEntry) => boolean): Procedure =>
  procedure({
    arguments: OF_NAMED,
    result: struct({ answer: int }),
    run: async ({ host }, { of }) => ({ answer: answer(await meant(host, of)) ? 1 : 0 }),
  });

const { ACTIVE, INACTIVE } = libvirt.LISTED;
const namesBy =
  (wanted: number) =>
  async (host: CommandHost): Promise<string[]> =>
    (await libvirt.listNetworks(host, wanted)).map(({ of }) => of.name);

const make = (make: (host: CommandHost, xml: string) => Promise<libvirt.NetworkEntry>, withFlags: boolean): Procedure =>
  procedure({
    changes: true,
    arguments: (withFlags ? XML_WITH_FLAGS : XML) as typeof XML,
    result: OF_NAMED,
    run: async ({ host }, { xml }) => refOf(await make(host, xml)),
  });

/** VIR_IP_ADDR_TYPE_IPV4. */
const IPV4 = 0;
const LEASE = struct({
  bridge: text,
  expiry: hyper,
  type: int,
  mac: maybeText,
  iaid: maybeText,
  address: text,
  prefix: unsigned,
  name: maybeText,
  client: maybeText,
});

export const NETWORKS: Table = {
  connect_num_of_networks: countOf(namesBy(ACTIVE)),
  connect_list_networks: namesOf(namesBy(ACTIVE)),
  connect_num_of_defined_networks: countOf(namesBy(INACTIVE)),
  connect_list_defined_networks: namesOf(namesBy(INACTIVE)),
  connect_list_all_networks: procedure({
    arguments: LISTED,
    result: struct({ networks: array(named, LIST_MAX), count: unsigned }),
    run: async ({ host }, given) => {
      const found = await libvirt.listNetworks(host, given.flags);
      return { networks: given.needResults ? found.map(each => refOf(each).of) : [], count: found.length };
    },
  }),
  network_lookup_by_name: procedure({
    arguments: struct({ name: text }),
    result: OF_NAMED,
    run: async ({ host }, { name }) => refOf(await libvirt.networkByName(host, name)),
  }),
  network_lookup_by_uuid: procedure({
    arguments: struct({ uuid }),
    result: OF_NAMED,
    run: async ({ host }, given) => refOf(await libvirt.networkByUuid(host, given.uuid)),
  }),
  network_get_xml_desc: procedure({
    arguments: OF_NAMED_WITH_FLAGS,
    result: XML,
    run: async ({ host }, { of }) => ({ xml: libvirt.networkXml((await meant(host, of)).of) }),
  }),
  network_get_bridge_name: procedure({
    arguments: OF_NAMED,
    result: struct({ bridge: text }),
    run: async ({ host }, { of }) => ({ bridge: (await meant(host, of)).of.bridge }),
  }),
  network_get_autostart: asks(({ isAutomatic }) => isAutomatic),
  network_is_active: asks(({ isActive }) => isActive),
  network_is_persistent: asks(({ isPersistent }) => isPersistent),
  network_define_xml: make(libvirt.defineNetwork, false),
  network_define_xml_flags: make(libvirt.defineNetwork, true),
  network_create_xml: make(libvirt.createNetwork, false),
  network_create_xml_flags: make(libvirt.createNetwork, true),
  network_create: deed(libvirt.startNetwork),
  network_destroy: deed(libvirt.stopNetwork),
  network_undefine: deed(libvirt.undefineNetwork),
  network_set_autostart: procedure({
    changes: true,
    arguments: struct({ of: named, autostart: int }),
    run: async ({ host }, { of, autostart }) =>
      libvirt.setNetworkAutostart(host, await meant(host, of), autostart !== 0),
  }),
  network_update: procedure({
    changes: true,
    arguments: struct({ of: named, command: unsigned, section: unsigned, parent: int, xml: text, flags }),
    run: async ({ host }, { of, ...given }) => libvirt.updateNetwork(host, await meant(host, of), given),
  }),
  network_get_dhcp_leases: procedure({
    arguments: struct({ of: named, mac: maybeText, needResults: int, flags }),
    result: struct({ leases: array(LEASE, LIST_MAX), count: unsigned }),
    run: async ({ host }, { of, mac, needResults }) => {
      const leases = libvirt.networkLeases(host, await meant(host, of), mac);
      const rows = leases.map(({ bridge, expiry, mac: station, address, prefix, name }) => ({
        bridge,
        expiry,
        type: IPV4,
        mac: station,
        iaid: undefined,
        address,
        prefix,
        name,
        client: undefined,
      }));
      return { leases: needResults ? rows : [], count: leases.length };
    },
  }),
  connect_network_event_register_any: procedure({
    arguments: struct({ event: int, of: optional(named) }),
    result: struct({ callback: int }),
    run: (caller, given) => ({ callback: caller.subscribe(given.event, given.of?.uuid, 'network') }),
  }),
  connect_network_event_deregister_any: procedure({
    arguments: struct({ callback: int }),
    run: (caller, { callback }) => caller.unsubscribe(callback),
  }),
  connect_storage_pool_event_register_any: procedure({
    arguments: struct({ event: int, of: optional(named) }),
    result: struct({ callback: int }),
    run: (caller, given) => ({ callback: caller.subscribe(given.event, given.of?.uuid, 'pool') }),
  }),
  connect_storage_pool_event_deregister_any: procedure({
    arguments: struct({ callback: int }),
    run: (caller, { callback }) => caller.unsubscribe(callback),
  }),
  connect_list_all_interfaces: none,
  connect_list_all_node_devices: none,
  connect_list_all_secrets: none,
  connect_list_all_nwfilters: none,
};
