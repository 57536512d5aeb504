/** Procedures of domains' snapshots. */
import { array, int, struct } from '../../../formats/xdr/index.ts';
import * as libvirt from '../../../dom0/libvirt/index.ts';
import { procedure, type Table } from '../procedure.ts';
import { type DomainRef, domain, flags, LIST_MAX, snapshot, text } from '../types.ts';
import { meant, ofDomainWithFlags } from './domains.ts';

const OF_SNAPSHOT = struct({ snapshot, flags });
const LIST = struct({ snapshots: array(snapshot, LIST_MAX), count: int });
const SNAPSHOT = struct({ snapshot });

const refOf = (of: DomainRef, { name }: { name: string }) => ({ snapshot: { name, domain: of } });
const listOf = (of: DomainRef, found: readonly { name: string }[], needResults: number) => ({
  snapshots: needResults ? found.map(({ name }) => ({ name, domain: of })) : [],
  count: found.length,
});

export const SNAPSHOTS: Table = {
  domain_list_all_snapshots: procedure({
    arguments: struct({ domain, needResults: int, flags }),
    result: LIST,
    run: async ({ host }, given) =>
      listOf(
        given.domain,
        await libvirt.listSnapshots(host, await meant(host, given.domain), given.flags),
        given.needResults,
      ),
  }),
  domain_snapshot_list_all_children: procedure({
    arguments: struct({ snapshot, needResults: int, flags }),
    result: LIST,
    run: async ({ host }, given) => {
      const of = given.snapshot.domain;
      const found = await libvirt.listSnapshots(host, await meant(host, of), given.flags, given.snapshot.name);
      return listOf(of, found, given.needResults);
    },
  }),
  domain_snapshot_num: procedure({
    arguments: ofDomainWithFlags,
    result: struct({ count: int }),
    run: async ({ host }, given) => ({
      count: (await libvirt.listSnapshots(host, await meant(host, given.domain), given.flags)).length,
    }),
  }),
  domain_snapshot_num_children: procedure({
    arguments: OF_SNAPSHOT,
    result: struct({ count: int }),
    run: async ({ host }, { snapshot: { name, domain: of }, flags: wanted }) => ({
      count: (await libvirt.listSnapshots(host, await meant(host, of), wanted, name)).length,
    }),
  }),
  domain_snapshot_lookup_by_name: procedure({
    arguments: struct({ domain, name: text, flags }),
    result: SNAPSHOT,
    run: async ({ host }, given) =>
      refOf(given.domain, await libvirt.snapshotByName(host, await meant(host, given.domain), given.name)),
  }),
  domain_snapshot_create_xml: procedure({
    changes: true,
    arguments: struct({ domain, xml: text, flags }),
    result: SNAPSHOT,
    run: async ({ host }, given) =>
      refOf(given.domain, await libvirt.createSnapshot(host, await meant(host, given.domain), given.xml, given.flags)),
  }),
  domain_snapshot_get_xml_desc: procedure({
    arguments: OF_SNAPSHOT,
    result: struct({ xml: text }),
    run: async ({ host }, given) => {
      const of = await meant(host, given.snapshot.domain);
      return { xml: await libvirt.snapshotXml(of, await libvirt.snapshotByName(host, of, given.snapshot.name)) };
    },
  }),
  domain_snapshot_delete: procedure({
    changes: true,
    arguments: OF_SNAPSHOT,
    run: async ({ host }, { snapshot: { name, domain: of }, flags: wanted }) =>
      libvirt.deleteSnapshot(host, await meant(host, of), name, wanted),
  }),
  domain_revert_to_snapshot: procedure({
    changes: true,
    arguments: OF_SNAPSHOT,
    run: async ({ host }, { snapshot: { name, domain: of }, flags: wanted }) =>
      libvirt.revertToSnapshot(host, await meant(host, of), name, wanted),
  }),
  domain_has_current_snapshot: procedure({
    arguments: ofDomainWithFlags,
    result: struct({ result: int }),
    run: async ({ host }, given) => ({
      result: (await libvirt.currentSnapshot(host, await meant(host, given.domain))) ? 1 : 0,
    }),
  }),
  domain_snapshot_current: procedure({
    arguments: ofDomainWithFlags,
    result: SNAPSHOT,
    run: async ({ host }, given) =>
      refOf(given.domain, await libvirt.snapshotItIsAt(host, await meant(host, given.domain))),
  }),
  domain_snapshot_is_current: procedure({
    arguments: OF_SNAPSHOT,
    result: struct({ current: int }),
    run: async ({ host }, { snapshot: { name, domain: of } }) => ({
      current: (await libvirt.currentSnapshot(host, await meant(host, of)))?.name === name ? 1 : 0,
    }),
  }),
  domain_snapshot_has_metadata: procedure({
    arguments: OF_SNAPSHOT,
    result: struct({ metadata: int }),
    run: async ({ host }, { snapshot: { name, domain: of } }) => {
      await libvirt.snapshotByName(host, await meant(host, of), name);
      return { metadata: 1 };
    },
  }),
  domain_snapshot_get_parent: procedure({
    arguments: OF_SNAPSHOT,
    result: SNAPSHOT,
    run: async ({ host }, { snapshot: { name, domain: of } }) => {
      const { parent } = await libvirt.snapshotByName(host, await meant(host, of), name);
      if (parent === undefined)
        throw new libvirt.LibvirtError('NO_DOMAIN_SNAPSHOT', `snapshot '${name}' does not have a parent`, 'snapshot');
      return refOf(of, { name: parent });
    },
  }),
};
