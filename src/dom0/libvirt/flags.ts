/** Flags of libvirt's functions. */
import { LibvirtError } from './errors.ts';

/** As virCheckFlags() has it. @throws LibvirtError where there are others than `known` */
export function checkFlags(flags: number, known: number, name: string): void {
  const others = (flags & ~known) >>> 0;
  if (others !== 0)
    throw new LibvirtError('INVALID_FLAGS', `unsupported flags (0x${others.toString(16)}) in function ${name}`);
}

/** Flags of lists come in groups: of each that `flags` names at all, one of `traits` is to be among the named. */
export const matches = (traits: number, flags: number, groups: readonly number[]): boolean =>
  groups.every(group => (flags & group) === 0 || (traits & flags & group) !== 0);

/** virConnectListAllNetworksFlags, which are the first ones of virConnectListAllStoragePoolsFlags, too. */
export const LISTED = {
  INACTIVE: 1 << 0,
  ACTIVE: 1 << 1,
  PERSISTENT: 1 << 2,
  TRANSIENT: 1 << 3,
  AUTOSTART: 1 << 4,
  NO_AUTOSTART: 1 << 5,
};
export const LISTED_GROUPS: readonly number[] = [
  LISTED.ACTIVE | LISTED.INACTIVE,
  LISTED.PERSISTENT | LISTED.TRANSIENT,
  LISTED.AUTOSTART | LISTED.NO_AUTOSTART,
];

/** virDomainModificationImpact, and virNetworkUpdateFlags: what runs now, what is defined; neither: what there is of both. */
export const LIVE = 1 << 0,
  CONFIG = 1 << 1;

/** Which of both is meant of what runs, or does not. */
export function meantBy(flags: number, runs: boolean): { live: boolean; config: boolean } {
  const wanted = flags & (LIVE | CONFIG);
  if (wanted === 0) return { live: runs, config: !runs };
  return { live: (wanted & LIVE) !== 0, config: (wanted & CONFIG) !== 0 };
}

/** The same of a domain. @throws LibvirtError where it is not there */
export function impactOf(
  { id, managed }: { id?: number; managed?: unknown },
  flags: number,
): { live: boolean; config: boolean } {
  const { live, config } = meantBy(flags, id !== undefined);
  if (live && id === undefined) throw new LibvirtError('OPERATION_INVALID', 'domain is not running');
  if (config && !managed)
    throw new LibvirtError('OPERATION_INVALID', 'transient domains do not have any persistent config');
  return { live, config };
}
