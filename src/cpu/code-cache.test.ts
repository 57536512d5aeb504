/** Compiled code that a record leads to: how it is installed, and when it goes. */
import { beforeEach, describe, expect, it } from 'vitest';
import { type Entry, linesOf } from './code-cache.ts';
import { OP } from './record.ts';
import { OP_ENTRY } from './record-writer.ts';
import { EAX, ECX, EDI, EIP } from './architecture/registers.ts';
import { JUMP, S_STOP } from './scratch.ts';
import { Bench, CODE } from './test-support/bench.ts';

const bench = new Bench();
const { cpu, R } = bench;
const mfn = CODE >> 12;
let dropped: Entry[];

beforeEach(() => {
  bench.protectedMode();
  dropped = [];
  bench.code('again: inc eax; dec ecx; jne again');
  // What stands in for compiled code: the whole loop at once.
  cpu.writer.functions[OP_ENTRY] = ({ R: registers, S }) => {
    registers[EAX]! += 1000 * registers[ECX]!;
    registers[ECX] = 0;
    registers[EIP] = CODE + 4;
    S[S_STOP] = JUMP;
  };
  again(2);
});

function again(count: number): number {
  R[EIP] = CODE;
  R[EAX] = 0;
  R[ECX] = count;
  bench.run();
  return R[EAX]!;
}

const recordAt = (linear: number): number => cpu.code.PM[cpu.tlb.CP[linear >>> 12]! + (linear & 4095)]!;

function install(sources: Entry['sources'] = [{ mfn, lines: linesOf(0, 4), pieces: [[0, 3]] }]): Entry {
  const entry: Entry = {
    record: recordAt(CODE),
    op: OP_ENTRY,
    sources,
    dropped: () => {
      dropped.push(entry);
    },
  };
  expect(cpu.code.install(entry)).toBe(true);
  return entry;
}

describe('an entry', () => {
  it('runs instead of its record, from every jump that leads there', () => {
    install();
    expect(again(5)).toBe(5000);
    expect(again(3)).toBe(3000);
  });

  it('is one a record, and none on a record that is stale', () => {
    const entry = install();
    expect(cpu.code.install({ ...entry })).toBe(false);
    expect(cpu.code.remove(entry)).toBe(true);
    cpu.code.wrote(CODE, 1);
    expect(cpu.code.install(entry)).toBe(false);
  });

  it('goes by `remove`, which tells nobody', () => {
    const entry = install();
    const own = again(1);
    expect(own).toBe(1000);
    expect(cpu.code.remove(entry)).toBe(true);
    expect(cpu.code.remove(entry)).toBe(false);
    expect(again(5)).toBe(5);
    expect(dropped).toEqual([]);
  });

  it('goes when the guest writes one of its bytes, and stays when it writes another of the line, or another line', () => {
    const entry = install();
    // It writes what stands there, from another frame.
    const store = (at: number) => {
      bench.put(CODE + 0x1000, `mov byte [${at}], 0x49; hlt`);
      R[EIP] = CODE + 0x1000;
      bench.run();
    };
    store(CODE + 0x80);
    store(CODE + 0x40);
    expect(dropped).toEqual([]);
    expect(again(5)).toBe(5000);
    store(CODE + 1);
    expect(dropped).toEqual([entry]);
    expect(again(5)).toBe(5);
  });

  it('goes when a frame further on is written that it was compiled from too, whether it held records or not', () => {
    const entry = install([
      { mfn, lines: 1, pieces: [[0, 3]] },
      { mfn: mfn + 1, lines: 1, pieces: [[0, 0]] },
    ]);
    R[EDI] = CODE + 0x1000;
    R[ECX] = 1;
    bench.put(CODE + 0x2000, 'stosb; hlt');
    R[EIP] = CODE + 0x2000;
    bench.run();
    expect(dropped).toEqual([entry]);
    expect(again(5)).toBe(5);
  });

  it('goes when others write the frame, and when all records are dropped', () => {
    const first = install();
    cpu.invalidate(mfn);
    expect(dropped).toEqual([first]);
    expect(again(5)).toBe(5);
    const second = install();
    cpu.code.dropAll();
    expect(dropped).toEqual([first, second]);
    expect(again(5)).toBe(5);
  });

  it('does not come back over a record that was decoded anew', () => {
    const entry = install();
    const p = entry.record;
    bench.bytes[CODE] = 0x48;
    cpu.code.wrote(CODE, 1);
    expect(dropped).toEqual([entry]);
    expect(again(5)).toBe(-5);
    expect(cpu.code.A[p + OP]).not.toBe(OP_ENTRY);
  });
});

it('names the lines that bytes of a frame touch', () => {
  expect(linesOf(0, 1)).toBe(1);
  expect(linesOf(127, 2)).toBe(3);
  expect(linesOf(4095, 1)).toBe(-0x80000000);
  expect(linesOf(0, 4096)).toBe(-1);
});
