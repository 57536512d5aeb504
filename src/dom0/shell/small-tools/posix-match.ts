/**
 * Matches of POSIX's regular expressions: the leftmost, and of those the longest, where JavaScript's own takes the first alternative that leads to one.
 *
 * *Idea*: an expression is a program of splits and characters (Thompson, 1968), which all its threads walk through the text at once, in the order of their
 * preference (Pike). So a match takes time by the text's length alone. One with at most one repetition is JavaScript's: there the longest is what it finds. One
 * with back references tries path by path, and gives up after MOST_STEPS.
 */
import { type Assertion, type Pattern, PatternError, readPattern } from './posix-syntax.ts';

export interface Match {
  start: number;
  end: number;
  /** The whole match, then each group's text; undefined: it matched nothing. */
  groups: (string | undefined)[];
}

type Step =
  | { kind: 'one'; is: (code: number) => boolean }
  | { kind: 'at'; where: Assertion }
  /** The first is preferred. */
  | { kind: 'split'; to: [number, number] }
  | { kind: 'jump'; to: number }
  | { kind: 'save'; slot: number }
  /** Leaves a loop whose turn has matched nothing. */
  | { kind: 'moved'; slot: number; out: number }
  | { kind: 'back'; number: number }
  | { kind: 'match' };

/** Steps of one expression. */
const MOST_PROGRAM = 20_000;
/** Steps that one match with back references may take. */
const MOST_STEPS = 5_000_000;
const ASCII = 128;
const WORD_CHARACTER = /[\p{L}\p{N}_]/u;
const isWord = (character: string | undefined): boolean => character !== undefined && WORD_CHARACTER.test(character);
const lengthOf = (code: number): number => (code > 0xffff ? 2 : 1);

/** Whether a character is in a set. */
function testOf(set: string, flags: string): (code: number) => boolean {
  const expression = new RegExp(`^[${set}]$`, `${flags}u`);
  const ascii = Array.from({ length: ASCII }, (_, code) => expression.test(String.fromCharCode(code)));
  const others = new Map<number, boolean>();
  return code => {
    if (code < ASCII) return ascii[code];
    let known = others.get(code);
    if (known === undefined) others.set(code, (known = expression.test(String.fromCodePoint(code))));
    return known;
  };
}

const canBeEmpty = (pattern: Pattern): boolean => {
  switch (pattern.kind) {
    case 'one':
      return false;
    case 'group':
      return canBeEmpty(pattern.body);
    case 'all':
      return pattern.parts.every(canBeEmpty);
    case 'any':
      return pattern.options.some(canBeEmpty);
    case 'repeat':
      return pattern.least === 0 || canBeEmpty(pattern.body);
    default:
      return true;
  }
};

/** What goes round or either way in it; undefined: more than JavaScript has right. */
function repeatsOf(pattern: Pattern): number | undefined {
  switch (pattern.kind) {
    case 'one':
    case 'at':
      return 0;
    case 'group':
      return repeatsOf(pattern.body);
    case 'all': {
      let sum = 0;
      for (const part of pattern.parts) {
        const count = repeatsOf(part);
        if (count === undefined) return undefined;
        sum += count;
      }
      return sum;
    }
    case 'repeat':
      return pattern.body.kind === 'one' ? 1 : undefined;
    default:
      return undefined;
  }
}

const BEFORE_WORD = '(?=[\\p{L}\\p{N}_])',
  NOT_BEFORE = '(?![\\p{L}\\p{N}_])',
  AFTER_WORD = '(?<=[\\p{L}\\p{N}_])',
  NOT_AFTER = '(?<![\\p{L}\\p{N}_])';
const IN_JAVASCRIPT: Record<Assertion, string> = {
  begin: '(?<![^])',
  end: '(?![^])',
  'line-begin': '(?<![^\\n])',
  'line-end': '(?![^\\n])',
  edge: `(?:${AFTER_WORD}${NOT_BEFORE}|${NOT_AFTER}${BEFORE_WORD})`,
  'no-edge': `(?:${AFTER_WORD}${BEFORE_WORD}|${NOT_AFTER}${NOT_BEFORE})`,
  'word-begin': NOT_AFTER + BEFORE_WORD,
  'word-end': AFTER_WORD + NOT_BEFORE,
};

