import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type CodeSize, DECODED, decode, newDecoded, undefinedFlags } from './index.ts';

/** Fixtures recorded on a real processor; `u` in a case: EFLAGS bits that are undefined for this form and operand. */
const dev = new URL('../../../../shared/oracle/dev/', import.meta.url);
const GROUPS = ['alu', 'bcd', 'bits', 'mov', 'muldiv', 'shift', 'string', 'x87', 'sse', 'sse2', 'mmx'];

interface Case {
  n: string;
  w: CodeSize;
  c: string;
  r: number[];
  u?: number;
  o: { v: number };
}

describe.skipIf(!existsSync(dev))('undefined flags beside the oracle', () => {
  it('are the ones that its cases leave out [needs ../shared]', () => {
    const decoded = newDecoded();
    const differences = new Set<string>();
    let compared = 0;
    for (const group of GROUPS) {
      for (const line of gunzipSync(readFileSync(new URL(`${group}.jsonl.gz`, dev)))
        .toString()
        .split('\n')) {
        if (line === '') continue;
        const test = JSON.parse(line) as Case;
        const code = Buffer.from(test.c, 'hex');
        const status = decode(code, 0, code.length, test.w, decoded);
        // Cases of several instructions, and those that end in a fault, have no mask of one instruction.
        if (status === DECODED && decoded.length !== code.length) continue;
        if (test.o.v !== 3) continue;
        compared++;
        const mask = status === DECODED ? undefinedFlags(decoded.row!, decoded, test.r[1]! & 0xff) : Number.NaN;
        if (mask !== (test.u ?? 0))
          differences.add(`${test.n} ${test.c}: ${mask.toString(16)}, oracle ${(test.u ?? 0).toString(16)}`);
      }
    }
    expect([...differences]).toEqual([]);
    expect(compared).toBeGreaterThan(30_000);
  });
});
