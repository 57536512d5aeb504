/** Exits by choice: the guest finds no difference, and each is counted. SDM vol. 3C, 25.6. */
import { describe, expect, it } from 'vitest';
import { ExitReason, registers as R } from '../../cpu/architecture/index.ts';
import { assemble } from '../../cpu/assembler/index.ts';
import { loadCompiler, loadLevel } from '../../cpu/index.ts';
import { crc32 } from '../../formats/unpack/index.ts';
import { readState, saveDomain } from '../interfaces/xen/stream/state.ts';
import { exitName } from '../view/exit-reasons.ts';
import { type ExitControls, USUAL_EXIT_CONTROLS } from '../view/exit-controls.ts';
import { MachineView } from '../view/machine-view.ts';
import type { Domain } from './domain.ts';
import { LOAD, longProgram, ports, program, programDomain, runToEnd, startPics } from './program.test-support.ts';
import { statsOf } from './stats.test-support.ts';

const CODE = 0x200,
  ROUNDS = 20,
  TIMER = 0x20,
  [UD, BP, PF, GP, DB] = [6, 3, 14, 13, 1];

/** Whatever may exit, ROUNDS times, under paging, with a timer that interrupts it; what it found goes into a sum. */
const SOURCE = `
  bits 32
  org ${LOAD + CODE}
  directory equ 0x200000
  other equ 0x201000
  sum equ 0x300000
  ticks equ 0x300004
  begin:
  ${[DB, BP, UD, GP, PF].map(vector => `mov eax, vector${vector}\nmov edi, ${vector}\ncall gate`).join('\n')}
  mov eax, tick
  mov edi, ${TIMER}
  call gate
  lidt [idtr]
  mov dword [directory], 0x83
  mov dword [other], 0x83
  mov eax, cr4
  or eax, 0x10
  mov cr4, eax
  mov eax, directory
  mov cr3, eax
  mov eax, cr0
  or eax, 0x80000000
  mov cr0, eax
  ; IRQ 0 alone, counter 0 at 10 kHz
  ${startPics(0xfe, 0xff)}
  ${ports([0x43, 0x34], [0x40, 119], [0x40, 0])}
  sti
  mov ebp, ${ROUNDS}
  again:
  mov eax, other
  mov cr3, eax
  mov ebx, cr3
  add [sum], ebx
  rdtsc
  add [sum], eax
  add [sum], edx
  rdtscp
  add [sum], eax
  add [sum], ecx
  invlpg [sum]
  mov ecx, 0x277
  rdmsr
  wrmsr
  mov ecx, 0x10
  rdmsr
  add [sum], eax
  stc
  ud2
  mov eax, [0x800000]
  int3
  push cs
  push dword 0xfff8
  pop fs
  pop eax
  pushfd
  or dword [esp], 0x100
  popfd
  nop
  pushfd
  and dword [esp], ~0x100
  popfd
  hlt
  dec ebp
  jnz again
  cli
  hlt
  gate:
  mov word [idt + edi * 8], ax
  mov word [idt + edi * 8 + 2], cs
  shr eax, 16
  mov word [idt + edi * 8 + 4], 0x8e00
  mov word [idt + edi * 8 + 6], ax
  ret
  ; what lies on the stack: flags above CS and EIP
  vector${UD}:
  push eax
  mov eax, [esp + 12]
  add [sum], eax
  add dword [esp + 4], 2
  pop eax
  iretd
  vector${PF}:
  push eax
  mov eax, cr2
  add [sum], eax
  mov eax, [esp + 4]
  add [sum], eax
  mov eax, [esp + 16]
  add [sum], eax
  add dword [esp + 8], 5
  pop eax
  add esp, 4
  iretd
  vector${GP}:
  push eax
  mov eax, [esp + 4]
  add [sum], eax
  add dword [esp + 8], 2
  pop eax
  add esp, 4
  add esp, 0
  iretd
  vector${DB}:
  push eax
  mov eax, dr6
  add [sum], eax
  mov eax, [esp + 12]
  add [sum], eax
  pop eax
  iretd
  vector${BP}:
  inc dword [sum]
  iretd
  tick:
  push eax
  inc dword [ticks]
  mov eax, [esp + 4]
  rol dword [sum], 1
  add [sum], eax
  mov al, 0x20
  out 0x20, al
  pop eax
  iretd
  align 8
  idtr: dw ${(TIMER + 1) * 8 - 1}
  dd idt
  align 8
  idt: times ${TIMER + 1} dq 0
`;
const { bytes, problems } = assemble(SOURCE);
const kernel = program([`jmp ${LOAD + CODE}`], { [CODE]: [[...bytes]] });
const guest = (jitThreshold = 0): Domain => programDomain(kernel, { jitThreshold });

