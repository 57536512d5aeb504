/**
 * What becomes of domains, as libvirt tells it: two looks at the host are compared. Source: virDomainEventType and its details in libvirt-domain.h; what
 * libxl's driver sends where (src/libxl/libxl_domain.c).
 */
import { VIRTIO_PLACE } from '../../../devices/ide/index.ts';
import { channelsOf } from '../../../devices/index.ts';
import { placeUnderKvm } from '../../definitions/config/index.ts';
import { AGENT_CHANNEL } from '../channels.ts';
import type { CommandHost } from '../command-host.ts';
import { type Domain, domainsOf } from '../domains/index.ts';
import { uuidOfDomain } from './domains.ts';

export interface LifecycleEvent {
  domain: { name: string; uuid: string; id: number };
  event: number;
  detail: number;
}

/** A device has come to a domain that runs, or is gone from it: what libvirt calls it. */
export interface DeviceEvent {
  domain: LifecycleEvent['domain'];
  device: string;
  isThere: boolean;
}

/** The agent of a guest has its channel open, or not (virConnectDomainEventAgentLifecycleState and its reasons). */
export interface AgentEvent {
  domain: LifecycleEvent['domain'];
  state: number;
  reason: number;
}

export type DomainEvent = LifecycleEvent | DeviceEvent | AgentEvent;

const AGENT = { CONNECTED: 1, DISCONNECTED: 2 };
const AGENT_REASON = { DOMAIN_STARTED: 1, CHANNEL: 2 };

const EVENT = { DEFINED: 0, UNDEFINED: 1, STARTED: 2, SUSPENDED: 3, RESUMED: 4, STOPPED: 5, CRASHED: 8 };
const DEFINED = { ADDED: 0, UPDATED: 1 };
const STARTED: Readonly<Record<string, number>> = { booted: 0, migrated: 1, restored: 2, 'from snapshot': 3 };
const SUSPENDED: Readonly<Record<string, number>> = { user: 0, migrating: 1, 'from snapshot': 5 };
const STOPPED: Readonly<Record<string, number>> = {
  shutdown: 0,
  destroyed: 1,
  crashed: 2,
  migrated: 3,
  saved: 4,
  failed: 5,
  'from snapshot': 6,
};

interface Seen {
  domain: LifecycleEvent['domain'];
  isThere: boolean;
  isPaused: boolean;
  hasCrashed: boolean;
  reason: string;
  text: string | undefined;
  devices: ReadonlySet<string>;
  /** Whether its agent is there; undefined: it has no channel for one. */
  hasAgent: boolean | undefined;
}

/** What comes to a domain of KVM while it runs, and goes: by its alias (qemuAssignDeviceAliases()). */
const devicesOf = ({ definition, id }: Domain): ReadonlySet<string> =>
  new Set(
    id === undefined || !definition.kvm
      ? []
      : [
          ...(definition.nic ? ['net0'] : []),
          ...definition.disks.flatMap(disk => {
            const unit = (placeUnderKvm(disk) ?? -1) - VIRTIO_PLACE;
            return unit >= 0 ? [`virtio-disk${unit}`] : [];
          }),
          ...channelsOf(definition.virtio).map(({ port }) => `channel${port - 1}`),
        ],
  );

const seen = (host: CommandHost, domain: Domain): Seen => {
  const { name, id, status, managed } = domain;
  return {
    domain: { name, uuid: uuidOfDomain(domain), id: id ?? -1 },
    isThere: id !== undefined && status.state !== 'shut off',
    // A job has it stand still for a moment: nobody paused it.
    isPaused: status.state === 'paused' && status.reason in SUSPENDED,
    hasCrashed: status.state === 'crashed',
    reason: status.reason,
    text: managed?.text,
    devices: devicesOf(domain),
    hasAgent: id === undefined ? undefined : host.toolstack.members.get(id)?.channels?.get(AGENT_CHANNEL)?.isOpen,
  };
};

/** Told whenever something may have changed; it tells what has, in order. */
export class LifecycleWatch {
  private readonly host: CommandHost;
  private readonly tell: (event: DomainEvent) => void;
  private before: Map<string, Seen> | undefined;
  private looking: Promise<void> = Promise.resolve();
  private isAsked = false;

