/** The host of an experiment: guests in virtual time, typed at and counted. Every answer is the machine's own; what a guest prints tells only that it is done. */
import type { Facts, NamedFile } from '../../dom0/service/index.ts';
import type { SteppedHost } from './stepped-host.ts';

/** So far time goes between two looks whether a guest has its prompt again, and this long it may take. */
const LOOK_MS = 1,
  PATIENCE_MS = 20_000;
const PROMPT = /> $/;

/** What was counted between two moments; what never was is 0. */
export class Counted {
  private readonly counts: ReadonlyMap<string, number>;

  constructor(counts: ReadonlyMap<string, number>) {
    this.counts = counts;
  }

  /** Of a fact (docs/lessons.md). */
  of(fact: string): number {
    return this.counts.get(fact) ?? 0;
  }

  /** VM exits and, of a paravirtual guest, its ways to Xen; slices that end are the host's business. Less than an empty run had is none. */
  get exits(): number {
    return Math.max(0, this.of('exits') - this.of('exit.PREEMPTION_TIMER'));
  }

  /** Sums over all facts that a pattern names. */
  sum(facts: RegExp): number {
    return [...this.counts].reduce((sum, [fact, count]) => (facts.test(fact) ? sum + count : sum), 0);
  }

  /** Without what another run counted, which did none of the work. */
  less(other: Counted): Counted {
    return new Counted(new Map([...this.counts].map(([fact, count]) => [fact, Math.max(0, count - other.of(fact))])));
  }
}

const between = (before: Facts, after: Facts): Counted =>
  new Counted(new Map(Object.entries(after.counts).map(([fact, count]) => [fact, count - (before.counts[fact] ?? 0)])));

/** A guest with a shell. */
export class LabGuest {
  readonly id: number;
  readonly name: string;
  private readonly lab: Lab;

  constructor(lab: Lab, id: number, name: string) {
    this.lab = lab;
    this.id = id;
    this.name = name;
  }

  /** All that it has printed. */
  get shown(): string {
    return new TextDecoder('latin1').decode(this.lab.machine.host.domains.member(this.id).console.shown);
  }

  facts(): Promise<Facts> {
    return this.lab.machine.host.inspect('facts', this.id);
  }

  /** Types a line; time is stopped. */
  type(line: string): void {
    this.lab.machine.type(this.id, `${line}\r`);
  }

  /** Types a line and lets time go on until the guest asks for the next one; what it printed. @throws Error with a sentence */
  async command(line: string): Promise<string> {
    const from = this.shown.length + line.length;
    this.type(line);
    return this.prompt(from);
  }

  /** Until it has printed more than this many characters, and its prompt last. @throws Error with a sentence */
  async prompt(from = 0): Promise<string> {
    for (let ms = 0; ms < PATIENCE_MS; ms += LOOK_MS) {
      await this.lab.run(LOOK_MS);
      const { shown } = this;
      if (shown.length > from && PROMPT.test(shown)) return shown.slice(from);
    }
    throw new Error(
      `${this.name} was not done within ${PATIENCE_MS / 1000} s of its time. It said: ${this.shown.slice(-200)}`,
    );
  }

  /** What is counted of it while something is done. */
  async counted(work: () => Promise<unknown>): Promise<Counted> {
    const before = await this.facts();
    await work();
    return between(before, await this.facts());
  }

  /** What a command costs beyond what typing and answering one costs, which `empty` does, too: a command as long that does none of the work. */
  async cost(line: string, empty: string): Promise<Counted> {
    return (
      await this.lab.beyond(
        async () => [await this.counted(() => this.command(empty))],
        async () => [await this.counted(() => this.command(line))],
      )
    )[0]!;
  }
}

export class Lab {
  readonly machine: SteppedHost;
  /** Of what is drawn. */
  readonly seed: number;
  /** Another host, which shares nothing with this one; or (`isBeside`) the clock alone. */
  readonly another: (isBeside?: boolean) => Promise<Lab>;

  /** Milliseconds by its runner's clock that were spent on what is compared; without a clock 0. */
  spentMs = 0;
  /** Absent: nobody asks how long it takes here. */
  wallMs: (() => number) | undefined;

  constructor(machine: SteppedHost, seed: number, another: (isBeside?: boolean) => Promise<Lab>) {
    this.machine = machine;
    this.seed = seed;
    this.another = another;
  }

  /** Creates a guest and lets it come to its prompt. @throws Error with a sentence */
  async boot(text: string): Promise<LabGuest> {
    const guest = await this.create(text);
    await guest.prompt();
    return guest;
  }

  /** Creates one, with time paused. @throws Error with a sentence */
  async create(text: string): Promise<LabGuest> {
    const { id, name } = await this.machine.create(text);
    return new LabGuest(this, id, name);
  }

  /** A guest from a file that saved it. @throws Error with a sentence */
  async restore(state: NamedFile): Promise<LabGuest> {
    const { host, standing } = this.machine,
      { id, name } = await standing(() => host.restore(state, []));
    return new LabGuest(this, id, name);
  }

  /** What the second costs each guest beyond the first, which does none of the work. */
  async beyond(
    empty: () => Promise<readonly Counted[]>,
    whole: () => Promise<readonly Counted[]>,
  ): Promise<readonly Counted[]> {
    const [none, noneMs] = await this.timed(empty),
      [all, allMs] = await this.timed(whole);
    this.spentMs += Math.max(0, allMs - noneMs);
    return all.map((each, i) => each.less(none[i]!));
  }

  /** What is compared as a whole. */
  async spending<T>(work: () => Promise<T>): Promise<T> {
    const [result, ms] = await this.timed(work);
    this.spentMs += ms;
    return result;
  }

  private async timed<T>(work: () => Promise<T>): Promise<[T, number]> {
    const began = this.wallMs?.() ?? 0,
      result = await work();
    return [result, (this.wallMs?.() ?? 0) - began];
  }

  /** Lets time go on for this long. */
  run(ms: number): Promise<void> {
    return this.machine.runFor(ms);
  }

  /** Milliseconds of the host. */
  get nowMs(): number {
    return this.machine.nowMs();
  }
}

/** A definition of a guest of minipv or a small one. `more`: other lines. */
export const guestText = (
  name: string,
  type: 'pv' | 'pvh' | 'hvm',
  {
    kernel = 'minipv.elf',
    memoryMib = 4,
    more = [],
  }: { kernel?: string; memoryMib?: number; more?: readonly string[] } = {},
): string =>
  [`name = "${name}"`, `type = "${type}"`, `memory = ${memoryMib}`, `kernel = "${kernel}"`, ...more, ''].join('\n');
