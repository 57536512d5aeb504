/** What a reset does to a PC without firmware: with a shutdown code in CMOS 0Fh it is a way back to real mode (IBM AT technical reference), else the PC starts again. */
import { describe, expect, it } from 'vitest';
import { asm, type Code } from '../../cpu/test-support/asm.ts';
import type { PartlessOptions } from '../interfaces/assemble.ts';
import type { Domain } from './domain.ts';
import { createDomain } from '../memory/domain-table.ts';
import { Machine } from '../memory/machine.ts';
import { LOAD, program, programDomain, runToEnd } from './program.test-support.ts';

/** Where the program goes on in real mode; its stack; words that it writes; a word above 1 MiB. */
const TARGET = 0x8000,
  STACK = 0x7000,
  WORDS = 0x9000,
  HIGH = 0x200000;
const PIECE = 0x1000;

const out = (port: number, value: number): Code => [`mov edx, ${port}; mov al, ${value}; out dx, al`];
const setWord = (address: number, value: number): Code => [`mov word [${address}], ${value}`];
/** In protected mode: at LOAD + 0x800 are six zeros. */
const TRIPLE_FAULT: Code = [`lidt [${LOAD + 0x800}]; int3`];
const WAYS: Record<string, { code: Code; board?: true }> = {
  'port 92h, bit 0': { code: out(0x92, 3) },
  'the keyboard controller’s pulse': { code: out(0x64, 0xfe) },
  'the keyboard controller’s output port': { code: [...out(0x64, 0xd1), ...out(0x60, 0xde)] },
  'CF9h, soft': { code: [...out(0xcf9, 0), ...out(0xcf9, 4)] },
  'CF9h, hard': { code: [...out(0xcf9, 2), ...out(0xcf9, 6)], board: true },
  'a triple fault': { code: TRIPLE_FAULT },
};

const keepCmos = (address: number): string => `mov al, 0xf; out 0x70, al; in al, 0x71; mov [${address}], al`;
/** In real mode: all that the test looks at, then the end. */
const lands: Code = [
  'bits 16',
  // CS has the rights of table 9-1 of SDM vol. 3, 93h.
  `mov byte [cs:${WORDS + 14}], 0x5a`,
  `mov [es:${WORDS + 8}], ax; mov ax, ds; xor bx, bx; mov ds, bx; mov [${WORDS}], ax`,
  `mov [${WORDS + 12}], sp; pushf; pop word [${WORDS + 10}]`,
  keepCmos(WORDS + 2),
  `in al, 0x21; mov [${WORDS + 3}], al`,
  `mov al, 0xb; out 0x20, al; in al, 0x20; mov [${WORDS + 4}], al`,
  `inc word [${WORDS + 6}]; mov al, 7; out 0xf4, al; hlt`,
];

/** A kernel in protected mode that sets the code and 40:67, leaves marks in memory and controllers, and resets; the pointer's segment is 0. */
function reset(
  code: number,
  way: Code,
  { pointer = TARGET, before = [] as Code, change = {} as Partial<PartlessOptions> } = {},
): Domain {
  const start: Code = [
    `mov esi, ${LOAD + PIECE}; mov edi, ${TARGET}; mov ecx, 0x100; rep movsb`,
    ...out(0x70, 0x0f),
    ...out(0x71, code),
    ...setWord(0x467, pointer),
    ...setWord(0x469, 0),
    // The timer's request goes into service (poll command); all but it is masked.
    ...out(0x21, 0xfe),
    ...out(0x20, 0x0c),
    'in al, dx',
    ...setWord(WORDS + 6, 41),
    `mov dword [${HIGH}], 0x12345678`,
    ...before,
    ...way,
    'cli; again: hlt; jmp again',
  ];
  const machine = Machine.create(new SharedArrayBuffer(16 * 2 ** 20));
  return programDomain(program(start, { [PIECE]: lands }), { machine, record: createDomain(machine, 4), ...change });
}

function peek(domain: Domain, address: number, bytes = 2): number {
  const into = new Uint8Array(4);
  domain.memory.read(address, into.subarray(0, bytes));
  return new DataView(into.buffer).getUint32(0, true);
}
const landed = (domain: Domain): void =>
  expect(runToEnd(domain)).toMatchObject({ state: 'ended', ending: { kind: 'debug-exit', value: 7 } });

describe('a reset with shutdown code 0Ah goes on at the address in 40:67, in real mode, with memory as it was', () => {
  for (const [name, { code, board }] of Object.entries(WAYS)) {
    it(`by ${name}`, () => {
      const domain = reset(0x0a, code);
      landed(domain);
      expect([peek(domain, WORDS), peek(domain, WORDS + 14, 1)]).toEqual([0x40, 0x5a]);
      // The code counts once.
      expect(peek(domain, WORDS + 2, 1)).toBe(0);
      // The processor's reset leaves the board alone; the board's is RESET of all its chips.
      expect([peek(domain, WORDS + 3, 1), peek(domain, WORDS + 4, 1)]).toEqual(board ? [0, 0] : [0xfe, 1]);
      expect(peek(domain, WORDS + 6)).toBe(42);
      expect(peek(domain, HIGH, 4)).toBe(0x12345678);
    });
  }
});