function inJavaScript(pattern: Pattern): string {
  switch (pattern.kind) {
    case 'one':
      return `[${pattern.set}]`;
    case 'at':
      return IN_JAVASCRIPT[pattern.where];
    case 'group':
      return `(${inJavaScript(pattern.body)})`;
    case 'all':
      return pattern.parts.map(inJavaScript).join('');
    case 'repeat':
      return `${inJavaScript(pattern.body)}{${pattern.least},${pattern.most === Infinity ? '' : pattern.most}}`;
    default:
      throw new Error(`${pattern.kind} is not JavaScript's`);
  }
}

/** A pattern as a program. */
class Assembler {
  readonly steps: Step[] = [];
  /** Slots for the starts and ends of groups, and behind them for where turns of loops began. */
  slots: number;
  private readonly flags: string;
  private readonly tests = new Map<string, (code: number) => boolean>();

  constructor(pattern: Pattern, groups: number, flags: string) {
    this.slots = 2 * (groups + 1);
    this.flags = flags;
    this.add({ kind: 'save', slot: 0 });
    this.pattern(pattern);
    this.add({ kind: 'save', slot: 1 });
    this.add({ kind: 'match' });
  }

  private add(step: Step): number {
    if (this.steps.length >= MOST_PROGRAM) throw new PatternError('Regular expression too big');
    return this.steps.push(step) - 1;
  }

  private split(): [number, number] {
    const to: [number, number] = [this.steps.length + 1, 0];
    this.add({ kind: 'split', to });
    return to;
  }

  private pattern(pattern: Pattern): void {
    switch (pattern.kind) {
      case 'one': {
        let is = this.tests.get(pattern.set);
        if (!is) this.tests.set(pattern.set, (is = testOf(pattern.set, this.flags)));
        this.add({ kind: 'one', is });
        return;
      }
      case 'at':
      case 'back':
        this.add(pattern);
        return;
      case 'group':
        this.add({ kind: 'save', slot: 2 * pattern.number });
        this.pattern(pattern.body);
        this.add({ kind: 'save', slot: 2 * pattern.number + 1 });
        return;
      case 'all':
        for (const part of pattern.parts) this.pattern(part);
        return;
      case 'any':
        this.any(pattern.options);
        return;
      case 'repeat':
        this.repeat(pattern.body, pattern.least, pattern.most);
    }
  }

  private any(options: readonly Pattern[]): void {
    const ends: { kind: 'jump'; to: number }[] = [];
    options.forEach((option, i) => {
      const to = i < options.length - 1 ? this.split() : undefined;
      this.pattern(option);
      if (!to) return;
      const end = { kind: 'jump' as const, to: 0 };
      ends.push(end);
      this.add(end);
      to[1] = this.steps.length;
    });
    for (const end of ends) end.to = this.steps.length;
  }

  private repeat(body: Pattern, least: number, most: number): void {
    for (let i = 0; i < least; i++) this.pattern(body);
    if (most !== Infinity) {
      const outs: [number, number][] = [];
      for (let i = least; i < most; i++) {
        outs.push(this.split());
        this.pattern(body);
      }
      for (const to of outs) to[1] = this.steps.length;
      return;
    }
    const again = this.steps.length,
      to = this.split();
    if (canBeEmpty(body)) {
      const slot = this.slots++;
      this.add({ kind: 'save', slot });
      this.pattern(body);
      const moved = { kind: 'moved' as const, slot, out: 0 };
      this.add(moved);
      this.add({ kind: 'jump', to: again });
      moved.out = this.steps.length;
    } else {
      this.pattern(body);
      this.add({ kind: 'jump', to: again });
    }
    to[1] = this.steps.length;
  }
}

