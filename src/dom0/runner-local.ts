/** Domains that share one worker: without SharedArrayBuffer, and in tests. They take turns, a slice each; `park()` is the scheduler's sleep here. */
import { assembleDomain, type PartlessOptions } from '../hypervisor/domain/assemble.ts';
import { type Domain, type Ending, type MouseMove, saveDomain, type SavedState, type SliceResult } from '../hypervisor/index.ts';
import type { Slot } from '../hypervisor/scheduler/slot.ts';
import type { DomainListener, DomainRunner, Later } from './runner.ts';

interface Entry {
  domain: Domain;
  /** Its place in the run queue. */
  slot: Slot;
  /** Something came in, or it was never asked: it gets a turn though its deadline is not there. */
  poked: boolean;
  /** Deadline on the domain's clock while it has nothing to do; -Infinity: it has. */
  untilNs: number;
  /** After a slice. */
  told(result: SliceResult): void;
}

export class LocalScheduler {
  private readonly entries: Entry[] = [];
  private readonly soon: (callback: () => void) => void;
  private readonly later: Later;
  private turning = false;
  private cancelSleep: (() => void) | null = null;

  /** `soon`: as soon as the event loop had its turn. */
  constructor(soon: (callback: () => void) => void, later: Later) {
    this.soon = soon;
    this.later = later;
  }

  add(entry: Entry): void {
    this.entries.push(entry);
    this.poke(entry);
  }

  remove(entry: Entry): void {
    const index = this.entries.indexOf(entry);
    if (index >= 0) this.entries.splice(index, 1);
  }

  /** Something came in, for this one or for all: look again. */
  poke(entry?: Entry): void {
    for (const each of entry ? [entry] : this.entries) each.poked = true;
    this.turnSoon();
  }

  private turnSoon(): void {
    this.cancelSleep?.();
    this.cancelSleep = null;
    if (this.turning) return;
    this.turning = true;
    this.soon(() => this.turn());
  }

  private turn(): void {
    this.turning = false;
    let sleepMs = Infinity;
    for (const entry of [...this.entries]) {
      const { domain, slot } = entry;
      const waitMs = (): number => Math.max(0, domain.clock.idleNs(entry.untilNs) / 1e6);
      if (entry.poked || waitMs() === 0) {
        if (!domain.paused && !slot.enter()) {
          sleepMs = Math.min(sleepMs, slot.patienceMs);
          continue;
        }
        entry.poked = false;
        const result = domain.runSlice();
        slot.leave(result);
        entry.told(result);
        entry.untilNs = result.state === 'running' ? -Infinity : result.state === 'parked' ? slot.wakeNs(result) : Infinity;
      }
      sleepMs = Math.min(sleepMs, waitMs());
    }
    if (sleepMs === 0) this.turnSoon();
    else if (sleepMs !== Infinity) this.cancelSleep = this.later(sleepMs, () => this.turnSoon());
  }
}

export interface LocalOptions {
  domain: Omit<PartlessOptions, 'serial' | 'onRestart'>;
  slot: Slot;
  saved?: SavedState;
  name: string;
  program: string;
  definition: string;
}

export class LocalRunner implements DomainRunner {
  readonly started: Promise<string>;
  private readonly scheduler: LocalScheduler;
  private readonly entry: Entry | null = null;
  private readonly options: LocalOptions;
  private bytes: number[] = [];

  constructor(options: LocalOptions, listener: DomainListener, scheduler: LocalScheduler) {
    this.options = options;
    this.scheduler = scheduler;
    const flush = (): void => {
      if (this.bytes.length === 0) return;
      const bytes = Uint8Array.from(this.bytes);
      this.bytes = [];
      listener.serial(bytes);
    };
    try {
      const domain = assembleDomain(
        {
          ...options.domain,
          serial: byte => this.bytes.push(byte),
          onRestart: report => {
            flush();
            listener.restarted(report);
          },
        },
        options.saved,
      );
      options.slot.onChange = held => domain.setSlot(held);
      // One ending may follow another at once, where the domain was resumed between them.
      let told: Ending | undefined;
      this.entry = {
        domain,
        slot: options.slot,
        poked: true,
        untilNs: -Infinity,
        told: result => {
          flush();
          listener.changed?.();
          const ending = result.state === 'ended' ? result.ending : undefined;
          const isNew = ending !== told;
          told = ending;
          if (ending && isNew) listener.ended(ending);
        },
      };
      this.started = Promise.resolve(domain.about);
      scheduler.add(this.entry);
    } catch (error) {
      this.started = Promise.reject(error);
    }
  }

  private ask(what: (domain: Domain) => void): void {
    if (!this.entry) return;
    what(this.entry.domain);
    this.scheduler.poke(this.entry);
  }

  setPaused(paused: boolean): void {
    this.ask(domain => (paused ? domain.pause() : domain.unpause()));
    this.options.slot.setPaused(paused);
  }

  reset(): void {
    this.ask(domain => domain.reset());
  }

  resume(): void {
    this.ask(domain => domain.resume());
  }

  pressPowerButton(): void {
    this.ask(domain => domain.pressPowerButton());
  }

  serial(bytes: Uint8Array): void {
    this.ask(domain => domain.serialInput(bytes));
  }

  key(code: string, down: boolean): void {
    this.ask(domain => domain.key(code, down));
  }

  mouse(move: MouseMove): void {
    this.ask(domain => domain.mouse(move));
  }

  async save(): Promise<Uint8Array[]> {
    const { name, program, definition } = this.options;
    if (!this.entry) throw new Error('There is no domain to save.');
    return saveDomain(this.entry.domain, { name, program, definition });
  }

  async destroy(): Promise<void> {
    if (this.entry) this.scheduler.remove(this.entry);
  }
}
