/** The whole table: every row of every family, numbered. */
import { oneByte } from './one-byte.ts';
import type { Row } from './row.ts';
import { simd } from './simd.ts';
import { twoByte } from './two-byte.ts';
import { x87 } from './x87.ts';

export const rows: readonly Row[] = [...oneByte, ...twoByte, ...x87, ...simd];
for (const [id, row] of rows.entries()) row.id = id;
