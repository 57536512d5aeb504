/** Words that follow from a seed, so that a run in virtual time repeats itself: Marsaglia's xorshift. Not for secrets. */
export function xorshift(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state;
  };
}
