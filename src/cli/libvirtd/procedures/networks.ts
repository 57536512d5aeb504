/** Procedures of networks, and lists of what a host here has none of. */
import { array, hyper, int, struct, unsigned } from '../../../formats/xdr/index.ts';
import type { CommandHost } from '../../../dom0/toolstack/index.ts';
import * as libvirt from '../../../dom0/libvirt/index.ts';
import { type Procedure, procedure, type Table } from '../procedure.ts';
import { flags, LIST_MAX, maybeText, named, text } from '../types.ts';
import { keptProcedures, LISTED, NAMED_LIST, OF_NAMED, OF_NAMED_WITH_FLAGS, refOf } from './kept.ts';

const XML = struct({ xml: text });
const XML_WITH_FLAGS = struct({ xml: text, flags });

/** A list that is always empty, of what libvirt knows and a host here has none of. */
const none: Procedure = procedure({
  arguments: LISTED,
  result: NAMED_LIST,
  run: () => ({ list: [], count: 0 }),
});

const { meant, deed, ...networks } = keptProcedures({
  list: libvirt.listNetworks,
  byName: libvirt.networkByName,
  byUuid: libvirt.networkByUuid,
  setAutostart: libvirt.setNetworkAutostart,
  events: 'network',
});

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
  connect_num_of_networks: networks.countOfActive,
  connect_list_networks: networks.namesOfActive,
  connect_num_of_defined_networks: networks.countOfInactive,
  connect_list_defined_networks: networks.namesOfInactive,
  connect_list_all_networks: networks.listAll,
  network_lookup_by_name: networks.lookupByName,
  network_lookup_by_uuid: networks.lookupByUuid,
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
  network_get_autostart: networks.getAutostart,
  network_is_active: networks.isActive,
  network_is_persistent: networks.isPersistent,
  network_define_xml: make(libvirt.defineNetwork, false),
  network_define_xml_flags: make(libvirt.defineNetwork, true),
  network_create_xml: make(libvirt.createNetwork, false),
  network_create_xml_flags: make(libvirt.createNetwork, true),
  network_create: deed(libvirt.startNetwork),
  network_destroy: deed(libvirt.stopNetwork),
  network_undefine: deed(libvirt.undefineNetwork),
  network_set_autostart: networks.setAutostart,
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
  connect_network_event_register_any: networks.registerEvent,
  connect_network_event_deregister_any: networks.deregisterEvent,
  connect_list_all_interfaces: none,
  connect_list_all_node_devices: none,
  connect_list_all_secrets: none,
  connect_list_all_nwfilters: none,
};
