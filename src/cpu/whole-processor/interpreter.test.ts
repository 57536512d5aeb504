import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generateInterpreter, generateLong } from '../gen/generate.ts';
import { createProcessor, EAX, EBX, EDX, EIP, ESP, ExitReason, type Processor } from '../index.ts';
import { rows } from '../table/index.ts';
import { asm, asm16, hex, machineCode } from '../test-support/asm.ts';
import { CR0, CS, DS, ES, SEG, SEG_LIMIT, SEG_RIGHTS, SEG_WORDS, SS } from '../architecture/registers.ts';

/** Flat 32-bit protected mode at 0x1000, paging off, stack below 0x9000. */
function flat(code: number[]): { cpu: Processor; memory: Uint8Array } {
  const buffer = new SharedArrayBuffer(1 << 20);
  const p2m = Int32Array.from({ length: 16 }, (_, gfn) => ((gfn + 1) << 12) | 7);
  const cpu = createProcessor({
    memory: buffer,
    stateOffset: 0,
    p2m,
    time: { tscHigh: 0, tsc: retired => retired | 0 },
    doorbell: -1,
  });
  const memory = new Uint8Array(buffer, 4096);
  memory.set(code, 0x1000);
  cpu.regs[CR0] = 0x11;
  for (const segment of [ES, CS, SS, DS]) {
    const at = SEG + segment * SEG_WORDS;
    cpu.regs[at + 1] = 0;
    cpu.regs[at + SEG_LIMIT] = -1;
    cpu.regs[at + SEG_RIGHTS] = segment === CS ? 0xc09b : 0xc093;
  }
  cpu.regs[EIP] = 0x1000;
  cpu.regs[ESP] = 0x9000;
  cpu.reload();
  return { cpu, memory };
}

/** By ModRM, where the assembler takes the short forms. */
const PUSH_EBX = hex('ff f3'),
  POP_EAX = hex('8f c0');

describe('the interpreter', () => {
  it('pushes and pops the register that ModRM.rm names, once the stack is in the TLB', () => {
    const { cpu } = flat(asm('mov ecx, 1000; again:', PUSH_EBX, POP_EAX, 'dec ecx; jnz again; hlt'));
    cpu.regs[EBX] = 0x12345678;
    expect(cpu.run(1e6)).toBe(ExitReason.HLT);
    expect(cpu.regs[EAX]).toBe(0x12345678);
    expect(cpu.regs[ESP]).toBe(0x9000);
  });

  it('retires exactly as many instructions as it is allowed, and goes on where it stopped', () => {
    const { cpu } = flat(asm('again: inc eax; jmp again'));
    for (const limit of [1, 2, 3, 1000, 50_001]) {
      const before = cpu.retired;
      expect(cpu.run(limit)).toBe(ExitReason.PREEMPTION_TIMER);
      expect(cpu.retired - before).toBe(limit);
    }
    expect(cpu.regs[EAX]).toBe(Math.ceil(cpu.retired / 2));
  });

  it('sees an instruction that the loop rewrites, and data beside it, each time', () => {
    const { cpu } = flat(
      machineCode(
        [
          `
            mov ecx, 100
            again: mov [rewritten + 1], ecx; jmp rewritten; nop; nop
            rewritten: mov eax, 0; add ebx, eax; dec ecx; jnz again; hlt
          `,
        ],
        32,
        0x1000,
      ),
    );
    expect(cpu.run(1e6)).toBe(ExitReason.HLT);
    expect(cpu.regs[EBX]).toBe(5050);
  });

  it('sees code that others wrote, once told', () => {
    const { cpu, memory } = flat(asm('again: mov eax, 1; jmp again'));
    cpu.run(1000);
    expect(cpu.regs[EAX]).toBe(1);
    memory[0x1001] = 7;
    cpu.invalidate(2);
    cpu.run(2);
    expect(cpu.regs[EAX]).toBe(7);
  });

  it('keeps instructions apart that begin in one page and end in the next', () => {
    // Two pages whose last instruction straddles: add ebx,0x11223344 at 0x1ffd and add edx,0x55667788 at 0x2ffe; a loop runs both 50 times.
    const { cpu, memory } = flat(machineCode(['mov ecx, 50; jmp 0x1ffd'], 32, 0x1000));
    memory.set(machineCode(['add ebx, 0x11223344; jmp 0x2ffe'], 32, 0x1ffd), 0x1ffd);
    memory.set(machineCode(['add edx, 0x55667788; dec ecx; jnz 0x1ffd; hlt'], 32, 0x2ffe), 0x2ffe);
    cpu.regs[EDX] = 0;
    expect(cpu.run(1e6)).toBe(ExitReason.HLT);
    expect([cpu.regs[EBX], cpu.regs[EDX]]).toEqual([Math.imul(50, 0x11223344), Math.imul(50, 0x55667788)]);
  });

  it('ends soon after the doorbell word changes', () => {
    const buffer = new SharedArrayBuffer(1 << 20);
    const p2m = Int32Array.from({ length: 16 }, (_, gfn) => ((gfn + 1) << 12) | 7);
    const words = new Int32Array(buffer);
    const cpu = createProcessor({
      memory: buffer,
      stateOffset: 0,
      p2m,
      time: {
        tscHigh: 0,
        tsc: () => {
          Atomics.add(words, 2000, 1);
          return 0;
        },
      },
      doorbell: 2000,
    });
    // Real mode: RDTSC rings (the time source does), then an endless loop.
    new Uint8Array(buffer, 4096).set(asm16('rdtsc; jmp $'));
    cpu.regs[SEG + CS * SEG_WORDS + 1] = 0;
    cpu.regs[EIP] = 0;
    cpu.reload();
    expect(cpu.run(1e9)).toBe(ExitReason.EXTERNAL_INTERRUPT);
    expect(cpu.retired).toBeLessThan(1e6);
  });
});

