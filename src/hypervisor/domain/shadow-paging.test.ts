/** Shadow page tables under a whole PC: what a guest sees is what it sees with a second stage, and what exits is what SDM vol. 3C, 33.3 has exit. */
import { beforeAll, describe, expect, it } from 'vitest';
import { registers as R } from '../../cpu/architecture/index.ts';
import { loadLevel } from '../../cpu/index.ts';
import { d, w } from '../../cpu/test-support/asm.ts';
import type { PartlessOptions } from '../interfaces/assemble.ts';
import { MachineView } from '../view/machine-view.ts';
import type { Domain } from './domain.ts';
import { interruptGate, LOAD, longProgram, program, programDomain, runToEnd } from './program.test-support.ts';

/** Where the guest's tables lie, each a page; then frames of data, and what its fault handler notes: error code and CR2 of each fault. */
const TABLES = 0x200000,
  OTHER_TABLES = 0x208000,
  WINDOW_TABLE = 0x210000,
  DATA = 0x300000,
  TSS = 0x370000,
  NOTES = 0x380000;
/** More by hand: SHADOW_SEEDS=100 npx vitest run --project shared src/hypervisor/domain/shadow-paging.test.ts */
const SEEDS = Number(process.env.SHADOW_SEEDS ?? 1);
const STACK = 0x37f000,
  PAGES = 8;
const IDT = 0x1000,
  GDT = 0x1c00;
/** The gate of #PF in the table of a 64-bit guest. */
const GATE = NOTES + 0x8000 + 14 * 16;
/** Where a 64-bit guest's steps lie in its image. */
const BODY = 0x800;
const SHADOWED = { shadowFrames: 256 };

/** Numbers below 2^31 from a seed (Park and Miller, 1988). */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return sides => (state = (state * 48271) % 0x7fffffff) % sides;
}

/** What both kinds of tables need. `bytes`: of an entry; `window`: linear address of eight pages; `large`: of a large page; `tables`: where both have their entries for these. */
interface Shape {
  bytes: number;
  window: number;
  large: number;
  directories: readonly { windowAt: number; largeAt: number }[];
  other: number;
  cr3: readonly number[];
  hasUser: boolean;
}

/** Instructions that change tables as SDM vol. 3, 4.10.4 asks, and access what they map, at both levels; each fault is noted and its access left out. */
function* steps(seed: number, count: number, shape: Shape): Generator<string> {
  const roll = dice(seed),
    { bytes, window, large, directories, other, cr3, hasUser } = shape,
    scratch = bytes === 8 && !hasUser ? 'rbp' : 'ebp',
    flags = () => [1, 3, 5, 7, 7, 3, 0][roll(7)] | [0, 0x20, 0x60][roll(3)];
  const invlpg = (linear: number): string => `mov ebx, ${linear}; invlpg [${scratch === 'rbp' ? 'rbx' : 'ebx'}]`;
  for (let step = 0; step < count; step++) {
    const page = roll(PAGES),
      linear = window + page * 4096 + 4 * roll(1024);
    switch (roll(10)) {
      case 0:
      case 1: {
        const entry = DATA + roll(PAGES) * 4096 + flags() + (roll(4) === 0 ? 0x100 : 0);
        yield `mov dword [${WINDOW_TABLE + page * bytes}], ${entry}; ${invlpg(linear)}`;
        break;
      }
      case 2: {
        const entry = WINDOW_TABLE + (flags() | 1);
        yield directories.map(({ windowAt }) => `mov dword [${windowAt}], ${entry}`).join('; ');
        for (let i = 0; i < PAGES; i++) yield invlpg(window + i * 4096);
        break;
      }
      case 3:
        yield `mov eax, ${cr3[roll(cr3.length)]}; mov cr3, ${scratch === 'rbp' ? 'rax' : 'eax'}`;
        break;
      case 4:
        // WP; PGE.
        yield roll(2) === 0
          ? `mov ${scratch}, cr0; xor ebp, 0x10000; mov cr0, ${scratch}`.replace('xor ebp', `xor ${scratch}`)
          : `mov ${scratch}, cr4; xor ${scratch}, 0x80; mov cr4, ${scratch}`;
        break;
      case 5: {
        const entry = (flags() | 1) + 0x80 + (bytes === 8 ? 0x200000 : 0);
        yield directories.map(({ largeAt }) => `mov dword [${largeAt}], ${entry}`).join('; ');
        yield invlpg(large + 0x5000);
        break;
      }
      default: {
        const at = [linear, linear, large + page * 4096 + (bytes === 4 ? DATA : 0x100000), other][roll(4)],
          access = roll(2) === 0 ? `mov eax, [ebx]` : `mov [ebx], ${['eax', 'ecx'][roll(2)]}`;
        const code = scratch === 'rbp' ? access.replace('ebx', 'rbx') : access;
        yield `mov ecx, ${roll(0x7fffffff)}; mov ebx, ${at}`;
        yield hasUser && roll(2) === 0
          ? `push 0x23; push ${STACK - 0x8000}; pushfd; push 0x1b; push u${step}; mov edi, k${step}; iretd; u${step}: ${code}; int 0x80; k${step}: mov esp, ${STACK}`
          : code;
      }
    }
  }
}

