/**
 * What objects hold, so that it can be put back into the same objects: a host's own state at a moment, next to its machine memory.
 *
 * All objects are found that lead on from some: through properties, elements, keys and values. What only a closure knows is not found, so what takes part in a
 * run that goes back has its state in an object's properties.
 */
import { KeptBuffer, type Piece } from './pieces.ts';

type Anything = Record<string, unknown>;

/** Puts back what one object held. */
type Put = () => void;

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

export interface KeptParts {
  /** Where to begin. */
  from: readonly object[];
  /** These are not looked into, and views of this memory are not copied: it is kept otherwise. */
  outside: ReadonlySet<object>;
  memory: ArrayBufferLike;
  /** What was kept before: bytes that are the same are shared with it. */
  before?: KeptObjects | undefined;
}

export class KeptObjects {
  private readonly puts: Put[] = [];
  private readonly buffers = new Map<ArrayBufferLike, KeptBuffer>();

  constructor({ from, outside, memory, before }: KeptParts) {
    const seen = new Set<object>(from),
      todo = [...from];
    const meet = (value: unknown): void => {
      if (!isObject(value) || seen.has(value) || outside.has(value)) return;
      seen.add(value);
      todo.push(value);
    };
    for (let next = todo.pop(); next; next = todo.pop()) {
      if (!ArrayBuffer.isView(next)) this.keep(next, meet);
      else if (next.buffer !== memory && !this.buffers.has(next.buffer))
        this.buffers.set(next.buffer, new KeptBuffer(next.buffer, before?.buffers.get(next.buffer)));
    }
  }

  private keep(of: object, meet: (value: unknown) => void): void {
    if (of instanceof Map) {
      const entries = [...of];
      for (const [key, value] of entries) {
        meet(key);
        meet(value);
      }
      this.puts.push(() => {
        of.clear();
        for (const [key, value] of entries) of.set(key, value);
      });
    } else if (of instanceof Set) {
      const values = [...of];
      values.forEach(meet);
      this.puts.push(() => {
        of.clear();
        for (const value of values) of.add(value);
      });
    } else if (Array.isArray(of)) {
      const values = [...of];
      values.forEach(meet);
      this.puts.push(() => {
        of.length = values.length;
        for (let i = 0; i < values.length; i++) of[i] = values[i];
      });
    } else this.keepProperties(of as Anything, meet);
  }

  private keepProperties(of: Anything, meet: (value: unknown) => void): void {
    // A class has its accessors elsewhere; those of a literal are its own.
    const isPlain = of.constructor === Object;
    const names = Object.keys(of).filter(name => !isPlain || 'value' in Object.getOwnPropertyDescriptor(of, name)!);
    const values = names.map(name => of[name]);
    values.forEach(meet);
    this.puts.push(() => {
      for (let i = 0; i < names.length; i++) if (!Object.is(of[names[i]!], values[i])) of[names[i]!] = values[i];
      if (Object.keys(of).length !== names.length) this.dropOthers(of, names);
    });
  }

  /** Properties that came later. */
  private dropOthers(of: Anything, names: readonly string[]): void {
    const were = new Set(names);
    for (const name of Object.keys(of))
      if (!were.has(name) && 'value' in Object.getOwnPropertyDescriptor(of, name)!) delete of[name];
  }

  put(): void {
    for (const put of this.puts) put();
    for (const buffer of this.buffers.values()) buffer.put();
  }

  *pieces(): Generator<Piece> {
    for (const { pieces } of this.buffers.values()) yield* pieces;
  }
}
