/** A loaded kernel's first instruction. */
import { type Processor, registers as R } from '../../cpu/architecture/index.ts';
import type { EntryState } from '../loader/index.ts';

/** Paging, not write-through and cache disable; protection. RESET sets the two in the middle, and firmware clears them (SDM vol. 3, 9.3). */
const CR0_PG_CD_NW = 0xe0000000,
  CR0_PE = 1;

/** Puts the processor where a loaded kernel starts. Call `reload()` afterwards. */
export function enterKernel(processor: Processor, entry: EntryState): void {
  const { regs } = processor;
  const { registers } = entry;
  const order = [
    registers.eax,
    registers.ecx,
    registers.edx,
    registers.ebx,
    registers.esp,
    registers.ebp,
    registers.esi,
    registers.edi,
  ];
  for (let i = 0; i < 8; i++) regs[i] = order[i];
  regs[R.EIP] = entry.eip;
  regs[R.CR0] = (regs[R.CR0] & ~CR0_PG_CD_NW) | CR0_PE;
  for (const [index, selector, rights] of [
    [R.CS, entry.cs, 0xc09b],
    [R.DS, entry.ds, 0xc093],
    [R.ES, entry.ds, 0xc093],
    [R.SS, entry.ds, 0xc093],
    [R.FS, entry.ds, 0xc093],
    [R.GS, entry.ds, 0xc093],
  ] as const) {
    const at = R.SEG + index * R.SEG_WORDS;
    regs[at + R.SEG_SELECTOR] = selector;
    regs[at + R.SEG_BASE] = 0;
    regs[at + R.SEG_LIMIT] = -1;
    regs[at + R.SEG_RIGHTS] = rights;
  }
  regs[R.GDTR_BASE] = entry.gdt.base;
  regs[R.GDTR_LIMIT] = entry.gdt.limit;
  regs[R.CPL] = 0;
  processor.eflags = 2;
}
