/** Procedures of a connection: who is there, what it can do. */
import { array, int, optional, struct, unsignedHyper } from '../../../formats/xdr/index.ts';
import { converted, driverOf, LibvirtError, NativeError } from '../../../dom0/libvirt/index.ts';
import { procedure, type Table } from '../procedure.ts';
import { FEATURE } from '../protocol.ts';
import { domain, flags, maybeText, parameters, text } from '../types.ts';

/** VIR_CONNECT_RO. */
const READ_ONLY = 1;
/** Names of the one connection that there is, by the host's hypervisor; others' drivers are not here. */
const URIS = { xen: ['xen:///system', 'xen:///', 'xen:///session'], kvm: ['qemu:///system'] };
/** A version as libvirt has it in one number. */
const numberOf = ({ major, minor, micro }: { major: number; minor: number; micro: number }): number =>
  major * 1_000_000 + minor * 1000 + micro;
/** libvirt's, whose protocol this is. */
const LIBRARY_VERSION = numberOf({ major: 9, minor: 0, micro: 0 });

/** FD_PASSING depends on the machine. */
const SUPPORTED: readonly number[] = [
  FEATURE.MIGRATION_P2P,
  FEATURE.MIGRATION_PARAMS,
  FEATURE.TYPED_PARAM_STRING,
  FEATURE.PROGRAM_KEEPALIVE,
  FEATURE.REMOTE_EVENT_CALLBACK,
  FEATURE.REMOTE_CLOSE_CALLBACK,
  FEATURE.NETWORK_UPDATE_HAS_CORRECT_ORDER,
];

const AUTH_NONE = 0;
const MOST_AUTH_TYPES = 20,
  MOST_IDENTITY = 20;

const NATIVE = struct({ format: text, document: text, flags });
const XML = struct({ xml: text });

/** A definition from libvirt's language to another, or the other way. @throws LibvirtError */
const native =
  (fromXml: boolean) =>
  async (_caller: unknown, { format, document }: { format: string; document: string }): Promise<{ xml: string }> => {
    try {
      return { xml: await converted({ format, path: '(domain_definition)', text: document }, fromXml) };
    } catch (error) {
      if (!(error instanceof NativeError)) throw error;
      throw new LibvirtError('INVALID_ARG', error.message.replace(/^invalid argument: /, ''), 'domain');
    }
  };

export const CONNECTION: Table = {
  auth_list: procedure({
    early: true,
    result: struct({ types: array(int, MOST_AUTH_TYPES) }),
    run: () => ({ types: [AUTH_NONE] }),
  }),
  connect_supports_feature: procedure({
    early: true,
    arguments: struct({ feature: int }),
    result: struct({ supported: int }),
    run: async (caller, { feature }) => {
      const has = feature === FEATURE.FD_PASSING ? await caller.takesDescriptors() : SUPPORTED.includes(feature);
      return { supported: has ? 1 : 0 };
    },
  }),
  connect_open: procedure({
    early: true,
    arguments: struct({ name: maybeText, flags }),
    run: (caller, given) => {
      if (caller.connection) throw new LibvirtError('INTERNAL_ERROR', 'connection already open', 'rpc');
      const uris = URIS[caller.host.toolstack.hypervisor.kind];
      const name = given.name || uris[0]!;
      if (!uris.includes(name)) throw new LibvirtError('NO_CONNECT', name, 'domain');
      caller.open({ uri: uris[0]!, isReadOnly: (given.flags & READ_ONLY) !== 0 });
    },
  }),
  connect_close: procedure({ early: true, run: caller => caller.close() }),
  /** Who the client says it is: the socket's mode alone decides who may. */
  connect_set_identity: procedure({
    early: true,
    arguments: struct({ params: parameters(MOST_IDENTITY), flags }),
    run: () => {},
  }),
  connect_register_close_callback: procedure({ run: () => {} }),
  connect_unregister_close_callback: procedure({ run: () => {} }),
  connect_get_type: procedure({
    result: struct({ type: text }),
    run: ({ host }) => ({ type: driverOf(host).hypervisor.name }),
  }),
  connect_get_version: procedure({
    result: struct({ version: unsignedHyper }),
    run: ({ host }) => ({ version: numberOf(driverOf(host).hypervisor) }),
  }),
  connect_get_lib_version: procedure({
    result: struct({ version: unsignedHyper }),
    run: () => ({ version: LIBRARY_VERSION }),
  }),
  connect_get_hostname: procedure({
    result: struct({ hostname: text }),
    run: ({ host }) => ({ hostname: host.toolstack.identity.name }),
  }),
  connect_get_uri: procedure({
    result: struct({ uri: text }),
    run: ({ connection }) => ({ uri: connection!.uri }),
  }),
  connect_is_secure: procedure({ result: struct({ secure: int }), run: () => ({ secure: 1 }) }),
  connect_domain_xml_from_native: procedure({ arguments: NATIVE, result: XML, run: native(false) }),
  connect_domain_xml_to_native: procedure({ arguments: NATIVE, result: XML, run: native(true) }),
  connect_domain_event_callback_register_any: procedure({
    arguments: struct({ event: int, domain: optional(domain) }),
    result: struct({ callback: int }),
    run: (caller, given) => ({ callback: caller.subscribe(given.event, given.domain?.uuid) }),
  }),
  connect_domain_event_callback_deregister_any: procedure({
    arguments: struct({ callback: int }),
    run: (caller, { callback }) => caller.unsubscribe(callback),
  }),
};
