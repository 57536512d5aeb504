/** The instructions that functions run, by the table's `op`: those that are there from the start, and the rest once it was loaded. */
import { GP } from '../faults.ts';
import { monitorOps } from '../monitor.ts';
import { CPL } from '../architecture/registers.ts';
import { arithmeticOps } from './arithmetic.ts';
import type { Op, OpFactory } from './context.ts';
import type { Row } from '../table/index.ts';
import { control } from './control.ts';
import { ports } from './ports.ts';
import { system } from './system.ts';

const all: Record<string, OpFactory> = { ...arithmeticOps, ...control, ...ports, ...monitorOps, ...system };

/** Rows of privilege 0 fault with #GP(0) at any other level before they do anything (SDM vol. 3, 5.9). */
export function guarded<S extends 16 | 32 | 64>(
  make: (row: Row, memory: boolean, operandSize: S) => Op,
): (row: Row, memory: boolean, operandSize: S) => Op {
  return (row, memory, size) => {
    const run = make(row, memory, size);
    if (row.privilege !== 0 || row.ownCheck) return run;
    return (core, p) => {
      if (core.R[CPL] !== 0) core.fault(GP, 0);
      run(core, p);
    };
  };
}

const allGuarded = (ops: Record<string, OpFactory>): Record<string, OpFactory> =>
  Object.fromEntries(Object.entries(ops).map(([name, make]) => [name, guarded(make)]));

const operations = allGuarded(all);

let areAll = false;

export const hasAllOperations = (): boolean => areAll;

/** What makes the function of an instruction; undefined: it has none; null: that is not loaded yet. */
export const operationOf = (op: string): OpFactory | undefined | null => operations[op] ?? (areAll ? undefined : null);

/** Those of ../fpu/ops.ts. */
export function addOperations(rest: Record<string, OpFactory>): void {
  if (areAll) return;
  Object.assign(operations, allGuarded(rest));
  areAll = true;
}
