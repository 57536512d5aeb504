/** A small program on the whole PC, for tests: a multiboot kernel made of machine code. */
import { asm16, type Code, d, machineCode, w } from '../../cpu/test-support/asm.ts';
import { assembleDomain, type PartlessOptions } from '../interfaces/assemble.ts';
import type { Domain } from './domain.ts';
import type { InterfaceKind } from './guest-interface.ts';
import { createDomain, type DomainShape } from '../memory/domain-table.ts';
import { Machine } from '../memory/machine.ts';
import type { SavedState } from '../interfaces/xen/stream/state.ts';

export const LOAD = 0x100000,
  ENTRY = LOAD + 0x20;
/** Selector of flat code in the table that a multiboot kernel starts with. */
export const CODE_SELECTOR = 8;

/** Bytes of a kernel: a multiboot header, at ENTRY a stack and `code`, other pieces at offsets from LOAD; all of it 32-bit code unless it says `bits 16` or `bits 64`. */
export function program(code: Code, pieces: Record<number, Code> = {}): Uint8Array {
  const image = new Uint8Array(0x2000);
  const view = new DataView(image.buffer);
  const header = [0x1badb002, 0x10000, -(0x1badb002 + 0x10000), LOAD, LOAD, 0, 0, ENTRY];
  header.forEach((word, i) => view.setInt32(i * 4, word | 0, true));
  image.set(machineCode([`mov esp, ${LOAD + image.length}`, ...code], 32, ENTRY), ENTRY - LOAD);
  for (const [offset, piece] of Object.entries(pieces))
    image.set(machineCode(piece, 32, LOAD + Number(offset)), Number(offset));
  return image;
}

/** Where the code of a 64-bit program stands, and how far it lies from there in the upper half, where kernels do: both lead to the same memory. */
export const LONG = LOAD + 0x200,
  UPPER_HALF = -0x8000_0000;
const GDTR = 0x700,
  GDT = 0x708,
  TABLES = 0x200000;

/** Turns long mode on over one page of 1 GiB, at 0 and at UPPER_HALF, and goes on at LONG with `code`; `isHigh`: at UPPER_HALF + LONG, behind a jump of HIGH_JUMP bytes. */
export const longProgram = (code: Code, isHigh = false, pieces: Record<number, Code> = {}): Uint8Array =>
  program(
    [
      `mov dword [${TABLES}], ${TABLES + 0x1003}; mov dword [${TABLES + 0x1000}], 0x83`,
      `mov dword [${TABLES + 8 * 511}], ${TABLES + 0x2003}; mov dword [${TABLES + 0x2000 + 8 * 510}], 0x83`,
      `mov eax, ${TABLES}; mov cr3, eax`,
      'mov eax, cr4; or eax, 0x20; mov cr4, eax; mov ecx, 0xc0000080; rdmsr; or eax, 0x100; wrmsr',
      `mov eax, cr0; or eax, 0x80000000; mov cr0, eax; lgdt [${LOAD + GDTR}]; jmp 8:${LONG}`,
    ],
    {
      [LONG - LOAD]: ['bits 64', ...(isHigh ? [`mov rax, ${UPPER_HALF + LONG + HIGH_JUMP}; jmp rax`] : []), ...code],
      [GDTR]: [w(15), d(LOAD + GDT)],
      [GDT]: [d(0), d(0), d(0xffff), d(0x00af9b00)],
      ...pieces,
    },
  );
export const HIGH_JUMP = 9;

/** Writes bytes to ports. */
export const ports = (...writes: [port: number, value: number][]): string =>
  writes.map(([port, value]) => `mov al, ${value}\nout ${port}, al`).join('\n');

/** Both 8259As, at vectors 20h and 28h, with these masks. */
export const startPics = (mask: number, slaveMask: number): string =>
  ports(
    [0x20, 0x11],
    [0x21, 0x20],
    [0x21, 4],
    [0x21, 1],
    [0xa0, 0x11],
    [0xa1, 0x28],
    [0xa1, 2],
    [0xa1, 1],
    [0x21, mask],
    [0xa1, slaveMask],
  );

/** A gate for an IDT that is part of the program. */
export const interruptGate = (offset: number): number[] => {
  const address = LOAD + offset;
  return [
    address & 255,
    (address >> 8) & 255,
    CODE_SELECTOR,
    0,
    0,
    0x8e,
    (address >> 16) & 255,
    (address >>> 24) & 255,
  ];
};

/** Where another processor starts in real mode: it goes on at `target` in flat code, by the descriptor table at `gdt`. To be copied to a page's beginning. */
export const toProtectedMode = (gdt: number, limit: number, target: number): number[] =>
  asm16(`
    cli; o32 lgdt [cs:gdtr]; mov eax, cr0; or al, 1; mov cr0, eax
    jmp dword ${CODE_SELECTOR}:${target}
    gdtr: dw ${limit}; dd ${gdt}
  `);

/** `saved`: go on there; `guest`: what the program sees of its hypervisor (default: nothing); `shape`: what it has next to 4 MiB of RAM. In virtual time. */
export function programDomain(
  kernel: Uint8Array,
  change: Partial<PartlessOptions> = {},
  saved?: SavedState,
  guest?: InterfaceKind,
  shape: DomainShape = {},
): Domain {
  const machine = Machine.create(new SharedArrayBuffer(16 * 2 ** 20));
  const record = createDomain(machine, 4, 0, shape);
  const options: PartlessOptions = {
    machine,
    record,
    memoryMiB: 4,
    boot: { kind: 'kernel', kernel, name: 'program', cmdline: '' },
    startEpochMs: 0,
    onReset: 'end',
    onTripleFault: 'end',
    serial: () => {},
    ...change,
  };
  return assembleDomain(options, saved, guest);
}

/** Runs slices until the domain ends or waits for ever; what it said last. */
export function runToEnd(domain: Domain, slices = 100): ReturnType<Domain['runSlice']> {
  let result = domain.runSlice();
  for (
    let i = 0;
    i < slices && (result.state === 'running' || (result.state === 'parked' && result.untilNs !== Infinity));
    i++
  )
    result = domain.runSlice();
  return result;
}
