import { describe, expect, it } from 'vitest';
import { isViridian, viridianFeatures, VIRIDIAN_GROUPS } from './features.ts';

describe('the groups of xl.cfg(5), viridian', () => {
  it.each<[string[], number]>([
    [['base'], 0b11],
    [['base', 'freq'], 0b1],
    [['defaults'], 0x1865],
    [['defaults', '!crash_ctl'], 0x1825],
    [['all'], 0x1ffd],
    [['all', '!freq'], 0x1fff],
    // The later of a group and its negation counts.
    [['base', '!synic', 'synic'], 0x83],
    [['base', 'synic', '!synic'], 0b11],
    [['base', 'stimer'], 0x187],
    [[], 0],
    [['!base'], 0],
  ])('%s are the bits of HVM_PARAM_VIRIDIAN that libxl sets', (words, bits) => {
    expect(viridianFeatures(words)).toBe(bits);
    if (bits !== 0) expect(isViridian(bits, 0)).toBe(true);
  });

  it('want the base, and names that exist', () => {
    expect(viridianFeatures(['freq'])).toMatch(/base is not among them/);
    expect(viridianFeatures(['defaults', '!base'])).toMatch(/base is not among them/);
    expect(viridianFeatures(['base', 'sinic'])).toMatch(/no group sinic/);
    expect(viridianFeatures(['!'])).toMatch(/no group without a name/);
    expect(VIRIDIAN_GROUPS).toHaveLength(13);
  });
});
