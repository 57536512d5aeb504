/** Numbers drawn from a seed, the same everywhere. */

/** 0 to below 1, by Marsaglia's xorshift of 32 bits (Journal of Statistical Software 8, 14, 2003). */
export function randomFrom(seed: number): () => number {
  // Seeds that are near each other begin far apart; 0 is no state.
  let state = (Math.imul(seed + 1, 0x9e3779b1) ^ 0x5bd1e995) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}
