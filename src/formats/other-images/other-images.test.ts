/** Images of other products, as QEMU's qemu-img reads and writes them, where it is here. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MemoryFile } from '../qcow2/growing-file.test-support.ts';
import { createVmdk, createVpc, ImageError, isVmdk, isVpc, VmdkDisk, vpcBytes, VpcDisk } from './index.ts';

const MIB = 2 ** 20;
const hasQemuImg = spawnSync('qemu-img', ['--version']).status === 0;

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'ringside-images-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

const KINDS = {
  vmdk: {
    is: isVmdk,
    make: (file: MemoryFile, bytes: number) => createVmdk(file, { bytes, name: 'a.vmdk', id: 0x1234abcd }),
    open: (file: MemoryFile) => new VmdkDisk(file),
    size: (bytes: number) => bytes,
  },
  vpc: {
    is: isVpc,
    make: (file: MemoryFile, bytes: number) =>
      createVpc(file, { bytes, nowMs: Date.UTC(2026, 0, 1), uuid: new Uint8Array(16).fill(7) }),
    open: (file: MemoryFile) => new VpcDisk(file),
    size: vpcBytes,
  },
};

const WRITES: readonly [number, number][] = [
  [0, 512],
  [65_536 - 512, 1024],
  [3 * MIB, 512],
  [4 * MIB + 4096, 3 * 65_536],
  [6 * MIB, 2 * MIB],
  [10 * MIB - 512, 512],
];
const pattern = (at: number, count: number): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => (at + i * 7) % 251);

describe.each(Object.entries(KINDS))('%s', (kind, { is, make, open, size }) => {
  it('is small when it is new, reads as zeros, and keeps what is written', () => {
    const file = new MemoryFile();
    make(file, 10 * MIB);
    expect(is(file.data)).toBe(true);
    expect(file.bytes).toBeLessThan(MIB);
    const right = new Uint8Array(size(10 * MIB)),
      disk = open(file);
    expect(disk.bytes).toBe(right.length);
    for (const [at, count] of WRITES) {
      disk.write(at, pattern(at, count));
      right.set(pattern(at, count), at);
    }
    disk.flush();
    for (const each of [disk, open(file)]) {
      const all = new Uint8Array(each.bytes);
      each.read(0, all);
      expect(Buffer.compare(all, right)).toBe(0);
    }
    expect(() => disk.write(disk.bytes, new Uint8Array(512))).toThrow(RangeError);
  });

  it('that is cut off or damaged is refused, and gives no bytes of elsewhere', () => {
    const file = new MemoryFile();
    make(file, 10 * MIB);
    const whole = file.data.slice();
    for (const length of [512, 1536])
      expect(() => open(new MemoryFile(whole.slice(0, length))), String(length)).toThrow();
    expect(() => open(new MemoryFile(new Uint8Array(MIB)))).toThrow(ImageError);
    open(file).write(0, pattern(0, 512));
    expect(() => open(new MemoryFile(file.data.slice(0, whole.length))).read(0, new Uint8Array(512))).toThrow(
      'beyond its end',
    );
  });

  it.skipIf(!hasQemuImg)('is read by qemu-img as it was written, and the other way round', () => {
    const path = folder();
    const [image, raw] = ['image', 'raw'].map(name => join(path, name));
    for (const bytes of [10 * MIB, 10 * MIB + 4096]) {
      const file = new MemoryFile(),
        theirs = join(path, `theirs-${bytes}`);
      make(file, bytes);
      const disk = open(file);
      for (const [at, count] of WRITES) if (at + count <= bytes) disk.write(at, pattern(at, count));
      writeFileSync(image, file.data);
      const told = JSON.parse(execFileSync('qemu-img', ['info', '--output=json', image], { encoding: 'utf8' }));
      expect(told).toMatchObject({ format: kind, 'virtual-size': disk.bytes });
      if (kind === 'vmdk') execFileSync('qemu-img', ['check', '-f', kind, image]);
      execFileSync('qemu-img', ['convert', '-f', kind, '-O', 'raw', image, raw]);
      const all = new Uint8Array(disk.bytes);
      disk.read(0, all);
      expect(Buffer.compare(readFileSync(raw), all)).toBe(0);
      execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', kind, raw, theirs]);
      const back = open(new MemoryFile(readFileSync(theirs))),
        same = new Uint8Array(back.bytes);
      back.read(0, same);
      expect(Buffer.compare(same, all)).toBe(0);
      execFileSync('qemu-img', ['create', '-q', '-f', kind, theirs, String(bytes)]);
      expect(open(new MemoryFile(readFileSync(theirs))).bytes).toBe(disk.bytes);
    }
  });
});
