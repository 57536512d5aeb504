/** Positions of the dots of a class: each number has its place on a line, one above the other where they would hide each other. */

export interface Dot {
  /** 0 is the left end, 1 the right one. */
  x: number;
  /** From 0: how many are below it. */
  row: number;
}

/** Numbers of which the largest is this many times the smallest are placed by their logarithm. */
const LOG_FROM = 100;
/** Of the line: dots that are nearer hide each other. */
const DOT = 0.025;

export interface Scale {
  low: number;
  high: number;
  at(value: number): number;
}

/** Of all numbers that are drawn. One number alone is in the middle. */
export function scaleOf(values: readonly number[]): Scale {
  const low = Math.min(...values),
    high = Math.max(...values);
  const measure = low > 0 && high / low >= LOG_FROM ? Math.log : (value: number): number => value,
    from = measure(low),
    span = measure(high) - from;
  return { low, high, at: value => (span > 0 ? (measure(value) - from) / span : 0.5) };
}

/** The dots of `values`, in their order. */
export function placed(values: readonly number[], { at }: Scale): Dot[] {
  const dots: Dot[] = values.map(value => ({ x: at(value), row: 0 })),
    inOrder = [...dots].sort((a, b) => a.x - b.x);
  /** The last dot of each row. */
  const last: number[] = [];
  for (const dot of inOrder) {
    const row = last.findIndex(x => dot.x - x >= DOT);
    dot.row = row < 0 ? last.length : row;
    last[dot.row] = dot.x;
  }
  return dots;
}
