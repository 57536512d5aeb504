import { describe, expect, it } from 'vitest';
import { HeldKeys } from './keys.ts';

function keyboard() {
  const sent: string[] = [];
  return { sent, keys: new HeldKeys((code, down) => sent.push(`${down ? '+' : '-'}${code}`)) };
}

describe('the way out of a screen', () => {
  it('is left Ctrl and left Alt, pressed and released with nothing between', () => {
    const { sent, keys } = keyboard();
    keys.down('ControlLeft');
    keys.down('AltLeft');
    expect(keys.up('AltLeft')).toBe(true);
    expect(sent).toEqual(['+ControlLeft', '+AltLeft', '-AltLeft', '-ControlLeft']);
  });

  it('is not AltGr, which Windows sends as left Ctrl and right Alt', () => {
    const { keys } = keyboard();
    keys.down('ControlLeft');
    keys.down('AltRight');
    expect(keys.up('AltRight')).toBe(false);
    expect(keys.up('ControlLeft')).toBe(false);
  });

  it('is not Ctrl+Alt+Delete', () => {
    const { keys } = keyboard();
    keys.down('ControlLeft');
    keys.down('AltLeft');
    keys.down('Delete');
    expect([keys.up('Delete'), keys.up('AltLeft'), keys.up('ControlLeft')]).toEqual([false, false, false]);
  });

  it('survives key repeat', () => {
    const { keys } = keyboard();
    keys.down('ControlLeft');
    keys.down('AltLeft');
    keys.down('AltLeft');
    expect(keys.up('ControlLeft')).toBe(true);
  });
});

describe('held keys', () => {
  it('are all released when the window loses the focus', () => {
    const { sent, keys } = keyboard();
    keys.down('ShiftLeft');
    keys.down('KeyA');
    keys.releaseAll();
    expect(sent.slice(2)).toEqual(['-ShiftLeft', '-KeyA']);
    expect(keys.up('KeyA')).toBe(false);
    expect(sent).toHaveLength(4);
  });
});
