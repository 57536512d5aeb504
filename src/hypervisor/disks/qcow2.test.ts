import { type BlockDevice, deviceOf, MemoryDisk } from '../../formats/blocks/index.ts';
import { deflateRawSync, gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attachDrives } from './drives.ts';
import { Qcow2Error, readQcow2Header } from '../../formats/qcow2/header.ts';
import { Qcow2Source } from '../../formats/qcow2/qcow2.ts';

/**
 * Made by QEMU 7.2 from 128 KiB of which 32768 to 65535 are (i >> 9) ^ (i & 3): qemu-img convert -c -o compat=…,cluster_size=4096; then qemu-io 'write -P 0xa5
 * 40k 6k', 'write -z 56k 4k', 'write -P 0x11 100k 512'. Gzip, base64.
 */
const BY_QEMU: Record<string, string> = {
  '0.10': `
H4sIAAAAAAACA+3asUuUcRgH8Pc6SpCDs2iQGgx0iJYsDGmQziHpwMHXsslTt6QWh6YT4qCpsiFCCIdoKIeof8DBSUFcNIOMlqAmoQY9CVKHvPP18oaggxq89/N5eZ6H9w
dfePnx/paXN+zJbgdBcCSolir336uJvdEe3TYdWAMAAAAOhzO2AAAAAOpZonIdjSYAAABQZwrlnrERAAAAwB9lyr1vf14slOdI9F1hbH99IZpb1bkw96+eo3CgAwAAANW+
r1xOBO2p5IXb2eL6rRvNnR/vN5/dGHj2ZiI//ahltO3eiyf5H72rm2/XvjScetAy+jJdSeRLieu1JB6WEv21JKZKibCWxOtSoq+WxMxu4nPj12PjTcmrs41PJ8Olu+vJx3
Ppjv6l52tTs5dyO5nW3YXNRCWxmC2+Oz9x+lt36uTPc703e7rez6c7TlxZvtY1Pn1n60MUX2moBD5li+HfBLyPAAAA/B+vAAAAAACAujOYGxpW8a3c4PCQim85AfEuJyDe
dZxY8wcMAABAPPwCEOb0mwCQAAA=`,
  '1.1': `
H4sIAAAAAAACA+3asUuUcRgH8PftKkEOzqLhqMGghmjJwogG6RqSDhx8LZs8bVNqcWg6IQ6cKhsignCIhnKI+gcanBSixTLIaAlqEmqwkyBt6O58fdEh6qAI7v18Xp7n4f
eDL7z8eN/l5Y16i+tBEGSC7bKNviNZhxujK152bNn7rZ21Gg8AAACA/+ygIwAAAIBWFibXrngCAAAALabS6AUHAQAAAPxSodH7N+eJSmNejr8rjG/uv4jnWhwLN9ZR6W/d
R2VLBwAAALb7sng6DLqymeNXitWV0Yv5U+8m80e+Dt5/OlWeudU5dvj6wzvlb31Lq8+WP7btv9E59iiXJMr1xIVmEjfriYFmEtP1RNRM4kk90d9M4nkt8aH90+6Jjsy52f
a796KFayuZ23O57oGFB8vTsydLPwqHahurYZJ4Way+PjZ14PPZ7L7vR/su9fa8mc917z3z6nzPxMzVtbdxfLEtCbwvVqM/CXgeAQAA+DceAwAAAAAALWeoNDyi0luloZFh
ld7yBqS7vAHprj2kmj9gAAAA0uEn6yl0XgCQAAA=`,
  '1.1,compression_type=zstd': `
H4sIAAAAAAACA+3ay0oCURzH8ZlKEAqqXatsUeCuHmEy81p5SdO0i11MsyzTTC1ToX1vEQRt2rRv07YnaNFbRERRzZlKoYiBaOF8P8Pv/DmHmT/DwNkMJ+BwP0mS1Cm16l
HHjs+5LMqYNu1rWmth/mat6y25724GAAAAAAD/aYhPAAAAAABAO5M/L5NWAQAAAABAm2moo8KHAAAAAAAAP1LU0f9RbQ21JrT/CjltPWDWqkd7TLaL+e1fvUejaQQAAAAA
AK2sV6PPCan3RpYulXHbxLgyYbNPOpyTdqdDpFt6UOTr+8HzIcv5sMXaMXDXaZJOnl5spkdl5PHi1NzUweX2eN0ur2dqesY3PeWbEdHTwR8Izgb8s8FQeC4SDkXmRPR0iM
7H4vPReGxhcWl5cWF5SURPh8TK6tpKYm11PbmRSq6nNkT0dEhvZrY201uZ7ezObnZ7d0dET4fcXr6wlyvk94sHpeJ+6UBET4dy5fCoUj46rB7X6sfVek3k1w7sCAAAAABo
T2cAAAAAAAAAAKDtvB+TI8bN1xFJYsSwA4wddoCx0w9D4wQMAAAAABjDK1phqSAAkAAA`,
};

