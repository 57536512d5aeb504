/** A domain stops, by itself or because it is destroyed: what its definition says follows, and what it had is given back. */
import { kindOf } from './kinds/index.ts';
import { destroyDomain, releaseRam } from '../../hypervisor/memory/index.ts';
import type { Ending } from '../../hypervisor/index.ts';
import { MachineView } from '../../hypervisor/view/index.ts';
import { backend } from '../backends/index.ts';
import type { Attachments } from './attachments.ts';
import type { Action } from '../definitions/config/index.ts';
import { shutOffBy } from './domains/status.ts';
import type { Reason } from './domains/words.ts';
import {
  actionOf,
  dumpsCore,
  hasStopped,
  isStartedAgain,
  keptName,
  noRestart,
  oneMore,
  restartsForEver,
  startsAgain,
  startsAgainAs,
} from './endings.ts';
import type { Blueprint, DomainConsole, Member, Restarts } from './running-domain.ts';
import type { ToolstackCore } from './toolstack-parts.ts';

/** How often a dying domain is looked after. */
const DYING_MS = 200;

/** One that is started again as a new one; no `next`: that is being built. */
interface Succession<Console extends DomainConsole> {
  old: Member<Console>;
  next?: Member<Console>;
}

/** What its guest changed of its drives, those that are open here among them. */
const withChanges = ({ media }: Attachments, changes: Uint8Array[] | undefined): Uint8Array[] | undefined =>
  media.length > 0 ? [...(changes ?? []), ...backend('drives').diskRecords(media)] : changes;

export class Stopping<Console extends DomainConsole> {
  private readonly core: ToolstackCore<Console>;
  /** Who takes the place of a domain that is started again as a new one, by its id. */
  readonly successors = new Map<number, Succession<Console>>();

  constructor(core: ToolstackCore<Console>) {
    this.core = core;
  }

  ended(member: Member<Console>, ending: Ending): void {
    if (ending.kind === 'suspend') {
      if (member.whenSuspended) member.whenSuspended();
      // Nobody wanted to save it.
      else member.runner.ask('resume');
      return;
    }
    member.model?.showLast();
    const action = (member.endsAs ?? actionOf)(member.blueprint.definition, ending);
    delete member.endsAs;
    this.isOver(member, ending.sentence);
    member.whenSuspended?.(`${hasStopped(member.name, ending)} There is nothing to save.`);
    if (!dumpsCore(action) || !this.core.listener.dumpCore || ending.workerDied)
      return this.follow(member, ending, action);
    // Nobody may type at it or ask it for something meanwhile.
    member.ending = ending;
    void this.core.listener.dumpCore(member).then(() => {
      if (this.core.members.get(member.record.id) !== member) return;
      member.ending = null;
      this.follow(member, ending, action);
    });
  }

  /** What its definition says of such an ending. */
  private follow(member: Member<Console>, ended: Ending, action: Action): void {
    const restarts = this.oneMore(member, ended.sentence);
    const wanted = isStartedAgain(action),
      again = wanted && !restartsForEver(restarts),
      ending = wanted && !again ? noRestart(ended) : ended,
      renamed = action === 'rename-restart';
    // The report of a crash was printed there.
    const report = ending.kind === 'crash' ? undefined : ending.report;
    if (again && !renamed && kindOf(member.blueprint.definition).restartsInPlace && !ending.workerDied) {
      this.core.listener.ended(member, ending, true);
      if (ending.kind !== 'crash') this.startedAgain(member, report, ending.sentence);
      member.runner.ask('reset');
      return this.core.listener.listed();
    }
    this.detach(member);
    // Its worker died of a defect, and gives no slot back.
    if (ending.workerDied) this.core.queue.remove(member.record.index);
    if (!again || renamed) member.ending = ending;
    this.core.listener.ended(member, ending, again);
    if (again) {
      this.rebuild(member, ending, renamed).then(
        ({ line, next }) => this.core.listener.restarted(member, line, report, next),
        error => this.core.closed || this.core.listener.rebuildFailed(member, error as Error),
      );
      return this.core.listener.listed();
    }
    member.console.snapshot?.(true);
    this.core.listener.listed();
    if (action === 'preserve') return;
    const { buriesStopped } = this.core.parts;
    if (
      buriesStopped === true ||
      (buriesStopped === 'unless-crashed' && ending.kind !== 'crash' && !ending.workerDied)
    ) {
      void this.remove(member).then(() => this.core.listener.listed());
      return;
    }
    if (ending.kind === 'crash') return;
    // Its records stay, so that the last screen and the counters can be looked at until it is destroyed.
    void member.runner.destroy().then(() => {
      if (this.core.members.get(member.record.id) !== member) return;
      this.core.queue.remove(member.record.index);
      releaseRam(this.core.machine, member.record);
      member.released = true;
      this.core.listener.listed();
    });
  }

  /** It started again by itself, in the same memory: a reset, or a triple fault (then with its report). */
  startedAgain(member: Member<Console>, report: string | undefined, why: string): void {
    const sentence = report?.split('\n')[0] ?? why;
    member.restarts = this.oneMore(member, sentence);
    member.startedEpochMs = this.core.parts.epochMs();
    if (!restartsForEver(member.restarts)) return this.core.listener.restarted(member, startsAgain(sentence), report);
    const ending = noRestart({ kind: 'reset', sentence, ...(report === undefined ? {} : { report }) });
    this.core.setPaused(member, true);
    this.isOver(member, ending.sentence);
    this.detach(member);
    member.ending = ending;
    this.core.listener.ended(member, ending, false);
    member.console.snapshot?.(true);
    this.core.listener.listed();
  }

