/** A boot sector on a floppy disk, started by SeaBIOS, and what INT 13h makes of the drive: reads, writes, parameters; and images of sizes that no disk has. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { Ringside } from '../support/command-line.ts';
import { NEEDS_GUESTS } from '../support/guests.ts';
import { file } from '../support/needs.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-floppy-'));
afterAll(() => rmSync(folder, { recursive: true }));

const hex = (text: string): number[] => text.split(/\s+/).map(byte => Number.parseInt(byte, 16));
/** What it says goes to port E9h between < and >; the exit status is 63h, or 3 where the BIOS reported an error. */
const BOOT = [
  // xor ax, ax; mov ds, ax; mov ss, ax; mov sp, 7C00h; mov ax, 1000h; mov es, ax; mov al, '<'; out E9h, al
  ...hex('31 c0 8e d8 8e d0 bc 00 7c b8 00 10 8e c0 b0 3c e6 e9'),
  // 18 sectors of cylinder 5, head 1, to 1000:0000; jc failed
  ...hex('31 db b8 12 02 b9 01 05 ba 00 01 cd 13 72 4d'),
  // the first byte of each
  ...hex('31 f6 b9 12 00 26 8a 04 e6 e9 81 c6 00 02 e2 f5'),
  // the first of them written to cylinder 6, head 0, sector 1, and read back to 1000:4000; its first byte
  ...hex('31 db b8 01 03 b9 01 06 ba 00 00 cd 13 72 2e'),
  ...hex('b8 01 02 b9 01 06 ba 00 00 bb 00 40 cd 13 72 1e 26 a0 00 40 e6 e9'),
  // parameters of drive 0: CH, CL, DH and, below, BL
  ...hex('b4 08 b2 00 31 ff cd 13 72 0e'),
  // CH, CL and DH go out; jmp over what ends with an error: mov al, '!'; out E9h, al; mov al, 1; out F4h, al
  ...hex('88 e8 e6 e9 88 c8 e6 e9 88 f0 e6 e9 eb 08'),
  ...hex('b0 21 e6 e9 b0 01 e6 f4'),
  // mov al, bl; out; mov al, '>'; out; mov al, 31h; out F4h, al
  ...hex('88 d8 e6 e9 b0 3e e6 e9 b0 31 e6 f4'),
];

/** A disk of so many KiB whose sectors begin with letters, A in each track's first one. */
function disk(name: string, kib: number, sectors: number): string {
  const bytes = new Uint8Array(kib * 1024);
  for (let i = 0; i < bytes.length / 512; i++) bytes[i * 512] = 65 + (i % sectors);
  bytes.set(BOOT);
  bytes.set([0x55, 0xaa], 510);
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

describe.skipIf(!existsSync(file('.cache/guests/firmware')))(`a floppy disk ${NEEDS_GUESTS}`, () => {
  it.each([
    ['SeaBIOS', ['--bios', 'seabios']],
    ['our BIOS', ['--bios', 'ringside']],
  ])(
    'boots by %s, whose INT 13h reads, writes and knows its format; the file stays as it is',
    async (_name, options) => {
      const path = disk('boot.img', 1440, 18);
      const before = readFileSync(path);
      const vm = new Ringside('boot', path, ...options, '--debugcon', '-', '--virtual-time', '--no-reboot');
      onTestFinished(() => vm.kill());
      expect(await vm.end(60)).toBe(0x63);
      // Cylinder 79, sector 18, head 1, drive type 4.
      expect(/<([\s\S]*?)>/.exec(vm.output.slice(vm.output.search(/Booting from floppy/i)))?.[1]).toBe(
        'ABCDEFGHIJKLMNOPQRA\x4f\x12\x01\x04',
      );
      expect(readFileSync(path).equals(before)).toBe(true);
    },
  );

  it('that is larger than any is refused, with those there are', async () => {
    const path = join(folder, 'large.img');
    writeFileSync(path, new Uint8Array(4_000_000));
    const vm = new Ringside('boot', '--fda', path);
    expect(await vm.end(30)).toBe(2);
    expect(vm.errors).toContain('has 4000000 bytes, and a floppy disk has 160, 180, 320, 360, 720, 800, ');
  });
});
