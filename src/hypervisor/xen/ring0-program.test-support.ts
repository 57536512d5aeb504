/** Programs of guests with descriptor and interrupt tables of their own: what faults is noted in EBX and passed over. */
import { asm, d } from '../../cpu/test-support/bench.ts';
import { type GuestWords, LOAD } from './pvh-program.test-support.ts';

/** Where the tables lie: GDT, IDT, TSS, handlers; and where programs leave results. */
const GDT = 0x30000,
  IDT = 0x31000,
  TSS = 0x32000,
  HANDLERS = 0x33000,
  STACK = 0x36000,
  USER_STACK = 0x38000;
export const RESULTS = 0x40000;

const INVALID_OPCODE = 6,
  GENERAL_PROTECTION = 13;
const KERNEL_CODE = 0x08,
  KERNEL_DATA = 0x10,
  USER_CODE = 0x1b,
  USER_DATA = 0x23,
  TASK = 0x28;
/** INT of a program in ring 3 that has come to its end. */
const THE_END = 0x80;

/** mov ebx, vector; drop an error code; add dword [esp], length; iret */
const passOver = (vector: number, hasCode: boolean, length: number): number[] =>
  asm('bb', d(vector), hasCode ? '83 c4 04' : '', '83 04 24', [length], 'cf');

/** Puts the tables into a guest's memory. `length`: of an instruction that faults. */
export function putTables(guest: GuestWords, length = 2): void {
  guest.put(
    GDT,
    0,
    0,
    0x0000ffff,
    0x00cf9b00,
    0x0000ffff,
    0x00cf9300,
    0x0000ffff,
    0x00cffb00,
    0x0000ffff,
    0x00cff300,
    (TSS << 16) | 0x67,
    0x00008900 | (TSS >>> 16),
  );
  guest.put(TSS, 0, STACK, KERNEL_DATA);
  const handlers: [vector: number, code: number[], dpl: number][] = [
    [INVALID_OPCODE, passOver(INVALID_OPCODE, false, length), 0],
    [GENERAL_PROTECTION, passOver(GENERAL_PROTECTION, true, length), 0],
    [THE_END, asm('fa f4'), 3],
  ];
  for (const [vector, code, dpl] of handlers) {
    const at = HANDLERS + vector * 32;
    guest.domain.memory.write(at, Uint8Array.from(code));
    guest.put(IDT + vector * 8, (KERNEL_CODE << 16) | (at & 0xffff), (at & 0xffff0000) | 0x8e00 | (dpl << 13));
  }
  // Pseudo-descriptors, on their words' upper halves.
  guest.put(GDT + 0xf00, 47 << 16, GDT);
  guest.put(IDT + 0xf00, 0x7ff << 16, IDT);
}

/** Code that loads the tables; what follows it runs in ring 0. */
export const LOAD_TABLES = asm(
  '0f 01 15',
  d(GDT + 0xf02),
  '0f 01 1d',
  d(IDT + 0xf02),
  'b8',
  d(KERNEL_DATA),
  '8e d8 8e c0 8e d0',
  'bc',
  d(STACK),
  'ea',
  d(LOAD + 37),
  '08 00',
  'b8',
  d(TASK),
  '0f 00 d8',
  '31 db',
);

/** Code that goes on in ring 3, where a program ends with END_OF_USER; it must lie at `at`, counted from LOAD. */
export const toRing3 = (at: number): number[] =>
  asm('68', d(USER_DATA), '68', d(USER_STACK), '68', d(2), '68', d(USER_CODE), '68', d(LOAD + at + 26), 'cf');
export const END_OF_USER = asm('cd 80');
/** The whole domain ends. */
export const END = asm('fa f4');

export interface MsrOutcome {
  low: number;
  high: number;
  /** 0, or the vector of the exception. */
  vector: number;
}

/** Code that reads an MSR and leaves EAX, EDX, EBX as result number `i`. */
export const readMsr = (index: number, i: number): number[] =>
  asm('31 c0 31 d2 31 db', 'b9', d(index), '0f 32', result(i));
/** Code that writes one; only EBX counts of result `i`. */
export const writeMsr = (index: number, low: number, high: number, i: number): number[] =>
  asm('31 db', 'b8', d(low), 'ba', d(high), 'b9', d(index), '0f 30', result(i));
/** mov [RESULTS + 16 i], eax, edx, ebx, ecx */
export const result = (i: number): number[] =>
  asm(
    'a3',
    d(RESULTS + 16 * i),
    '89 15',
    d(RESULTS + 16 * i + 4),
    '89 1d',
    d(RESULTS + 16 * i + 8),
    '89 0d',
    d(RESULTS + 16 * i + 12),
  );

export function outcome(guest: GuestWords, i: number): MsrOutcome {
  const at = RESULTS + 16 * i;
  return { low: guest.get(at) >>> 0, high: guest.get(at + 4) >>> 0, vector: guest.get(at + 8) };
}

/** Runs it to its end. */
export function run(guest: GuestWords, slices = 50): void {
  for (let i = 0; i < slices; i++) if (guest.domain.runSlice().state === 'ended') return;
  throw new Error(guest.domain.report('The program did not come to its end.'));
}
