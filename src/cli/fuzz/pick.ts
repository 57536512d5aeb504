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