interface Thread {
  at: number;
  slots: readonly number[];
}

const hasBack = (pattern: Pattern): boolean => {
  switch (pattern.kind) {
    case 'back':
      return true;
    case 'group':
    case 'repeat':
      return hasBack(pattern.body);
    case 'all':
      return pattern.parts.some(hasBack);
    case 'any':
      return pattern.options.some(hasBack);
    default:
      return false;
  }
};

/** Whether an assertion holds at a place. */
function holds(where: Assertion, text: string, at: number): boolean {
  switch (where) {
    case 'begin':
      return at === 0;
    case 'end':
      return at === text.length;
    case 'line-begin':
      return at === 0 || text[at - 1] === '\n';
    case 'line-end':
      return at === text.length || text[at] === '\n';
  }
  const code = text.codePointAt(at);
  const before = isWord(
      at === 0
        ? undefined
        : text[at - 1] >= '\udc00' && text[at - 1] <= '\udfff' && at > 1
          ? text.slice(at - 2, at)
          : text[at - 1],
    ),
    after = isWord(code === undefined ? undefined : String.fromCodePoint(code));
  switch (where) {
    case 'edge':
      return before !== after;
    case 'no-edge':
      return before === after;
    case 'word-begin':
      return !before && after;
    case 'word-end':
      return before && !after;
  }
}

/** An expression, and where it matches. @throws PatternError */
export class Expression {
  readonly groups: number;
  private readonly native: RegExp | undefined;
  private readonly steps: readonly Step[] = [];
  private readonly slots: number = 0;
  private readonly hasBack: boolean;
  private readonly ignoresCase: boolean;

  constructor(
    text: string,
    { isExtended, isMultiline, ignoresCase }: { isExtended: boolean; isMultiline: boolean; ignoresCase: boolean },
  ) {
    const { pattern, groups } = readPattern(text, { isExtended, isMultiline });
    const flags = ignoresCase ? 'i' : '';
    this.groups = groups;
    this.hasBack = hasBack(pattern);
    this.ignoresCase = ignoresCase;
    if ((repeatsOf(pattern) ?? 2) <= 1) this.native = new RegExp(inJavaScript(pattern), `${flags}gu`);
    else {
      const { steps, slots } = new Assembler(pattern, groups, flags);
      this.steps = steps;
      this.slots = slots;
    }
  }

  test(text: string): boolean {
    if (!this.native) return this.find(text, 0, true) !== undefined;
    this.native.lastIndex = 0;
    return this.native.test(text);
  }

  /** The leftmost longest match from a place on. */
  match(text: string, from: number): Match | undefined {
    const { native } = this;
    if (native) {
      native.lastIndex = from;
      const found = native.exec(text);
      return found ? { start: found.index, end: found.index + found[0].length, groups: [...found] } : undefined;
    }
    const slots = this.find(text, from, false);
    if (!slots) return undefined;
    const groups = Array.from({ length: this.groups + 1 }, (_, i) =>
      slots[2 * i + 1] < 0 ? undefined : text.slice(slots[2 * i], slots[2 * i + 1]),
    );
    return { start: slots[0], end: slots[1], groups };
  }

  private find(text: string, from: number, isTest: boolean): readonly number[] | undefined {
    return this.hasBack ? this.byPaths(text, from, isTest) : this.atOnce(text, from, isTest);
  }

  /** All threads at once. */
  private atOnce(text: string, from: number, isTest: boolean): readonly number[] | undefined {
    const { steps } = this;
    const empty = new Array<number>(this.slots).fill(-1);
    const seen = new Int32Array(steps.length).fill(-1);
    let threads: Thread[] = [],
      best: readonly number[] | undefined;
    for (let at = from; ; ) {
      const next: Thread[] = [];
      if (!best) this.follow(0, at, text, empty, threads, seen);
      const code = text.codePointAt(at);
      const after = at + (code === undefined ? 1 : lengthOf(code));
      // `seen` notes where each step was reached, which tells threads of the next place apart.
      for (const thread of threads) {
        const step = steps[thread.at];
        if (best && thread.slots[0] > best[0]) continue;
        if (step.kind === 'match') {
          if (!best || thread.slots[0] < best[0] || thread.slots[1] > best[1]) best = thread.slots;
          if (isTest) return best;
        } else if (code !== undefined && step.kind === 'one' && step.is(code))
          this.follow(thread.at + 1, after, text, thread.slots, next, seen);
      }
      if (code === undefined || (best && next.length === 0)) return best;
      threads = next;
      at = after;
    }
  }

