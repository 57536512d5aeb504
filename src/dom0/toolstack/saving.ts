/** A domain is saved: a guest with Xen's drivers suspends itself first, any other is held still while its state is written. */
import { toolstackRecord } from '../../hypervisor/interfaces/xen/stream/index.ts';
import type { State } from '../../devices/index.ts';
import type { Precopy, PrecopyRound, PrecopyWish } from '../../hypervisor/index.ts';
import { devicesRecord } from './drives-now.ts';
import { kindOfMember } from './kinds/index.ts';
import type { Later } from '../host/index.ts';
import type { DomainRunner } from './runners/runner.ts';
import { type Member, memoryTarget } from './running-domain.ts';
import type { Services } from './services.ts';

/** How long a guest may take to suspend itself, and its media to answer what it asked for. */
const SUSPEND_MS = 60_000,
  ANSWER_MS = 60_000;

/** What saving needs of the toolstack. */
export interface SavingParts {
  services: Services;
  /** Domains run in workers of their own: nothing holds them still but a pause. */
  inWorkers(): boolean;
  later: Later;
  /** It is paused, whether or not somebody has paused it, until as many calls have let it go. Of one that is to be paused: resolves once it is. */
  setHeld(member: Member, held: boolean): Promise<void> | void;
  /** Asks a guest to suspend itself; false: it has no driver that listens. */
  ask(member: Member): boolean;
  /** It need not any more, where it has not read that yet. */
  withdraw(member: Member): void;
  wakeDomain0(): void;
}

/**
 * Takes a saved state as it comes, piece after piece, in the order of its file; what of it was taken when saving fails is worth nothing. What it gives back is
 * waited for before the next piece: of a domain that is held (`Saving.hold`), since on one thread any other is paused because nobody else has a turn. What it
 * throws ends the saving.
 */
export type StateSink = (piece: Uint8Array) => void | Promise<void>;

/** It moves to another host: memory is copied by libxc's rounds, also on this thread; `round`: called with how far that is, and waited for before any more is copied. */
export interface Live {
  wish?: PrecopyWish;
  /** Absent: `migrate`. */
  precopy?: Precopy;
  round(round: PrecopyRound): void | Promise<void>;
  /** What it has written of drives that its worker has open, while it runs: a DISK record. */
  blocks?(record: Uint8Array): Promise<void>;
  /** A state of a guest that runs, but for memory and disks, for the other host to try. */
  rehearse?(state: Uint8Array): Promise<void>;
  /** It is paused from now on. */
  paused(): void;
  /** Its back ends do, too, and its media have answered all that they were asked for. */
  answered?: () => void;
}

/** A state but for its end, of a domain that is paused with its back ends until `goOn`. */
interface Taken {
  goOn(): void;
  finish(): Promise<void>;
}

/** A saved domain that is paused. */
export interface Held {
  /** It was not moved anywhere. */
  goOn(): void;
}

/** All that is left of a domain's state, a part at a time. What `sink` throws ends it, and the next state begins again. */
async function pull(runner: DomainRunner, sink: StateSink): Promise<void> {
  try {
    for (let isLast = false; !isLast; ) {
      const part = await runner.ask('save');
      for (const piece of part.pieces) {
        const waits = sink(piece);
        if (waits) await waits;
      }
      isLast = part.isLast;
    }
  } catch (error) {
    await runner.ask('copyAhead', 'off');
    throw error;
  }
}

export class Saving {
  private readonly parts: SavingParts;

  constructor(parts: SavingParts) {
    this.parts = parts;
  }

  /** The state of a domain, which goes on then, as after xl save -c; the rest as in `hold`. @throws Error with a sentence */
  async save(member: Member, signal: AbortSignal, sink: StateSink, still?: () => void): Promise<void> {
    (await this.hold(member, signal, sink, still)).goOn();
  }

  /**
   * The state of a domain, which is paused from then on with its back ends, so that its disks stay as the state has them, until it is destroyed or `goOn` is
   * called. One with
   * Xen's drivers suspends itself first, as it is asked to. `still` is called at the moment of the state, with the domain's back ends paused, too; what
   * it throws is thrown here. `signal`: nobody wants it any more, which is looked at before and after the state is written; a guest that suspends itself late
   * is resumed then. `live`: it moves. @throws Error with a sentence, and what `signal` has; the domain goes on
   */
  async hold(member: Member, signal: AbortSignal, sink: StateSink, still?: () => void, live?: Live): Promise<Held> {
    signal.throwIfAborted();
    await this.copyAhead(member, signal, sink, live).catch((error: Error) => this.off(member, error));
    const asked = this.parts.ask(member);
    if (asked) await this.suspended(member, signal).catch((error: Error) => this.off(member, error));
    const standing = asked ? undefined : this.parts.setHeld(member, true);
    live?.paused();
    let taken: Taken | undefined;
    const goOn = (): void => {
      taken?.goOn();
      if (asked) member.runner.ask('resume');
      else this.parts.setHeld(member, false);
    };
    try {
      await standing;
      taken = await this.take(member, !asked, sink, { still, signal, isHeld: true });
      await taken.finish();
      signal.throwIfAborted();
      return { goOn };
    } catch (error) {
      goOn();
      member.why.running = live ? 'migration canceled' : 'save canceled';
      return this.off(member, error as Error);
    }
  }