  /** Toolstack.reset. @throws Error with a sentence */
  async reset(member: Member<Console>): Promise<string> {
    if (member.released) throw new Error(`${member.name} has stopped and its memory was given back. Create it again.`);
    if (!kindOf(member.blueprint.definition).restartsInPlace || member.ending?.workerDied)
      return (await this.rebuild(member, { sentence: 'Reset by the toolstack.' })).line;
    const problem = member.ending && this.core.stations.problemOf(member.blueprint, []);
    if (problem) throw new Error(problem);
    member.ending = null;
    member.runner.ask('reset');
    return 'It starts again in the same memory, which is empty now.';
  }

  private oneMore({ restarts, builtEpochMs, startedEpochMs = builtEpochMs }: Member<Console>, why: string): Restarts {
    return oneMore(restarts, why, this.core.parts.epochMs() - startedEpochMs);
  }

  /**
   * A new domain with a new id takes a domain's place, as with xl: from the beginning, and not again from where it was saved. Its console goes on.
   * `renamed`: the old one is kept under another name.
   */
  async rebuild(
    member: Member<Console>,
    { sentence, report }: Pick<Ending, 'sentence' | 'report'>,
    renamed = false,
  ): Promise<{ next: Member<Console>; line: string }> {
    const { saved: _once, ...blueprint } = member.blueprint;
    const { record } = member;
    const retired = new MachineView(this.core.parts.memory).at(record.index)?.counters().retired ?? 0;
    if (blueprint.stopAtInstruction !== undefined) blueprint.stopAtInstruction -= retired;
    // One that was paused when it was reset is paused afterwards, as in its own memory; and Pause may be pressed while neither of the two is there.
    this.successors.set(record.id, { old: member });
    try {
      return await this.buildAgain(member, blueprint, { sentence, report }, renamed);
    } catch (error) {
      this.successors.delete(record.id);
      throw error;
    }
  }

  private async buildAgain(
    member: Member<Console>,
    blueprint: Blueprint,
    { sentence, report }: Pick<Ending, 'sentence' | 'report'>,
    renamed: boolean,
  ): Promise<{ next: Member<Console>; line: string }> {
    const { console, record } = member;
    const diskChanges = await (renamed
      ? this.keep(member)
      : this.remove(member, true, report === undefined ? 'shutdown' : 'crashed'));
    if (diskChanges) blueprint.diskChanges = diskChanges;
    const line = (id: number): string => startsAgainAs(sentence, record.id, id);
    const restarts = this.oneMore(member, sentence);
    const next = await this.core.build(
      { ...blueprint, startEpochMs: Math.round(this.core.parts.epochMs()) },
      {
        restarts,
        paused: member.paused,
        made: id => this.core.parts.recorder?.follows(record.id, id),
        before: id => ({ console, line: line(id), report }),
        listed: id => void this.successors.set(record.id, { old: member, next: this.core.members.get(id) }),
      },
    );
    return { next, line: line(next.record.id) };
  }

  /** A domain that has stopped is kept under another name; what its guest changed of its drives comes back. */
  private async keep(member: Member<Console>): Promise<Uint8Array[] | undefined> {
    const { blueprint, attachments } = member;
    member.name = keptName(member.name, this.core.parts.epochMs());
    // Its worker alone knows the changes of media that it has opened, and tells them at its end.
    const changes = blueprint.drives?.some(({ readOnly }) => !readOnly) ? await member.runner.destroy(true) : undefined;
    return withChanges(attachments, changes);
  }

  detach(member: Member<Console>): void {
    this.core.services.detach(member.record.id);
    this.core.services.network.detachCard(member.record.id);
    this.core.services.detachDrives(member.record.id);
    delete member.attached;
    delete member.model;
    member.attachments.close();
  }

  /** Toolstack.remove. */
  async remove(
    member: Member<Console>,
    keepsDisks = false,
    why: Reason<'shut off'> = 'destroyed',
  ): Promise<Uint8Array[] | undefined> {
    const { record, attachments, ending } = member;
    this.core.halted.set(member.name, ending ? shutOffBy(ending) : why);
    this.core.goneNs += member.runner.nowNs;
    this.core.members.delete(record.id);
    this.core.away?.gone(record.id);
    this.isOver(member, `${member.name} was destroyed before it answered.`, false);
    const changes = await member.runner.destroy(keepsDisks);
    this.detach(member);
    this.core.queue.remove(record.index);
    this.bury(member);
    member.console.close();
    return keepsDisks ? withChanges(attachments, changes) : changes;
  }

  /** Callers that wait for the guest to stop are notified. */
  private isOver(member: Member<Console>, how: string, byItself = true): void {
    for (const tell of member.whenOver) tell(how, byItself);
    member.whenOver.clear();
  }

  /** Gives back what a domain had: at once, or when the last domain that maps a frame of it lets go. */
  bury(member: Member<Console>): void {
    const { id } = member.record;
    this.core.runners.forget(member.record);
    if (!this.core.dying.has(id)) this.core.noteCall(member.record, 'XEN_DOMCTL_destroydomain');
    if (
      this.core.services.drivesRest(id) &&
      destroyDomain(this.core.machine, member.record, this.core.services.dom0.held.frames)
    ) {
      this.core.parts.recorder?.forget(id);
      if (this.core.dying.delete(id)) this.core.listener.listed();
      return;
    }
    this.core.dying.set(id, member);
    this.core.parts.later(DYING_MS, () => this.bury(member));
  }
}
