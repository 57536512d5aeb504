/**
 * Cases of the first switch for instructions that functions of src/cpu/fpu run: what is ordinary is done here or by a function of fpu/hot.ts, anything else
 * is left to the row's own function.
 */
import { HOT_X87, HOT_X87_READS, HOT_X87_WRITES, type HotCase, hotX87Case } from '../fpu/hot.ts';
import { CR0, CR4, XMM } from '../architecture/registers.ts';
import type { Row } from '../table/row.ts';
import type { Value } from './emitter.ts';
import { miss, NEXT_RECORD, record } from './record.ts';
import { WIDE_ADDRESS } from './wide.ts';

const address = (table: 'TR' | 'TW', bytes: number): string => `t = ${WIDE_ADDRESS}; if (${miss(table, 't', bytes)}) break;`;
const words = (word: (i: number) => string): string => [0, 1, 2, 3].map(word).join(' ');

/** A move of 16 aligned bytes, where SSE may be used: CR0.EM and TS clear, CR4.OSFXSR set. */
const move128 = (table: 'TR' | 'TW', word: (register: Value, cell: Value) => string): string =>
  `if ((R[${CR0}] & 12) !== 0 || (R[${CR4}] & 512) === 0) break; ${address(table, 16)} h = (e ^ t) >>> 2; q = (${record.dst} << 2) + ${XMM}; ${
    words(i => word(`R[q + ${i}]`, `M4[h + ${i}]`))} ${NEXT_RECORD}`;
const LOAD_128 = move128('TR', (register, cell) => `${register} = ${cell};`);
const STORE_128 = move128('TW', (register, cell) => `${cell} = ${register};`);

/** x87, by functions of fpu/hot.ts, which return false for whatever is not ordinary. */
const onRegisters = (run: string): string => `if (!${run}(R, A, S, p)) break; ${NEXT_RECORD}`;
const onMemory = (run: string, table: 'TR' | 'TW'): string => `${address(table, 4)} if (!${run}(R, A, S, p, M4, (e ^ t) >>> 2, t)) break; ${NEXT_RECORD}`;
const X87 = Object.fromEntries([
  ...Object.entries(HOT_X87).map(([name, run]) => [name, onRegisters(run)]),
  ...Object.entries(HOT_X87_READS).map(([name, run]) => [name, onMemory(run, 'TR')]),
  ...Object.entries(HOT_X87_WRITES).map(([name, run]) => [name, onMemory(run, 'TW')]),
]) as Record<HotCase, string>;
export const X87_FUNCTIONS = Object.values({ ...HOT_X87, ...HOT_X87_READS, ...HOT_X87_WRITES });

/** The case of a row's variant, null if it has none. */
export function unitCase(row: Row, memory: boolean): { text: string; x87: boolean } | null {
  if (memory && row.wide === 'm128') return { text: row.operands[0]![0] === 'V' ? LOAD_128 : STORE_128, x87: false };
  const name = hotX87Case(row, memory);
  return name === '' || (memory ? row.mod === 'r' : row.mod === 'm') ? null : { text: X87[name], x87: true };
}
