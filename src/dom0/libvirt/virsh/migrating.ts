/** Domains go to other hosts of a pool. Source: cmdMigrate() and its like in tools/virsh-domain.c of libvirt 9. */
import { startPostcopy } from '../../toolstack/domains/index.ts';
import type { MoveWish, Uses } from '../../toolstack/index.ts';
import * as libvirt from '../index.ts';
import { allNeeded, exclude, find, flagsOf, numeric, type VirshCommand, VirshError } from './virsh-command.ts';

const FLAGS = {
  live: libvirt.MIGRATE.LIVE,
  p2p: libvirt.MIGRATE.PEER2PEER,
  persistent: libvirt.MIGRATE.PERSIST_DEST,
  undefinesource: libvirt.MIGRATE.UNDEFINE_SOURCE,
  suspend: libvirt.MIGRATE.PAUSED,
  'copy-storage-all': libvirt.MIGRATE.NON_SHARED_DISK,
  'copy-storage-inc': libvirt.MIGRATE.NON_SHARED_INC,
  unsafe: libvirt.MIGRATE.UNSAFE,
  compressed: libvirt.MIGRATE.COMPRESSED,
  'abort-on-error': libvirt.MIGRATE.ABORT_ON_ERROR,
  'auto-converge': libvirt.MIGRATE.AUTO_CONVERGE,
  postcopy: libvirt.MIGRATE.POSTCOPY,
};

/** A number of 32 bits, as vshCommandOptInt() has one that is none below 0. */
const SECONDS = /^\d{1,9}$/;

/** VSH_REQUIRE_OPTION. @throws VirshError */
function requires(options: ReadonlySet<string>, option: string, other: string): void {
  if (options.has(option) && !options.has(other))
    throw new VirshError(`error: Option --${other} is required by option --${option}`);
}

/** What is to become of a move that takes longer: undefined: nothing. @throws VirshError */
function lateOf(
  timeout: string | undefined,
  options: ReadonlySet<string>,
): { seconds: number; isPostcopy: boolean } | undefined {
  const seconds = timeout === undefined ? 0 : numeric(timeout, 'timeout', SECONDS);
  if (seconds > 0 && !options.has('live'))
    throw new VirshError('error: migrate: Unexpected timeout for offline migration');
  if (seconds > 0) return { seconds, isPostcopy: options.has('timeout-postcopy') };
  if (options.has('timeout-suspend') || options.has('timeout-postcopy'))
    throw new VirshError('error: migrate: Unexpected --timeout-* option without --timeout');
  return undefined;
}

/** @throws what `work` throws; meanwhile the domain is late at some time */
async function within<T>(
  { toolstack, clock }: Uses<'clock' | 'toolstack'>,
  domain: string,
  late: ReturnType<typeof lateOf>,
  work: () => Promise<T>,
): Promise<T> {
  const cancel = late
    ? clock.later(1000 * late.seconds, () => {
        try {
          if (late.isPostcopy) startPostcopy(toolstack.jobs, domain);
          else toolstack.jobs.find(domain)?.standStill?.();
        } catch {
          // It has gone, or failed, just now: the caller that waits for it gets the error.
        }
      })
    : () => {};
  try {
    return await work();
  } finally {
    cancel();
  }
}

/** A number of 64 bits without a sign; one below 0 is what C makes of it. @throws VirshError */
function unsigned(text: string, option: string): number {
  const value = numeric(text, option, /^-?\d{1,20}$/);
  return value < 0 ? 2 ** 64 + value : value;
}

export const MIGRATING: Record<string, VirshCommand> = {
  migrate: {
    usage:
      'migrate <domain> <desturi> [--live] [--offline] [--p2p] [--persistent] [--undefinesource] [--suspend] [--copy-storage-all] [--copy-storage-inc] [--unsafe] [--verbose] [--compressed] [--auto-converge] [--abort-on-error] [--postcopy] [--postcopy-after-precopy] [--dname=<dname>] [--timeout=<timeout>] [--timeout-suspend] [--timeout-postcopy]',
    about: 'migrate domain to another host',
    run: async (host, [word, uri, name, timeout], options) => {
      allNeeded([word, uri], ['domain', 'desturi']);
      exclude(options, 'live', 'offline');
      exclude(options, 'timeout-suspend', 'timeout-postcopy');
      requires(options, 'postcopy-after-precopy', 'postcopy');
      requires(options, 'timeout-postcopy', 'postcopy');
      const domain = await find(host, word);
      const late = lateOf(timeout, options);
      const more: Pick<MoveWish, 'name' | 'postcopy'> = {
        ...(name === undefined ? {} : { name }),
        postcopy: options.has('postcopy-after-precopy') ? 'after-precopy' : 'when-asked',
      };
      // virDomainMigrateCheckNotLocal().
      if (options.has('p2p') && !/^[^:]+:\/\/(?!localhost)[^/]/.test(uri!))
        throw new VirshError('error: Attempt to migrate guest to the same host');
      if (options.has('offline')) throw new libvirt.LibvirtError('NO_SUPPORT', 'virDomainMigrate');
      await within(host, domain.name, late, () =>
        libvirt.migrateDomain(host, domain, uri!, flagsOf(options, FLAGS), more),
      );
      return options.has('verbose') ? 'Migration: [100 %]\n' : '\n';
    },
  },
  'migrate-postcopy': {
    usage: 'migrate-postcopy <domain>',
    about: 'Switch running migration from pre-copy to post-copy',
    run: async (host, [word]) => {
      await libvirt.startPostcopyOf(host, await find(host, word));
      return '';
    },
  },
  'migrate-setmaxdowntime': {
    usage: 'migrate-setmaxdowntime <domain> <downtime>',
    about: 'set maximum tolerable downtime',
    run: async (host, words) => {
      allNeeded(words, ['domain', '--downtime']);
      const domain = await find(host, words[0]);
      const downtimeMs = numeric(words[1]!, 'downtime', /^\d{1,18}$/);
      if (downtimeMs < 1) throw new VirshError('error: migrate: Invalid downtime');
      libvirt.setMoveDowntime(host, domain, downtimeMs);
      return '';
    },
  },
  'migrate-getmaxdowntime': {
    usage: 'migrate-getmaxdowntime <domain>',
    about: 'get maximum tolerable downtime',
    run: async (host, [word]) => `${libvirt.moveDowntime(host, await find(host, word))}\n`,
  },
  'migrate-setspeed': {
    usage: 'migrate-setspeed <domain> <bandwidth> [--postcopy]',
    about: 'Set the maximum migration bandwidth',
    run: async (host, words, options) => {
      allNeeded(words, ['domain', '--bandwidth']);
      const domain = await find(host, words[0]);
      libvirt.setMoveSpeed(host, domain, unsigned(words[1]!, 'bandwidth'), flagsOf(options, POSTCOPY));
      return '';
    },
  },
  'migrate-getspeed': {
    usage: 'migrate-getspeed <domain> [--postcopy]',
    about: 'Get the maximum migration bandwidth',
    run: async (host, [word], options) =>
      `${libvirt.moveSpeed(host, await find(host, word), flagsOf(options, POSTCOPY))}\n`,
  },
};

/** VIR_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY. */
const POSTCOPY = { postcopy: 1 << 0 };
