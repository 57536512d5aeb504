import { expect, it } from 'vitest';
import { registers as R } from '../../../cpu/architecture/index.ts';
import type { UndeliveredEvent } from '../../../hypervisor/view/index.ts';
import { causeOf, eventName, gateFields, gateOf, momentsOf, obstacle, tableOf } from './last-moments.ts';

const IDT = 0x8400;

/** A protected-mode vCPU whose memory is these bytes from the table on. */
function fallen(events: readonly UndeliveredEvent[], bytes: Record<number, readonly number[]>, limit = 0x7ff) {
  const regs = new Int32Array(R.STATE_WORDS);
  regs[R.CR0] = 1;
  regs[R.IDTR_BASE] = IDT;
  regs[R.IDTR_LIMIT] = limit;
  const bytesAt = (linear: number, count: number) =>
    Uint8Array.from(bytes[linear] ?? new Array(count).fill(0)).slice(0, count);
  return { regs, bytesAt, undelivered: events };
}
const fault = (vector: number, error?: number, address = 0): UndeliveredEvent => ({
  vector,
  type: 'exception',
  ...(error === undefined ? {} : { error }),
  address,
});
const texts = (state: Parameters<typeof momentsOf>[0]) => momentsOf(state).map(({ head, name }) => `${head}: ${name}`);

it('a selector beyond the GDT and an empty interrupt table: each event with the gate it found', () => {
  const state = fallen([fault(13, 0x28), fault(11, 0x6b), fault(8, 0), fault(11, 0x43)], {
    [IDT + 13 * 8]: [0x40, 0xc0, 8, 0, 0, 0x0e, 0, 0],
  });
  expect(texts(state)).toEqual([
    'first event: #GP(0028)',
    'IDT entry 13: P = 0',
    'second event: #DF(0000)',
    'IDT entry 8: type 00',
    'shutdown: Triple fault',
  ]);
  expect(
    momentsOf(state)
      .filter(({ kind }) => kind === 'gate')
      .map(({ text }) => text),
  ).toEqual(['not present: #NP(006b)', 'no gate: #NP(0043)']);
  expect(gateFields(gateOf(state, 13)).filter(({ isBad }) => isBad)).toEqual([
    { bits: '47', value: '0', says: 'P, not present', isBad: true },
  ]);
});

it('tells whether the whole table is like the gate that stood in the way', () => {
  const absent = [0x40, 0xc0, 8, 0, 0, 0x0e, 0, 0],
    present = [0x40, 0xc0, 8, 0, 0, 0x8e, 0, 0],
    at = (vector: number) => IDT + vector * 8;
  const of = (gates: readonly number[][], limit: number) => {
    const state = fallen([], Object.fromEntries(gates.map((bytes, vector) => [at(vector), bytes])), limit);
    return tableOf(state, gateOf(state, 0));
  };
  expect(of([absent, absent], 15)).toEqual({ gates: 2, present: 0, isAlike: true });
  expect(of([absent, present, absent], 0x17)).toEqual({ gates: 3, present: 1, isAlike: false });
  // The last one is not whole; a limit says more than there are vectors.
  expect(of([absent, absent], 14).gates).toBe(1);
  expect(of([absent], 0xffff).gates).toBe(256);
});

it('a benign event is followed by one that is tried in its turn', () => {
  const state = fallen([fault(6), fault(13, 0x33), fault(13, 0x6b), fault(8, 0), fault(13, 0x43)], {}, 0x2f);
  expect(texts(state)).toEqual([
    'first event: #UD',
    'IDT entry 6: beyond the table’s limit',
    'second event: #GP(0033)',
    'IDT entry 13: beyond the table’s limit',
    'third event: #DF(0000)',
    'IDT entry 8: beyond the table’s limit',
    'shutdown: Triple fault',
  ]);
});

it('tells a page that is not there from a stack without one', () => {
  const present = [0, 0, 8, 0, 0, 0x8e, 0, 0],
    gate = gateOf(fallen([], { [IDT + 14 * 8]: present }), 14);
  expect(obstacle(gate, fault(14, 0, gate.linear))).toBe('its page is not there, 00008470');
  expect(obstacle(gate, fault(14, 2, 0x6ffffc))).toBe('no page for what it pushes or reads, 006ffffc');
  expect(obstacle(gate, fault(13, 8))).toBe('selector 0008 leads to no code that may run');
  expect(obstacle(gate, fault(12, 0))).toBe('no room on the handler’s stack');
});

