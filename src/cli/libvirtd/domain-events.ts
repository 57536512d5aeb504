/**
 * Events of domains as messages: a kind, its number (virDomainEventID), and what follows the callback's number and the domain. Some have the domain in a
 * message of its own: the bytes are the same. Source: remote_domain_event_callback_*_msg of src/remote/remote_protocol.x.
 */
import type { EventKind, EventOf, EventParameter } from '../../dom0/libvirt/index.ts';
import { encode, int, struct, unsignedHyper, type Xdr } from '../../formats/xdr/index.ts';
import { domain, maybeText, parameters, text } from './types.ts';

interface Row {
  id: number;
  message(callback: number, event: unknown): Uint8Array;
}

/** REMOTE_DOMAIN_JOB_STATS_MAX; a tunable event has fewer. */
const values = parameters(64) as Xdr<EventParameter[]>;

const row = <Kind extends EventKind>(
  id: number,
  fields: { [Key in Exclude<keyof EventOf<Kind>, 'kind' | 'domain'>]-?: Xdr<EventOf<Kind>[Key]> },
): Row => {
  const type = struct({ callback: int, domain, ...fields } as Record<string, Xdr<unknown>>);
  return { id, message: (callback, event) => encode(type, { ...(event as Record<string, unknown>), callback }) };
};

export const DOMAIN_EVENTS: { [Kind in EventKind]: Row } = {
  lifecycle: row<'lifecycle'>(0, { event: int, detail: int }),
  reboot: row<'reboot'>(1, {}),
  'tray-change': row<'tray-change'>(10, { device: text, reason: int }),
  'balloon-change': row<'balloon-change'>(13, { actualKiB: unsignedHyper }),
  'device-removed': row<'device-removed'>(15, { device: text }),
  tunable: row<'tunable'>(17, { parameters: values }),
  'agent-lifecycle': row<'agent-lifecycle'>(18, { state: int, reason: int }),
  'device-added': row<'device-added'>(19, { device: text }),
  'migration-iteration': row<'migration-iteration'>(20, { iteration: int }),
  'job-completed': row<'job-completed'>(21, { parameters: values }),
  'metadata-change': row<'metadata-change'>(23, { type: int, uri: maybeText as Xdr<string | undefined> }),
};

export const procedureOf = (kind: EventKind): string => `domain_event_callback_${kind.replaceAll('-', '_')}`;
