/** What is reported of domains: virDomainEventID and what each has to say. Source: libvirt-domain.h. */
import type { DomainRef } from '../domains.ts';

/** virTypedParameter, of the types that events have. */
export interface EventParameter {
  field: string;
  value: { kind: 'int' | 'hyper' | 'unsignedHyper'; value: number } | { kind: 'text'; value: string };
}

type Kinds = {
  /** virDomainEventType and its details. */
  lifecycle: { event: number; detail: number };
  reboot: object;
  /** What its balloon leaves it. */
  'balloon-change': { actualKiB: number };
  /** A device that has come to a domain that runs, or is gone from it: what libvirt calls it. */
  'device-removed': { device: string };
  'device-added': { device: string };
  /** The agent of a guest has its channel open, or not (virConnectDomainEventAgentLifecycleState and its reasons). */
  'agent-lifecycle': { state: number; reason: number };
  /** virConnectDomainEventTrayChangeReason; `device`: its alias. */
  'tray-change': { device: string; reason: number };
  /** What processors or a disk are given has changed. */
  tunable: { parameters: EventParameter[] };
  /** What VIR_DOMAIN_JOB_* has of it. */
  'job-completed': { parameters: EventParameter[] };
  /** A round of a migration begins. */
  'migration-iteration': { iteration: number };
  /** virDomainMetadataType; `uri`: of which name space. */
  'metadata-change': { type: number; uri?: string };
};

export type EventKind = keyof Kinds;
/** `domain`: as it was called then. */
export type EventOf<Kind extends EventKind> = { kind: Kind; domain: DomainRef } & Kinds[Kind];
/** The same of a domain that is known. */
export type Done = { [Kind in EventKind]: { kind: Kind } & Kinds[Kind] }[EventKind];
export type DomainEvent = { [Kind in EventKind]: EventOf<Kind> }[EventKind];