  /** A thread at a step, and all that it reaches without a character, where none is yet. */
  private follow(
    start: number,
    at: number,
    text: string,
    given: readonly number[],
    threads: Thread[],
    seen: Int32Array,
  ): void {
    const stack: Thread[] = [{ at: start, slots: given }];
    for (let thread = stack.pop(); thread; thread = stack.pop()) {
      if (seen[thread.at] === at) continue;
      seen[thread.at] = at;
      const step = this.steps[thread.at],
        { slots } = thread;
      switch (step.kind) {
        case 'split':
          stack.push({ at: step.to[1], slots }, { at: step.to[0], slots });
          break;
        case 'jump':
          stack.push({ at: step.to, slots });
          break;
        case 'save':
          stack.push({ at: thread.at + 1, slots: slots.with(step.slot, at) });
          break;
        case 'moved':
          stack.push({ at: slots[step.slot] === at ? step.out : thread.at + 1, slots });
          break;
        case 'at':
          if (holds(step.where, text, at)) stack.push({ at: thread.at + 1, slots });
          break;
        default:
          threads.push(thread);
      }
    }
  }

  /** Path by path, from each place on. */
  private byPaths(text: string, from: number, isTest: boolean): readonly number[] | undefined {
    let steps = 0;
    for (let start = from; start <= text.length; start += lengthOf(text.codePointAt(start) ?? 0)) {
      let best: readonly number[] | undefined;
      const stack: (Thread & { place: number })[] = [
        { at: 0, place: start, slots: new Array<number>(this.slots).fill(-1) },
      ];
      for (let thread = stack.pop(); thread; thread = stack.pop()) {
        if (++steps > MOST_STEPS)
          throw new PatternError('a regular expression with back references that takes this long is not offered here');
        if (this.steps[thread.at].kind !== 'match') this.advance(thread, text, stack);
        else {
          if (!best || thread.slots[1] > best[1]) best = thread.slots;
          if (isTest || best[1] === text.length) return best;
        }
      }
      if (best) return best;
    }
    return undefined;
  }

  private advance(
    { at, place, slots }: Thread & { place: number },
    text: string,
    stack: (Thread & { place: number })[],
  ): void {
    const step = this.steps[at];
    switch (step.kind) {
      case 'one': {
        const code = text.codePointAt(place);
        if (code !== undefined && step.is(code)) stack.push({ at: at + 1, place: place + lengthOf(code), slots });
        return;
      }
      case 'at':
        if (holds(step.where, text, place)) stack.push({ at: at + 1, place, slots });
        return;
      case 'split':
        stack.push({ at: step.to[1], place, slots }, { at: step.to[0], place, slots });
        return;
      case 'jump':
        stack.push({ at: step.to, place, slots });
        return;
      case 'save':
        stack.push({ at: at + 1, place, slots: slots.with(step.slot, place) });
        return;
      case 'moved':
        stack.push({ at: slots[step.slot] === place ? step.out : at + 1, place, slots });
        return;
      case 'back': {
        const end = slots[2 * step.number + 1];
        const same = end < 0 ? undefined : text.slice(slots[2 * step.number], end);
        const here = same === undefined ? undefined : text.slice(place, place + same.length);
        if (here === same || (this.ignoresCase && here?.toLowerCase() === same?.toLowerCase()))
          if (same !== undefined) stack.push({ at: at + 1, place: place + same.length, slots });
      }
    }
  }
}