  constructor(host: CommandHost, tell: (event: DomainEvent) => void) {
    this.host = host;
    this.tell = tell;
  }

  look(): Promise<void> {
    if (this.isAsked) return this.looking;
    this.isAsked = true;
    this.looking = this.looking.then(async () => {
      this.isAsked = false;
      const now = new Map((await domainsOf(this.host).list()).map(domain => [domain.name, seen(this.host, domain)]));
      const { before } = this;
      this.before = now;
      if (before) for (const event of this.differences(before, now)) this.tell(event);
    });
    return this.looking;
  }

  private *differences(before: Map<string, Seen>, now: Map<string, Seen>): Generator<DomainEvent> {
    for (const name of new Set([...before.keys(), ...now.keys()])) {
      const was = before.get(name),
        is = now.get(name);
      yield* this.ofOne(was, is);
      yield* this.ofAgent(was, is);
      if (was?.isThere && is?.isThere && was.domain.id === is.domain.id) yield* this.ofDevices(was, is);
    }
  }

  /** Of one that starts it is told that there is none yet (qemuProcessRefreshChannelVirtioState()). */
  private *ofAgent(was: Seen | undefined, is: Seen | undefined): Generator<AgentEvent> {
    if (is?.hasAgent === undefined) return;
    const { domain, hasAgent } = is;
    const { CONNECTED, DISCONNECTED } = AGENT;
    const before = was?.isThere && was.domain.id === domain.id ? (was.hasAgent ?? false) : undefined;
    if (before === undefined) yield { domain, state: DISCONNECTED, reason: AGENT_REASON.DOMAIN_STARTED };
    if ((before ?? false) !== hasAgent)
      yield { domain, state: hasAgent ? CONNECTED : DISCONNECTED, reason: AGENT_REASON.CHANNEL };
  }

  private *ofDevices({ devices: before }: Seen, { domain, devices }: Seen): Generator<DeviceEvent> {
    for (const device of before) if (!devices.has(device)) yield { domain, device, isThere: false };
    for (const device of devices) if (!before.has(device)) yield { domain, device, isThere: true };
  }

  private *ofOne(was: Seen | undefined, is: Seen | undefined): Generator<LifecycleEvent> {
    const domain = (is ?? was)!.domain;
    const event = (type: number, detail = 0): LifecycleEvent => ({ domain, event: type, detail });
    if (is?.text !== undefined && was?.text !== is.text)
      yield event(EVENT.DEFINED, was?.text === undefined ? DEFINED.ADDED : DEFINED.UPDATED);
    const isAnother = was?.isThere && is?.isThere && was.domain.id !== is.domain.id;
    if (was?.isThere && (!is?.isThere || isAnother)) {
      const why = is && !isAnother ? is.reason : this.host.toolstack.halted.get(domain.name);
      yield event(EVENT.STOPPED, STOPPED[why ?? 'shutdown'] ?? STOPPED.shutdown);
    }
    if (is?.isThere && (!was?.isThere || isAnother)) {
      yield event(EVENT.STARTED, STARTED[is.reason] ?? STARTED.booted);
      if (is.isPaused) yield event(EVENT.SUSPENDED, SUSPENDED[is.reason]);
    } else if (is?.isThere && was) {
      if (is.hasCrashed && !was.hasCrashed) yield event(EVENT.CRASHED);
      if (is.isPaused && !was.isPaused) yield event(EVENT.SUSPENDED, SUSPENDED[is.reason]);
      if (was.isPaused && !is.isPaused && !is.hasCrashed) yield event(EVENT.RESUMED);
    }
    if (was?.text !== undefined && is?.text === undefined) yield event(EVENT.UNDEFINED);
  }
}

/** Tells what becomes of domains from now on; the result ends that. */
export function listenToLives(host: CommandHost, tell: (event: DomainEvent) => void): () => void {
  const watch = new LifecycleWatch(host, tell);
  const stop = host.listen(() => void watch.look());
  void watch.look();
  return stop;
}