describe('the switch', () => {
  it('and its sisters for 16-bit and 64-bit code stay under 40 KB of bytecode: V8 does not optimise functions above 60 KB', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ringside-'));
    try {
      const names = 'carry, condition, arithmetic';
      const without = (module: string) =>
        module
          .replace(/^import .*$/m, `const [${names}] = [() => 0, () => true, () => 0];`)
          .replace(/^import \{ (.*) \} from .*$/gm, (_, functions: string) =>
            functions
              .split(', ')
              .map(name => `function ${name}() { return true; }`)
              .join('\n'),
          );
      const stub = `
        const words = new Int32Array(64);
        const cpu = { R: words, R8: words, R16: words, A: new Int32Array(64), S: new Int32Array(16), M1: words, M2: words, M4: words,
          tlb: { TR: words, TW: words, TH: words, CP: words, mixer: 0 }, code: { PM: words }, writer: { functions: [() => { cpu.S[0] = 2; }] }, translator: { enter: () => 0 }, mode: {} };
        const loops = `;
      const file = (name: string, module: string, create: string) =>
        writeFileSync(
          join(folder, name),
          `${without(module)}${stub} ${create}(cpu); for (const loop of Object.values(loops)) if (typeof loop === 'function') { cpu.S[1] = 1; loop(12); }`,
        );
      file('interpreter.mjs', generateInterpreter(rows), 'createInterpreter');
      file('long.mjs', generateLong(rows), 'createLongInterpreter');
      for (const [name, module] of [
        ['run', 'interpreter.mjs'],
        ['runNarrow', 'interpreter.mjs'],
        ['runLong', 'long.mjs'],
      ] as const) {
        const printed = execFileSync(
          process.execPath,
          ['--print-bytecode', `--print-bytecode-filter=${name}`, join(folder, module)],
          { encoding: 'utf8', maxBuffer: 1 << 28 },
        );
        const sizes = [...printed.matchAll(/^Bytecode length: (\d+)/gm)].map(match => Number(match[1]));
        const size = Math.max(...sizes);
        expect(size, name).toBeGreaterThan(10_000);
        expect(size, name).toBeLessThan(40_000);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