const source = (file: Uint8Array): BlockDevice =>
  deviceOf(file.length, (at, into) => {
    if (at + into.length > file.length) throw new RangeError(`${into.length} bytes at ${at} of ${file.length}`);
    into.set(file.subarray(at, at + into.length));
  });

function readAll(file: Uint8Array, piece = 1536): { data: Uint8Array; told: string[] } {
  const told: string[] = [];
  const disk = new Qcow2Source(source(file));
  const data = new Uint8Array(Math.min(disk.bytes, 2 ** 18));
  for (let at = 0; at < data.length; at += piece)
    disk.request(
      { op: 'read', at, pieces: [data.subarray(at, at + piece)] },
      error => error && told.push(error.message),
    );
  return { data, told };
}

const CLUSTER = 4096;
const HIGH_COPIED = 0x80000000,
  HIGH_COMPRESSED = 0x40000000;

/** Version 3, 64 KiB: header, L1, L2, data 'A' (cluster 3), a compressed cluster of 'B' (4). Guest clusters: 0 A, 1 B, 2 zeros over A, the rest nowhere. */
function image(): { bytes: Uint8Array<ArrayBuffer>; view: DataView } {
  const bytes = new Uint8Array(5 * CLUSTER);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x514649fb);
  view.setUint32(4, 3);
  view.setUint32(20, 12);
  view.setUint32(28, 65536);
  view.setUint32(36, 1);
  view.setUint32(44, CLUSTER);
  view.setUint32(100, 104);
  entry(view, CLUSTER, HIGH_COPIED, 2 * CLUSTER);
  entry(view, 2 * CLUSTER, HIGH_COPIED, 3 * CLUSTER);
  entry(view, 2 * CLUSTER + 8, HIGH_COMPRESSED, 4 * CLUSTER);
  entry(view, 2 * CLUSTER + 16, HIGH_COPIED, (3 * CLUSTER) | 1);
  bytes.fill(65, 3 * CLUSTER, 4 * CLUSTER);
  bytes.set(deflateRawSync(new Uint8Array(CLUSTER).fill(66)), 4 * CLUSTER);
  return { bytes, view };
}

function entry(view: DataView, at: number, high: number, low: number): void {
  view.setUint32(at, high);
  view.setUint32(at + 4, low);
}

/** What is said of the image after `change`, which may give another file in its place. */
function sentenceAfter(change: (view: DataView, bytes: Uint8Array<ArrayBuffer>) => unknown): string {
  const { bytes, view } = image();
  const made = change(view, bytes);
  const file = made instanceof Uint8Array ? made : bytes;
  try {
    return readAll(file).told[0] ?? '';
  } catch (error) {
    expect(error).toBeInstanceOf(Qcow2Error);
    return (error as Error).message;
  }
}

