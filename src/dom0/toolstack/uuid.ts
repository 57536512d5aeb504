/** UUIDs of domains that were given none. */
import { LONE_HOST, seedOfHost } from '../host/index.ts';
import { xorshift } from './random.ts';

/** A UUID (of version 4 by its form) that follows from what makes the domain, so that a run in virtual time repeats itself. `host`: of the host that makes it (identity.ts). */
export function uuidOf(domid: number, startEpochMs: number, host = 0): string {
  const next = xorshift(
    Math.imul(domid, 0x9e3779b1) ^ (startEpochMs % 2 ** 32) ^ Math.floor(startEpochMs / 2 ** 32) ^ host,
  );
  const bytes = Array.from({ length: 16 }, () => next() & 0xff);
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = bytes.map(byte => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** A UUID by which a domain is known whose definition has none: always the same for a name. */
export const uuidOfName = (name: string): string => uuidOf(0, 0, seedOfHost({ ...LONE_HOST, id: name }));