/** All that the guest could find: its registers and memory, and how many instructions it took. */
function found(domain: Domain): unknown {
  const memory = new Uint8Array(64 * 2 ** 10);
  domain.memory.read(LOAD, memory);
  const sum = new Uint8Array(8);
  domain.memory.read(0x300000, sum);
  const { regs } = domain.processor;
  return {
    sum: [...sum],
    memory: crc32(memory),
    registers: [...regs.subarray(0, 8), regs[R.EIP], domain.processor.eflags, regs[R.CR2], regs[R.DR + 6]],
    instructions: domain.instructions,
    nowNs: domain.clock.nowNs(),
  };
}

const countsOf = (domain: Domain): Record<string, number> => statsOf(domain).exitsByReason;
const usual = (() => {
  const domain = guest();
  runToEnd(domain, 10_000);
  return { found: found(domain), counts: countsOf(domain) };
})();

describe('exits by choice', () => {
  it('has a guest to try them with', () => {
    expect(problems).toEqual([]);
    const domain = guest();
    runToEnd(domain, 10_000);
    expect(domain.processor.regs[R.EBP]).toBe(0);
    expect(countsOf(domain)).toMatchObject({ HLT: ROUNDS + 1 });
    const ticks = new Uint8Array(4);
    domain.memory.read(0x300004, ticks);
    expect(ticks[0] + ticks[1] * 256).toBeGreaterThanOrEqual(ROUNDS);
  });

  const each: [name: string, Partial<ExitControls>, Record<string, number>][] = [
    ['HLT exiting, off', { hlt: false }, { HLT: 0 }],
    ['INVLPG exiting', { invlpg: true }, { INVLPG: ROUNDS }],
    ['RDTSC exiting', { rdtsc: true }, { RDTSC: ROUNDS, RDTSCP: ROUNDS }],
    // Once before the loop.
    ['CR3-load exiting', { 'cr3-load': true }, { CR_ACCESS: ROUNDS + 1 }],
    ['CR3-store exiting', { 'cr3-store': true }, { CR_ACCESS: ROUNDS }],
    ['MSR bitmap, reads', { msrReads: [0x277, 0x10] }, { RDMSR: 2 * ROUNDS }],
    ['MSR bitmap, writes', { msrWrites: [0x277] }, { WRMSR: ROUNDS }],
    ['exception bitmap, #UD', { exceptions: 1 << UD }, { EXCEPTION_OR_NMI: ROUNDS }],
    ['exception bitmap, #PF', { exceptions: 1 << PF }, { EXCEPTION_OR_NMI: ROUNDS }],
    ['exception bitmap, #GP', { exceptions: 1 << GP }, { EXCEPTION_OR_NMI: ROUNDS }],
    ['exception bitmap, #BP', { exceptions: 1 << BP }, { EXCEPTION_OR_NMI: ROUNDS }],
    [
      'all at once',
      {
        invlpg: true,
        rdtsc: true,
        'cr3-load': true,
        'cr3-store': true,
        msrReads: [0x277, 0x10],
        msrWrites: [0x277],
        exceptions: 0x7ffff,
      },
      { INVLPG: ROUNDS, RDTSC: ROUNDS, CR_ACCESS: 2 * ROUNDS + 1, RDMSR: 2 * ROUNDS, WRMSR: ROUNDS },
    ],
  ];
  it.each(each)('%s: the guest finds no difference, and each is counted', (_name, chosen, counts) => {
    const domain = guest();
    domain.exits.choice.choose({ ...USUAL_EXIT_CONTROLS, ...chosen });
    runToEnd(domain, 10_000);
    const now = countsOf(domain);
    for (const [reason, count] of Object.entries(counts)) expect([reason, now[reason] ?? 0]).toEqual([reason, count]);
    expect(found(domain)).toEqual(usual.found);
    // No other reason counts otherwise.
    for (const reason of Object.keys(usual.counts))
      if (!(reason in counts) && reason !== exitName(ExitReason.PREEMPTION_TIMER) && _name !== 'all at once')
        expect([reason, now[reason]]).toEqual([reason, usual.counts[reason]]);
  });

  it('begin and end at the next instruction, also where the loop is compiled', async () => {
    const create = await loadCompiler();
    const loop = 'mov ebp, 200000; again: rdtsc; dec ebp; jnz again; cli; hlt';
    const domain = programDomain(program([`jmp ${LOAD + CODE}`], { [CODE]: [loop] }), { jitThreshold: 1 });
    domain.processor.regions!.useCompiler(create);
    const stopAt = (instruction: number): void => {
      domain.stopAtInstruction = instruction;
      while (domain.instructions < instruction) domain.runSlice();
    };
    stopAt(300_000);
    expect(domain.processor.regions!.statistics.retired).toBeGreaterThan(100_000);
    domain.exits.choice.choose({ ...USUAL_EXIT_CONTROLS, rdtsc: true });
    // Two before the loop, then RDTSC, DEC and JNZ.
    stopAt(300_033);
    expect(countsOf(domain).RDTSC).toBe(11);
    domain.exits.choice.choose(USUAL_EXIT_CONTROLS);
    domain.stopAtInstruction = Infinity;
    runToEnd(domain, 10_000);
    expect([domain.processor.regs[R.EBP], countsOf(domain).RDTSC]).toEqual([0, 11]);
  });

  it('are emulated in 64-bit code, too, with whole registers and addresses', async () => {
    await loadLevel('x86-64-v2');
    const code = [
      'mov rax, -1; mov rdx, rax; mov rax, cr3; mov cr3, rax; invlpg [rsp]',
      'mov ecx, 0x277; rdmsr; wrmsr; rdtsc; mov r8, rdx; or r8, rax',
      // A page fault below the upper half, which nobody handles.
      'mov ebx, 0x90000000; mov al, [rbx]',
    ];
    const ended = (chosen: Partial<ExitControls>) => {
      const domain = programDomain(longProgram(code), { cpuLevel: 'x86-64-v2' });
      domain.exits.choice.choose({ ...USUAL_EXIT_CONTROLS, ...chosen });
      const { ending } = runToEnd(domain) as { ending: { kind: string } };
      const { regs } = domain.processor,
        words = [R.EAX, R.EBX, R.ECX, R.EDX, R.R8, R.CR2, R.CR3, R.EIP];
      return {
        counts: countsOf(domain),
        end: [ending.kind, domain.instructions, ...words.flatMap(word => [regs[word], regs[word + R.HIGH]])],
      };
    };
    const all = ended({
      invlpg: true,
      rdtsc: true,
      'cr3-load': true,
      'cr3-store': true,
      msrReads: [0x277],
      msrWrites: [0x277],
      exceptions: 1 << PF,
    });
    expect(all.end).toEqual(ended({}).end);
    expect(all.end.slice(-6, -4)).toEqual([0x90000000 | 0, 0]);
    // One more load of CR3 on the way to 64-bit code.
    expect(all.counts).toMatchObject({ CR_ACCESS: 3, INVLPG: 1, RDMSR: 1, WRMSR: 1, RDTSC: 1, EXCEPTION_OR_NMI: 1 });
  });

  it('are in a saved state, and in what others read', () => {
    const chosen: ExitControls = {
      hlt: false,
      invlpg: true,
      rdtsc: true,
      'cr3-load': false,
      'cr3-store': true,
      exceptions: (1 << PF) | (1 << 31),
      msrReads: [0x277, 0xc0000080],
      msrWrites: [0x10],
      pause: false,
      'pause-loop': true,
      'ple-gap': 40,
      'ple-window': 400,
    };
    const domain = guest();
    domain.exits.choice.choose(chosen);
    const seen = ({ options: { machine, record } }: Domain): ExitControls =>
      new MachineView(machine.memory).domain(record.id)!.exitControls();
    expect(seen(domain)).toEqual(chosen);
    for (let i = 0; i < 3; i++) domain.runSlice();
    const again = programDomain(
      kernel,
      { jitThreshold: 0 },
      readState(
        new Uint8Array(Buffer.concat(saveDomain(domain, { name: 'guest', program: 'test', definition: '' }))),
        'guest',
      ),
    );
    expect([seen(again), again.exits.choice.chosen]).toEqual([chosen, chosen]);
    runToEnd(again, 10_000);
    expect(found(again)).toEqual(usual.found);
  });
});
