/** A lesson as somebody goes through it, on a host in virtual time: guests are made, steps done and measured, a step is begun again. No page is needed. */
import type { Facts, HostApi, LoggedInput, TimeNow } from '../dom0/service/index.ts';
import type { Action, Check, ChosenControls, Hint, Lesson, Row, Step, Verb } from './form.ts';
import type { Exact } from './code.ts';
import { edited, editsOf } from './edits.ts';
import { type Done, progressOf } from './progress.ts';
import { en, type Said } from './said/en.ts';
import { SMALL_GUESTS } from './small-guests.ts';

/** What a lesson does to the host. */
export interface LessonHost {
  /** Creates a guest, with time paused; `source`: of its small guest, where that was changed. @throws Error with a sentence, also for the first mistake in that source */
  create(text: string, source?: string): Promise<number>;
  /** Of a small guest, as its file has it. */
  source(name: string): Promise<string>;
  /** Whether that is a source for it. @throws Error with its first mistake */
  assemble(name: string, source: string): Promise<unknown>;
  destroy(id: number): Promise<void>;
  type(id: number, bytes: Uint8Array): Promise<void>;
  setShares(id: number, shares: { weight?: number; cap?: number }): Promise<void>;
  setSlice(ms: number): Promise<void>;
  chooseExits(id: number, controls: ChosenControls): Promise<void>;
  xl(verb: Verb, id: number, value?: number): Promise<void>;
  /** Has it go to other frames of its host, as time goes on. @throws Error with a sentence: it does not go */
  migrate(id: number): Promise<unknown>;
  /** Numbers of the domains that are there, by their names. */
  ids(): Promise<ReadonlyMap<string, number>>;
  facts(id: number): Promise<Facts>;
  /** Time is paused; it goes on for this many milliseconds at most, or until nothing happens. */
  stand(): Promise<void>;
  runFor(ms: number): Promise<void>;
  now(): Promise<TimeNow>;
  /** Keeps this moment of a host that has these guests and no others; undefined: it cannot be gone back to. */
  keep(ids: readonly number[]): Promise<number | undefined>;
  /** Goes back to one that was kept; false: it is not any more, or the host has others than these guests. */
  goBack(moment: number, ids: readonly number[]): Promise<boolean>;
  /** Moments after this one (0: all) are not gone back to any more. */
  forget(after: number): Promise<void>;
  /** All that were noted. */
  inputs(): Promise<readonly LoggedInput[]>;
}

/** Of that what a host does by its commands, wherever it is. */
export const commandsOf = (
  host: Pick<HostApi, 'destroy' | 'sched-credit' | 'exit-controls' | 'inspect' | 'migrate' | 'list' | Verb>,
): Pick<LessonHost, 'destroy' | 'setShares' | 'setSlice' | 'chooseExits' | 'xl' | 'migrate' | 'ids' | 'facts'> => ({
  destroy: id => host.destroy(id),
  setShares: async (domain, shares) => void (await host['sched-credit']({ domain, ...shares })),
  setSlice: async ms => void (await host['sched-credit']({ tsliceUs: 1000 * ms })),
  chooseExits: async (id, controls) => void (await host['exit-controls'](id, controls)),
  xl: (verb, id, value) => (verb === 'pause' || verb === 'unpause' ? host[verb](id) : host[verb](id, value!)),
  migrate: id => host.migrate(id, 'localhost'),
  ids: async () => new Map((await host.list()).map(({ name, id }) => [name, id])),
  facts: id => host.inspect('facts', id),
});

export interface Measured {
  row: Row;
  value: number;
}

export interface Judged {
  check: Check;
  holds: boolean;
  /** Why it could not be evaluated: then it does not hold. */
  problem?: string;
}

/** What a measurement has shown. `hints`: for answers that were others. */
export interface Result {
  measured: Measured[];
  judged: Judged[];
  hints: Hint[];
  /** Where a check does not hold: lines that were typed in place of those that the step before asked for. */
  instead?: Instead[];
}

export interface Instead {
  guest: string;
  typed: string;
  asked: string;
}

/** A guest has come to its prompt by then: what lessons may boot needs less than a millisecond of its time, and its devices some turns of Domain 0. */
const BOOT_MS = 100;
/** Of these there are none where nothing of the kind is there: no such exit, hypercall, open port, grant. */
const NOTHING_IS_0 = /^(exit|hypercall|port|grant|order|move)\./;
/** Slower than this time moves less often than somebody looks. */
const LEAST_SPEED = 0.1;

/** The beginning of a step: its moment of the host, and what guests there were. */
interface Beginning {
  moment: number;
  ids: ReadonlyMap<string, number>;
  sources: ReadonlyMap<string, string>;
}

