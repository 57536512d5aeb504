import { describe, expect, it } from 'vitest';
import { tintOf } from './owners.ts';

describe('tints of guests', () => {
  it('are never shared by ten that live, whatever their ids; what was given stays', () => {
    const living = [1, 2, 3, 11, 12, 21, 22, 31, 41, 51];
    const given = living.map(id => tintOf(id, living));
    expect(new Set(given).size).toBe(10);
    expect(given.slice(0, 3)).toEqual(['A', 'B', 'C']);
    expect(living.map(id => tintOf(id, living.slice(1)))).toEqual(given);
    // The first has gone: who comes then has its tint, though the tenth after it would have had it by its number.
    expect(tintOf(52, [...living.slice(1), 52])).toBe('A');
  });
});
