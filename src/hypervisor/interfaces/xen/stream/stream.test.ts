/** The file of a saved domain, judged by a reader that knows Xen's documents alone, and by what must never be taken for a good one. */
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { SavedStateError } from '../../../domain/saved-state-error.ts';
import { RECORD_HEADER_BYTES } from './format.ts';
import type { SavedPages } from './saved-state.ts';
import { readState, readStateFrom, saveDomain } from './state.ts';
import { HVM_PARAM } from '../abi.ts';
import { testGuest, type TestGuest } from '../pvh-program.test-support.ts';
import { type Judged, judge } from './judge.test-support.ts';
import { xenOf } from '../of-domain.ts';

let guest: TestGuest;
let file: Buffer;
beforeAll(() => {
  guest = testGuest({ vcpus: 2 });
  guest.put(0x234000, 1, 2, 3);
  guest.domain.runSlice();
  file = Buffer.concat(saveDomain(guest.domain, { name: 'web1', program: 'test', definition: 'name = "web1"\n' }));
});

const complaint = (bytes: Uint8Array): string => {
  try {
    readState(bytes, 'web1.save');
  } catch (error) {
    if (error instanceof SavedStateError) return error.message;
    throw error;
  }
  return 'accepted';
};

describe('the file of a saved domain', () => {
  it('is what the documents say: headers, records in the order of an HVM guest, padding', () => {
    const { config, version, records } = judge(file);
    expect(config).toMatchObject({ c_info: { type: 'pvh', name: 'web1' }, b_info: { max_memkb: 4096, max_vcpus: 2 } });
    expect(version).toBe(3);
    const names = records.map(({ name }) => name);
    const image = names.slice(0, names.indexOf('END') + 1).filter((name, i, all) => name !== all[i - 1]);
    // What is booted comes first: whoever restores it as it comes builds the domain from that.
    expect(image).toEqual([
      'optional',
      'LIBXC_CONTEXT',
      'X86_CPUID_POLICY',
      'X86_MSR_POLICY',
      'STATIC_DATA_END',
      'PAGE_DATA',
      'X86_TSC_INFO',
      'HVM_PARAMS',
      'HVM_CONTEXT',
      'optional',
      'END',
    ]);
    expect(names.slice(names.indexOf('END') + 1).filter(name => name !== 'optional')).toEqual([
      'EMULATOR_CONTEXT',
      'END',
    ]);
  });

  it('holds each page of RAM once, the parameters, the time, and a record for each processor and local APIC', () => {
    const { pages, invalid, params, tsc, hvm } = judge(file);
    // 4 MiB, eight special pages, two of ACPI's.
    expect([pages.size, invalid.size]).toEqual([1024 + 8 + 2, 0]);
    expect([...pages.get(0x234)!.subarray(0, 12)]).toEqual([1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]);
    expect(pages.get(0x235)).toBeNull();
    expect(params.get(HVM_PARAM.STORE_PFN)).toBe(0xfeffcn);
    expect(params.has(HVM_PARAM.STORE_EVTCHN)).toBe(false);
    expect(tsc).toEqual({ mode: 0, khz: 1_000_000, ns: BigInt(guest.domain.clock.nowNs()) });
    expect(hvm.map(({ type, instance }) => [type, instance])).toEqual([
      [1, 0],
      [2, 0],
      [2, 1],
      [5, 0],
      [5, 1],
      [0, 0],
    ]);
  });

  it('says of a frame that the guest gave back that it is not there', () => {
    const other = testGuest();
    xenOf(other.domain)!.frames.remove(0x300);
    const { pages, invalid } = judge(
      Buffer.concat(saveDomain(other.domain, { name: 'x', program: '', definition: '' })),
    );
    expect([...invalid]).toEqual([0x300]);
    expect(pages.has(0x300)).toBe(false);
  });
});