export const actionsOf = (step: Step | undefined): Action[] =>
  step?.parts.flatMap(part => (part.kind === 'actions' ? part.actions : [])) ?? [];

/** What the measurement behind a step counts, where its row says so in a word and it follows from the machine alone. */
export const countedOf = ({ steps }: Lesson, step: number): Row | undefined =>
  steps[step + 1]?.parts
    .flatMap(part => (part.kind === 'rows' ? part.rows : []))
    .find(({ unit, expression: { names } }) => unit !== undefined && names.every(name => name.includes('.')));

function replace<Key, Value>(map: Map<Key, Value>, by: ReadonlyMap<Key, Value>): void {
  map.clear();
  for (const [key, value] of by) map.set(key, value);
}

/** A check that cannot be evaluated does not hold. */
function judge(check: Check, of: (name: string) => number, said: Said): Judged {
  try {
    const value = check.expression.value(of);
    if (Number.isNaN(value)) return { check, holds: false, problem: said.run.undefined };
    return { check, holds: value !== 0 };
  } catch (error) {
    return { check, holds: false, problem: (error as Error).message };
  }
}

export class LessonRun {
  readonly lesson: Lesson;
  private readonly host: LessonHost;
  private readonly said: Said;
  private readonly ids = new Map<string, number>();
  /** Of the step that is under way: by guest. */
  private before = new Map<string, Facts>();
  private began = { ns: 0, inputs: 0 };
  private lookedNs: number | undefined;
  /** Sources that somebody changed, by guest. */
  private readonly sources = new Map<string, string>();
  private inputs: readonly LoggedInput[] = [];
  /** Of steps that somebody has come to. */
  private readonly beginnings = new Map<number, Beginning>();
  /** All that was measured so far is as it should be, so that a student who begins the next step again begins it well. */
  private isSound = true;
  /** What was measured, by the index of its step. */
  private readonly measured = new Map<number, Measured[]>();

  /** `said`: in the language of the student. */
  constructor(lesson: Lesson, host: LessonHost, said: Said = en) {
    this.lesson = lesson;
    this.host = host;
    this.said = said;
  }

  /** A guest's domain. */
  idOf(name: string): number | undefined {
    return this.ids.get(name);
  }

  /** The guests are there, at their prompts, and time is stopped. @throws Error with a sentence */
  async start(): Promise<void> {
    await this.host.stand();
    for (const { name, text } of this.lesson.guests) this.ids.set(name, await this.host.create(text));
    await this.host.runFor(BOOT_MS);
    await this.host.stand();
  }

  /** Definition and file of a guest that is a small one. @throws Error with a sentence */
  private smallGuest(name: string): { text: string; kernel: string } {
    const { text = '' } = this.lesson.guests.find(guest => guest.name === name) ?? {},
      kernel = SMALL_GUESTS.find(each => text.includes(each));
    if (!kernel) throw new Error(this.said.run.noSource(name));
    return { text, kernel };
  }

  /** Of such a guest, as it runs. @throws Error with a sentence */
  async sourceOf(name: string): Promise<string> {
    return this.sources.get(name) ?? this.host.source(this.smallGuest(name).kernel);
  }

  /** Assembles a guest from this source, and starts it in place of the one that runs, which stays where that does not go. @throws Error with a sentence */
  async rebuild(name: string, source: string): Promise<void> {
    const { text, kernel } = this.smallGuest(name),
      old = this.ids.get(name);
    await this.host.assemble(kernel, source);
    await this.host.stand();
    if (old !== undefined) await this.host.destroy(old);
    const id = await this.host.create(text, source);
    this.ids.set(name, id);
    this.sources.set(name, source);
    await this.host.runFor(BOOT_MS);
    await this.host.stand();
    this.before.set(name, await this.host.facts(id));
  }

  /** A step is open, and may be done by hand: from here on it is measured. It can be begun again from here. @throws Error with a sentence */
  async begin(step: number): Promise<void> {
    await this.host.stand();
    await this.followMoves();
    await this.keep(step);
    await this.measureFromHere();
  }

  private async measureFromHere(): Promise<void> {
    this.before = await this.look();
    this.began = await this.host.now();
  }

  private async keep(step: number): Promise<void> {
    const { ids, sources, beginnings, host } = this;
    this.forgetFrom(step);
    await host.forget(Math.max(0, ...[...beginnings.values()].map(({ moment }) => moment)));
    const moment = this.isSound ? await host.keep([...ids.values()]) : undefined;
    if (moment !== undefined) beginnings.set(step, { moment, ids: new Map(ids), sources: new Map(sources) });
  }

