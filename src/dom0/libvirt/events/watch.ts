/** What becomes of domains: two looks at the host are compared. What calls of libvirt alone do is reported by the code of those calls. */
import {
  AGENT_CHANNEL,
  balloonedKiB,
  type CommandHost,
  incomingName,
  migratedAwayName,
  type Uses,
} from '../../toolstack/index.ts';
import { type Domain, domainsOf, type JobInfo } from '../../toolstack/domains/index.ts';
import { type DomainRef, refOf } from '../domains.ts';
import { jobParameters } from '../jobs.ts';
import { inLibvirt } from '../kinds/index.ts';
import { driverOf } from '../hypervisors/index.ts';
import type { DomainEvent } from './kinds.ts';
import { type Life, type LifeOf, type Step, step } from './lifecycle.ts';

const AGENT = { CONNECTED: 1, DISCONNECTED: 2 };
const AGENT_REASON = { DOMAIN_STARTED: 1, CHANNEL: 2 };
/** QEMU tells of a balloon at most this often (monitor_qapi_event_conf of monitor/monitor.c). */
const BALLOON_MS = 1000;

/** One that runs. */
interface Running {
  domain: DomainRef;
  life: Life;
  devices: ReadonlySet<string>;
  /** Whether its agent is there; undefined: it has no channel for one. */
  hasAgent: boolean | undefined;
  /** How often it has begun again in the same memory. */
  restarts: number;
  balloonKiB: number | undefined;
  /** The last job that has ended. */
  ended: JobInfo | undefined;
  /** Rounds of a migration that is under way. */
  rounds: number;
}

interface Defined {
  domain: DomainRef;
  text: string;
}

interface Look {
  running: ReadonlyMap<number, Running>;
  /** By UUID. */
  defined: ReadonlyMap<string, Defined>;
}

function runningOf(host: Uses<'machine' | 'toolstack'>, domain: Domain, id: number): Running | undefined {
  const { toolstack } = host;
  const member = toolstack.members.get(id);
  if (!member) return undefined;
  const { name, job } = domain;
  const { why, paused, restarts, postcopy } = member;
  return {
    domain: refOf(domain),
    life: {
      running: why.running,
      paused: paused ? why.paused : undefined,
      hasCrashed: domain.status.state === 'crashed',
      isPostcopy: postcopy !== undefined && job?.operation === 'Incoming migration',
    },
    devices: new Set(inLibvirt(domain.definition).aliases(domain.definition)),
    hasAgent: member.channels?.get(AGENT_CHANNEL)?.isOpen,
    restarts: restarts?.count ?? 0,
    balloonKiB: balloonedKiB(host.machine, member),
    ended: toolstack.jobs.completed(name),
    rounds: job?.memory?.iteration ?? 0,
  };
}

/** Called whenever something may have changed; it reports what has, in order. */
export class DomainWatch {
  private readonly host: CommandHost;
  private readonly tell: (event: DomainEvent) => void;
  private readonly driver: LifeOf;
  private before: Look | undefined;
  private looking: Promise<void> = Promise.resolve();
  private isAsked = false;
  private isOver = false;
  private cancelLater = (): void => {};

  constructor(host: CommandHost, tell: (event: DomainEvent) => void) {
    this.host = host;
    this.tell = tell;
    this.driver = driverOf(host).lives;
  }

  end(): void {
    this.isOver = true;
    this.cancelLater();
  }

  look(): Promise<void> {
    if (this.isAsked) return this.looking;
    this.isAsked = true;
    this.looking = this.looking.then(async () => {
      this.isAsked = false;
      const now = this.lookAt(await domainsOf(this.host).list());
      const { before } = this;
      if (this.isOver) return;
      this.before = now;
      if (before) for (const event of this.differences(before, now)) this.tell(event);
      this.lookLater(now);
    });
    return this.looking;
  }

  /** Nobody says that a balloon has changed. */
  private lookLater({ running }: Look): void {
    this.cancelLater();
    this.cancelLater = [...running.values()].some(({ balloonKiB }) => balloonKiB !== undefined)
      ? this.host.clock.later(BALLOON_MS, () => void this.look())
      : () => {};
  }

  private lookAt(all: readonly Domain[]): Look {
    const running = new Map<number, Running>();
    const defined = new Map<string, Defined>();
    for (const domain of all) {
      const { id, name, status, managed } = domain;
      if (managed) {
        const ref = refOf(domain);
        defined.set(ref.uuid, { domain: ref, text: managed.text });
      }
      const isThere = status.state !== 'shut off' && (this.driver.keepsCrashed || status.state !== 'crashed');
      const seen = id !== undefined && isThere ? runningOf(this.host, domain, id) : undefined;
      if (!seen) continue;
      const was = this.before?.running.get(seen.domain.id);
      // One that comes is not there yet, and one that goes is what it was.
      if (name.endsWith(incomingName(''))) continue;
      if (was && name === migratedAwayName(was.domain.name)) seen.domain = was.domain;
      running.set(seen.domain.id, seen);
    }
    return { running, defined };
  }

