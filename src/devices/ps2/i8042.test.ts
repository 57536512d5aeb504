import { beforeEach, describe, expect, it } from 'vitest';
import { TestLine, TestTimers } from '../testing.ts';
import { I8042 } from './i8042.ts';
import { knownKeys, set2, translate } from './scancodes.ts';

// Promises are those of the IBM PS/2 Hardware Interface Technical Reference.
let timers: TestTimers;
let irq1: TestLine;
let irq12: TestLine;
let resets: number;
let a20: boolean[];
let kbc: I8042;
const data = (value: number) => kbc.dataPorts.write(0, value, 1);
const command = (value: number) => kbc.commandPorts.write(0, value, 1);
const status = () => kbc.commandPorts.read(0, 1);
/** Reads what arrives within 50 ms. */
const receive = () => {
  const bytes: number[] = [];
  for (let i = 0; i < 50; i++) {
    timers.advanceMs(1);
    if (status() & 1) bytes.push(kbc.dataPorts.read(0, 1));
  }
  return bytes;
};
const keyboard = (...bytes: number[]) =>
  bytes.flatMap(byte => {
    data(byte);
    return receive();
  });
const mouse = (...bytes: number[]) =>
  bytes.flatMap(byte => {
    command(0xd4);
    data(byte);
    return receive();
  });
const setCommandByte = (value: number) => {
  command(0x60);
  data(value);
};

beforeEach(() => {
  timers = new TestTimers();
  irq1 = new TestLine();
  irq12 = new TestLine();
  resets = 0;
  a20 = [];
  kbc = new I8042(
    timers,
    irq1,
    irq12,
    () => resets++,
    open => a20.push(open),
  );
});

describe('keyboard controller', () => {
  it('self test gives 0x55, interface tests 0', () => {
    for (const [test, answer] of [
      [0xaa, 0x55],
      [0xab, 0],
      [0xa9, 0],
    ]) {
      command(test);
      expect(status() & 1).toBe(1);
      expect(kbc.dataPorts.read(0, 1)).toBe(answer);
      expect(status() & 1).toBe(0);
    }
  });

  it('status bit 3 tells a command from data', () => {
    command(0xae);
    expect(status() & 8).toBe(8);
    setCommandByte(0x47);
    expect(status() & 8).toBe(0);
  });

  it('stores 32 bytes of RAM; the command byte is the first', () => {
    command(0x65);
    data(0x99);
    command(0x25);
    expect(kbc.dataPorts.read(0, 1)).toBe(0x99);
    setCommandByte(0x43);
    command(0x20);
    expect(kbc.dataPorts.read(0, 1)).toBe(0x43);
  });

  it('the looped-back byte of 0xD3 comes from the mouse’s side with its status bit and IRQ 12', () => {
    setCommandByte(0x02);
    command(0xd3);
    data(0x5a);
    expect(status() & 0x21).toBe(0x21);
    expect(irq12.level).toBe(true);
    expect(kbc.dataPorts.read(0, 1)).toBe(0x5a);
    expect(irq12.level).toBe(false);
    expect(irq1.rises).toBe(0);
  });

  it('0xA7 and 0xA8 disable and enable the mouse, visible in the command byte', () => {
    command(0xa7);
    command(0x20);
    expect(kbc.dataPorts.read(0, 1) & 0x20).toBe(0x20);
    command(0xa8);
    command(0x20);
    expect(kbc.dataPorts.read(0, 1) & 0x20).toBe(0);
  });

  it('0xFE pulses the reset line; so do output port bit 0 low and a rise of bit 0 of port 0x92', () => {
    command(0xfe);
    command(0xd1);
    data(0x02);
    kbc.port92.write(0, 0x01, 1);
    expect(resets).toBe(3);
    command(0xff);
    expect(resets).toBe(3);
  });

  it('A20 by the output port and by port 0x92 is one gate', () => {
    command(0xd1);
    data(0x01);
    expect(kbc.a20).toBe(false);
    expect(kbc.port92.read(0, 1) & 2).toBe(0);
    kbc.port92.write(0, 2, 1);
    expect(kbc.a20).toBe(true);
    command(0xd0);
    expect(kbc.dataPorts.read(0, 1) & 2).toBe(2);
    expect(a20).toEqual([false, true]);
    kbc.port92.write(0, 0, 1);
    kbc.reset();
    expect(a20.slice(2)).toEqual([false, true]);
  });
});

