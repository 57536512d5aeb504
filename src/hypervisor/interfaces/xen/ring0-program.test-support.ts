/** Programs of guests with descriptor and interrupt tables of their own: what faults is noted in EBX and passed over. */
import { asm, machineCode } from '../../../cpu/test-support/asm.ts';
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

/** Notes the vector in EBX, drops an error code and goes on behind the instruction. */
const passOver = (vector: number, hasCode: boolean, length: number): number[] =>
  asm(`mov ebx, ${vector}`, hasCode ? 'add esp, 4' : '', `add dword [esp], ${length}; iret`);

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
    [THE_END, asm('cli; hlt'), 3],
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
export const LOAD_TABLES = machineCode(
  [
    `
      lgdt [${GDT + 0xf02}]; lidt [${IDT + 0xf02}]
      mov eax, ${KERNEL_DATA}; mov ds, ax; mov es, ax; mov ss, ax; mov esp, ${STACK}
      jmp ${KERNEL_CODE}:flat
      flat: mov eax, ${TASK}; ltr ax; xor ebx, ebx
    `,
  ],
  32,
  LOAD,
);

/** Code that goes on in ring 3, where a program ends with END_OF_USER; it must lie at `at`, counted from LOAD. */
export const toRing3 = (at: number): number[] =>
  machineCode(
    [`push ${USER_DATA}; push ${USER_STACK}; push 2; push ${USER_CODE}; push user; iret; user:`],
    32,
    LOAD + at,
  );
export const END_OF_USER = asm('int 0x80');
/** The whole domain ends. */
export const END = asm('cli; hlt');

export interface MsrOutcome {
  low: number;
  high: number;
  /** 0, or the vector of the exception. */
  vector: number;
}

/** Code that reads an MSR and leaves EAX, EDX, EBX as result number `i`. */
export const readMsr = (index: number, i: number): number[] =>
  asm(`xor eax, eax; xor edx, edx; xor ebx, ebx; mov ecx, ${index}; rdmsr`, result(i));
/** Code that writes one; only EBX counts of result `i`. */
export const writeMsr = (index: number, low: number, high: number, i: number): number[] =>
  asm(`xor ebx, ebx; mov eax, ${low}; mov edx, ${high}; mov ecx, ${index}; wrmsr`, result(i));
/** Code that leaves EAX, EDX, EBX, ECX as result `i`. */
export const result = (i: number): number[] =>
  asm(
    `
      mov [${RESULTS + 16 * i}], eax; mov [${RESULTS + 16 * i + 4}], edx
      mov [${RESULTS + 16 * i + 8}], ebx; mov [${RESULTS + 16 * i + 12}], ecx
    `,
  );

export function outcome(guest: GuestWords, i: number): MsrOutcome {
  const at = RESULTS + 16 * i;
  return { low: guest.get(at) >>> 0, high: guest.get(at + 4) >>> 0, vector: guest.get(at + 8) };
}

/** Runs it to its end. */
export function run(guest: GuestWords, slices = 50): void {
  for (let i = 0; i < slices; i++) if (guest.domain.runSlice().state === 'ended') return;
  throw new Error(guest.domain.power.report('The program did not come to its end.'));
}
