/** vCPUs that wait for each other without PAUSE, as locks of teaching systems do (xv6: spinlock.c), and others that only look like it. */
import { describe, expect, it } from 'vitest';
import { assemble } from '../../cpu/assembler/index.ts';
import { createDomain } from '../memory/domain-table.ts';
import { Machine } from '../memory/machine.ts';
import { readState, saveDomain, type SavedState } from '../interfaces/xen/stream/state.ts';
import type { Domain } from './domain.ts';
import { LOAD, program, programDomain } from './program.test-support.ts';

/** Words that both vCPUs see. */
const WORDS = 0x9000,
  [LOCK, DONE, LOOPS] = [0, 1, 2],
  TABLE = 0xa000;
const words = `
  locked equ ${WORDS + 4 * LOCK}
  done equ ${WORDS + 4 * DONE}
  loops equ ${WORDS + 4 * LOOPS}
  table equ ${TABLE}
`;
/** Instructions of a critical section, about. */
const SECTION = 3_000;
/** The way of the second vCPU from real mode to `work`. */
const CODE = 0x200,
  START = 0x8000;

/** Both vCPUs run `work` (the first with EBX 0, the other with 1) in flat 32-bit code, on stacks of their own. */
function two(work: string, saved?: SavedState): Domain {
  const source = `
    bits 32
    org ${LOAD + CODE}
    ${words}
    first:
    mov esi, trampoline
    mov edi, ${START}
    mov ecx, 64
    rep movsb
    mov dword [0xfee00310], 1 << 24
    mov dword [0xfee00300], 0x4500
    mov dword [0xfee00300], ${0x4600 | (START >> 12)}
    xor ebx, ebx
    jmp work
    second:
    mov ax, 16
    mov ds, ax
    mov ss, ax
    mov esp, 0x7000
    mov ebx, 1
    work:
    ${work}
    align 8
    gdt: dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
    bits 16
    trampoline:
    cli
    o32 lgdt [cs:gdtr - trampoline]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp dword 8:second
    gdtr: dw 23
    dd gdt
  `;
  const { bytes, problems } = assemble(source);
  expect(problems).toEqual([]);
  const machine = Machine.create(new SharedArrayBuffer(16 * 2 ** 20));
  const record = createDomain(machine, 4, 1024, { vcpus: 2 });
  return programDomain(program([`jmp ${LOAD + CODE}`], { [CODE]: [[...bytes]] }), { machine, record }, saved);
}

function word(domain: Domain, index: number): number {
  const into = new Uint8Array(4);
  domain.memory.read(WORDS + 4 * index, into);
  return new DataView(into.buffer).getUint32(0, true);
}

function runTo(domain: Domain, until: number): Domain {
  domain.stopAtInstruction = until;
  while (domain.instructions < until) domain.runSlice();
  return domain;
}

/** Takes the lock by `acquire`, computes inside it, gives it back, for ever. */
const contend = (acquire: string): string => `
  again:
  call acquire
  mov ecx, ${SECTION / 2}
  inside:
  dec ecx
  jnz inside
  inc dword [done]
  mov dword [locked], 0
  jmp again
  acquire:
  ${acquire}
  ret
`;

const ACQUIRES: Record<string, string> = {
  'XCHG of 1 with 1': `
spin:
  mov eax, 1
  xchg eax, [locked]
  test eax, eax
  jnz spin`,
  'LOCK BTS of a bit that is set': `
spin:
  lock bts dword [locked], 0
  jc spin`,
  'LOCK CMPXCHG that fails': `
  mov edx, 1
spin:
  xor eax, eax
  lock cmpxchg [locked], edx
  jnz spin`,
  'a look before each try': `
spin:
  cmp dword [locked], 0
  jne spin
  lock bts dword [locked], 0
  jc spin`,
  'a function that is called for each try': `
spin:
  push dword locked
  call try
  pop edx
  test eax, eax
  jnz spin
  ret
try:
  mov edx, [esp + 4]
  mov eax, 1
  xchg eax, [edx]`,
};

describe('a vCPU that waits for a lock gives way', () => {
  for (const [name, acquire] of Object.entries(ACQUIRES)) {
    it(`by ${name}: nearly all instructions are those of the lock's holder`, () => {
      const instructions = 250_000,
        domain = runTo(two(contend(acquire)), instructions);
      expect((word(domain, DONE) * SECTION) / instructions).toBeGreaterThan(0.85);
    });
  }
});