describe('keyboard', () => {
  it('answers reset, identify and echo', () => {
    setCommandByte(0x00);
    expect(keyboard(0xff)).toEqual([0xfa, 0xaa]);
    expect(keyboard(0xf2)).toEqual([0xfa, 0xab, 0x83]);
    expect(keyboard(0xee)).toEqual([0xee]);
    expect(keyboard(0xfe)).toEqual([0xee]);
    expect(keyboard(0x01)).toEqual([0xfe]);
  });

  it('takes the LEDs', () => {
    expect(keyboard(0xed, 0x05)).toEqual([0xfa, 0xfa]);
    expect(kbc.keyboard.leds).toBe(5);
  });

  it('is in set 2 after reset and sends the sets it is told', () => {
    setCommandByte(0x00);
    expect(keyboard(0xf0, 0)).toEqual([0xfa, 0xfa, 2]);
    const type = (code: string) => {
      kbc.keyboard.key(code, true);
      kbc.keyboard.key(code, false);
      return receive();
    };
    expect(type('ArrowUp')).toEqual([0xe0, 0x75, 0xe0, 0xf0, 0x75]);
    keyboard(0xf0, 1);
    expect(type('ArrowUp')).toEqual([0xe0, 0x48, 0xe0, 0xc8]);
    keyboard(0xf0, 3);
    expect(type('ArrowUp')).toEqual([0x63]);
    expect(type('ShiftLeft')).toEqual([0x12, 0xf0, 0x12]);
    keyboard(0xf8);
    expect(type('ArrowUp')).toEqual([0x63, 0xf0, 0x63]);
  });

  it('translated: Print Screen, Pause, right Control, F7', () => {
    const type = (code: string, down: boolean) => {
      kbc.keyboard.key(code, down);
      return receive();
    };
    expect(type('PrintScreen', true)).toEqual([0xe0, 0x2a, 0xe0, 0x37]);
    expect(type('PrintScreen', false)).toEqual([0xe0, 0xb7, 0xe0, 0xaa]);
    expect(type('Pause', true)).toEqual([0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5]);
    expect(type('Pause', false)).toEqual([]);
    expect(type('ControlRight', true)).toEqual([0xe0, 0x1d]);
    expect(type('ControlRight', false)).toEqual([0xe0, 0x9d]);
    expect(type('F7', true)).toEqual([0x41]);
  });

  it('translates the main block to the codes of an XT keyboard', () => {
    const row =
      'Escape Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 Minus Equal Backspace Tab KeyQ KeyW KeyE KeyR KeyT' +
      ' KeyY KeyU KeyI KeyO KeyP BracketLeft BracketRight Enter ControlLeft KeyA KeyS KeyD KeyF KeyG KeyH KeyJ KeyK KeyL Semicolon Quote' +
      ' Backquote ShiftLeft Backslash KeyZ KeyX KeyC KeyV KeyB KeyN KeyM Comma Period Slash ShiftRight NumpadMultiply AltLeft Space' +
      ' CapsLock F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 NumLock ScrollLock Numpad7 Numpad8 Numpad9 NumpadSubtract Numpad4 Numpad5 Numpad6' +
      ' NumpadAdd Numpad1 Numpad2 Numpad3 Numpad0 NumpadDecimal';
    // IBM PC/XT: these 83 keys are numbered 1 to 83 in this order.
    row
      .split(' ')
      .forEach((code, i) =>
        expect(translate(set2(code, true, { alt: false, control: false, shift: false })[0]), code).toBe(i + 1),
      );
  });

  it('gives every key a make code of its own', () => {
    const codes = knownKeys.map(code => set2(code, true, { alt: false, control: false, shift: false }).join());
    expect(new Set(codes).size).toBe(codes.length);
  });

  it('holds keys back while disabled by 0xF5 or by the controller', () => {
    keyboard(0xf5);
    kbc.keyboard.key('KeyA', true);
    expect(receive()).toEqual([]);
    keyboard(0xf4);
    command(0xad);
    kbc.keyboard.key('KeyA', true);
    expect(receive()).toEqual([]);
    command(0xae);
    expect(receive()).toEqual([0x1e]);
  });

  it('keeps what is typed faster than the guest reads, in order', () => {
    setCommandByte(0x10);
    for (let i = 0; i < 20; i++)
      for (const code of ['KeyA', 'KeyB']) for (const down of [true, false]) kbc.keyboard.key(code, down);
    setCommandByte(0x00);
    const bytes = [...receive(), ...receive(), ...receive()];
    expect(bytes).toEqual(new Array(20).fill([0x1c, 0xf0, 0x1c, 0x32, 0xf0, 0x32]).flat());
  });
});