  private *differences(before: Look, now: Look): Generator<DomainEvent> {
    const uuids = new Set(
      [before, now].flatMap(({ running, defined }) => [
        ...defined.keys(),
        ...[...running.values()].map(({ domain }) => domain.uuid),
      ]),
    );
    for (const uuid of uuids) {
      const was = before.defined.get(uuid),
        is = now.defined.get(uuid);
      const [old, here] = [before, now].map(({ running }) =>
        [...running.values()].filter(({ domain }) => domain.uuid === uuid),
      );
      const isReverted =
        this.driver.keepsCrashed &&
        here!.some(({ life, domain }) => life.running === 'from snapshot' && !before.running.has(domain.id));
      if (is && !isReverted) yield* this.ofDefined(was, is);
      for (const each of old!) if (!now.running.has(each.domain.id)) yield* this.ofStopped(each, here!);
      for (const each of here!) {
        const same = before.running.get(each.domain.id);
        yield* same ? this.ofSame(same, each) : this.ofStarted(each);
      }
      if (is && isReverted) yield this.lifecycle(is.domain, step('DEFINED', 'snapshot'));
      if (was && !is) yield this.lifecycle(was.domain, step('UNDEFINED', 'removed'));
    }
  }

  private lifecycle = (domain: DomainRef, { event, detail }: Step): DomainEvent => ({
    kind: 'lifecycle',
    domain,
    event,
    detail,
  });

  private *ofDefined(was: Defined | undefined, { domain, text }: Defined): Generator<DomainEvent> {
    if (!was) yield this.lifecycle(domain, step('DEFINED', 'added'));
    else if (was.domain.name !== domain.name) {
      yield this.lifecycle(was.domain, step('UNDEFINED', 'renamed'));
      yield this.lifecycle(domain, step('DEFINED', 'renamed'));
    } else if (was.text !== text) yield this.lifecycle(domain, step('DEFINED', 'updated'));
  }

  private *ofStopped({ domain, life, ended: before }: Running, here: readonly Running[]): Generator<DomainEvent> {
    const { halted, jobs, members } = this.host.toolstack;
    const ended = members.get(domain.id);
    const after = here.find(other => other.domain.id > domain.id)?.life.running;
    const why =
      after === 'from snapshot' || after === 'migrated'
        ? after
        : ended
          ? this.host.toolstack.status(ended).reason
          : (halted.get(domain.name) ?? 'shutdown');
    const job = jobs.of(domain.name) ?? jobs.completed(domain.name);
    const isEnd = (each: Step): boolean => each.event === step('STOPPED', '').event;
    for (const each of this.driver.stopped(life, why === 'panicked' ? 'crashed' : why)) {
      if (isEnd(each) && job !== before && (job?.operation === 'Save' || job?.operation === 'Dump'))
        yield* this.ofEndedJob(domain, job);
      yield this.lifecycle(isEnd(each) ? { ...domain, id: -1 } : domain, each);
    }
    if (job !== before && job?.operation === 'Outgoing migration') yield* this.ofEndedJob({ ...domain, id: -1 }, job);
  }

  private *ofStarted({ domain, life, hasAgent }: Running): Generator<DomainEvent> {
    for (const each of this.driver.started(life)) yield this.lifecycle(domain, each);
    if (hasAgent === undefined) return;
    // A domain that starts gets the event that there is none yet (qemuProcessRefreshChannelVirtioState()).
    yield this.agent(domain, false, AGENT_REASON.DOMAIN_STARTED);
    if (hasAgent) yield this.agent(domain, true, AGENT_REASON.CHANNEL);
  }

  private *ofSame(was: Running, is: Running): Generator<DomainEvent> {
    const { domain, life, devices, balloonKiB } = is;
    for (const each of this.driver.changed(was.life, life)) yield this.lifecycle(domain, each);
    if (was.ended !== is.ended) yield* this.ofJob(was, is);
    if (is.rounds > was.rounds) yield { kind: 'migration-iteration', domain, iteration: is.rounds };
    if (is.restarts > was.restarts) yield { kind: 'reboot', domain };
    if (balloonKiB !== undefined && was.balloonKiB !== undefined && balloonKiB !== was.balloonKiB)
      yield { kind: 'balloon-change', domain, actualKiB: balloonKiB };
    if (is.hasAgent !== undefined && is.hasAgent !== (was.hasAgent ?? false))
      yield this.agent(domain, is.hasAgent, AGENT_REASON.CHANNEL);
    for (const device of was.devices) if (!devices.has(device)) yield { kind: 'device-removed', domain, device };
    for (const device of devices) if (!was.devices.has(device)) yield { kind: 'device-added', domain, device };
  }

  /** A core file and a snapshot are made of one that is paused. */
  private *ofJob({ life: was }: Running, { domain, life, ended }: Running): Generator<DomainEvent> {
    if (ended?.operation !== 'Dump' && ended?.operation !== 'Snapshot') return;
    const stood = was.paused === undefined && life.paused === undefined ? this.driver.stood() : [];
    for (const each of stood.slice(0, 1)) yield this.lifecycle(domain, each);
    if (ended.operation === 'Dump') yield* this.ofEndedJob(domain, ended);
    for (const each of stood.slice(1)) yield this.lifecycle(domain, each);
  }

  /** libxl's driver tells of none, and QEMU's own snapshots are none of its migration's. */
  private *ofEndedJob(domain: DomainRef, job: JobInfo): Generator<DomainEvent> {
    if (this.driver.tellsOfJobs) yield { kind: 'job-completed', domain, parameters: jobParameters(job) };
  }

  private agent = (domain: DomainRef, isOpen: boolean, reason: number): DomainEvent => ({
    kind: 'agent-lifecycle',
    domain,
    state: isOpen ? AGENT.CONNECTED : AGENT.DISCONNECTED,
    reason,
  });
}
