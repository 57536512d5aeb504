/** Types that many procedures have. Source: src/remote/remote_protocol.x and src/rpc/virnetprotocol.x of libvirt 9.0. */
import * as xdr from '../../formats/xdr/index.ts';

const { int, unsigned, struct, optional, opaque, array } = xdr;

const STRING_MAX = 4_194_304;
/** REMOTE_DOMAIN_LIST_MAX and its like. */
export const LIST_MAX = 16_384;

export const text = xdr.string(STRING_MAX);
export const maybeText = optional(text);
export const flags = unsigned;
const UUID_BYTES = 16;
/** In its text form. */
export const uuid: xdr.Xdr<string> = {
  read: from => {
    const hex = [...from.opaque(UUID_BYTES)].map(byte => byte.toString(16).padStart(2, '0')).join('');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  },
  write: (to, value) => {
    const digits = value.replaceAll('-', '').match(/[0-9a-f]{2}/gi) ?? [];
    opaque(UUID_BYTES).write(
      to,
      Uint8Array.from(digits, byte => Number.parseInt(byte, 16)),
    );
  },
};

export const header = struct({
  program: unsigned,
  version: unsigned,
  procedure: int,
  type: int,
  serial: unsigned,
  status: int,
});
export type Header = xdr.Of<typeof header>;

/** remote_nonnull_domain; `id`: -1 where it does not run. */
export const domain = struct({ name: text, uuid, id: int });
export type DomainRef = xdr.Of<typeof domain>;
/** A network, a pool of storage or a filter. */
export const named = struct({ name: text, uuid });
export type NamedRef = xdr.Of<typeof named>;
export const volume = struct({ pool: text, name: text, key: text });
export const snapshot = struct({ name: text, domain });

/** virNetMessageError. */
export const error = struct({
  code: int,
  domain: int,
  message: maybeText,
  level: int,
  dom: optional(domain),
  str1: maybeText,
  str2: maybeText,
  str3: maybeText,
  int1: int,
  int2: int,
  net: optional(named),
});

/** virTypedParameterType. */
const PARAMETER: { [Kind in ParameterValue['kind']]: [number, xdr.Xdr<never>] } = {
  int: [1, int as xdr.Xdr<never>],
  unsigned: [2, unsigned as xdr.Xdr<never>],
  hyper: [3, xdr.hyper as xdr.Xdr<never>],
  unsignedHyper: [4, xdr.unsignedHyper as xdr.Xdr<never>],
  double: [5, xdr.double as xdr.Xdr<never>],
  bool: [6, xdr.bool as xdr.Xdr<never>],
  text: [7, text as xdr.Xdr<never>],
};

type ParameterValue =
  | { kind: 'int' | 'unsigned' | 'hyper' | 'unsignedHyper' | 'double'; value: number }
  | { kind: 'bool'; value: boolean }
  | { kind: 'text'; value: string };

const parameterValue: xdr.Xdr<ParameterValue> = {
  read: from => {
    const number = from.int();
    const [kind, [, type]] = Object.entries(PARAMETER).find(([, [known]]) => known === number) ?? [undefined, []];
    if (!type) throw new xdr.XdrError(`There is no type ${number} of a parameter.`);
    return { kind, value: type.read(from) } as unknown as ParameterValue;
  },
  write: (to, { kind, value }) => {
    const [number, type] = PARAMETER[kind];
    to.int(number);
    type.write(to, value as never);
  },
};

/** remote_typed_param. */
export const parameter = struct({ field: text, value: parameterValue });
export type Parameter = xdr.Of<typeof parameter>;
export const parameters = (most: number): xdr.Xdr<Parameter[]> => array(parameter, most);

/** remote_network_event_lifecycle_msg and remote_storage_pool_event_lifecycle_msg; remote_storage_pool_event_refresh_msg. */
export const keptEvent = struct({ callback: int, of: named, event: int, detail: int });
export const refreshEvent = struct({ callback: int, of: named });
