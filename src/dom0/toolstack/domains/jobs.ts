/**
 * What takes time on a domain and lets no other such thing begin: it is saved, dumped, kept in a snapshot. One job a domain; the next waits for its end, as
 * libvirt's does. Source: src/hypervisor/domain_job.c (virDomainObjBeginJobInternal) and src/qemu/qemu_driver.c (qemuDomainAbortJob) of libvirt 9.
 */
import type { Later } from '../../host/index.ts';
import type { JobInfo, JobMemory, JobOperation } from './words.ts';

/** VIR_JOB_WAIT_TIME: how long one job waits for another's end. */
const WAIT_MS = 30_000;

/** As virDomainAsyncJobPhase's names are printed (qemuMigrationJobName). */
const NAMES: Readonly<Partial<Record<JobOperation, string>>> = {
  Save: 'domain save job',
  Dump: 'domain core dump job',
  Snapshot: 'snapshot job',
  'Outgoing migration': 'migration out job',
  'Incoming migration': 'migration in job',
};

/** A job, as the code that does it sees it. */
export interface Job {
  /** Somebody wants it to end: `abort` of Jobs. Its reason is an Error with libvirt's sentence. */
  readonly signal: AbortSignal;
  /** It comes to its end whatever happens: it cannot be aborted any more. @throws Error where it was aborted before */
  commit(): void;
  /** Of a migration that may end as post-copy: has it go on there at once. */
  beginPostcopy: (() => void) | undefined;
  /** It does: neither host has all of it now. */
  isPostcopy: boolean;
  /** Of a migration: pauses the domain for what is left. */
  standStill: (() => void) | undefined;
  /** How far it is. */
  wrote(processed: number, total: number): void;
  /** How far a migration is. */
  moved(memory: JobMemory): void;
}

class RunningJob implements Job {
  readonly operation: JobOperation;
  readonly startedMs: number;
  dataBytes: JobInfo['dataBytes'];
  private memory: JobInfo['memory'];
  isCommitted = false;
  isPostcopy = false;
  beginPostcopy: (() => void) | undefined;
  standStill: (() => void) | undefined;
  ended: Promise<void> = Promise.resolve();
  readonly controller = new AbortController();

  constructor(operation: JobOperation, startedMs: number) {
    this.operation = operation;
    this.startedMs = startedMs;
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  commit(): void {
    this.signal.throwIfAborted();
    this.isCommitted = true;
  }

  wrote(processed: number, total: number): void {
    this.dataBytes = { processed, total };
  }

  moved(memory: JobMemory): void {
    this.memory = memory;
  }

  info(type: JobInfo['type'], nowMs: number): JobInfo {
    const { operation, startedMs, dataBytes, memory } = this;
    return {
      type,
      operation,
      elapsedMs: Math.max(0, nowMs - startedMs),
      ...(dataBytes ? { dataBytes } : {}),
      ...(memory ? { memory } : {}),
    };
  }
}

export class Jobs {
  private readonly clock: { epochMs(): number; later: Later };
  private readonly changed: () => void;
  /** By the domain's name. */
  private readonly running = new Map<string, RunningJob>();
  private readonly last = new Map<string, JobInfo>();

  /** `changed`: there is another job now, or none. */
  constructor(clock: { epochMs(): number; later: Later }, changed: () => void) {
    this.clock = clock;
    this.changed = changed;
  }

  /** Of a domain, by its name; undefined: none is under way. */
  of(domain: string): JobInfo | undefined {
    return this.running.get(domain)?.info('Unbounded', this.clock.epochMs());
  }

  /** The last one that ended; undefined: there was none. */
  completed(domain: string): JobInfo | undefined {
    return this.last.get(domain);
  }

  /** Resolves once a domain has no job. Another may begin before the waiter goes on. @throws Error with libvirt's sentence where that lasts too long */
  async idle(domain: string): Promise<void> {
    const deadline = this.deadline();
    while (this.running.has(domain)) await this.ended(domain, deadline);
    deadline.cancel();
  }

  /** WAIT_MS from the first time that `late` is called. */
  private deadline(): { late(): Promise<'late'>; cancel(): void } {
    let late: Promise<'late'> | undefined,
      cancel = (): void => {};
    return {
      late: () => (late ??= new Promise(resolve => (cancel = this.clock.later(WAIT_MS, () => resolve('late'))))),
      cancel: () => cancel(),
    };
  }

  /** Resolves once the job that a domain has now has ended. @throws Error with libvirt's sentence where the deadline comes before */
  private async ended(domain: string, { late }: { late(): Promise<'late'> }): Promise<void> {
    const other = this.running.get(domain);
    if (other && (await Promise.race([other.ended, late()])) === 'late')
      throw new Error(
        `Timed out during operation: cannot acquire state change lock\n${domain} is busy (${other.operation}). Wait for that, or end it: virsh domjobabort ${domain}.`,
      );
  }

  /** Does a job once the domain has no other. @throws Error with libvirt's sentence where that lasts too long or it is aborted, and what `work` throws */
  async run<T>(domain: string, operation: JobOperation, work: (job: Job) => Promise<T>): Promise<T> {
    // Where there is none, this one is there before anything else happens here.
    const deadline = this.deadline();
    while (this.running.has(domain)) await this.ended(domain, deadline);
    deadline.cancel();
    const job = new RunningJob(operation, this.clock.epochMs());
    this.running.set(domain, job);
    this.changed();
    let end = (): void => {};
    job.ended = new Promise(resolve => (end = resolve));
    let type: JobInfo['type'] = 'Failed';
    try {
      const result = await work(job);
      type = 'Completed';
      return result;
    } catch (error) {
      if (job.signal.aborted) type = 'Cancelled';
      throw error;
    } finally {
      this.last.set(domain, job.info(type, this.clock.epochMs()));
      this.running.delete(domain);
      end();
      this.changed();
    }
  }

  /** What of the job under way ends its rounds (postcopy.ts); undefined: there is none. */
  find(domain: string): Pick<RunningJob, 'operation' | 'isPostcopy' | 'beginPostcopy' | 'standStill'> | undefined {
    return this.running.get(domain);
  }

  /** @throws Error with libvirt's sentence where there is no job, or it cannot be aborted any more */
  abort(domain: string): void {
    const job = this.running.get(domain);
    const invalid = (why: string): Error => new Error(`Requested operation is not valid: ${why}`);
    if (!job) throw invalid('no job is active on the domain');
    if (job.operation === 'Restore') throw invalid('cannot abort VM start; use virDomainDestroy instead');
    const name = NAMES[job.operation] ?? 'job';
    if (job.isPostcopy) throw invalid('cannot abort migration in post-copy mode');
    if (job.isCommitted) throw invalid(`cannot abort the ${name}: it is about to end`);
    job.controller.abort(new Error(`operation aborted: ${name}: canceled by client`));
  }
}
