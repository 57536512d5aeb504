/** INT and IRET of real mode against the general ones: the same states from the same states, whatever is unusual in them. */
import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { EVENT_EXTERNAL, EVENT_VALID } from './architecture/edge.ts';
import { EFLAGS, ESP, FA, FB, FK, FR, IDTR_BASE, IDTR_LIMIT, SS, STATE_WORDS } from './architecture/registers.ts';
import { w } from './test-support/asm.ts';
import { Bench, CODE, HANDLERS } from './test-support/bench.ts';
import { mostly, pick } from './test-support/ordinary.ts';

/** How often each was taken: it returned true. */
const taken = vi.hoisted(() => ({ plainRealInterrupt: 0, plainRealReturn: 0 }));
vi.mock('./real-transfers.ts', async original =>
  (await import('./test-support/ordinary.ts')).counted(await original<object>(), taken),
);

const situation = fc.record({
  // One more instruction comes behind.
  instruction: pick('int 0x40', 'int 0x40', 'int3', 'iret', 'iret', 'iretd'),
  external: mostly(false, true),
  flags: fc.nat(0xffff),
  odd: mostly(0, 0x40000, 0x80000, 0x200000),
  trap: mostly(false, true),
  // IP, CS, FLAGS: a set TF takes the general way.
  frame: fc.tuple(
    fc.nat(0xffff),
    fc.nat(0xffff),
    fc.tuple(fc.nat(0xffff), mostly(0, 0x100)).map(([flags, trap]) => (flags & ~0x100) | trap),
  ),
  stack: mostly(0x800, 0x7ff, 4, 6, 0xfffe, 0xfffc, 0xfffa, 0, 0xffc),
  // The second is the page of the code.
  ss: mostly(0x4000, (CODE >> 4) - 0x40, 0xfff0),
  upper: pick(0, 0x12340000),
  limits: fc.tuple(mostly(0x3ff, 0xff, 0x102), mostly(0, 2, 0x1000), mostly(0xffff, -1, 0x7ff), mostly(0x93, 0x4093)),
  window: mostly(false, true),
});

const warm = new Bench(),
  cold = new Bench();
function prepare(bench: Bench, at: typeof situation extends fc.Arbitrary<infer T> ? T : never, full: boolean): void {
  const { R, cpu } = bench;
  bench.bytes.fill(0, 0, 0x110000);
  bench.realMode();
  bench.put(HANDLERS + 0x40 * 8, 'nop; inc ax');
  bench.put(CODE, at.instruction, 'inc ax; inc bx');
  bench.segment(SS, at.ss, at.ss << 4, at.limits[2], at.limits[3]);
  [R[IDTR_LIMIT], R[IDTR_BASE]] = at.limits;
  R[ESP] = at.stack | at.upper;
  at.frame.forEach((word, i) => bench.bytes.set(w(word), (at.ss << 4) + ((at.stack + 2 * i) & 0xffff)));
  cpu.controls.interruptWindow = at.window;
  cpu.eflags = (at.flags & ~0x100) | (at.trap ? 0x100 : 0) | at.odd | 2;
  cpu.reload();
  if (at.external) cpu.inject(EVENT_VALID | EVENT_EXTERNAL | 0x40);
  cpu.flushTlb();
  if (full) for (let page = 0; page < 0x110; page++) cpu.memory.hostWrite(page * 4096);
}
const seen = ({ R, cpu }: Bench, reasons: number[]) => {
  const words = R.slice(0, STATE_WORDS);
  for (const word of [FK, FA, FB, FR, EFLAGS]) words[word] = 0;
  return { reasons, eflags: cpu.eflags, words: [...words], injection: cpu.loop.injection };
};

it('an interrupt or a return does the same with entries in the TLB as without any', () => {
  fc.assert(
    fc.property(situation, at => {
      prepare(warm, at, true);
      prepare(cold, at, false);
      const [one, other] = [warm, cold].map(bench => seen(bench, [bench.cpu.run(1), bench.cpu.run(2)]));
      expect(one).toEqual(other);
      expect(Buffer.from(warm.memory, 0, 0x110000).equals(Buffer.from(cold.memory, 0, 0x110000))).toBe(true);
    }),
    { numRuns: 1200 },
  );
  for (const [name, times] of Object.entries(taken)) expect(times, name).toBeGreaterThan(50);
});
