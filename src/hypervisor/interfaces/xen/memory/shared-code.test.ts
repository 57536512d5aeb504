/** Code in memory that others write: SDM vol. 3, 8.1.3 (cross-modifying code), through grants (xen/include/public/grant_table.h) and foreign mappings. */
import { expect, it } from 'vitest';
import { asm } from '../../../../cpu/test-support/asm.ts';
import { FRAME, FRAME_FLAG } from '../../../layout/layout.ts';
import { Machine } from '../../../memory/machine.ts';
import { GrantTable } from '../grants/grants.ts';
import { Ports } from '../events/ports.ts';
import { ARGS, testGuest } from '../pvh-program.test-support.ts';

const PAGE = 0x30000,
  RESULT = 0x9000,
  STACK = 0x8000,
  PLACE = 0x380000;
const GRANT_TABLE_OP = 20,
  MAP_GRANT_REF = 0,
  UNMAP_GRANT_REF = 1,
  GNTMAP_HOST = 2;
const REF = 8;

/** A calls PAGE again and again and stores what comes back; B is another domain of the same machine. */
function make() {
  const machine = Machine.create(new SharedArrayBuffer(64 * 2 ** 20));
  const a = testGuest({
    machine,
    code: asm(`mov esp, ${STACK}; mov edi, ${PAGE}; again: call edi; mov [${RESULT}], eax; jmp again`),
  });
  const b = testGuest({ machine });
  const mfn = machine.secondStage(a.domain.options.record).mfn(PAGE >>> 12);
  a.domain.memory.write(PAGE, Uint8Array.from(asm('mov eax, 1; ret')));
  const runs = (): number => {
    // Some rounds: what is decoded each time is slow.
    a.domain.stopAtInstruction = a.domain.instructions + 100;
    a.domain.runSlice();
    return a.get(RESULT);
  };
  const frame = (field: number): number => machine.words[machine.frameEntry(mfn) + field];
  return { machine, a, b, mfn, runs, frame };
}

it('a domain runs what another one writes into a granted page, at once', () => {
  const { machine, a, b, runs, frame } = make();
  expect(runs()).toBe(1);
  expect(frame(FRAME.FLAGS) & FRAME_FLAG.CODE).not.toBe(0);
  const table = new GrantTable(new Ports(machine, a.domain.options.record));
  table.grow(1);
  table.grant(REF, b.domain.options.record.id, PAGE >>> 12);
  b.put(ARGS, PLACE, 0, GNTMAP_HOST, REF, a.domain.options.record.id, 0, 0, 0);
  expect([b.call(GRANT_TABLE_OP, MAP_GRANT_REF, ARGS, 1), b.get(ARGS + 16) >>> 16]).toEqual([0, 0]);
  expect(frame(FRAME.SHARED)).toBe(1);
  // B's stores go to memory, and nobody hears of them.
  for (const value of [2, 3, 4]) {
    b.put(PLACE + 1, value);
    expect(runs()).toBe(value);
  }
  const handle = b.get(ARGS + 20);
  b.put(ARGS, PLACE, 0, 0, 0, handle, 0);
  expect([b.call(GRANT_TABLE_OP, UNMAP_GRANT_REF, ARGS, 1), frame(FRAME.SHARED), runs()]).toEqual([0, 0, 4]);
});

it('a domain runs what Domain 0 writes while it has mapped the page', () => {
  const { machine, a, mfn, runs, frame } = make();
  expect(runs()).toBe(1);
  const mapping = a.dom0.mapForeign(a.domain.options.record.id, PAGE >>> 12);
  mapping.bytes[1] = 9;
  expect([runs(), frame(FRAME.SHARED)]).toEqual([9, 1]);
  mapping.bytes[1] = 10;
  expect(runs()).toBe(10);
  mapping.unmap();
  expect([runs(), frame(FRAME.SHARED)]).toEqual([10, 0]);
  // Kept again, so this is nobody's way to change it: the hypervisor's own stores say what they did.
  machine.bytes[mfn * 4096 + 1] = 11;
  expect(runs()).toBe(10);
});
