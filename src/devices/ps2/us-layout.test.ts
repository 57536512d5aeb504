import { describe, expect, it } from 'vitest';
import { strokeOf } from './us-layout.ts';

describe('characters as strokes of a US keyboard', () => {
  it('knows letters, digits and signs', () => {
    expect(strokeOf('a')).toEqual({ code: 'KeyA', shift: false });
    expect(strokeOf('Z')).toEqual({ code: 'KeyZ', shift: true });
    expect(strokeOf('|')).toEqual({ code: 'Backslash', shift: true });
    expect(strokeOf('\n')).toEqual({ code: 'Enter', shift: false });
    for (let code = 32; code < 127; code++)
      expect(strokeOf(String.fromCharCode(code)), String.fromCharCode(code)).toBeDefined();
  });

  it('has none for what the keyboard cannot type', () => {
    expect(strokeOf('ß')).toBeUndefined();
  });
});
