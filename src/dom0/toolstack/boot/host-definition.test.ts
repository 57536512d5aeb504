import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeHost, fittedHost, HostDefinitionError, readHost } from './host-definition.ts';

describe('a host as a definition', () => {
  it('fits the device', () => {
    expect(fittedHost({ processors: 8, fittingMiB: 4096 })).toEqual({
      pcpus: 7,
      memoryMiB: 2047,
      vt: true,
      diskBytes: 500e9,
    });
    expect(fittedHost({ processors: 1, fittingMiB: 32 })).toMatchObject({ pcpus: 1, memoryMiB: 64 });
  });

  it('is what settings say', () => {
    expect(readHost('pcpus=2,memory=512, vt=off disk=20GB')).toEqual({
      pcpus: 2,
      memoryMiB: 512,
      vt: false,
      diskBytes: 20e9,
    });
    expect(readHost('disk=1G')).toEqual({ diskBytes: 2 ** 30 });
    expect(readHost('')).toEqual({});
  });

  it('reads what it writes', () => {
    fc.assert(
      fc.property(
        fc.record({
          pcpus: fc.integer({ min: 1, max: 32 }),
          memoryMiB: fc.integer({ min: 64, max: 2047 }),
          vt: fc.boolean(),
          diskBytes: fc.integer({ min: 2, max: 2000 }).map(gb => gb * 1e9),
        }),
        host => {
          expect(readHost(describeHost(host))).toEqual(host);
        },
      ),
    );
  });

  it.each([
    ['pcpus=0', 'from 1 to 32'],
    ['memory=5000', 'from 64 to 2047'],
    ['vt=maybe', 'vt=off for a standard computer'],
    ['disk=500', '1G to 2T'],
    ['disk=3T', '1G to 2T'],
    ['cores=2', 'says nothing about a host'],
    ['fast', 'says nothing about a host'],
  ])('refuses %s', (text, sentence) => {
    expect(() => readHost(text)).toThrow(HostDefinitionError);
    expect(() => readHost(text)).toThrow(sentence);
  });
});
