/** The instructions of x87, MMX and SSE: loaded when a guest runs its first one (`loadOperations`), which a small one does not before its prompt. */
import type { CoreOpFactory } from '../ops/core.ts';
import { convertOps } from './convert.ts';
import { moveOps } from './moves.ts';
import { packedOps } from './packed.ts';
import { sseOps } from './sse.ts';
import { stringOps } from './strings.ts';
import { x87Ops } from './x87.ts';
import { environmentOps } from './x87-env.ts';
import { transcendentalOps } from './x87-transcendental.ts';

/** Semantics by row.op. */
export const fpuOps: Record<string, CoreOpFactory> = {
  ...x87Ops,
  ...transcendentalOps,
  ...environmentOps,
  ...packedOps,
  ...moveOps,
  ...sseOps,
  ...convertOps,
  ...stringOps,
};
