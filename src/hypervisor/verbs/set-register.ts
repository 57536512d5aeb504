/** A debugger gives a register of a vCPU another value, of 64 bits in two halves. True: it has it. */
import { putFlags, registers as R } from '../../cpu/architecture/index.ts';
import { question } from './verb.ts';

const GENERAL = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13'];
/** State words of what may be changed; no other register can be without more than its value. */
const WORDS: ReadonlyMap<string, number> = new Map([
  ...[...GENERAL, 'r14', 'r15'].map((name, n) => [name, R.generalWord(n)] as const),
  ['rip', R.EIP],
]);
/** Of EFLAGS: CF to RF without IOPL and NT, AC and ID. What decides on rights and modes stays as it was. */
const FLAGS = 0x250fd5;

/** The registers that a debugger may change, by the names of saved-registers.ts. */
export const canSetRegister = (name: string): boolean => name === 'rflags' || WORDS.has(name);

export const setRegister = question({
  apply: ({ domain: { vcpus, processor, remote } }, vcpu: number, name: string, low: number, high: number): boolean => {
    const one = vcpus.all[vcpu],
      at = WORDS.get(name);
    // In the middle of an instruction.
    if (!one || !canSetRegister(name) || (one === vcpus.current && remote?.waiting)) return false;
    const regs = vcpus.registersOf(one);
    if (at === undefined) {
      const before = one === vcpus.current ? processor.eflags : regs[R.EFLAGS]!,
        flags = (before & ~FLAGS) | (low & FLAGS);
      if (one === vcpus.current) processor.eflags = flags;
      else putFlags(regs, flags);
    } else {
      regs[at] = low;
      regs[at + R.HIGH] = high;
    }
    if (one === vcpus.current) processor.reload();
    return true;
  },
  gone: () => false,
});
