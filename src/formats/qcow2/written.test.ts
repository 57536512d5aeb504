import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeviceFull, MemoryDisk } from '../blocks/index.ts';
import { checkQcow2 } from './check.ts';
import { createQcow2, type NewImage } from './create.ts';
import { MemoryFile } from './growing-file.test-support.ts';
import { Qcow2Source } from './qcow2.ts';
import { Qcow2Disk } from './written.ts';

const KIB = 1024;

const created = (image: NewImage): MemoryFile => {
  const file = new MemoryFile();
  createQcow2(file, image);
  return file;
};

const contentOf = (disk: { bytes: number; read(at: number, into: Uint8Array): void }): Uint8Array => {
  const all = new Uint8Array(disk.bytes);
  disk.read(0, all);
  return all;
};

function pattern(bytes: number, seed: number): Uint8Array {
  const all = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) all[i] = (i >> 9) * 7 + i * seed + seed;
  return all;
}

/** What the file was when it had this many of its writes. */
function asOf(file: MemoryFile, start: Uint8Array, writes: number): Uint8Array {
  const bytes = new Uint8Array(file.bytes);
  bytes.set(start);
  for (const { at, bytes: written } of file.written.slice(0, writes)) bytes.set(written, at);
  return bytes;
}

type Step =
  | { op: 'write'; at: number; sectors: number; seed: number }
  | { op: 'discard'; at: number; sectors: number; seed: number }
  | { op: 'flush' }
  | { op: 'reopen' }
  | { op: 'resize'; sectors: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant('write' as const),
      at: fc.nat(600),
      sectors: fc.integer({ min: 1, max: 40 }),
      seed: fc.nat(255),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('discard' as const),
      at: fc.nat(600),
      sectors: fc.integer({ min: 1, max: 80 }),
      seed: fc.constant(0),
    }),
  },
  { weight: 2, arbitrary: fc.constantFrom({ op: 'flush' as const }, { op: 'reopen' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('resize' as const), sectors: fc.integer({ min: 1, max: 900 }) }),
  },
);

/** Does it to an image and to what it must be like. */
function run(
  file: MemoryFile,
  base: Uint8Array | undefined,
  steps: readonly Step[],
  flushed?: (model: Uint8Array) => void,
): Uint8Array {
  const backing = base && new MemoryDisk(base, { readOnly: true });
  const open = (): Qcow2Disk => new Qcow2Disk(file, { backing });
  let disk = open();
  let model = contentOf(disk);
  const keep = (): void => {
    disk.flush();
    flushed?.(model.slice());
  };
  for (const each of steps) {
    if (each.op === 'flush') keep();
    else if (each.op === 'reopen') {
      keep();
      disk = open();
    } else if (each.op === 'resize') {
      keep();
      disk.resize(each.sectors * 512);
      const next = new Uint8Array(each.sectors * 512);
      next.set(model.subarray(0, next.length));
      model = next;
      flushed?.(model.slice());
    } else {
      const at = Math.min(each.at * 512, model.length - 512);
      const bytes = Math.min(each.sectors * 512, model.length - at);
      if (each.op === 'write') {
        const data = pattern(bytes, each.seed);
        disk.write(at, data);
        model.set(data, at);
      } else {
        const before = model.slice();
        disk.discard(at, bytes);
        model = contentOf(disk);
        // It reads as zeros or as it was, and nothing else is touched.
        for (let i = 0; i < model.length; i++)
          if (model[i] !== before[i] && !(model[i] === 0 && i >= at && i < at + bytes))
            throw new Error(`discard of ${bytes} at ${at} changed byte ${i}`);
      }
    }
  }
  keep();
  return model;
}

const SHAPES = fc.record({
  clusterBits: fc.constantFrom(9, 10, 12),
  sectors: fc.integer({ min: 1, max: 700 }),
  base: fc.option(fc.nat(500)),
});