describe('mouse', () => {
  beforeEach(() => setCommandByte(0x03));

  it('resets to a plain mouse', () => {
    expect(mouse(0xff)).toEqual([0xfa, 0xaa, 0x00]);
    expect(mouse(0xf2)).toEqual([0xfa, 0x00]);
    expect(mouse(0xe9)).toEqual([0xfa, 0x00, 2, 100]);
  });

  it('reports movement once enabled: y up is positive, sign bits in the first byte', () => {
    kbc.mouse.move(1, 1, 0, 0);
    expect(receive()).toEqual([]);
    mouse(0xff, 0xf4);
    kbc.mouse.move(5, -3, 0, 1);
    expect(receive()).toEqual([0x08 | 0x20 | 1, 5, 0xfd]);
    kbc.mouse.move(0, 0, 0, 0);
    expect(receive()).toEqual([0x08, 0, 0]);
    expect(irq12.rises).toBeGreaterThan(0);
  });

  it('splits a movement that is too large for one packet', () => {
    mouse(0xf4);
    kbc.mouse.move(300, 0, 0, 0);
    expect(receive()).toEqual([8, 255, 0, 8, 45, 0]);
  });

  it('becomes an IntelliMouse by the rates 200, 100, 80 and Explorer by 200, 200, 80', () => {
    mouse(0xf3, 200, 0xf3, 100, 0xf3, 80);
    expect(mouse(0xf2)).toEqual([0xfa, 3]);
    mouse(0xf4);
    kbc.mouse.move(0, 0, -1, 0);
    expect(receive()).toEqual([8, 0, 0, 0xff]);
    mouse(0xf3, 200, 0xf3, 200, 0xf3, 80);
    expect(mouse(0xf2)).toEqual([0xfa, 4]);
    kbc.mouse.move(0, 0, 1, 0x10);
    expect(receive()).toEqual([8, 0, 0, 0x21]);
  });

  it('remote mode answers when read; wrap mode echoes', () => {
    mouse(0xf0);
    kbc.mouse.move(7, 0, 0, 0);
    expect(receive()).toEqual([]);
    expect(mouse(0xeb)).toEqual([0xfa, 8, 7, 0]);
    mouse(0xee);
    expect(mouse(0x55)).toEqual([0x55]);
    expect(mouse(0xec)).toEqual([0xfa]);
  });

  it('says error to a bad argument', () => {
    expect(mouse(0xe8, 4)).toEqual([0xfa, 0xfc]);
    expect(mouse(0xf3, 33)).toEqual([0xfa, 0xfc]);
  });
});
