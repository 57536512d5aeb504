/** What comes bit by bit, for those who ask with `for await`. */

/** Values that were given, in order, until it ends; each reader has one of its own. */
export class Stream<T> implements AsyncIterableIterator<T> {
  private readonly waiting: T[] = [];
  private wanted: ((result: IteratorResult<T>) => void) | undefined;
  private isOver = false;
  private readonly onEnd: () => void;

  /** `onEnd`: it has ended, or its reader left. */
  constructor(onEnd: () => void = () => {}) {
    this.onEnd = onEnd;
  }

  give(value: T): void {
    if (this.isOver) return;
    const { wanted } = this;
    this.wanted = undefined;
    if (wanted) wanted({ value, done: false });
    else this.waiting.push(value);
  }

  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.wanted?.({ value: undefined, done: true });
    this.wanted = undefined;
    this.onEnd();
  }

  next(): Promise<IteratorResult<T>> {
    if (this.waiting.length > 0) return Promise.resolve({ value: this.waiting.shift() as T, done: false });
    if (this.isOver) return Promise.resolve({ value: undefined, done: true });
    return new Promise(resolve => {
      this.wanted = resolve;
    });
  }

  return(): Promise<IteratorResult<T>> {
    this.waiting.length = 0;
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
