/** Symbols of our guests' files, as the linker wrote them, and of files that were damaged. */
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kernelSymbols } from './symbols.ts';

const read = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../../guests/minipv/${name}.elf`, import.meta.url)));
const minipv = read('minipv');

describe('symbols of a kernel’s file', () => {
  it.each(['minipv', 'minipv64'])(
    '%s are functions, labels of assembly and data by address, and end with their section',
    name => {
      const { addresses, names } = kernelSymbols(read(name))!;
      expect([...addresses]).toEqual([...addresses].sort((a, b) => a - b));
      expect(names).toEqual(expect.arrayContaining(['hypercall_page', 'blkfront_start', 'command_line', '']));
      // Source files and sections are no places.
      expect(names.filter(name => name.endsWith('.c') || name.startsWith('.'))).toEqual([]);
    },
  );

  it('are none in a file of another kind, and a damaged one throws nothing', () => {
    expect(kernelSymbols(new Uint8Array())).toBeUndefined();
    expect(kernelSymbols(new Uint8Array(4096))).toBeUndefined();
    fc.assert(
      fc.property(fc.nat({ max: 63 }), fc.nat({ max: 255 }), (at, byte) => {
        const file = minipv.slice();
        file[at] = byte;
        kernelSymbols(file);
      }),
      { numRuns: 200 },
    );
    fc.assert(
      fc.property(fc.nat({ max: minipv.length }), length => {
        kernelSymbols(minipv.slice(0, length));
      }),
      { numRuns: 50 },
    );
  });
});
