/** Older procedures of lists: first how many there are, then their names. */
import { array, int, struct } from '../../../formats/xdr/index.ts';
import type { CommandHost } from '../../../dom0/toolstack/index.ts';
import * as libvirt from '../../../dom0/libvirt/index.ts';
import { type Procedure, procedure, type Table } from '../procedure.ts';
import { flags, LIST_MAX, maybeText, text } from '../types.ts';

export const COUNT = struct({ count: int });
export const NAMES = struct({ names: array(text, LIST_MAX) });
export const firstOf = <T>(all: readonly T[], most: number): T[] => all.slice(0, Math.max(0, most));

type Names = (host: CommandHost) => Promise<readonly string[]>;
export const countOf = (names: Names): Procedure =>
  procedure({ result: COUNT, run: async ({ host }) => ({ count: (await names(host)).length }) });
export const namesOf = (names: Names): Procedure =>
  procedure({
    arguments: struct({ most: int }),
    result: NAMES,
    run: async ({ host }, { most }) => ({ names: firstOf(await names(host), most) }),
  });

/** What libvirt knows and a host here has none of. */
const none: Names = async () => [];

const defined: Names = async host => (await libvirt.listDomains(host, libvirt.LIST.INACTIVE)).map(({ name }) => name);
const active = async (host: CommandHost): Promise<number[]> =>
  (await libvirt.listDomains(host, libvirt.LIST.ACTIVE)).map(({ id }) => id!);

export const LISTS: Table = {
  connect_num_of_domains: procedure({
    result: COUNT,
    run: async ({ host }) => ({ count: (await active(host)).length }),
  }),
  connect_list_domains: procedure({
    arguments: struct({ most: int }),
    result: struct({ ids: array(int, LIST_MAX) }),
    run: async ({ host }, { most }) => ({ ids: firstOf(await active(host), most) }),
  }),
  connect_num_of_defined_domains: countOf(defined),
  connect_list_defined_domains: namesOf(defined),
  connect_num_of_interfaces: countOf(none),
  connect_list_interfaces: namesOf(none),
  connect_num_of_defined_interfaces: countOf(none),
  connect_list_defined_interfaces: namesOf(none),
  connect_num_of_secrets: countOf(none),
  connect_list_secrets: namesOf(none),
  connect_num_of_nwfilters: countOf(none),
  connect_list_nwfilters: namesOf(none),
  node_num_of_devices: procedure({
    arguments: struct({ capability: maybeText, flags }),
    result: COUNT,
    run: () => ({ count: 0 }),
  }),
  node_list_devices: procedure({
    arguments: struct({ capability: maybeText, most: int, flags }),
    result: NAMES,
    run: () => ({ names: [] }),
  }),
};