  private forgetFrom(step: number): void {
    for (const later of this.beginnings.keys()) if (later >= step) this.beginnings.delete(later);
  }

  /** Does what a step says, and measures from here on: what the guests did while somebody read it does not count. @throws Error with a sentence */
  async act(step: Step): Promise<void> {
    const index = this.lesson.steps.indexOf(step);
    if (this.beginnings.has(index)) {
      await this.host.stand();
      await this.followMoves();
      await this.measureFromHere();
    } else await this.begin(index);
    await this.carryOut(step);
  }

  private async carryOut(step: Step): Promise<void> {
    const actions = actionsOf(step);
    await this.host.stand();
    for (const [guest, edits] of editsOf(actions))
      await this.rebuild(guest, edited(await this.sourceOf(guest), edits, this.said));
    for (const action of actions) {
      if (action.kind === 'edit') continue;
      if (action.kind === 'run') {
        await this.host.runFor(action.ms);
        await this.followMoves();
        continue;
      }
      if (action.kind === 'slice') {
        await this.host.setSlice(action.ms);
        continue;
      }
      const id = this.ids.get(action.guest);
      if (id === undefined) throw new Error(this.said.run.gone(action.guest));
      if (action.kind === 'migrate')
        this.host.migrate(id).catch((error: Error) => {
          this.notMoved = error;
        });
      else if (action.kind === 'controls') await this.host.chooseExits(id, action.controls);
      else if (action.kind === 'xl') await this.host.xl(action.verb, id, action.value);
      else if (action.kind === 'type') await this.host.type(id, new TextEncoder().encode(`${action.text}\r`));
      else
        await this.host.setShares(id, {
          ...(action.weight === undefined ? {} : { weight: action.weight }),
          ...(action.cap === undefined ? {} : { cap: action.cap }),
        });
    }
    await this.host.stand();
  }

  /** Why a guest does not move. */
  private notMoved: Error | undefined;

  /** One that has moved has another number. @throws Error with a sentence: it has not */
  private async followMoves(): Promise<void> {
    const ids = await this.host.ids();
    for (const name of this.ids.keys()) {
      const id = ids.get(name);
      if (id !== undefined) this.ids.set(name, id);
    }
    const { notMoved } = this;
    this.notMoved = undefined;
    if (notMoved) throw notMoved;
  }

  /** How far somebody has come with a step, and what the measurement behind it counts so far; asked again and again. `isHeld`: a guest is paused. @throws Error with a sentence */
  async progress(step: number, isHeld = false): Promise<{ done: Done[]; counted: Measured | undefined }> {
    const actions = actionsOf(this.lesson.steps[step]),
      { ns, inputs: noted, stands, speed } = await this.host.now();
    // From one look to the next it would have gone on.
    const isIdle = !stands && !isHeld && speed >= LEAST_SPEED && ns === this.lookedNs;
    this.lookedNs = ns;
    // All of them come at once: only where there are others than at the last look.
    if (noted !== this.inputs.length) this.inputs = await this.host.inputs();
    const inputs = this.inputs.slice(this.began.inputs),
      facts = await this.look();
    const done = progressOf(actions, {
        ids: this.ids,
        sources: this.sources,
        inputs,
        beganNs: this.began.ns,
        nowNs: ns,
        isIdle,
        facts,
      }),
      row = countedOf(this.lesson, step);
    const value = row?.expression.value(name => this.known(name, this.fact(name, facts)));
    return { done, counted: row && value !== undefined && Number.isFinite(value) ? { row, value } : undefined };
  }

  /** What the machine has counted since `begin`, and whether it is what should be. @throws Error with a sentence */
  async measure(step: number, answers: ReadonlyMap<string, number>): Promise<Result> {
    await this.host.stand();
    await this.followMoves();
    const after = await this.look();
    const values = new Map([
      ...answers,
      ...[...this.measured]
        .filter(([at]) => at < step)
        .flatMap(([, rows]) => rows.map(({ row, value }): [string, number] => [row.name, value])),
    ]);
    const of = (name: string): number =>
      this.known(name, name.includes('.') ? this.fact(name, after) : values.get(name));
    const measured: Measured[] = [];
    const judged: Judged[] = [];
    const hints: Hint[] = [];
    for (const part of this.lesson.steps[step]?.parts ?? []) {
      if (part.kind === 'rows')
        for (const row of part.rows) {
          const value = row.expression.value(of);
          if (!Number.isFinite(value)) throw new Error(this.said.run.infinite(row.text));
          values.set(row.name, value);
          measured.push({ row, value });
        }
      if (part.kind === 'checks') for (const check of part.checks) judged.push(judge(check, of, this.said));
      if (part.kind === 'hints')
        for (const hint of part.hints)
          if (
            answers.has(hint.answer) &&
            !hints.some(({ answer }) => answer === hint.answer) &&
            hint.expression.value(of) !== 0
          )
            hints.push(hint);
    }
    this.measured.set(step, measured);
    this.isSound = judged.every(({ holds }) => holds);
    const instead = this.isSound ? [] : await this.typedInstead(step);
    return { measured, judged, hints, ...(instead.length > 0 ? { instead } : {}) };
  }