it('real mode has far addresses, and an interrupt from outside is no exception', () => {
  const state = fallen([{ vector: 0x40, type: 'external', address: 0 }, fault(13), fault(8), fault(13)], {}, 0x1f);
  state.regs[R.CR0] = 0;
  expect(texts(state).slice(0, 2)).toEqual(['first event: interrupt 0x40', 'vector 64: beyond the table’s limit']);
});

it('long mode has gates of 16 bytes, with a stack of their own and an offset of 64 bits', () => {
  const base = -0x700000000000,
    page = 0x2000_0000_0000,
    at = (vector: number) => base + vector * 16;
  const gate = [0x40, 0xc0, 8, 0, 2, 0x8e, 0x20, 0x81, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
  const state = fallen([fault(14, 2, page), fault(14, 0, at(14)), fault(8, 0), fault(13, 0)], {
    [at(14)]: gate,
    [at(8)]: gate,
  });
  state.regs[R.CR0] = 0x80000001 | 0;
  state.regs[R.EFER] = 0x500;
  state.regs[R.IDTR_BASE] = 0;
  state.regs[R.IDTR_BASE + R.HIGH] = 0xffff9000 | 0;
  expect(momentsOf(state).map(({ name, text }) => `${name}: ${text}`)).toEqual([
    '#PF(0002): page fault at 0000200000000000',
    'its page is not there: ffff9000000000e0: #PF(0000)',
    '#DF(0000): two faults in a row make a double fault',
    'its handler is at no canonical address: #GP(0000) instead',
    'Triple fault: exit 2: nothing is left to deliver',
  ]);
  expect(gateFields(gateOf(state, 14)).map(({ bits, value }) => `${bits}: ${value}`)).toEqual([
    '0–15: c040',
    '16–31: 0008',
    '32–34: 2',
    '35–39: 00',
    '40–44: 0e',
    '45–46: 0',
    '47: 1',
    '48–63: 8120',
    '64–95: ffffffff',
    '96–127: 00000000',
  ]);
  // Limits count bytes of such entries; a task gate is none of them.
  expect(tableOf(state, gateOf(state, 14)).gates).toBe(128);
  expect(gateOf(fallen([], {}, 0xe0), 14).isBeyond).toBe(false);
  state.regs[R.IDTR_LIMIT] = 0xee;
  expect(gateOf(state, 14).isBeyond).toBe(true);
  expect(obstacle(gateOf(state, 8), fault(12, 0))).toBe('its stack is at no canonical address');
});

it('without a record there is nothing to tell', () => expect(momentsOf(fallen([], {}))).toEqual([]));

it('says why the first of them came, as far as its error code and the tables tell', () => {
  const state = fallen([], {});
  state.regs[R.GDTR_LIMIT] = 0x1f;
  expect(causeOf(fault(13, 0x28), state)).toBe('selector 0028 is past the GDT’s limit, 001f');
  expect(causeOf(fault(11, 0x18), state)).toBe('not present: selector 0018 of the GDT');
  expect(causeOf(fault(13, 0x2c), state)).toBe('protection: selector 002c of the LDT');
  expect(causeOf(fault(13, 0x6b), state)).toBe('protection: IDT entry 13');
  expect(causeOf(fault(13, 0), state)).toBe('protection');
  expect(causeOf(fault(14, 2, 0xc0001000), state)).toBe('page fault at c0001000');
  expect(causeOf({ vector: 0x40, type: 'external', address: 0 }, state)).toBe('from outside');
  expect(causeOf({ vector: 2, type: 'NMI', address: 0 }, state)).toBe('from outside');
});

it('INT3 is an exception, INT n an interrupt that the program asks for (SDM vol. 3, table 25-17)', () => {
  const state = fallen([], {});
  const told = ([3, 4, 1] as const).map(vector => ({ vector, type: 'software exception', address: 0 }) as const);
  expect(told.map(eventName)).toEqual(['#BP', '#OF', '#DB']);
  expect(told.map(each => causeOf(each, state))).toEqual([
    'breakpoint: INT3 asked for it',
    'overflow: INTO asked for it',
    'debug: INT1 asked for it',
  ]);
  expect([
    eventName({ vector: 0x80, type: 'software interrupt', address: 0 }),
    causeOf({ vector: 0x80, type: 'software interrupt', address: 0 }, state),
  ]).toEqual(['INT 0x80', 'asked for by an instruction']);
});
