import { describe, expect, it } from 'vitest';
import { rulesOf, tintOf } from './owners.ts';

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

  it('are made for the eleventh guest and each after it, a hue of its own', () => {
    const living = Array.from({ length: 24 }, (_, i) => 100 + i),
      given = living.map(id => tintOf(id, living));
    expect(new Set(given).size).toBe(24);
    expect(given.slice(10, 12)).toEqual(['K1', 'K2']);
    const hues = Array.from({ length: 14 }, (_, i) =>
      Number(/--dK\d+:oklch\([\d.]+% [\d.]+ ([\d.]+)\)/.exec(rulesOf(10 + i))![1]),
    ).sort((a, b) => a - b);
    const apart = hues.map((hue, i) => (hues[(i + 1) % hues.length]! - hue + 360) % 360);
    expect(Math.min(...apart)).toBeGreaterThan(12);
    expect(rulesOf(10)).toContain('.c-K1{');
  });
});
