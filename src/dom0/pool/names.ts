/** What hosts of a pool are called, and by what they are known. */
import type { HostIdentity } from '../host/index.ts';

const ID = /^[0-9a-f]{32}$/;
/** A host name of one label (RFC 1123, 2.1), as long as an interface of Linux can have behind `vx-` (IFNAMSIZ, 16 with its NUL). */
const NAME = /^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/;
/** What a member says of itself is no longer. */
const MOST_BYTES = 1024;
const PROTOCOL = 2;

/** Why it cannot be a host's name; undefined: it can. */
export const nameProblem = (name: string): string | undefined =>
  NAME.test(name)
    ? undefined
    : `${JSON.stringify(name.slice(0, 40))} is no name for a host: write up to 12 of a-z, 0-9 and -, with no - at an end.`;

/** 16 random bytes as an id, or a token. */
export const hostIdOf = (bytes: Uint8Array): string =>
  [...bytes.subarray(0, 16)].map(byte => byte.toString(16).padStart(2, '0')).join('');

/**
 * What a host does in a pool: a viewer sees what all see, and is on no network; a giver's guests may go to other hosts, and it takes none; a member does both,
 * where it does not refuse to receive.
 */
export const ROLES = ['member', 'giver', 'viewer'] as const;
export type Role = (typeof ROLES)[number];
export const isRole = (value: unknown): value is Role => ROLES.some(role => role === value);

/** A member of a pool. */
export interface Introduction extends HostIdentity {
  readonly id: string;
  readonly role: Role;
  /** Of the program. */
  readonly version: string;
}

/** `token`: by which the other end knows this host again, should it lose the room. */
export const introduction = ({ id, name, version, role }: Introduction, token: string): Uint8Array =>
  new TextEncoder().encode(JSON.stringify({ protocol: PROTOCOL, id, name, version, role, token }));

/** What somebody says of itself, who may say anything. @throws Error with a sentence */
export function readIntroduction(bytes: Uint8Array): Introduction & { token: string } {
  let said: unknown;
  try {
    said = bytes.length <= MOST_BYTES ? JSON.parse(new TextDecoder().decode(bytes)) : undefined;
  } catch {
    // It is judged below.
  }
  const { protocol, id, name, version, role, token } = (said ?? {}) as Record<string, unknown>;
  if (protocol !== PROTOCOL)
    throw new Error(
      `speaks protocol ${JSON.stringify(protocol)?.slice(0, 20) ?? 'none'} of pools, and this host ${PROTOCOL}: run the same version on both`,
    );
  if (typeof id !== 'string' || !ID.test(id)) throw new Error('has no id of a host');
  if (typeof name !== 'string' || nameProblem(name) !== undefined) throw new Error('has no name of a host');
  if (typeof token !== 'string' || !ID.test(token)) throw new Error('has no token of a host');
  if (!isRole(role)) throw new Error('has no role in a pool');
  return { id, name, role, version: typeof version === 'string' ? version.slice(0, 20) : '', token };
}
