/** Small guests in machine code: multiboot kernels that do one thing. */
import type { Boot } from '../../hypervisor/index.ts';

const LOAD = 0x100000,
  ENTRY = LOAD + 0x20;
/** Words that the guests count in, and where the host reads them. */
export const COUNT = 0x9000;

type Code = (string | number[])[];
const d = (value: number): number[] => [0, 8, 16, 24].map(shift => (value >>> shift) & 255);
const bytes = (code: Code): number[] =>
  code.flatMap(part => (typeof part === 'string' ? part.split(' ').flatMap(hex => (hex.match(/../g) ?? []).map(byte => parseInt(byte, 16))) : part));

function kernel(name: string, code: Code, pieces: Record<number, Code> = {}): Boot {
  const image = new Uint8Array(0x2000);
  const view = new DataView(image.buffer);
  [0x1badb002, 0x10000, -(0x1badb002 + 0x10000), LOAD, LOAD, 0, 0, ENTRY].forEach((word, i) => view.setInt32(4 * i, word | 0, true));
  // mov esp, end
  image.set(bytes(['bc', d(LOAD + image.length), ...code]), ENTRY - LOAD);
  for (const [offset, piece] of Object.entries(pieces)) image.set(bytes(piece), Number(offset));
  return { kind: 'kernel', kernel: image, name, cmdline: '' };
}

/** Counts for ever. */
export const hog = (): Boot => kernel('hog', ['ff 05', d(COUNT), 'eb f8']);

/** `rounds` times `body`, with ECX counting down; then isa-debug-exit. */
export const loop = (body: string, rounds: number): Boot => {
  const inner = bytes([body]);
  return kernel('loop', ['b9', d(rounds), inner, '49 75', [(256 - inner.length - 3) & 255], 'b0 00 e6 f4 f4']);
};

const HANDLER = 0x200,
  IDTR = 0x300,
  IDT = 0x1000,
  VECTOR = 0x20;
const ports = (...writes: [port: number, value: number][]): Code => writes.map(([port, value]) => [0xb0, value, 0xe6, port]);
const gate = (address: number): Code => [[address & 255, (address >> 8) & 255, 8, 0, 0, 0x8e, (address >> 16) & 255, (address >>> 24) & 255]];

/** Sleeps until the timer's tick, a hundred times a second, and works for some tenths of a millisecond then. */
export const sleeper = (): Boot =>
  kernel(
    'sleeper',
    [
      '0f 01 1d', d(LOAD + IDTR),
      ...ports([0x20, 0x11], [0x21, VECTOR], [0x21, 4], [0x21, 1], [0x21, 0xfe], [0x43, 0x34], [0x40, 11932 & 255], [0x40, 11932 >> 8]),
      // sti; hlt; mov ecx, n; loop; jmp to hlt
      'fb f4 b9', d(10_000), 'e2 fe eb f6',
    ],
    {
      // inc [count]; push eax; EOI; pop eax; iret
      [HANDLER]: ['ff 05', d(COUNT), '50', ...ports([0x20, 0x20]), '58 cf'],
      [IDTR]: [[0xff, 0x07], d(LOAD + IDT)],
      [IDT + 8 * VECTOR]: gate(LOAD + HANDLER),
    },
  );