/** The file again from parts of it, with checksums that fit. */
function rebuilt(change: (records: Judged['records']) => Buffer[], version = 3): Buffer {
  const { records } = judge(file);
  const [boot, context] = records;
  const image = Buffer.from(file.subarray(context.end, context.end + 40));
  image.writeUInt32BE(version, 12);
  const sums = records.findIndex(record => record.name === 'optional' && file.readUInt32LE(record.at) === 0x80000003);
  const between = change(records.slice(2, sums));
  const config = 48 + file.readUInt32LE(44);
  const pieces = [
    file.subarray(0, config),
    file.subarray(config, boot.at),
    bytesOf(boot),
    bytesOf(context),
    image.subarray(0, 24),
    image.subarray(24),
    ...between,
  ];
  const body = Buffer.alloc(8 + Math.ceil((8 + pieces.length * 4) / 8) * 8);
  body.writeUInt32LE(0x80000003, 0);
  body.writeUInt32LE(8 + pieces.length * 4, 4);
  body.writeUInt32LE(pieces.length, 8);
  pieces.forEach((piece, i) => body.writeUInt32LE(crc32(piece), 16 + i * 4));
  return Buffer.concat([...pieces, body, Buffer.alloc(8)]);
}
const bytesOf = ({ at, end }: { at: number; end: number }): Buffer => file.subarray(at, end);
const optional = (type: number): Buffer => Buffer.from([type & 0xff, 0, 0, 0x80, 3, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0, 0]);
const mandatory = (type: number): Buffer => Buffer.from([type, 0, 0, 0, 0, 0, 0, 0]);

