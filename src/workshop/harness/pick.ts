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

/** Of some bytes some change, go or come twice. */
export function damaged(pick: Pick, bytes: Uint8Array): Uint8Array {
  const some = [...bytes];
  for (let i = pick(4); i >= 0 && some.length > 0; i--) {
    const at = pick(some.length);
    if (pick(3) === 0) some.splice(at, 1);
    else if (pick(2) === 0) some.splice(at, 0, pick(256));
    else some[at] = pick(256);
  }
  return Uint8Array.from(some);
}