describe('a qcow2 image that is written', () => {
  it('reads as a disk does that was written, cleared and resized so, with a backing file and without', () => {
    fc.assert(
      fc.property(SHAPES, fc.array(step, { maxLength: 25 }), ({ clusterBits, sectors, base }, steps) => {
        const under = base === null ? undefined : pattern((base + 1) * 512, 3);
        const file = created({
          bytes: sectors * 512,
          clusterBits,
          ...(under ? { backing: { path: 'base.img', format: 'raw' } } : {}),
        });
        const model = run(file, under, steps);
        const backing = under && new MemoryDisk(under);
        expect(Buffer.compare(contentOf(new Qcow2Source(file, { backing })), model)).toBe(0);
        expect(checkQcow2(file)).toMatchObject({ corruptions: 0, leaks: 0, checkErrors: 0 });
      }),
      { numRuns: 40 },
    );
  });

  it('has tables that agree before each of its writes, and what was flushed', () => {
    fc.assert(
      fc.property(SHAPES, fc.array(step, { maxLength: 12 }), ({ clusterBits, sectors, base }, steps) => {
        const under = base === null ? undefined : pattern((base + 1) * 512, 3);
        const file = created({
          bytes: sectors * 512,
          clusterBits,
          ...(under ? { backing: { path: 'base.img', format: 'raw' } } : {}),
        });
        const start = file.data.slice();
        file.written.length = 0;
        run(file, under, steps);
        const backing = under && new MemoryDisk(under);
        for (let writes = 0; writes <= file.written.length; writes++) {
          const left = new MemoryDisk(asOf(file, start, writes));
          expect(checkQcow2(left)).toMatchObject({ corruptions: 0, checkErrors: 0 });
          expect(() => new Qcow2Source(left, { backing })).not.toThrow();
        }
      }),
      { numRuns: 12 },
    );
  });

  it('keeps what was flushed, and tables that agree, whichever of the writes since then a power cut loses', () => {
    fc.assert(
      fc.property(
        SHAPES,
        fc.array(step, { maxLength: 10 }),
        fc.infiniteStream(fc.boolean()),
        ({ clusterBits, sectors, base }, steps, kept) => {
          const under = base === null ? undefined : pattern((base + 1) * 512, 3);
          const file = created({
            bytes: sectors * 512,
            clusterBits,
            ...(under ? { backing: { path: 'base.img', format: 'raw' } } : {}),
          });
          const start = file.data.slice();
          file.written.length = 0;
          file.epoch = 0;
          const flushes: { epoch: number; model: Uint8Array }[] = [];
          run(file, under, steps, model => flushes.push({ epoch: file.epoch, model }));
          const backing = under && new MemoryDisk(under);
          for (let epoch = 0; epoch <= file.epoch; epoch++) {
            const left = new Uint8Array(file.bytes);
            left.set(start);
            // Each sector of a write that was not flushed is there or is not.
            for (const written of file.written.filter(each => each.epoch <= epoch))
              for (let at = 0; at < written.bytes.length; at += 512)
                if (written.epoch < epoch || kept.next().value)
                  left.set(written.bytes.subarray(at, at + 512), written.at + at);
            expect(checkQcow2(new MemoryDisk(left))).toMatchObject({ corruptions: 0, checkErrors: 0 });
            // At the moment of a flush nothing is on its way.
            const model = flushes.findLast(each => each.epoch === epoch)?.model;
            const still = file.written.some(each => each.epoch === epoch);
            if (model && !still)
              expect(Buffer.compare(contentOf(new Qcow2Source(new MemoryDisk(left), { backing })), model)).toBe(0);
          }
        },
      ),
      { numRuns: 12 },
    );
  });

  it('leaves a cluster that finds no room as it was, and writes it once there is room', () => {
    const file = created({ bytes: 64 * KIB, clusterBits: 9 });
    const disk = new Qcow2Disk(file);
    disk.write(0, pattern(512, 1));
    file.mostBytes = file.bytes;
    expect(() => disk.write(32 * KIB, pattern(4096, 2))).toThrow(DeviceFull);
    disk.flush();
    expect(checkQcow2(file)).toMatchObject({ corruptions: 0, checkErrors: 0 });
    file.mostBytes = Number.POSITIVE_INFINITY;
    disk.write(32 * KIB, pattern(4096, 2));
    disk.flush();
    const model = new Uint8Array(64 * KIB);
    model.set(pattern(512, 1));
    model.set(pattern(4096, 2), 32 * KIB);
    expect(Buffer.compare(contentOf(new Qcow2Source(file)), model)).toBe(0);
  });

  it('is not written where its reference counts are wrong', () => {
    const file = created({ bytes: 64 * KIB, clusterBits: 9 });
    new DataView(file.data.buffer).setUint16(2 * 512 + 2 * 3, 0);
    expect(() => new Qcow2Disk(file)).toThrow(/is damaged: its tables have 1 errors/);
  });
});

const hasQemu = existsSync('/usr/bin/qemu-img') && existsSync('/usr/bin/qemu-io');