/** Kernel of 32-bit code, with PAE or not. */
function guest32(seed: number, isPae: boolean): Uint8Array {
  const bytes = isPae ? 8 : 4,
    span = isPae ? 21 : 22,
    // Directories of PAE lie behind a table of four pointers.
    directory = (tables: number) => tables + (isPae ? 0x1000 : 0),
    entryOf = (tables: number, linear: number) => directory(tables) + (linear >>> span) * bytes,
    window = 0x8000000,
    large = 0xc000000,
    other = 0xe000000;
  const setUp = [TABLES, OTHER_TABLES].flatMap((tables, i) => [
    isPae ? `mov dword [${tables}], ${directory(tables) + 1}` : 'nop',
    ...(isPae
      ? [`mov dword [${directory(tables)}], 0x204007; mov dword [${directory(tables) + 8}], 0x205007`]
      : [`mov dword [${tables}], 0x204007`]),
    `mov dword [${entryOf(tables, other)}], ${WINDOW_TABLE + 0x1007 + i * 0x1000}`,
    `mov dword [${WINDOW_TABLE + 0x1000 + i * 0x1000}], ${DATA + 0x9007 + i * 0x1000}`,
  ]);
  const shape: Shape = {
    bytes,
    window,
    large,
    other,
    directories: [TABLES, OTHER_TABLES].map(tables => ({
      windowAt: entryOf(tables, window),
      largeAt: entryOf(tables, large),
    })),
    cr3: [TABLES, OTHER_TABLES],
    hasUser: true,
  };
  return program(
    [
      `mov edi, 0x204000; mov eax, 7; mov ecx, 1024; fill: mov [edi], eax; add eax, 4096; add edi, ${bytes}; loop fill`,
      ...setUp,
      `mov dword [${TSS + 4}], ${STACK}; mov dword [${TSS + 8}], 0x10; lgdt [${LOAD + GDT - 8}]; lidt [${LOAD + IDT - 8}]`,
      'mov ax, 0x28; ltr ax; mov ax, 0x23; mov ds, ax; mov es, ax',
      `mov eax, ${TABLES}; mov cr3, eax; mov eax, ${isPae ? 0xb0 : 0x90}; mov cr4, eax; mov eax, 0x80010011; mov cr0, eax`,
      `mov esi, ${NOTES}; mov esp, ${STACK}; jmp 8:${LOAD + 0x200}`,
    ],
    {
      0x200: [...steps(seed, 40, shape), 'mov al, 7; out 0xf4, al; hlt'],
      [IDT - 8]: [w(0x407), d(LOAD + IDT)],
      [IDT + 14 * 8]: [interruptGate(0x1b00)],
      [IDT + 0x80 * 8]: [[...interruptGate(0x1b80)].map((byte, i) => (i === 5 ? 0xee : byte))],
      0x1b00: [
        'push eax; mov eax, [esp + 4]; mov [esi], eax; mov eax, cr2; mov [esi + 4], eax; add esi, 8; pop eax; add esp, 4; add dword [esp], 2; iretd',
      ],
      0x1b80: ['jmp edi'],
      [GDT - 8]: [w(0x2f), d(LOAD + GDT)],
      [GDT]: [
        d(0),
        d(0),
        d(0xffff),
        d(0x00cf9b00),
        d(0xffff),
        d(0x00cf9300),
        d(0xffff),
        d(0x00cffb00),
        d(0xffff),
        d(0x00cff300),
        d(((TSS & 0xffff) << 16) | 0x67),
        d(0x00008900 | ((TSS >>> 16) & 0xff)),
      ],
    },
  );
}