  /** The lines typed for the step that is measured there in other words than it asked for. */
  private async typedInstead(measure: number): Promise<Instead[]> {
    const step = this.lesson.steps.slice(0, measure).findLastIndex(({ kind }) => kind === 'do');
    if (step < 0) return [];
    const { done } = await this.progress(step);
    return actionsOf(this.lesson.steps[step]).flatMap((action, i) => {
      const { typed } = done[i]!;
      return action.kind === 'type' && typed !== undefined ? [{ guest: action.guest, typed, asked: action.text }] : [];
    });
  }

  /** Exact numbers of all steps, for the code. */
  get exact(): Exact {
    return [...this.measured]
      .sort(([a], [b]) => a - b)
      .flatMap(([, rows]) => rows.filter(({ row }) => row.isExact).map(({ row, value }) => [row.name, value] as const));
  }

  /** All numbers by the names of their rows. */
  get values(): ReadonlyMap<string, number> {
    return new Map([...this.measured.values()].flatMap(rows => rows.map(({ row, value }) => [row.name, value])));
  }

  /** Goes on from the beginning to a step as somebody does who does all, and measures. `answers`: for rows that name one. @throws Error with a sentence */
  async goTo(step: number, answers: ReadonlyMap<string, number>): Promise<Map<number, Result>> {
    const results = new Map<number, Result>();
    for (const [i, earlier] of this.lesson.steps.slice(0, step).entries()) {
      if (earlier.kind === 'do') await this.act(earlier);
      if (earlier.kind === 'measure') results.set(i, await this.measure(i, answers));
    }
    // A measurement counts from where the step before it was begun.
    if (this.lesson.steps[step]?.kind === 'do') await this.begin(step);
    return results;
  }

  /**
   * Begins a step again: the host goes back to where it was begun first. Where that was not kept, the guests are made again, and what the steps before did is done
   * again. @throws Error with a sentence
   */
  async reset(step: number): Promise<void> {
    if (await this.goBack(step)) return;
    await this.end();
    await this.start();
    for (const earlier of this.lesson.steps.slice(0, step)) if (earlier.kind === 'do') await this.carryOut(earlier);
    await this.begin(step);
  }

  private async goBack(step: number): Promise<boolean> {
    const { beginnings, host } = this,
      beginning = beginnings.get(step);
    this.forgetFrom(step + 1);
    await host.stand();
    await this.followMoves().catch(() => {});
    if (!beginning || !(await host.goBack(beginning.moment, [...this.ids.values()]))) return false;
    replace(this.ids, beginning.ids);
    replace(this.sources, beginning.sources);
    this.isSound = true;
    this.notMoved = undefined;
    await this.measureFromHere();
    return true;
  }

  async end(): Promise<void> {
    for (const id of this.ids.values()) await this.host.destroy(id).catch(() => {});
    this.ids.clear();
    this.sources.clear();
    this.beginnings.clear();
    this.isSound = true;
    await this.host.forget(0);
  }

  private async look(): Promise<Map<string, Facts>> {
    const seen = new Map<string, Facts>();
    for (const [name, id] of this.ids) seen.set(name, await this.host.facts(id));
    return seen;
  }

  /** @throws Error with a sentence where the machine has no such fact */
  private known(name: string, value: number | undefined): number {
    if (value === undefined) throw new Error(this.said.run.noFact(name));
    return value;
  }

  /** A count since the step began, or a value as it is; a count that never was is 0. */
  private fact(name: string, after: ReadonlyMap<string, Facts>): number | undefined {
    const dot = name.indexOf('.'),
      guest = name.slice(0, dot),
      fact = name.slice(dot + 1);
    const now = after.get(guest),
      then = this.before.get(guest);
    if (!now || !then) return undefined;
    if (Object.hasOwn(now.values, fact)) return now.values[fact];
    if (Object.hasOwn(now.counts, fact)) return now.counts[fact]! - (then.counts[fact] ?? 0);
    return NOTHING_IS_0.test(fact) ? 0 : undefined;
  }
}