describe('suspend to RAM (S3: SUS_TYP 1 of the PIIX4) ends at the waking vector of the FACS, in real mode, with memory as it was', () => {
  const FACS_VECTOR = 0xe004c,
    PM_ENABLE = 0x602,
    PM_CONTROL = 0x604;
  const out16 = (port: number, value: number): Code => [`mov edx, ${port}; mov ax, ${value}; out dx, ax`];
  /** The clock's alarm each second, enabled in the clock and as an event; then the vector, and SLP_EN. */
  const sleeps: Code = [
    ...[1, 3, 5].flatMap(register => [...out(0x70, register), ...out(0x71, 0xc0)]),
    ...out(0x70, 0x0b),
    ...out(0x71, 0x22),
    ...out(0x70, 0x0c),
    `mov edx, 0x71; in al, dx; mov dword [${FACS_VECTOR}], ${TARGET}`,
  ];
  const asleep = (enabled: number): Domain => {
    const domain = reset(0, [
      ...sleeps,
      ...out16(PM_ENABLE, enabled),
      ...out16(PM_CONTROL, 0x2401),
      `inc word [${WORDS + 6}]`,
    ]);
    while (!domain.platform.asleep) domain.runSlice();
    return domain;
  };
  const woken = (domain: Domain, by: number): void => {
    landed(domain);
    // Of the processor nothing is left, of the controllers neither; the word behind SLP_EN was not counted.
    expect([peek(domain, WORDS), peek(domain, WORDS + 6), peek(domain, HIGH, 4)]).toEqual([0, 42, 0x12345678]);
    expect(domain.platform.ownBus.readPort(0x600, 2)).toBe(0x8000 | by);
  };

  it('by the clock’s alarm, where RTC_EN says so', () => {
    woken(asleep(0x400), 0x400);
    const deaf = asleep(0);
    for (let i = 0; i < 20; i++) deaf.runSlice();
    expect([deaf.platform.asleep, deaf.ending, deaf.slices.stuck]).toEqual([true, null, false]);
  });

  it('by the power button, and by the hypervisor (xl trigger NAME s3resume)', () => {
    const pressed = asleep(0);
    pressed.platform.pressPowerButton();
    woken(pressed, 0x100);
    const resumed = asleep(0);
    resumed.wake();
    woken(resumed, 0);
  });
});

describe('the other shutdown codes', () => {
  const way = WAYS['port 92h, bit 0'].code;
  const stack = (...words: number[]): Code => words.flatMap((word, i) => setWord(STACK + 2 * i, word));

  it('05h ends the interrupt in service first', () => {
    const domain = reset(0x05, way);
    landed(domain);
    expect([peek(domain, WORDS + 3, 1), peek(domain, WORDS + 4, 1)]).toEqual([0xfe, 0]);
  });

  it('09h returns from a block move: registers and flags from the stack at 40:67', () => {
    // ES, DS, POPA's, IRET's
    const domain = reset(0x09, way, {
      pointer: STACK,
      before: stack(0, 0x1234, 1, 2, 3, 4, 5, 6, 7, 0x4321, TARGET, 0, 0x0400),
    });
    landed(domain);
    expect([
      peek(domain, WORDS),
      peek(domain, WORDS + 8),
      peek(domain, WORDS + 10) & 0x400,
      peek(domain, WORDS + 12),
    ]).toEqual([0x1234, 0x4321, 0x400, STACK + 26]);
  });

  it('0Bh and 0Ch return by IRET and by RETF from the stack at 40:67', () => {
    for (const [code, bytes] of [
      [0x0b, 6],
      [0x0c, 4],
    ]) {
      const domain = reset(code, way, { pointer: STACK, before: stack(TARGET, 0, 2) });
      landed(domain);
      expect(peek(domain, WORDS + 12)).toBe(STACK + bytes);
    }
  });

  it('and none start the machine again, or end it, as its definition says; a triple fault is a crash', () => {
    for (const code of [0x00, 0x04, 0x08, 0x0d, 0xff])
      expect(runToEnd(reset(code, way))).toMatchObject({ state: 'ended', ending: { kind: 'reset' } });
    expect(runToEnd(reset(0, TRIPLE_FAULT))).toMatchObject({ state: 'ended', ending: { kind: 'crash' } });
    let restarts = 0;
    const domain = reset(0, way, { change: { onReset: 'restart', onRestart: () => restarts++ } });
    for (let i = 0; i < 10; i++) domain.runSlice();
    expect(restarts).toBeGreaterThan(1);
  });

  it('are gone when the machine has started again', () => {
    const domain = reset(0x0a, ['jmp $']);
    domain.runSlice();
    expect(domain.platform.shutdownCode).toBe(0x0a);
    domain.power.reset();
    expect(domain.platform.shutdownCode).toBe(0);
  });
});

it('a reset of the processors stops all but the first, and counts instructions on', () => {
  const machine = Machine.create(new SharedArrayBuffer(16 * 2 ** 20));
  const record = createDomain(machine, 4, 1024, { vcpus: 2 });
  // The second one starts at 0x6000, where it jumps to itself.
  const start: Code = [
    `
      mov dword [0x6000], 0xfeeb; mov dword [0xfee00300], 0xc4500
      mov dword [0xfee00300], 0xc4606; mov ecx, 1000
      again: pause; loop again
    `,
  ];
  const domain = reset(0x0a, WAYS['the keyboard controller’s pulse'].code, {
    before: [asm(...start)],
    change: { machine, record },
  });
  landed(domain);
  expect(domain.vcpus.isUp(1)).toBe(false);
  expect(domain.instructions).toBeGreaterThan(2000);
});
