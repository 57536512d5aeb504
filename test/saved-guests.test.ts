/** Saved at a random moment, restored in another machine: what the guest checks itself agrees. All fifty: test/guests/saved-at-random.guest.ts. */
import { describe, expect, it } from 'vitest';
import { type Kind, saveAtRandom } from './support/saved-guests.ts';

describe.each(['pvh', 'hvm'] as Kind[])('a %s guest that checksums its memory and counts ticks, among others that compute', kind => {
  it.each([1, 2])('does not notice that it was saved at a random moment (seed %i)', seed => {
    expect(saveAtRandom(kind, seed)).toEqual([]);
  });

  it.each([3, 4])('goes on in another host when it was asked to suspend itself (seed %i)', seed => {
    expect(saveAtRandom(kind, seed, true)).toEqual([]);
  });
});

describe('a paravirtual guest that does so', () => {
  it.each([5, 6])('goes on in another host when it was asked to suspend itself (seed %i)', seed => {
    expect(saveAtRandom('pv', seed, true)).toEqual([]);
  });
});
