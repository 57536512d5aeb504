/**
 * Source text to bytes, in passes: each takes the addresses of the one before, and jumps and numbers that were short and do not fit become
 * long, until nothing changes. All mistakes of a source are reported, each with its line and column; nothing is thrown, and sizes and the
 * number of passes are bounded.
 */
import { encode, ranged } from './encode.ts';
import { type Expression, evaluate, type Scope, type Value } from './expressions.ts';
import { Mistake } from './lexer.ts';
import { type Body, type Item, littleEndian, Reader, type Statement } from './source.ts';

export interface Problem {
  /** Both from 1 on. */
  line: number;
  column: number;
  /** What is wrong and what to do. */
  message: string;
}

/** What a line of the source has become. */
export interface Piece {
  line: number;
  /** In `bytes`. */
  offset: number;
  length: number;
}

export interface Assembled {
  /** Empty where there are problems. */
  bytes: Uint8Array;
  /** What ORG said: the address of the first byte. */
  origin: number;
  problems: readonly Problem[];
  pieces: readonly Piece[];
}

export interface Limits {
  /** Most bytes a program may have. */
  bytes?: number;
}

const MOST_BYTES = 1 << 20,
  MOST_CHARACTERS = 1 << 20,
  MOST_PROBLEMS = 100;
/** After this many passes a source does not come to rest; and the work in all of them together, in characters of the source. */
const MOST_PASSES = 500,
  MOST_WORK = 1 << 25;
/** What one instruction costs. */
const INSTRUCTION_WORK = 16;
/** This many passes decide on all sizes again. Then they only grow, so that what would go round comes to rest. */
const FREE_PASSES = 30;

/** Assembles a source in nasm's language into a flat program. */
export function assemble(source: string, { bytes: most = MOST_BYTES }: Limits = {}): Assembled {
  const problems: Problem[] = [];
  const nothing = { bytes: new Uint8Array(0), origin: 0, pieces: [] };
  if (source.length > MOST_CHARACTERS)
    return {
      ...nothing,
      problems: [{ line: 1, column: 1, message: `the source has more than ${MOST_CHARACTERS} characters` }],
    };
  const reader = new Reader();
  const statements: Statement[] = [];
  for (const [i, text] of source.split('\n').entries()) {
    tell(problems, i + 1, () => {
      const statement = reader.statement(text, i + 1);
      if (statement) statements.push(statement);
    });
  }
  const passes = new Passes(statements, reader.defined, most);
  const result = passes.run();
  for (const problem of result.problems) problems.push(problem);
  problems.sort((a, b) => a.line - b.line || a.column - b.column);
  if (problems.length > 0) return { ...nothing, problems: problems.slice(0, MOST_PROBLEMS) };
  return { ...result, problems };
}

/** Runs `work`; a mistake in it becomes a problem of the line. Returns the bytes that the line has all the same. */
function tell(problems: Problem[], line: number, work: () => void): number {
  try {
    work();
    return 0;
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    problems.push({ line, column: error.column, message: error.message });
    return error.length;
  }
}

class Passes {
  private readonly statements: readonly Statement[];
  private readonly defined: ReadonlyMap<string, number>;
  private readonly most: number;
  private before = new Map<string, Value>();
  private now = new Map<string, Value>();
  private origin = 0n;
  private output = new Uint8Array(1024);
  private length = 0;
  private work = 0;
  private first = true;
  private passes = 0;

  constructor(statements: readonly Statement[], defined: ReadonlyMap<string, number>, most: number) {
    this.statements = statements;
    this.defined = defined;
    this.most = most;
  }

  run(): Assembled {
    for (let pass = 1; ; pass++) {
      this.passes = pass;
      const { length, origin } = this;
      const problems: Problem[] = [];
      const pieces = this.pass(problems);
      const moved = [...this.now].filter(([name, value]) => !same(value, this.before.get(name)));
      const still = moved.length === 0 && length === this.length && origin === this.origin && !this.first;
      this.first = false;
      if (!still && pass < MOST_PASSES && this.work < MOST_WORK) {
        [this.before, this.now] = [this.now, new Map()];
        continue;
      }
      const open = still ? [...this.now].filter(([, { known }]) => !known) : moved;
      for (const [name] of open) {
        const line = this.defined.get(name)!;
        if (!problems.some(problem => problem.line === line))
          problems.push({
            line,
            column: 1,
            message: `“${name}” depends on itself: nothing can be said about its value`,
          });
      }
      if (!still && problems.length === 0)
        problems.push({
          line: 1,
          column: 1,
          message: 'this is too much to assemble: write less, and repeat fewer jumps with times',
        });
      return { bytes: this.output.slice(0, this.length), origin: Number(this.origin), problems, pieces };
    }
  }

