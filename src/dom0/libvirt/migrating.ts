/**
 * Domains go to other hosts of a pool, and what that may take. Sources: virDomainMigrateFlags of libvirt-domain.h, virDomainMigrateToURI3() of
 * src/libvirt-domain.c, qemuDomainMigratePerform3Params() and qemuDomainMigrateSetMaxSpeed() of src/qemu/qemu_driver.c of libvirt 9. The driver of libxl has no
 * limits: they are of Ringside's toolstack.
 */
import type { CommandHost, MoveWish, Uses } from '../toolstack/index.ts';
import { COMMANDS } from '../toolstack/commands/index.ts';
import { type Domain, startPostcopy } from '../toolstack/domains/index.ts';
import { DOWNTIME_MS, limit, limitsOf, MOST_DOWNTIME_MS, MOST_SPEED_MIB } from '../toolstack/moves/index.ts';
import { activeId, domainByName, guestId } from './domains.ts';
import { failing, LibvirtError } from './errors.ts';
import { checkFlags } from './flags.ts';
import { undefineDomain } from './life.ts';
import { driverOf } from './hypervisors/index.ts';
import { listSnapshots } from './snapshots.ts';

/** virDomainMigrateFlags, as far as there is something for them. */
export const MIGRATE = {
  LIVE: 1 << 0,
  PEER2PEER: 1 << 1,
  PERSIST_DEST: 1 << 3,
  UNDEFINE_SOURCE: 1 << 4,
  PAUSED: 1 << 5,
  NON_SHARED_DISK: 1 << 6,
  NON_SHARED_INC: 1 << 7,
  UNSAFE: 1 << 9,
  COMPRESSED: 1 << 11,
  ABORT_ON_ERROR: 1 << 12,
  AUTO_CONVERGE: 1 << 13,
  POSTCOPY: 1 << 15,
};
const ALL = Object.values(MIGRATE).reduce((all, flag) => all | flag);

/** A host of the pool, as libvirt would name it: that has the same driver. */
const POOL_URI = /^(\w+)\+pool:\/\/([^/]+)\/system$/;

/** The host that a URI names. @throws LibvirtError */
export function hostIn(here: Uses<'toolstack'>, uri: string): string {
  const driver = driverOf(here).uri.replace(/:.*/, '');
  const [, its, to] = POOL_URI.exec(uri) ?? [];
  if (its === driver) return to!;
  throw new LibvirtError('NO_CONNECT', `${uri}\nerror: Hosts of the pool are ${driver}+pool://HOST/system.`, 'domain');
}

/** A move by flags; `more`: what they do not say. @throws LibvirtError: it is here still */
export async function migrateDomain(
  host: CommandHost,
  domain: Domain,
  uri: string,
  flags: number,
  more: Pick<MoveWish, 'name' | 'postcopy'> = {},
): Promise<void> {
  const has = (flag: keyof typeof MIGRATE): boolean => (flags & MIGRATE[flag]) !== 0;
  if (has('NON_SHARED_DISK') && has('NON_SHARED_INC'))
    throw new LibvirtError(
      'INVALID_FLAGS',
      "Flags 'VIR_MIGRATE_NON_SHARED_DISK' and 'VIR_MIGRATE_NON_SHARED_INC' are mutually exclusive",
      'domain',
    );
  if (has('POSTCOPY') && !has('LIVE'))
    throw new LibvirtError(
      'CONFIG_UNSUPPORTED',
      'post-copy migration is not supported with non-live or paused migration',
      'qemu',
    );
  checkFlags(flags, ALL, 'virDomainMigrateToURI3');
  const to = hostIn(host, uri);
  const { name, managed } = domain;
  const id = guestId(domain);
  const isForgotten = managed !== undefined && has('UNDEFINE_SOURCE');
  const { length: snapshots } = isForgotten ? await listSnapshots(host, domain, 0) : [];
  if (snapshots > 0)
    throw new LibvirtError('OPERATION_INVALID', `cannot migrate domain with ${snapshots} snapshots`, 'qemu');
  const wish: MoveWish = {
    ...(has('PAUSED') ? { paused: true } : {}),
    ...(has('AUTO_CONVERGE') ? { autoConverge: true } : {}),
    ...(has('PERSIST_DEST') ? { persistent: true } : {}),
    ...(has('POSTCOPY') ? { postcopy: more.postcopy ?? 'when-asked' } : {}),
    ...(has('NON_SHARED_DISK') ? { copyStorage: 'all' } : has('NON_SHARED_INC') ? { copyStorage: 'inc' } : {}),
    ...(more.name === undefined || more.name === name ? {} : { name: more.name }),
  };
  await failing(async () => {
    await COMMANDS.migrate.run(host, id, to, wish);
    if (isForgotten) await undefineDomain(host, await domainByName(host, name));
  });
}

/** The move under way goes on as post-copy. @throws LibvirtError */
export async function startPostcopyOf(host: Uses<'toolstack'>, domain: Domain, flags = 0): Promise<void> {
  checkFlags(flags, 0, 'qemuDomainMigrateStartPostCopy');
  activeId(domain);
  await failing(() => startPostcopy(host.toolstack.jobs, domain.name));
}

/** Of a move that has gone over to post-copy there is no limit here. @throws LibvirtError */
export function setMoveSpeed(host: Uses<'toolstack'>, domain: Domain, speedMiB: number, flags = 0): void {
  checkFlags(flags, 0, 'qemuDomainMigrateSetMaxSpeed');
  if (!(speedMiB >= 0 && speedMiB <= MOST_SPEED_MIB))
    throw new LibvirtError('OVERFLOW', `bandwidth must be less than ${MOST_SPEED_MIB + 1}`, 'qemu');
  limit(host.toolstack, domain.name, { speedMiB });
}

/** MiB a second. @throws LibvirtError */
export function moveSpeed(host: Uses<'toolstack'>, domain: Domain, flags = 0): number {
  checkFlags(flags, 0, 'qemuDomainMigrateGetMaxSpeed');
  return limitsOf(host.toolstack, domain.name).speedMiB;
}

/** @throws LibvirtError */
export function setMoveDowntime(host: Uses<'toolstack'>, domain: Domain, downtimeMs: number, flags = 0): void {
  checkFlags(flags, 0, 'qemuDomainMigrateSetMaxDowntime');
  guestId(domain);
  if (!(downtimeMs >= 0 && downtimeMs <= MOST_DOWNTIME_MS))
    throw new LibvirtError(
      'INTERNAL_ERROR',
      "unable to execute QEMU command 'migrate-set-parameters': Parameter 'downtime_limit' expects an integer in the range of 0 to (2000 * 1000) ms",
      'qemu',
    );
  limit(host.toolstack, domain.name, { downtimeMs });
}

/** Milliseconds. @throws LibvirtError */
export function moveDowntime(host: Uses<'toolstack'>, domain: Domain, flags = 0): number {
  checkFlags(flags, 0, 'qemuDomainMigrateGetMaxDowntime');
  guestId(domain);
  return limitsOf(host.toolstack, domain.name).downtimeMs ?? DOWNTIME_MS;
}