describe.skipIf(!hasQemu)('a qcow2 image, beside QEMU', () => {
  const qemu = (program: string, ...words: string[]): string => execFileSync(program, words, { encoding: 'utf8' });

  /** An image that QEMU made, as a file in memory, and what our writer made of it, as a file of this machine. */
  function inFolder(work: (at: (name: string) => string) => void): void {
    const folder = mkdtempSync(join(tmpdir(), 'ringside-qcow2-'));
    try {
      work(name => join(folder, name));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  it(
    'writes to images with snapshots, compressed clusters and zeros what qemu-img compares as equal',
    () =>
      inFolder(at => {
        writeFileSync(at('base.img'), pattern(1024 * KIB, 5));
        for (const options of [
          'compat=0.10',
          'cluster_size=512,refcount_bits=1',
          'refcount_bits=64,cluster_size=4096,compression_type=zstd',
        ]) {
          qemu('qemu-img', 'convert', '-c', '-O', 'qcow2', '-o', options, at('base.img'), at('a.qcow2'));
          if (!options.includes('refcount_bits=1')) qemu('qemu-img', 'snapshot', '-c', 'one', at('a.qcow2'));
          qemu(
            'qemu-io',
            '-c',
            'write -P 0xa5 40k 6k',
            '-c',
            'write -z 56k 8k',
            '-c',
            'write -P 0x11 100k 512',
            at('a.qcow2'),
          );
          const file = new MemoryFile(new Uint8Array(readFileSync(at('a.qcow2'))));
          const disk = new Qcow2Disk(file);
          const model = contentOf(disk);
          for (const [start, bytes] of [
            [41 * KIB, 512],
            [0, 3 * KIB],
            [57 * KIB, 1 * KIB],
            [100 * KIB, 128 * KIB],
            [1000 * KIB, 24 * KIB],
          ]) {
            disk.write(start, pattern(bytes, 9));
            model.set(pattern(bytes, 9), start);
          }
          disk.flush();
          writeFileSync(at('a.qcow2'), file.data);
          writeFileSync(at('model.img'), model);
          expect(qemu('qemu-img', 'check', at('a.qcow2'))).toContain('No errors were found');
          expect(qemu('qemu-img', 'compare', '-f', 'qcow2', '-F', 'raw', at('a.qcow2'), at('model.img'))).toContain(
            'Images are identical',
          );
        }
      }),
    20_000,
  );

  it('makes images on others that QEMU reads and writes, and grows them behind a longer backing file', () =>
    inFolder(at => {
      writeFileSync(at('base.img'), pattern(2048 * KIB, 5));
      const file = created({ bytes: 512 * KIB, backing: { path: at('base.img'), format: 'raw' } });
      const backing = new MemoryDisk(pattern(2048 * KIB, 5), { readOnly: true });
      const disk = new Qcow2Disk(file, { backing });
      disk.write(70 * KIB, pattern(3 * KIB, 1));
      disk.resize(2048 * KIB);
      writeFileSync(at('a.qcow2'), file.data);
      const wanted = new Uint8Array(2048 * KIB);
      wanted.set(pattern(512 * KIB, 5));
      wanted.set(pattern(3 * KIB, 1), 70 * KIB);
      writeFileSync(at('model.img'), wanted);
      expect(qemu('qemu-img', 'info', at('a.qcow2'))).toMatch(/backing file format: raw/);
      expect(qemu('qemu-img', 'compare', '-f', 'qcow2', '-F', 'raw', at('a.qcow2'), at('model.img'))).toContain(
        'Images are identical',
      );
      qemu('qemu-io', '-c', 'write -P 0x77 64k 64k', '-c', 'read -P 0x77 64k 64k', at('a.qcow2'));
      expect(qemu('qemu-img', 'check', at('a.qcow2'))).toContain('No errors were found');
      const again = new Qcow2Disk(new MemoryFile(new Uint8Array(readFileSync(at('a.qcow2')))), { backing });
      expect(
        contentOf(again)
          .subarray(64 * KIB, 128 * KIB)
          .every(byte => byte === 0x77),
      ).toBe(true);
    }));

  it('leaves before each of its writes what qemu-img check calls clean, or leaking at most', () =>
    inFolder(at => {
      const under = pattern(96 * KIB, 5);
      const backing = { path: at('base.img'), format: 'raw' };
      writeFileSync(at('base.img'), under);
      const file = created({ bytes: 96 * KIB, clusterBits: 9, backing });
      const start = file.data.slice();
      file.written.length = 0;
      run(file, under, [
        { op: 'write', at: 3, sectors: 5, seed: 1 },
        { op: 'flush' },
        { op: 'write', at: 70, sectors: 3, seed: 2 },
        { op: 'discard', at: 2, sectors: 4, seed: 0 },
        { op: 'flush' },
        { op: 'resize', sectors: 4500 },
        { op: 'write', at: 150, sectors: 3, seed: 3 },
      ]);
      const statuses = Array.from({ length: file.written.length + 1 }, (_, writes) => {
        writeFileSync(at('a.qcow2'), asOf(file, start, writes));
        return spawnSync('qemu-img', ['check', '-q', at('a.qcow2')]).status;
      });
      expect(statuses.length).toBeGreaterThan(20);
      // 3: leaked clusters alone (qemu-img(1)).
      expect(statuses.filter(status => status !== 0 && status !== 3)).toEqual([]);
    }));
});
