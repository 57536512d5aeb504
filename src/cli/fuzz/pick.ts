/** Below `below`, from 0. */
export type Pick = (below: number) => number;

/** xorshift32: the same seed gives the same calls. */
export function picker(seed: number): Pick {
  let state = (seed * 2654435761) | 1;
  return below => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** 0 to below 1. */
export type Draw = () => number;

/** The same as fractions. */
export function drawing(seed: number): Draw {
  const pick = picker(seed + 1);
  // The first numbers of seeds near each other are near each other.
  for (let i = 0; i < 8; i++) pick(2);
  return () => pick(2 ** 32) / 2 ** 32;
}
