/** What unpackers of any format share. */

/** Compressed data that cannot be what it says. `offset`: byte of the input where that was seen. */
export class DecodeError extends Error {
  readonly offset: number;

  constructor(what: string, offset: number) {
    super(`${what} at byte ${offset}`);
    this.name = 'DecodeError';
    this.offset = offset;
  }
}

/** More comes out than is allowed. */
export class TooLargeError extends DecodeError {}

/** What comes of steps that nobody has to wait between. */
export function atOnce<Result>(steps: Generator<void, Result>): Result {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** A buffer that grows; bytes[0, length) are there. */
export class Output {
  bytes: Uint8Array<ArrayBuffer>;
  length = 0;
  private readonly limit: number;
  private readonly slack: number;
  private readonly isBomb: (bytes: number, consumed: number) => boolean;

  /**
   * `expected`: bytes to make room for at once; `limit`: most bytes that it may hold when it is taken; `slack`: room behind them for callers that ask for more than
   * it then needs; `isBomb`: whether this many bytes may not come from this many of the input.
   */
  constructor(
    expected: number,
    limit: number,
    { slack = 0, isBomb = () => false }: { slack?: number | undefined; isBomb?: Output['isBomb'] | undefined } = {},
  ) {
    this.bytes = new Uint8Array(Math.min(expected, limit));
    this.limit = limit;
    this.slack = slack;
    this.isBomb = isBomb;
  }

  /** Makes room for `count` bytes more. `offset`: where the input asks for them. */
  reserve(count: number, offset: number): void {
    const needed = this.length + count;
    if (this.isBomb(this.length, offset))
      throw new DecodeError(`${offset} bytes unpack to ${this.length}, which is more than they can hold`, offset);
    if (needed <= this.bytes.length) return;
    if (needed > this.limit + this.slack) this.refuse(offset);
    const grown = new Uint8Array(Math.min(this.limit + this.slack, Math.max(needed, this.bytes.length * 2, 1 << 16)));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  private refuse(offset: number): never {
    throw new TooLargeError(`unpacks to more than the ${this.limit} bytes allowed`, offset);
  }

  /** `offset`: where the input ends. @throws DecodeError where there is more than allowed */
  take(offset = 0): Uint8Array<ArrayBuffer> {
    if (this.length > this.limit) this.refuse(offset);
    return this.length === this.bytes.length ? this.bytes : this.bytes.slice(0, this.length);
  }
}
