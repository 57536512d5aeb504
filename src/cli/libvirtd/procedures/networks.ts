/** Procedures of networks, and lists of what a host here has none of. */
import { array, int, struct, unsigned } from '../../../formats/xdr/index.ts';
import * as libvirt from '../../../dom0/toolstack/libvirt/index.ts';
import { type Procedure, procedure, type Table } from '../procedure.ts';
import { flags, LIST_MAX, type NamedRef, named, text, uuid } from '../types.ts';
import { countOf, namesOf } from './lists.ts';

const OF_NAMED = struct({ of: named });
const OF_NAMED_WITH_FLAGS = struct({ of: named, flags });
const LISTED = struct({ needResults: int, flags });
const refOf = ({ name, uuid: id }: NamedRef): NamedRef => ({ name, uuid: id });

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

const { ACTIVE, INACTIVE } = libvirt.LISTED;
const namesBy = (wanted: number) => async (): Promise<string[]> => libvirt.listNetworks(wanted).map(({ name }) => name);

export const NETWORKS: Table = {
  connect_num_of_networks: countOf(namesBy(ACTIVE)),
  connect_list_networks: namesOf(namesBy(ACTIVE)),
  connect_num_of_defined_networks: countOf(namesBy(INACTIVE)),
  connect_list_defined_networks: namesOf(namesBy(INACTIVE)),
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
