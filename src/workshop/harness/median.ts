/** The middle of some values; of an even number of them the upper one. */
export const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

/** This many samples of the same values are drawn. */
const SAMPLES = 2000;

/** The median of some values over that of others, with its 95 % interval by drawing again from each (Efron 1979, bootstrap); NaN: there are none. */
export function ratioOf(
  values: readonly number[],
  others: readonly number[],
  draw: () => number,
): { ratio: number; low: number; high: number } {
  if (values.length === 0 || others.length === 0) return { ratio: NaN, low: NaN, high: NaN };
  const again = (from: readonly number[]): number => median(from.map(() => from[Math.floor(draw() * from.length)]!));
  const ratios = Array.from({ length: SAMPLES }, () => again(values) / again(others)).sort((a, b) => a - b);
  const at = (share: number): number => ratios[Math.floor(share * SAMPLES)]!;
  return { ratio: median(values) / median(others), low: at(0.025), high: at(0.975) };
}