describe('qcow2', () => {
  it.each(Object.keys(BY_QEMU))(
    'reads what qemu-img wrote (compat=%s): compressed, plain and zero clusters, and none',
    compat => {
      const expected = Uint8Array.from({ length: 131072 }, (_, i) =>
        i >= 32768 && i < 65536 ? (i >> 9) ^ (i & 3) : 0,
      );
      expected.fill(0xa5, 40960, 47104).fill(0, 57344, 61440).fill(0x11, 102400, 102912);
      for (const piece of [512, 5000, 131072]) {
        const { data, told } = readAll(gunzipSync(Buffer.from(BY_QEMU[compat], 'base64')), piece);
        expect(told).toEqual([]);
        expect(Buffer.compare(data, expected)).toBe(0);
      }
    },
  );

  it('reads the clusters of a small image, and a file that ends within its last cluster', () => {
    const { data, told } = readAll(image().bytes);
    expect(told).toEqual([]);
    expect([0, 4095, 4096, 8191, 8192, 65535].map(at => data[at])).toEqual([65, 65, 66, 66, 0, 0]);
    const { bytes, view } = image();
    entry(view, 2 * CLUSTER + 8, 0, 0);
    entry(view, 2 * CLUSTER + 24, HIGH_COPIED, 4 * CLUSTER);
    bytes[4 * CLUSTER] = 67;
    const short = readAll(bytes.slice(0, 4 * CLUSTER + 1));
    expect([short.told.length, short.data[3 * CLUSTER], short.data[3 * CLUSTER + 1]]).toEqual([0, 67, 0]);
  });

  it('says what is not read, and what to do', () => {
    expect(sentenceAfter(view => view.setUint32(4, 4))).toMatch(
      /^is a qcow2 image of version 4, .* Run qemu-img convert/,
    );
    expect(sentenceAfter(view => view.setUint32(32, 1))).toMatch(/^is an encrypted qcow2 image/);
    expect(
      sentenceAfter((view, bytes) => {
        view.setUint32(12, 512);
        view.setUint32(16, 8);
        bytes.set(Buffer.from('base\0img'), 512);
      }),
    ).toMatch(/^holds only what differs from another image \(base\?img\)\. Run qemu-img convert/);
    expect(sentenceAfter(view => view.setUint32(76, 1 << 2))).toMatch(/^keeps its data in another file/);
    expect(sentenceAfter(view => view.setUint32(76, 1 << 4))).toMatch(/subclusters/);
    expect(sentenceAfter(view => view.setUint32(76, 1 << 9))).toMatch(/features that are not known/);
    const ofCompression = (type: number, features: number): string =>
      sentenceAfter(view => {
        view.setUint32(76, features);
        view.setUint32(100, 112);
        view.setUint8(104, type);
      });
    expect(ofCompression(2, 1 << 3)).toMatch(/^is compressed by type 2, .* Run qemu-img convert/);
    expect(ofCompression(1, 0)).toMatch(/^is damaged: .* compression by zstd, .* that it is deflate/);
    expect(ofCompression(0, 1 << 3)).toMatch(/^is damaged: .* compression by deflate, .* that it is not deflate/);
    expect(ofCompression(1, 1 << 3)).toMatch(/^is damaged: the compressed cluster 1 cannot be unpacked \(not a zstd/);
  });

  it('says what is damaged, and where', () => {
    expect(sentenceAfter(view => view.setUint32(20, 63))).toContain('clusters of 2^63 bytes');
    expect(sentenceAfter(view => view.setUint32(24, 0x7fffffff))).toContain('a disk of');
    expect(sentenceAfter(view => view.setUint32(24, 0xffff))).toContain('L1 table would be larger than 33554432 bytes');
    expect(sentenceAfter(view => view.setUint32(28, 0))).toContain('a disk of 0 bytes');
    expect(sentenceAfter(view => view.setUint32(28, 1000))).toContain('whole sectors');
    expect(sentenceAfter(view => view.setUint32(36, 0))).toContain(
      'L1 table has 0 entries, and a disk of 65536 bytes needs 1',
    );
    expect(sentenceAfter(view => view.setUint32(44, 0))).toContain('L1 table is at byte 0');
    expect(sentenceAfter(view => view.setUint32(40, 1))).toContain('is cut short: its L1 table ends at byte');
    expect(sentenceAfter((_, bytes) => bytes.slice(0, 40))).toContain('is cut short: it has 40 bytes');
    // Loops: a table that is the header, the L1 table, or data that is a table.
    expect(sentenceAfter(view => entry(view, CLUSTER, 0, CLUSTER))).toContain(
      'entry 0 of its L1 table names byte 4096',
    );
    expect(sentenceAfter(view => entry(view, CLUSTER, 0x00ffffff, 0))).toContain('entry 0 of its L1 table');
    expect(sentenceAfter(view => entry(view, 2 * CLUSTER, 0, 2 * CLUSTER))).toContain(
      'cluster 0 is said to lie at byte 8192',
    );
    expect(sentenceAfter(view => entry(view, 2 * CLUSTER, 1, 0))).toContain(
      'cluster 0 is said to lie at byte 4294967296',
    );
    expect(sentenceAfter(view => entry(view, 2 * CLUSTER + 8, HIGH_COMPRESSED, 0xfffff000))).toContain(
      'the compressed cluster 1 is said to lie at byte',
    );
    expect(
      sentenceAfter((_, bytes) => bytes.set(deflateRawSync(new Uint8Array(2 ** 24)).subarray(0, 512), 4 * CLUSTER)),
    ).toContain('unpacks to more than the 4096 bytes allowed');
    expect(sentenceAfter((_, bytes) => bytes.set(deflateRawSync(new Uint8Array(10)), 4 * CLUSTER))).toContain(
      'has 10 bytes, and a cluster 4096',
    );
  });

  it('tells no place of a cluster that it would not read', () => {
    const { bytes, view } = image();
    const source1 = new Qcow2Source(source(bytes));
    expect(source1.place(0)).toEqual([
      { layer: 'file of the image', unit: { name: 'cluster', number: 0 }, at: expect.any(Number) },
    ]);
    entry(view, 2 * CLUSTER, 0, 2 * CLUSTER);
    entry(view, 2 * CLUSTER + 8, HIGH_COMPRESSED, 0xfffff000);
    const damaged = new Qcow2Source(source(bytes));
    expect([0, CLUSTER].map(at => damaged.place(at))).toEqual([[], []]);
  });

  it('whatever stands in it, answers with data or a sentence', () => {
    const words = fc.array(
      fc.tuple(
        fc.oneof(
          fc.integer({ min: 0, max: 27 }),
          fc.integer({ min: 1024, max: 1030 }),
          fc.integer({ min: 2048, max: 2080 }),
        ),
        fc.oneof(fc.integer({ min: 0, max: 0x7fffffff }), fc.constantFrom(0, 1, 512, 4096, 8192, 0x40000000, -1)),
      ),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(words, fc.integer({ min: 0, max: 5 * CLUSTER }), fc.boolean(), (changes, length, cut) => {
        sentenceAfter((view, bytes) => {
          for (const [word, value] of changes) view.setInt32(word * 4, value);
          // The magic stays, or nothing more is looked at.
          view.setUint32(0, 0x514649fb);
          return cut ? bytes.slice(0, length) : bytes;
        });
      }),
      { numRuns: 1500 },
    );
  });

  it('is a drive of the size of its disk; writes stay in memory, a bad part is a bad sector with one sentence, and one to be written is refused', () => {
    const { bytes, view } = image();
    entry(view, 2 * CLUSTER + 8, 0, 2 * CLUSTER);
    const before = bytes.slice();
    const told: string[] = [];
    const drive = { place: 0, kind: 'disk', readOnly: false, medium: { name: 'a.qcow2', path: 'a.qcow2' } } as const;
    const { disk } = attachDrives(
      [drive],
      () => source(bytes),
      sentence => told.push(sentence),
    )[0];
    expect(disk!.sectors).toBe(128);
    const answers: boolean[] = [];
    const sector = new Uint8Array(512);
    const ask = (op: 'read' | 'write', number: number): void =>
      disk!.request({ op, at: number * 512, pieces: [sector] }, error => answers.push(!error));
    sector.fill(9);
    ask('write', 1);
    ask('read', 0);
    expect(sector[0]).toBe(65);
    ask('read', 1);
    expect(sector[0]).toBe(9);
    ask('read', 8);
    ask('read', 9);
    expect(answers).toEqual([true, true, true, false, false]);
    expect(told).toEqual([expect.stringMatching(/^a\.qcow2 is damaged: cluster 1 is said to lie at byte 8192/)]);
    expect(bytes).toEqual(before);
    expect(() =>
      attachDrives(
        [drive],
        () => new MemoryDisk(bytes),
        () => {},
      ),
    ).toThrow(/^a\.qcow2 is a qcow2 image, and those are not written/);
    expect(readQcow2Header(bytes, bytes.length).diskBytes).toBe(65536);
  });
});
