/** Procedures that find domains and tell of them. */
import { array, int, struct, unsigned, unsignedHyper } from '../../../formats/xdr/index.ts';
import type { CommandHost, Domain } from '../../../dom0/toolstack/index.ts';
import {
  ADDRESS_SOURCE,
  domainAddresses,
  domainById,
  domainByName,
  domainByUuid,
  hasManagedSave,
  infoOf,
  isAutomatic,
  listDomains,
  metadataOf,
  osTypeOf,
  setMetadata,
  stateOf,
  refOf,
  shownXml,
  XML_MIGRATABLE,
  XML_SECURE,
} from '../../../dom0/libvirt/index.ts';
import { procedure, type Table } from '../procedure.ts';
import { domain, type DomainRef, flags, LIST_MAX, maybeText, text, uuid } from '../types.ts';

/** The one that a client means: by its UUID, as libvirt's drivers do. @throws LibvirtError */
export const meant = (host: CommandHost, ref: DomainRef): Promise<Domain> => domainByUuid(host, ref.uuid);

/** REMOTE_DOMAIN_INTERFACE_MAX, which is that of addresses, too. */
const MOST_INTERFACES = 2048;
const interfaceType = struct({
  name: text,
  mac: maybeText,
  addresses: array(struct({ type: int, address: text, prefix: unsigned }), MOST_INTERFACES),
});

/** VIR_SECURITY_LABEL_BUFLEN. */
const SECURITY_LABEL_CHARS = 4097;

export const ofDomain = struct({ domain });
export const ofDomainWithFlags = struct({ domain, flags });

export const DOMAINS: Table = {
  connect_list_all_domains: procedure({
    arguments: struct({ needResults: int, flags }),
    result: struct({ domains: array(domain, LIST_MAX), count: unsigned }),
    run: async ({ host }, given) => {
      const found = await listDomains(host, given.flags);
      return { domains: given.needResults ? found.map(refOf) : [], count: found.length };
    },
  }),
  domain_lookup_by_id: procedure({
    arguments: struct({ id: int }),
    result: ofDomain,
    run: async ({ host }, { id }) => ({ domain: refOf(await domainById(host, id)) }),
  }),
  domain_lookup_by_name: procedure({
    arguments: struct({ name: text }),
    result: ofDomain,
    run: async ({ host }, { name }) => ({ domain: refOf(await domainByName(host, name)) }),
  }),
  domain_lookup_by_uuid: procedure({
    arguments: struct({ uuid }),
    result: ofDomain,
    run: async ({ host }, given) => ({ domain: refOf(await domainByUuid(host, given.uuid)) }),
  }),
  domain_get_info: procedure({
    arguments: ofDomain,
    result: struct({
      state: int,
      maxMemoryKiB: unsignedHyper,
      memoryKiB: unsignedHyper,
      vcpus: int,
      cpuTimeNs: unsignedHyper,
    }),
    run: async ({ host }, given) => infoOf(host, await meant(host, given.domain)),
  }),
  domain_get_state: procedure({
    arguments: ofDomainWithFlags,
    result: struct({ state: int, reason: int }),
    run: async ({ host }, given) => stateOf(await meant(host, given.domain)),
  }),
  domain_get_xml_desc: procedure({
    // remote_protocol.x: domain:read_secure.
    changes: given => (given.flags & (XML_SECURE | XML_MIGRATABLE)) !== 0,
    arguments: ofDomainWithFlags,
    result: struct({ xml: text }),
    run: async ({ host }, given) => ({ xml: await shownXml(host, await meant(host, given.domain), given.flags) }),
  }),
  domain_get_os_type: procedure({
    arguments: ofDomain,
    result: struct({ type: text }),
    run: async ({ host }, given) => ({ type: osTypeOf((await meant(host, given.domain)).definition) }),
  }),
  domain_is_active: procedure({
    arguments: ofDomain,
    result: struct({ active: int }),
    run: async ({ host }, given) => ({ active: (await meant(host, given.domain)).id === undefined ? 0 : 1 }),
  }),
  domain_is_persistent: procedure({
    arguments: ofDomain,
    result: struct({ persistent: int }),
    run: async ({ host }, given) => ({ persistent: (await meant(host, given.domain)).managed ? 1 : 0 }),
  }),
  domain_is_updated: procedure({
    arguments: ofDomain,
    result: struct({ updated: int }),
    run: async ({ host }, given) => (await meant(host, given.domain), { updated: 0 }),
  }),
  domain_get_autostart: procedure({
    arguments: ofDomain,
    result: struct({ autostart: int }),
    run: async ({ host }, given) => ({
      autostart: (await isAutomatic(host, await meant(host, given.domain))) ? 1 : 0,
    }),
  }),
  domain_has_managed_save_image: procedure({
    arguments: ofDomainWithFlags,
    result: struct({ result: int }),
    run: async ({ host }, given) => ({
      result: (await hasManagedSave(host, await meant(host, given.domain))) ? 1 : 0,
    }),
  }),
  /** There is no model of security that would label it. */
  domain_get_security_label: procedure({
    arguments: ofDomain,
    result: struct({ label: array(int, SECURITY_LABEL_CHARS), isEnforcing: int }),
    run: async ({ host }, given) => (await meant(host, given.domain), { label: [], isEnforcing: 0 }),
  }),
  domain_get_metadata: procedure({
    arguments: struct({ domain, type: int, uri: maybeText, flags }),
    result: struct({ metadata: text }),
    run: async ({ host }, given) => {
      const { type, uri, flags: which } = given;
      const found = await meant(host, given.domain);
      return { metadata: await metadataOf(host, found, { type, uri: uri ?? undefined }, which) };
    },
  }),
  domain_set_metadata: procedure({
    changes: true,
    arguments: struct({ domain, type: int, metadata: maybeText, key: maybeText, uri: maybeText, flags }),
    run: async ({ host }, given) => {
      const { type, metadata, key, uri, flags: which } = given;
      const [text, prefix, space] = [metadata, key, uri].map(each => each ?? undefined);
      await setMetadata(host, await meant(host, given.domain), { type, text, key: prefix, uri: space }, which);
    },
  }),
  domain_interface_addresses: procedure({
    changes: ({ source }) => source === ADDRESS_SOURCE.agent,
    arguments: struct({ domain, source: unsigned, flags }),
    result: struct({ interfaces: array(interfaceType, MOST_INTERFACES) }),
    run: async ({ host }, given) => ({
      interfaces: await domainAddresses(host, await meant(host, given.domain), given.source),
    }),
  }),
};
