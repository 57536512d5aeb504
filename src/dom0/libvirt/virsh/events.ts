/** Events of domains, printed as they happen. Source: cmdEvent() and virshDomainEventToString() of tools/virsh-domain-event.c of libvirt 9. */
import type { CommandHost } from '../../toolstack/index.ts';
import * as libvirt from '../index.ts';
import { aborted } from '../../toolstack/programs/index.ts';
import { exclude, find, numeric, type VirshCommand, VirshError } from './virsh-command.ts';

/** virshDomainEventCallbacks: by virDomainEventID. Printed here: events of a domain's life, and of devices that come and go. */
const KINDS = [
  'lifecycle',
  'reboot',
  'rtc-change',
  'watchdog',
  'io-error',
  'graphics',
  'io-error-reason',
  'control-error',
  'block-job',
  'disk-change',
  'tray-change',
  'pm-wakeup',
  'pm-suspend',
  'balloon-change',
  'pm-suspend-disk',
  'device-removed',
  'block-job-2',
  'tunable',
  'agent-lifecycle',
  'device-added',
  'migration-iteration',
  'job-completed',
  'device-removal-failed',
  'metadata-change',
  'block-threshold',
  'memory-failure',
  'memory-device-size-change',
];

/** virDomainEventType with its details. */
const WORDS: readonly (readonly [event: string, ...details: string[]])[] = [
  ['Defined', 'Added', 'Updated', 'Renamed', 'Snapshot'],
  ['Undefined', 'Removed', 'Renamed'],
  ['Started', 'Booted', 'Migrated', 'Restored', 'Snapshot', 'Event wakeup'],
  ['Suspended', 'Paused', 'Migrated', 'I/O Error', 'Watchdog', 'Restored', 'Snapshot', 'API error', 'Post-copy'],
  ['Resumed', 'Unpaused', 'Migrated', 'Snapshot', 'Post-copy'],
  ['Stopped', 'Shutdown', 'Destroyed', 'Crashed', 'Migrated', 'Saved', 'Failed', 'Snapshot'],
  ['Shutdown', 'Finished', 'Finished after guest request', 'Finished after host request'],
  ['PMSuspended', 'Memory', 'Disk'],
  ['Crashed', 'Panicked', 'Crashloaded'],
];

const AGENT_STATES = ['unknown', 'connected', 'disconnected'];
const METADATA_TYPES = ['description', 'title', 'element'];
const AGENT_REASONS = ['unknown', 'domain started', 'channel event'];

const TRAY = ['opened', 'closed'];
const values = ({ parameters }: { parameters: readonly libvirt.EventParameter[] }): string =>
  `:${parameters.map(({ field, value }) => `\n\t${field}: ${value.value}`).join('')}`;

/** What is printed of an event behind the domain's name (virshEventPrint() and its callers). */
const SAID: { [Kind in libvirt.EventKind]: (event: libvirt.EventOf<Kind>) => string } = {
  lifecycle: ({ event, detail }) => {
    const [word = 'unknown', ...details] = WORDS[event] ?? [];
    return `: ${word} ${details[detail] ?? 'unknown'}`;
  },
  reboot: () => '',
  'tray-change': ({ device, reason }) => ` disk ${device}: ${TRAY[reason] ?? 'unknown'}`,
  tunable: values,
  'job-completed': values,
  'balloon-change': ({ actualKiB }) => `: ${actualKiB}KiB`,
  'device-removed': ({ device }) => `: ${device}`,
  'device-added': ({ device }) => `: ${device}`,
  'agent-lifecycle': ({ state, reason }) => `: state: '${AGENT_STATES[state]}' reason: '${AGENT_REASONS[reason]}'`,
  'migration-iteration': ({ iteration }) => `: iteration: '${iteration}'`,
  'metadata-change': ({ type, uri }) => `: type ${METADATA_TYPES[type] ?? 'unknown'}, uri ${uri ?? '<null>'}`,
};

const said = (event: libvirt.DomainEvent): string =>
  `event '${event.kind}' for domain '${event.domain.name}'${(SAID[event.kind] as (of: unknown) => string)(event)}\n`;

interface Wanted {
  kinds: readonly string[];
  loops: boolean;
  timeoutMs: number | undefined;
  hasTimestamp: boolean;
  /** Of whom; undefined: of all. */
  uuid: string | undefined;
}

/** Until one has come, or with `loops` until time is over or somebody ends it. */
async function wait(host: CommandHost, { kinds, loops, timeoutMs, hasTimestamp, uuid }: Wanted, signal: AbortSignal) {
  let printed = '',
    received = 0;
  let over = (_why: string): void => {};
  const ended = new Promise<string>(resolve => (over = resolve));
  const stop = libvirt.listenToLives(host, event => {
    if (!kinds.includes(event.kind) || (uuid !== undefined && event.domain.uuid !== uuid)) return;
    if (received > 0 && !loops) return;
    const now = new Date(host.clock.epochMs()).toISOString().replace('T', ' ').replace('Z', '+0000');
    printed += `${hasTimestamp ? `${now}: ` : ''}${said(event)}`;
    received++;
    if (!loops) over('');
  });
  const stopTimer =
    timeoutMs === undefined ? () => {} : host.clock.later(timeoutMs, () => over('event loop timed out\n'));
  void aborted(signal).then(() => over('event loop interrupted\n'));
  const why = await ended;
  stop();
  stopTimer();
  return { received, printed: `${printed}${why}events received: ${received}\n` };
}

export const EVENTS: Record<string, VirshCommand> = {
  event: {
    usage: 'event [--domain <domain>] [--event <event>] [--all] [--loop] [--timeout <seconds>] [--list] [--timestamp]',
    about: 'Domain Events',
    run: async (host, [domain, event, timeout], options, { signal }) => {
      const given = event === undefined ? options : new Set([...options, 'event']);
      exclude(given, 'all', 'event');
      exclude(given, 'list', 'all');
      exclude(given, 'list', 'event');
      if (options.has('list')) return `${KINDS.join('\n')}\n\n`;
      if (event !== undefined && !KINDS.includes(event)) throw new VirshError(`error: unknown event type ${event}`);
      if (event === undefined && !options.has('all'))
        throw new VirshError('error: one of --list, --all, or --event <type> is required');
      if (timeout !== undefined) numeric(timeout, 'timeout', /^[1-9]\d{0,6}$/);
      const of = domain === undefined ? undefined : await find(host, domain);
      const { received, printed } = await wait(
        host,
        {
          kinds: event === undefined ? KINDS : [event],
          loops: options.has('loop'),
          timeoutMs: timeout === undefined ? undefined : Number(timeout) * 1000,
          hasTimestamp: options.has('timestamp'),
          uuid: of && libvirt.uuidOfDomain(of),
        },
        signal,
      );
      if (received === 0) throw new VirshError('', printed);
      return `${printed}\n`;
    },
  },
};
