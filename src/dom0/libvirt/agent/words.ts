/** What agents say, read field by field: whatever runs in a guest may say anything. */
import { malformed } from './session.ts';

const fieldOf = (of: unknown, name: string): unknown =>
  typeof of === 'object' && of !== null && Object.hasOwn(of, name) ? (of as Record<string, unknown>)[name] : undefined;

/** undefined: it is no text, or not there. */
export function maybeText(of: unknown, name: string): string | undefined {
  const value = fieldOf(of, name);
  return typeof value === 'string' ? value : undefined;
}

/** A whole number that is not below 0; undefined: it is none. */
export function maybeCount(of: unknown, name: string): number | undefined {
  const value = fieldOf(of, name);
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}

/** @throws LibvirtError with `missing` where it is no text */
export function text(of: unknown, name: string, missing: string): string {
  const value = maybeText(of, name);
  if (value === undefined) throw malformed(missing);
  return value;
}

/** @throws LibvirtError with `missing` where it is no such number */
export function count(of: unknown, name: string, missing: string): number {
  const value = maybeCount(of, name);
  if (value === undefined) throw malformed(missing);
  return value;
}

/** @throws LibvirtError with `missing` where it is neither */
export function truth(of: unknown, name: string, missing: string): boolean {
  const value = fieldOf(of, name);
  if (typeof value !== 'boolean') throw malformed(missing);
  return value;
}

/** @throws LibvirtError with `missing` where it is no list */
export function list(value: unknown, missing: string): unknown[] {
  if (!Array.isArray(value)) throw malformed(missing);
  return value;
}

/** @throws LibvirtError with `missing` where it is no list */
export const listIn = (of: unknown, name: string, missing: string): unknown[] => list(fieldOf(of, name), missing);

export const part = fieldOf;
