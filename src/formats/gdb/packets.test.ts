/** Packets as gdb's manual shows them (appendix E.1), and as Debian's gdb sends them. */
import { expect, it } from 'vitest';
import { bytesOfHex, gdbPacket, hexOf, PacketReader } from './packets.ts';

const latin = (text: string): Uint8Array => Uint8Array.from(text, letter => letter.charCodeAt(0));
const read = (text: string, most = 64): string[] =>
  [...new PacketReader(most).push(latin(text))].map(event =>
    event.kind === 'packet' ? String.fromCharCode(...event.data) : `<${event.kind}>`,
  );

it('finds packets, acknowledgements and interrupts among what comes', () => {
  expect(read('+$g#67$m0,4#fd\x03-$?#3F')).toEqual(['<ack>', 'g', 'm0,4', '<interrupt>', '<nak>', '?']);
});

it('asks again for what has another sum, is cut off or too long', () => {
  expect(read('$g#68')).toEqual(['<bad>']);
  expect(read('$g#zz')).toEqual(['<bad>']);
  expect(read('$m0,$g#67')).toEqual(['g']);
  expect(read('$ggg#35', 3)).toEqual(['ggg']);
  expect(read('$ggg#35', 2)).toEqual(['<bad>']);
});

it('takes escaped bytes, and escapes what it sends', () => {
  expect(String.fromCharCode(...gdbPacket(latin('OK')))).toBe('$OK#9a');
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  const [event] = new PacketReader(256).push(gdbPacket(all));
  expect(event).toEqual({ kind: 'packet', data: all });
  // 0x03 in data is data.
  expect(read('$X0,1:\x03#22')).toEqual(['X0,1:\x03']);
});

it('keeps what comes in pieces', () => {
  const reader = new PacketReader(8);
  expect([...reader.push(latin('$q'))]).toEqual([]);
  expect([...reader.push(latin('C#'))]).toEqual([]);
  expect([...reader.push(latin('b4'))]).toEqual([{ kind: 'packet', data: latin('qC') }]);
});

it('reads and writes hexadecimal', () => {
  expect(hexOf(latin('help'))).toBe('68656c70');
  expect(bytesOfHex('68656c70')).toEqual(latin('help'));
  expect([bytesOfHex('6'), bytesOfHex('zz'), bytesOfHex('')?.length]).toEqual([undefined, undefined, 0]);
});