  private pass(problems: Problem[]): Piece[] {
    const pieces: Piece[] = [];
    let origins = 0;
    let full = false;
    this.length = 0;
    for (const statement of this.statements) {
      const { line, label, body } = statement;
      this.work += statement.characters;
      const offset = this.length;
      const here = this.origin + BigInt(offset);
      const scope: Scope = {
        here,
        start: this.origin,
        symbol: (name, column) => this.symbol(name, column, this.before),
      };
      if (label !== undefined) this.now.set(label, { number: here, addresses: 1, registers: [], known: true });
      if (!body || full) continue;
      const length = tell(problems, line, () => {
        if (body.kind === 'equ') {
          const value = evaluate(body.value, scope);
          if (value.registers.length > 0)
            throw new Mistake('equ names a number: a register is no number', statement.column);
          this.now.set(body.name, value);
        } else if (body.kind === 'org') {
          if (++origins > 1) throw new Mistake('a second org: a flat program has one origin', body.column);
          this.origin = this.count(body.value, scope, 'org', body.column, 0xffff_ffffn);
        } else {
          const times = this.times(statement, scope);
          const room = this.most - this.length;
          full = !this.emit(body, scope, times);
          if (full)
            throw new Mistake(
              `the program is longer than ${this.most} bytes: ${times} times this line do not fit into the last ${room}`,
              statement.column,
            );
        }
      });
      this.zeros(length);
      if (this.length > offset) pieces.push({ line, offset, length: this.length - offset });
    }
    return pieces;
  }

  /** Value of a name: from this pass if it is defined above, else from `below`. */
  private symbol(name: string, column: number, below?: ReadonlyMap<string, Value>): Value | undefined {
    if (!this.defined.has(name))
      throw new Mistake(`“${name}” is not defined: write “${name}:” where it should be, or “${name} equ …”`, column);
    return this.now.get(name) ?? below?.get(name);
  }

  private times({ times, align, column }: Statement, scope: Scope): number {
    if (align) {
      const to = this.count(align, scope, 'align', column, BigInt(this.most));
      if (to === 0n || (to & (to - 1n)) !== 0n)
        throw new Mistake(`align takes a power of two, and ${to} is none`, column);
      return Number((to - (BigInt(this.length) % to)) % to);
    }
    return times ? Number(this.count(times, scope, 'times', column, BigInt(this.most))) : 1;
  }

  /** A number that sizes depend on: all names in it must be defined above. */
  private count(expression: Expression, scope: Scope, what: string, column: number, most: bigint): bigint {
    const { number, addresses, known } = evaluate(expression, {
      ...scope,
      symbol: (name, at) => this.symbol(name, at),
    });
    if (!known)
      throw new Mistake(`${what} takes a number that is known here: it cannot use what is defined below`, column);
    if (addresses !== 0)
      throw new Mistake(
        `${what} takes a plain number, and this is an address: the difference of two is a number, as in 510-($-$$)`,
        column,
      );
    if (number < 0n)
      throw new Mistake(
        `${what} takes no number below 0, and this is ${number}${what === 'times' ? `: the text before it is ${-number} byte${number === -1n ? '' : 's'} too long` : ''}`,
        column,
      );
    if (number > most) throw new Mistake(`${what} ${number} is too much: at most ${most} here`, column);
    return number;
  }

  /** False where the program becomes too long. */
  private emit(body: Exclude<Body, { kind: 'equ' | 'org' }>, scope: Scope, times: number): boolean {
    if (body.kind === 'reserve') {
      const count = this.count(body.count, scope, 'the reservation', body.column, BigInt(this.most));
      return this.zeros(Number(count) * body.width * times);
    }
    if (body.kind === 'data') {
      for (let i = 0, length = this.length; i < body.items.length && times > 0; i++) {
        if (!this.append(dataBytes(body.items[i]!, body.width, scope))) return false;
        if (i === body.items.length - 1) return this.repeat(length, times - 1);
      }
      return true;
    }
    const { instruction, memory, code } = body;
    // A jump's distance is another in each repetition.
    const jumps = memory.matches.some(({ form }) => form.codes.some(code => code[0] === 'J'));
    const start = this.length;
    for (let repetition = 0; repetition < times; repetition++) {
      this.work += INSTRUCTION_WORK;
      if (this.work > MOST_WORK) return true;
      const at = Number(this.origin) + this.length;
      if (
        !this.append(
          encode(instruction, memory, { code, scope, at, repetition, decidesAnew: this.passes <= FREE_PASSES }),
        )
      )
        return false;
      if (!jumps) return this.repeat(start, times - 1);
    }
    return true;
  }

  private append(bytes: ArrayLike<number>): boolean {
    if (!this.grow(bytes.length)) return false;
    this.output.set(bytes, this.length);
    this.length += bytes.length;
    return true;
  }

  /** Appends the bytes from `start` on this many times. */
  private repeat(start: number, times: number): boolean {
    const unit = this.length - start;
    if (!this.grow(unit * times)) return false;
    for (let i = 0; i < times && unit > 0; i++, this.length += unit)
      this.output.copyWithin(this.length, start, start + unit);
    return true;
  }

  private zeros(count: number): boolean {
    if (!this.grow(count)) return false;
    this.output.fill(0, this.length, this.length + count);
    this.length += count;
    return true;
  }

  private grow(by: number): boolean {
    if (this.length + by > this.most) return false;
    if (this.length + by > this.output.length) {
      const larger = new Uint8Array(Math.max(2 * this.output.length, this.length + by));
      larger.set(this.output);
      this.output = larger;
    }
    return true;
  }
}

const same = (a: Value, b: Value | undefined): boolean =>
  b !== undefined && a.number === b.number && a.addresses === b.addresses && a.known === b.known;

function dataBytes(item: Item, width: number, scope: Scope): Uint8Array {
  return item.kind === 'bytes'
    ? item.bytes
    : littleEndian(ranged(evaluate(item.value, scope), width * 8, item.column), width);
}
