/** Where a number is on an axis. */
import { niceTop } from '../parts/nice-top.ts';

export interface Scale {
  /** 0 to 1. */
  at(value: number): number;
  ticks: readonly number[];
}

/** From 0 to a round number. */
export function linear(most: number): Scale {
  const top = niceTop(Math.max(most, 1e-9));
  return { at: value => Math.min(1, Math.max(0, value / top)), ticks: [0, top / 2, top] };
}

/** Powers of ten, from the one below the least positive value to the one above the most; what is 0 is at the left end. */
export function logarithmic(values: readonly number[]): Scale {
  const positive = values.filter(value => value > 0),
    low = Math.floor(Math.log10(Math.min(...positive, 1)) - 1e-9),
    high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...positive, 1)) - 1e-9)),
    step = Math.ceil((high - low) / 5);
  return {
    at: value => (value <= 0 ? 0 : Math.max(0.004, (Math.log10(value) - low) / (high - low))),
    ticks: Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, i) => 10 ** (low + i * step)),
  };
}
