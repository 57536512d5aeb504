import { describe, expect, it } from 'vitest';
import { assemble } from '../cpu/assembler/index.ts';
import { bytesUsed, sectorProblem } from './sector-problem.ts';

const made = (source: string): Uint8Array => {
  const { bytes, problems } = assemble(source);
  expect(problems).toEqual([]);
  return bytes;
};

describe('a boot sector', () => {
  it('is 510 bytes and a signature', () => {
    const sector = made('bits 16\nhlt\ntimes 510-($-$$) db 0\ndw 0aa55h');
    expect(sectorProblem(sector)).toBeUndefined();
    expect(bytesUsed(sector)).toBe(1);
    expect(bytesUsed(made('times 510 db 1\ndw 0aa55h'))).toBe(510);
  });

  it('is refused without a signature, with one elsewhere, and where it is too long', () => {
    expect(sectorProblem(made('bits 16\nhlt'))).toMatch(/has 1 byte and no signature.*dw 0aa55h/);
    expect(sectorProblem(new Uint8Array(0))).toMatch(/has 0 bytes and no signature/);
    expect(sectorProblem(made('times 512 db 1'))).toMatch(/shorter by 2/);
    expect(sectorProblem(made('times 511 db 1\ndw 0aa55h'))).toMatch(/513 bytes, 1 more than a sector/);
    expect(sectorProblem(made('times 510 db 1\ndw 0aa55h\ndb 1'))).toMatch(/513 bytes, 1 more/);
  });
});
