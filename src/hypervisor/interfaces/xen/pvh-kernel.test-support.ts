/** Small kernels of tests: 32-bit code at 1 MiB in an ELF file that has the PVH entry note and nothing else. */
import { asm } from '../../../cpu/test-support/asm.ts';

/** Where tests put structures for hypercalls: behind the code, in memory of its segment. */
export const STRUCTURE = 0x100800;

export function pvhKernel(code: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(0x200 + code.length),
    view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  for (const [at, value] of [
    [16, 2],
    [18, 3],
    [40, 52],
    [42, 32],
    [44, 2],
  ])
    view.setUint16(at, value, true);
  for (const [at, value] of [
    [20, 1],
    [24, 0x100000],
    [28, 52],
  ])
    view.setUint32(at, value, true);
  // PT_LOAD with 4 KiB behind the code, PT_NOTE.
  [1, 0x200, 0x100000, 0x100000, code.length, code.length + 0x1000, 7, 0x1000].forEach((value, i) =>
    view.setUint32(52 + 4 * i, value, true),
  );
  [4, 0x100, 0, 0, 20, 20, 4, 4].forEach((value, i) => view.setUint32(84 + 4 * i, value, true));
  [4, 4, 18, 0x006e6558, 0x100000].forEach((value, i) => view.setUint32(0x100 + 4 * i, value, true));
  bytes.set(code, 0x200);
  return bytes;
}

export const store = (address: number, value: number): number[] => asm(`mov dword [${address}], ${value}`);

/** Text of a multiple of four characters, stored at an address. */
export const storeText = (address: number, text: string): number[] =>
  Array.from({ length: text.length / 4 }, (_, i) =>
    [...text.slice(4 * i, 4 * i + 4)].reduceRight((sum, c) => sum * 256 + c.charCodeAt(0), 0),
  ).flatMap((value, i) => store(address + 4 * i, value));

/** Hypercall `number`. */
export const call = (number: number, first: number, second: number, third = 0): number[] =>
  asm(`mov eax, ${number}; mov ebx, ${first}; mov ecx, ${second}; mov edx, ${third}; vmcall`);

/** console_io write. */
export const say = (text: string): number[] => [...storeText(STRUCTURE, text), ...call(18, 0, text.length, STRUCTURE)];

/** SCHEDOP_shutdown. */
export const shutdown = (reason: number): number[] => [...suspend(reason), ...asm('jmp $')];

/** The same, where the call may come back: reason 2, suspend. */
export const suspend = (reason = 2): number[] => [...store(STRUCTURE, reason), ...call(29, 2, STRUCTURE)];

/** The console's page, and its port, as a toolstack makes them. */
const CONSOLE = 0xfefff000,
  CONSOLE_PORT = 2;

/** Prints once on the PV console: the ring was empty. */
export const print = (text: string): number[] => [
  ...storeText(CONSOLE + 1024, text),
  ...store(CONSOLE + 3084, text.length),
  ...store(STRUCTURE, CONSOLE_PORT),
  ...call(32, 4, STRUCTURE),
];

/** Writes a node of its own in the store; the answer is not looked at. */
export function writeStore(path: string, value: string): number[] {
  const STORE = 0xfeffc000,
    STORE_PORT = 1;
  const payload = `${path}\0${value}`;
  const bytes = payload.length + 16;
  return [
    ...[11, 0, 0, payload.length].flatMap((value, i) => store(STORE + 4 * i, value)),
    ...storeText(STORE + 16, payload.padEnd(Math.ceil(payload.length / 4) * 4, '\0')),
    ...store(STORE + 2052, bytes),
    ...store(STRUCTURE, STORE_PORT),
    ...call(32, 4, STRUCTURE),
  ];
}

/** Waits, yielding, until something is typed at the PV console. */
export const waitForKey = (): number[] => asm('yield:', call(29, 0, 0), `cmp dword [${CONSOLE + 3076}], 0; je yield`);
