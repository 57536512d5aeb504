/** Every instruction that a function runs in 64-bit code, by the table's `op`. */
import type { Row } from '../table/index.ts';
import type { LongOpFactory } from './context.ts';
import { fpuOps } from '../fpu/ops.ts';
import { addOperations, guarded, operationOf } from './index.ts';
import { longControl } from './long-control.ts';
import { longOf, longOps } from './long-rows.ts';
import { longSse } from './long-sse.ts';
import { longSystem } from './long-system.ts';

addOperations(fpuOps);
const all: Record<string, LongOpFactory> = { ...longOps, ...longControl, ...longSystem, ...longSse };

/** Its own of 64-bit code, or that of other code. */
export function longOperation({ op }: Row): LongOpFactory | undefined {
  const make = all[op],
    other = operationOf(op);
  return make !== undefined ? guarded(make) : other ? longOf(other) : undefined;
}