/** Kernel of 64-bit code, at level 0: its window lies in the second GiB, past the page of 1 GiB that maps the first. */
function guest64(seed: number): Uint8Array {
  const GIB = 2 ** 30,
    window = GIB + 0x8000000,
    large = GIB + 0xc000000,
    other = GIB + 0xe000000,
    directory = (i: number) => OTHER_TABLES + 0x1000 + i * 0x1000,
    entryOf = (i: number, linear: number) => directory(i) + ((linear >>> 21) & 511) * 8,
    pointers = [TABLES + 0x1000, OTHER_TABLES + 0x4000];
  const setUp = [0, 1].flatMap(i => [
    `mov dword [${pointers[i] + 8}], ${directory(i) + 7}`,
    `mov dword [${entryOf(i, other)}], ${WINDOW_TABLE + 0x1007 + i * 0x1000}`,
    `mov dword [${WINDOW_TABLE + 0x1000 + i * 0x1000}], ${DATA + 0x9007 + i * 0x1000}`,
  ]);
  const shape: Shape = {
    bytes: 8,
    window,
    large,
    other,
    directories: [0, 1].map(i => ({ windowAt: entryOf(i, window), largeAt: entryOf(i, large) })),
    cr3: [TABLES, OTHER_TABLES],
    hasUser: false,
  };
  const body = [
    `mov dword [${OTHER_TABLES}], ${pointers[1] + 3}; mov dword [${pointers[1]}], 0x83`,
    ...setUp,
    `mov eax, handler; mov [${GATE}], ax; mov word [${GATE + 2}], 8; shr eax, 16; mov word [${GATE + 4}], 0x8e00; mov [${GATE + 6}], ax`,
    `mov word [${NOTES + 0x7000}], 0xfff; mov dword [${NOTES + 0x7002}], ${NOTES + 0x8000}; lidt [${NOTES + 0x7000}]`,
    `mov esi, ${NOTES}; mov esp, ${STACK}; xor eax, eax; mov ss, ax`,
    ...steps(seed, 30, shape),
    'mov al, 7; out 0xf4, al; hlt',
    'handler: push rax; mov eax, [rsp + 8]; mov [rsi], eax; mov rax, cr2; mov [rsi + 4], eax; add rsi, 8; pop rax; add rsp, 8; add qword [rsp], 2; iretq',
  ];
  return longProgram([`mov eax, ${LOAD + BODY}; jmp rax`], false, { [BODY]: ['bits 64', ...body] });
}

describe('shadow page tables', () => {
  beforeAll(() => loadLevel('x86-64-v2'));

  it.each([
    ['of 32 bits', (seed: number) => guest32(seed, false), {}],
    ['of PAE', (seed: number) => guest32(seed, true), {}],
    ['of four levels', guest64, { cpuLevel: 'x86-64-v2' as const }],
  ])(
    'a guest with tables %s finds the same registers, faults and memory as with a second stage',
    (_, kernelOf, options) => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const [with2, withShadow] = [{}, SHADOWED].map(shape => run(kernelOf(seed), options, shape));
        expect(with2.ending, `seed ${seed}`).toMatchObject({ kind: 'debug-exit', value: 7 });
        expect(registersOf(withShadow), `seed ${seed}`).toEqual(registersOf(with2));
        expect(notesOf(withShadow), `seed ${seed}`).toEqual(notesOf(with2));
        expect(Buffer.compare(memoryOf(withShadow), memoryOf(with2)), `seed ${seed}`).toBe(0);
      }
    },
  );
});

function run(kernel: Uint8Array, options: Partial<PartlessOptions>, shape: object): Domain {
  const domain = programDomain(kernel, options, undefined, undefined, shape);
  runToEnd(domain);
  return domain;
}

const registersOf = ({ processor: { regs, eflags } }: Domain): number[] => [
  ...regs.subarray(R.EAX, R.EAX + 8),
  regs[R.EIP],
  eflags,
  regs[R.CR0],
  regs[R.CR2],
  regs[R.CR3],
  regs[R.CR4],
];
const memoryOf = (domain: Domain): Buffer =>
  Buffer.concat(Array.from({ length: 1024 }, (_, gfn) => pageOf(domain, gfn)));
const notesOf = (domain: Domain): number[] => [...new Int32Array(pageOf(domain, NOTES >>> 12).slice().buffer)];

function pageOf({ memory, options: { machine } }: Domain, gfn: number): Uint8Array {
  const at = memory.machineOffset(gfn * 4096);
  return at < 0 ? new Uint8Array(4096) : machine.bytes.slice(at, at + 4096);
}

it('is there for readers: the leaf leads where the guest’s tables and the second stage lead, and nothing is filled that nobody used', () => {
  const code = [
      'mov dword [0x4000], 0x83; mov dword [0x4004], 0x83; mov eax, 0x10; mov cr4, eax; mov eax, 0x4000; mov cr3, eax',
      'mov eax, cr0; or eax, 0x80000000; mov cr0, eax; mov byte [0x51fffc], 1; cli; hlt',
    ],
    stateOf = (shape: typeof SHADOWED | object) => {
      const domain = programDomain(program(code), {}, undefined, undefined, shape);
      for (let i = 0; i < 50 && domain.runSlice().state === 'running'; i++);
      const { machine, record } = domain.options;
      return new MachineView(machine.memory).domain(record.id)!.vcpus()[0].look();
    };
  const state = stateOf(SHADOWED),
    used = state.shadow(0x51fffc)!,
    leaf = used.at(-1)!;
  expect(used.map(({ level }) => level)).toEqual([3, 2, 1]);
  // Present, writable, the user's no more than the guest has it, dirty; part of a large page.
  expect(leaf.low & 0x843).toBe(0x843);
  expect(leaf.low >>> 12).toBe(state.translate(0x51fffc).machine >>> 12);
  expect(state.shadow(0x500000)!.at(-1)).toMatchObject({ level: 1, low: 0, high: 0 });
  expect(stateOf({}).shadow(0x51fffc)).toBeUndefined();
});
