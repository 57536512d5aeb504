/** A boot sector on a floppy disk, started by SeaBIOS, and what INT 13h makes of the drive: reads, writes, parameters; and images of sizes that no disk has. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { WarmRingside } from '../support/command-line.ts';
import { NEEDS_GUESTS } from '../support/guests.ts';
import { machineCode } from '../../src/cpu/test-support/asm.ts';
import { file } from '../support/needs.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-floppy-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What it says goes to port E9h between < and >; the exit status is 63h, or 3 where the BIOS reported an error. */
const BOOT = machineCode(
  [
    `xor ax, ax; mov ds, ax; mov ss, ax; mov sp, 0x7c00; mov ax, 0x1000; mov es, ax; mov al, '<'; out 0xe9, al`,
    // 18 sectors of cylinder 5, head 1, to 1000:0000.
    'xor bx, bx; mov ax, 0x212; mov cx, 0x501; mov dx, 0x100; int 0x13; jc failed',
    // The first byte of each.
    'xor si, si; mov cx, 18; next: mov al, [es:si]; out 0xe9, al; add si, 512; loop next',
    // The first of them written to cylinder 6, head 0, sector 1, and read back to 1000:4000; its first byte.
    'xor bx, bx; mov ax, 0x301; mov cx, 0x601; mov dx, 0; int 0x13; jc failed',
    'mov ax, 0x201; mov cx, 0x601; mov dx, 0; mov bx, 0x4000; int 0x13; jc failed; mov al, [es:0x4000]; out 0xe9, al',
    // Parameters of drive 0: CH, CL, DH and BL.
    'mov ah, 8; mov dl, 0; xor di, di; int 0x13; jc failed',
    'mov al, ch; out 0xe9, al; mov al, cl; out 0xe9, al; mov al, dh; out 0xe9, al; jmp good',
    "failed: mov al, '!'; out 0xe9, al; mov al, 1; out 0xf4, al",
    "good: mov al, bl; out 0xe9, al; mov al, '>'; out 0xe9, al; mov al, 0x31; out 0xf4, al",
  ],
  16,
  0x7c00,
);

/** A disk of `kib` KiB whose sectors begin with letters, A in each track's first one. */
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
      const vm = new WarmRingside('boot', path, ...options, '--debugcon', '-', '--virtual-time', '--no-reboot');
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
    const vm = new WarmRingside('boot', '--fda', path);
    expect(await vm.end(30)).toBe(2);
    expect(vm.errors).toContain('has 4000000 bytes, and a floppy disk has 160, 180, 320, 360, 720, 800, ');
  });
});
