/** vCPUs that wait for each other without PAUSE, as locks of teaching systems do (xv6: spinlock.c), and others that only look like it. */
import { describe, expect, it } from 'vitest';
import { assemble } from '../../cpu/assembler/index.ts';
import { createDomain } from '../memory/domain-table.ts';
import { Machine } from '../memory/machine.ts';
import { readState, saveDomain, type SavedState } from '../stream/state.ts';
import type { Domain } from './domain.ts';
import { LOAD, program, programDomain } from './program.test-support.ts';

/** Words that both vCPUs see. */
const WORDS = 0x9000,
  [LOCK, DONE, LOOPS] = [0, 1, 2];
const words = `
locked equ ${WORDS + 4 * LOCK}
done equ ${WORDS + 4 * DONE}
loops equ ${WORDS + 4 * LOOPS}
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
  // jmp first
  return programDomain(
    program(['e9', [...new Uint8Array(Int32Array.of(CODE - 0x20 - 10).buffer)]], { [CODE]: [[...bytes]] }),
    { machine, record },
    saved,
  );
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
      const instructions = 700_000,
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
      const instructions = 500_000,
        domain = runTo(two(`${counts}${loop}\nother: inc dword [done]\n jmp other`), instructions);
      expect((word(domain, DONE) * 2) / instructions).toBeCloseTo(0.5, 1);
      expect((word(domain, LOOPS) * share) / instructions).toBeCloseTo(0.5, 1);
    });
});

it('turns fall on the same instructions however the run is cut, saved and restored, also while a loop is watched', () => {
  const stop = 120_000,
    work = contend(ACQUIRES['XCHG of 1 with 1']);
  const seen = (domain: Domain): unknown[] => [
    domain.vcpus.current.id,
    domain.vcpus.switches,
    word(domain, DONE),
    word(domain, LOCK),
  ];
  const whole = runTo(two(work), stop);
  expect(whole.vcpus.switches).toBeGreaterThan(5);
  const cut = two(work);
  for (let at = 331; at < stop; at += 331) runTo(cut, at);
  expect(seen(runTo(cut, stop))).toEqual(seen(whole));
  const [id, , ...rest] = seen(whole);
  // While two turns of the loop are watched, as the probe tells, and elsewhere.
  const ends = two(work);
  let at = 999;
  while (runTo(ends, at).processor.probe === null && at < 60_000) at += 3;
  expect(ends.processor.probe).not.toBeNull();
  for (const end of [at, at + 1, at + 2, at + 100]) {
    const chunks = saveDomain(runTo(two(work), end), { name: 'two', program: 'test', definition: '' });
    const again = runTo(two(work, readState(new Uint8Array(Buffer.concat(chunks)), 'state')), stop);
    const [thenId, , ...thenRest] = seen(again);
    expect([thenId, ...thenRest]).toEqual([id, ...rest]);
  }
});