describe('a reader', () => {
  it('takes what was written, also around optional records that it does not know', () => {
    expect(complaint(file)).toBe('accepted');
    expect(
      complaint(
        rebuilt(records =>
          records.flatMap(record =>
            record.name === 'X86_TSC_INFO' ? [bytesOf(record), optional(0x77)] : [bytesOf(record)],
          ),
        ),
      ),
    ).toBe('accepted');
  });

  it('reads images of version 2, which have no policies and no STATIC_DATA_END', () => {
    const old = rebuilt(records => records.filter(({ name }) => !/POLICY|STATIC/.test(name)).map(bytesOf), 2);
    expect(judge(old).version).toBe(2);
    const { version, pages } = readState(old, 'old');
    expect([version, pages.reduce((sum, { pfns }) => sum + pfns.length, 0)]).toEqual([2, 1034]);
  });

  it('passes over what is sent once more to compare', () => {
    const twice = rebuilt(records => {
      const last = records.findLast(({ name }) => name === 'PAGE_DATA')!;
      return records.flatMap(record =>
        record === last ? [bytesOf(record), mandatory(13), bytesOf(record)] : [bytesOf(record)],
      );
    });
    expect(readState(twice, 'twice').pages).toHaveLength(readState(file, 'once').pages.length);
  });

  it.each([
    [
      "before it was libxc's",
      () => Buffer.from('RINGSAVE\x01\0\0\0\0\0\0\0'),
      /saved by Ringside before its saved states were libxc images/,
    ],
    [
      'of a later image version',
      () => rebuilt(records => records.map(bytesOf), 4),
      /libxc image version 4 \(image header at byte \d+\); this version reads 2 and 3/,
    ],
    [
      'of a checkpointed stream',
      () => rebuilt(records => [...records.slice(0, 3).map(bytesOf), mandatory(14), ...records.slice(3).map(bytesOf)]),
      /record CHECKPOINT at byte \d+ belongs to a stream of checkpoints/,
    ],
    [
      'with a record that must not be passed over',
      () => rebuilt(records => [mandatory(0x55), ...records.map(bytesOf)]),
      /record of libxc's type 0x55 at byte \d+/,
    ],
    [
      'without its context',
      () => rebuilt(records => records.filter(({ name }) => name !== 'HVM_CONTEXT').map(bytesOf)),
      /it has no record HVM_CONTEXT/,
    ],
    [
      'with memory before the static data',
      () => rebuilt(records => [records.find(({ name }) => name === 'PAGE_DATA')!, ...records].map(bytesOf)),
      /record PAGE_DATA at byte \d+ comes before STATIC_DATA_END/,
    ],
    [
      'with its time twice',
      () =>
        rebuilt(records =>
          records.flatMap(record =>
            record.name === 'X86_TSC_INFO' ? [bytesOf(record), bytesOf(record)] : [bytesOf(record)],
          ),
        ),
      /record X86_TSC_INFO at byte \d+ is the second of its kind/,
    ],
    [
      'of a paravirtual guest in an HVM image',
      () => rebuilt(records => [mandatory(2), ...records.map(bytesOf)]),
      /record X86_PV_INFO at byte \d+ belongs to a paravirtual guest/,
    ],
  ])('refuses a file %s and says why', (_what, make, why) => {
    expect(complaint(make())).toMatch(why);
  });

  it('refuses bodies of another version of ours, and features that this one does not have', () => {
    const changed = (name: string, at: number, value: number): string =>
      complaint(
        rebuilt(records =>
          records.map(record => {
            const bytes = Buffer.from(bytesOf(record));
            if (record.name === name) bytes.writeUInt32LE(value, at);
            return bytes;
          }),
        ),
      );
    expect(changed('EMULATOR_CONTEXT', 16, 9)).toMatch(
      /another version of Ringside: record EMULATOR_CONTEXT at byte \d+ has version 9, and this one reads 1 to 2\./,
    );
    expect(changed('HVM_CONTEXT', 24, 9)).toMatch(/record HVM_CONTEXT at byte \d+ holds devices in version 9/);
    expect(changed('HVM_CONTEXT', 28, 0)).toMatch(/written by another hypervisor/);
    // Leaf 1 is the second: AVX.
    expect(changed('X86_CPUID_POLICY', 8 + 24 + 16, 1 << 28)).toMatch(
      /X86_CPUID_POLICY says that the guest was shown features in leaf 0x1 that this version does not have/,
    );
  });

  it.each(['rtl8139', 'toString', '__proto__'])(
    'refuses a guest with a network card that this version does not have: %s',
    nic => {
      const saved = Object.create(guest.domain, {
        options: { value: { ...guest.domain.options, cards: [{ place: 0, model: nic, mac: '00:16:3e:00:00:01' }] } },
      }) as typeof guest.domain;
      const bytes = Buffer.concat(saveDomain(saved, { name: 'web1', program: 'test', definition: '' }));
      expect(complaint(bytes)).toBe(
        'web1.save was saved with a network card that this version does not have. Restore it with the version that saved it.',
      );
    },
  );

  it("refuses a configuration in xl's header that is longer than any definition can make it, unread", () => {
    const bytes = Buffer.concat([file, Buffer.alloc(4 << 20)]);
    bytes.writeUInt32LE(3 << 20, 32 + 12);
    expect(complaint(bytes)).toMatch(
      /^web1\.save is damaged: the configuration in xl's header has 3145728 bytes, and none has more than 2097152\. /,
    );
  });

  it('asks for no more than a record at a time, and gives pages out as they come: also those of a file that is refused behind them', async () => {
    const asked: number[] = [],
      pages: SavedPages[] = [];
    const from = (bytes: Buffer) => ({
      size: bytes.length,
      slice: (start?: number, end?: number) => {
        asked.push(end! - start!);
        return new Blob([bytes.subarray(start, end) as BlobPart]);
      },
    });
    const state = await readStateFrom(from(file), 'web1.save', batch => pages.push(batch));
    expect({ ...state, pages }).toEqual(readState(new Uint8Array(file), 'web1.save'));
    const { records } = judge(file);
    expect(Math.max(...asked)).toBe(Math.max(...records.map(({ at, end }) => end - at - RECORD_HEADER_BYTES)));
    const changed = Buffer.from(file),
      first = records.find(({ name }) => name === 'PAGE_DATA')!;
    changed[first.end - 1] ^= 1;
    const before = pages.splice(0).length;
    await expect(readStateFrom(from(changed), 'web1.save', batch => pages.push(batch))).rejects.toThrow(
      `the checksum of record PAGE_DATA at byte ${first.at} is wrong`,
    );
    expect(pages).toHaveLength(before);
  });

  it('says so where a file can no longer be read', async () => {
    const gone = { size: file.length, slice: () => ({ arrayBuffer: () => Promise.reject(new Error('it was moved')) }) };
    await expect(readStateFrom(gone as never, 'web1.save', () => {})).rejects.toThrow(
      'web1.save cannot be read at byte 0: it was moved. Choose it again.',
    );
  });

  it('refuses a file that ends anywhere before its end, and names where', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: file.length - 1 }), length => {
        expect(complaint(file.subarray(0, length))).toMatch(
          length === 0 ? /is no saved domain/ : /^web1\.save is cut short: .* at byte \d+/,
        );
      }),
      { numRuns: 300 },
    );
  });

  it('refuses a file with any byte changed, and names the header or the record', () => {
    const { records } = judge(file);
    const headers = records.flatMap(({ at }) => Array.from({ length: 8 }, (_, i) => at + i));
    const anywhere = fc.oneof(
      fc.constantFrom(...headers),
      fc.integer({ min: 0, max: file.length - 1 }),
      fc.integer({ min: 0, max: 200 }),
    );
    fc.assert(
      fc.property(anywhere, fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = Buffer.from(file);
        bytes[at] ^= change;
        expect(complaint(bytes)).toMatch(
          /^web1\.save (is|was|belongs|cannot) .*(record|header|bytes follow|saved domain)/,
        );
      }),
      { numRuns: 500 },
    );
  });
});