describe('a vCPU that gets on keeps its turn', () => {
  const counts = `
    test ebx, ebx
    jz other
  `;
  for (const [name, loop, share] of [
    ['in memory alone', 'again: inc dword [loops]\n jmp again', 2],
    ['in a register alone', 'xor ecx, ecx\nagain: inc ecx\n mov [loops], ecx\n jmp again', 3],
    ['in the x87 alone', 'finit\nfldz\nagain: fld1\n faddp st1, st0\n fist dword [loops]\n jmp again', 4],
  ] as const)
    it(`${name}, however short its loop is`, () => {
      // Three turns of each, which goes on a little for interrupts that stay off.
      const instructions = 312_000,
        domain = runTo(two(`${counts}${loop}\nother: inc dword [done]\n jmp other`), instructions);
      expect((word(domain, DONE) * 2) / instructions).toBeCloseTo(0.5, 1);
      expect((word(domain, LOOPS) * share) / instructions).toBeCloseTo(0.5, 1);
    });
});

/** Looks at a table with interrupts off, as schedulers of teaching systems do (xv6: proc.c), where it finds nothing before the first vCPU puts it there. */
const lookForWork = (also = ''): string => `
  again:
  sti
  nop
  cli
  mov dword [locked], 1
  mov ecx, 200
  look:
  cmp dword [table + ecx * 4], 2
  je found
  dec ecx
  jnz look
  ${also}
  mov dword [locked], 0
  jmp again
  found:
  inc dword [loops]
  mov dword [table + ecx * 4], 0
  jmp again
`;

describe('a vCPU that looks for work, with interrupts on now and then,', () => {
  it('gives way while it finds none', () => {
    const instructions = 400_000,
      domain = runTo(
        two(`test ebx, ebx\njz other\n${lookForWork()}\nother: inc dword [done]\n jmp other`),
        instructions,
      );
    expect((word(domain, DONE) * 2) / instructions).toBeGreaterThan(0.7);
  });

  it('keeps its turn where a turn of the loop leaves something', () => {
    const instructions = 400_000,
      work = `test ebx, ebx\njz other\n${lookForWork('inc dword [loops]')}\nother: inc dword [done]\n jmp other`;
    expect((word(runTo(two(work), instructions), DONE) * 2) / instructions).toBeCloseTo(0.5, 1);
  });

  it('finds some within a turn of another', () => {
    const work = `test ebx, ebx\njz other\n${lookForWork()}
other:
  mov ecx, 200000
delay:
  dec ecx
  jnz delay
  mov dword [table + 40], 2
idle:
  dec ecx
  jmp idle`;
    const domain = two(work);
    expect(word(runTo(domain, 450_000), LOOPS)).toBe(0);
    expect(word(runTo(domain, 600_000), LOOPS)).toBe(1);
  });

  it('has its turn end where interrupts are on, so that it holds no lock then', () => {
    const work = `test ebx, ebx
jz other
${lookForWork('inc dword [loops]')}
other:
  mov eax, [locked]
  add [done], eax
  jmp other`;
    const domain = runTo(two(work), 400_000);
    expect(domain.vcpus.switches).toBeGreaterThan(5);
    expect(word(domain, DONE)).toBe(0);
  });
});

describe('turns fall on the same instructions however the run is cut, saved and restored, also while a loop is watched:', () => {
  const cases = {
    spinning: { work: contend(ACQUIRES['XCHG of 1 with 1']), stop: 60_000, cut: 331 },
    'going round': {
      work: `test ebx, ebx\njz other\n${lookForWork()}\nother: inc dword [done]\n jmp other`,
      stop: 350_000,
      cut: 1_999,
    },
  };
  for (const [name, { work, stop, cut }] of Object.entries(cases))
    it(name, () => {
      const seen = ({ vcpus: { current, switches } }: Domain): number[] => [current.id, switches];
      const whole = runTo(two(work), stop),
        words = (domain: Domain): number[] => [DONE, LOCK].map(index => word(domain, index));
      expect(whole.vcpus.switches).toBeGreaterThan(5);
      const parts = two(work),
        watched: number[] = [];
      for (let at = cut; at < stop; at += cut) {
        runTo(parts, at);
        if (parts.processor.probe !== null) watched.push(at);
      }
      runTo(parts, stop);
      expect([...seen(parts), ...words(parts)]).toEqual([...seen(whole), ...words(whole)]);
      // Saved while two turns of the loop are watched, as the probe tells, and elsewhere.
      let at = watched[0] ?? 999;
      const ends = runTo(two(work), at);
      while (ends.processor.probe === null && at < stop) runTo(ends, (at += 3));
      expect(ends.processor.probe).not.toBeNull();
      for (const domain of [ends, parts]) {
        const chunks = saveDomain(domain, { name: 'two', program: 'test', definition: '' }),
          until = domain === ends ? stop : stop + 20_000;
        const again = runTo(two(work, readState(new Uint8Array(Buffer.concat(chunks)), 'state')), until);
        runTo(whole, until);
        expect([seen(again)[0], ...words(again)]).toEqual([seen(whole)[0], ...words(whole)]);
      }
    });
});