  /** The guest of a worker runs on while its memory is copied, and is paused only for what it has written since. On this thread nobody runs meanwhile. */
  private async copyAhead(member: Member, signal: AbortSignal, sink: StateSink, live?: Live): Promise<void> {
    const { runner, record } = member;
    if (!this.parts.inWorkers() && !live) return;
    // It is refused where it cannot be asked to suspend itself, before anything of it goes.
    if (kindOfMember(member).suspendsItself && !this.parts.services.listens(record.id, 'suspend')) return;
    for (let isLast = false; !isLast; signal.throwIfAborted()) {
      const part = await runner.ask('copyAhead', live ? (live.precopy ?? 'migrate') : 'save', live?.wish);
      for (const piece of part.pieces) await sink(piece);
      for (const blocks of part.blocks ?? []) await live?.blocks?.(blocks);
      if (part.rehearsal) await live?.rehearse?.(part.rehearsal);
      if (part.round) await live?.round(part.round);
      isLast = part.isLast;
    }
  }

  /** It is not saved after all. */
  private async off({ runner }: Member, error: Error): Promise<never> {
    await runner.ask('copyAhead', 'off');
    throw error;
  }

  /**
   * A guest that does not suspend itself (`unasked`) is saved where it is. Its rings and Domain 0's half of them must agree, and so must it and a device
   * model here, so that nobody moves meanwhile. @throws Error with a sentence
   */
  async where(member: Member, unasked: boolean, sink: StateSink): Promise<void> {
    const { goOn, finish } = await this.take(member, unasked, sink);
    goOn();
    await finish();
  }

  /** As `where`, and it is paused until `goOn`. @throws Error with a sentence, and what `signal` has; it is not paused any more */
  private async take(
    member: Member,
    unasked: boolean,
    sink: StateSink,
    { still, signal, isHeld = false }: { still?: () => void; signal?: AbortSignal; isHeld?: boolean } = {},
  ): Promise<Taken> {
    const { record, attached } = member;
    const { services, inWorkers, setHeld, wakeDomain0 } = this.parts;
    // On this thread it does not move while we do, and nobody waits.
    const pauses = unasked && !isHeld && ((attached !== undefined && inWorkers()) || services.isBusy(record.id));
    if (pauses) await setHeld(member, true);
    services.setStill(record.id, true);
    const goOn = (): void => {
      services.setStill(record.id, false);
      if (pauses) setHeld(member, false);
      wakeDomain0();
    };
    try {
      await this.answered(member, signal);
      const kept = attached && services.save(record.id, unasked);
      services.markDrives(record.id);
      still?.();
      return { goOn, finish: await this.send(member, sink, kept) };
    } catch (error) {
      goOn();
      throw error;
    }
  }

  /** What its media had been asked for is done: nobody else does it again, and none of it comes late. @throws Error with a sentence */
  private async answered({ record, name }: Member, signal?: AbortSignal): Promise<void> {
    const { services, later, wakeDomain0 } = this.parts;
    for (let ms = 0; services.isBusy(record.id); ms++) {
      signal?.throwIfAborted();
      if (ms === ANSWER_MS)
        throw new Error(
          `The disks of ${name} have not answered for ${ANSWER_MS / 1000} s. Look at them, and try again.`,
        );
      wakeDomain0();
      await new Promise<void>(resolve => later(1, resolve));
    }
  }

  /** What a domain's memory and processors hold now; it goes on. @throws Error with a sentence */
  async look(member: Member, sink: StateSink): Promise<void> {
    const { inWorkers, setHeld } = this.parts;
    if (inWorkers()) setHeld(member, true);
    try {
      await pull(member.runner, sink);
    } finally {
      if (inWorkers()) setHeld(member, false);
    }
  }

  /** All that is left of a state, with what Domain 0 keeps of it. The domain may go on when the end, which is known then, is still to be written. */
  private async send(member: Member, sink: StateSink, kept: State = {}): Promise<() => Promise<void>> {
    // The toolstack's record comes before the last piece.
    let end: Uint8Array | undefined;
    await pull(member.runner, piece => {
      const before = end;
      end = piece;
      return before && sink(before);
    });
    // What its console showed comes last: all of it that belongs to the state has come then.
    const { shown } = member.console;
    // What it is called now, where it was renamed: its worker knows the name that it was built with.
    const name = member.isRenamed ? { name: member.name } : {};
    // Of a guest with a board it is known only from what was printed last, and one that waits for a key prints nothing.
    // Nobody gives it to a guest that is paused.
    const typed = member.attached?.typed;
    const typedAt = member.usesPvConsole && kindOfMember(member).hasBoard;
    const all = {
      ...kept,
      ...name,
      ...(typedAt ? { usesPvConsole: true } : {}),
      ...(typed?.length ? { typed } : {}),
      ...((member.restoresPaused ?? member.paused) ? { paused: true } : {}),
      ...memoryTarget(member),
      ...(await devicesRecord(member.blueprint)),
      ...(shown ? { console: shown } : {}),
    };
    return async () => {
      if (Object.keys(all).length > 0) await sink(toolstackRecord(all));
      if (end) await sink(end);
    };
  }

  /** A guest with Xen's drivers can be saved once it has suspended itself, as it was asked to. */
  private suspended(member: Member, signal: AbortSignal): Promise<void> {
    const { later, withdraw } = this.parts;
    return new Promise((resolve, reject) => {
      const end = (): void => {
        cancel();
        signal.removeEventListener('abort', aborted);
        delete member.whenSuspended;
      };
      const cancel = later(SUSPEND_MS, () => {
        end();
        withdraw(member);
        reject(
          new Error(
            `${member.name} did not suspend itself within ${SUSPEND_MS / 1000} s${member.paused ? ': it is paused' : ''}. ${member.paused ? 'Let it run and save' : 'Try'} again.`,
          ),
        );
      });
      const aborted = (): void => {
        end();
        withdraw(member);
        reject(signal.reason);
      };
      signal.addEventListener('abort', aborted);
      member.whenSuspended = failed => {
        end();
        if (failed === undefined) resolve();
        else reject(new Error(failed));
      };
    });
  }
}
