/** The BIOS of guests/bios starts a disk's boot sector, and its services answer. What it boots, and where it agrees with SeaBIOS: test/guests/bios.guest.ts. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { Ringside } from './support/command-line.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-bios-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A disk, of 1 MiB where nothing is said, whose first sector is this code; the others begin with their numbers' low halves. */
function disk(code: string, size = 2 ** 20): string {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 512) bytes[at] = at / 512;
  bytes.set(code.split(/\s+/).map(byte => Number.parseInt(byte, 16)));
  bytes.set([0x55, 0xaa], 510);
  const path = join(folder, `disk-${size}.img`);
  writeFileSync(path, bytes);
  return path;
}

it('starts a boot sector, which reads by INT 13h, asks for the size of memory and types by INT 10h', async () => {
  const path = disk(
    // mov ax, 0201h; mov bx, 8000h; mov cx, 1; int 13h; jc end: the sector again, with DL as it came
    'b8 01 02 bb 00 80 b9 01 00 cd 13 72 1f ' +
      // int 12h; cmp ax, 639; jne end
      'cd 12 3d 7f 02 75 18 ' +
      // mov ax, 0E41h; int 10h; mov ah, 8; mov bh, 0; int 10h (the cell at the cursor, behind it); mov ah, 3; int 10h; cmp dl, 1; jne end
      'b8 41 0e cd 10 b4 03 b7 00 cd 10 80 fa 01 75 07 ' +
      // mov al, [8000h]; xor al, B8h ^ 31h: what was read is this sector; out F4h, al
      'a0 00 80 34 89 e6 f4 ' +
      // end: mov al, 1; out F4h, al
      'b0 01 e6 f4',
  );
  const vm = new Ringside('boot', '--disk', path, '--bios', 'ringside', '--memory', '8', '--debugcon', '-', '--virtual-time', '--no-reboot');
  onTestFinished(() => vm.kill());
  expect(await vm.end(60)).toBe(0x63);
  expect(vm.output).toContain('Booting from disk RINGSIDE HARDDISK');
});

/** What FAT's boot sector says of the disk: 512 bytes a sector, media descriptor F0, so many sectors a track, two heads. */
const fat = (sectors: number): string =>
  `eb 3c 90 ${'20 '.repeat(8)}00 02 01 01 00 02 e0 00 00 00 f0 09 00 ${sectors.toString(16)} 00 02 00 ${'00 '.repeat(34)}`;

// Disks of more sectors a track than IBM's formats have, which Microsoft and others gave out (DMF: 21), and of more cylinders.
it.each([
  [80, 20],
  [80, 21],
  [82, 21],
  [82, 10],
])('boots a floppy disk of %i cylinders and %i sectors a track, and reads a whole track', async (cylinders, sectors) => {
  const path = disk(
    // mov ax, 0200h + sectors; mov bx, 8000h; mov cx, cylinder 1, sector 1; mov dx, head 1; int 13h; jc end
    `${fat(sectors)}b8 ${sectors.toString(16)} 02 bb 00 80 b9 01 01 ba 00 01 cd 13 72 07 ` +
      // mov al, [8000h + the last sector]; out F4h, al
      `a0 00 ${(0x80 + 2 * (sectors - 1)).toString(16)} e6 f4 90 90 ` +
      // end: mov al, 1; out F4h, al
      'b0 01 e6 f4',
    cylinders * 2 * sectors * 512,
  );
  const vm = new Ringside('boot', path, '--memory', '8', '--virtual-time', '--no-reboot');
  onTestFinished(() => vm.kill());
  expect(await vm.end(60), vm.errors).toBe((((4 * sectors - 1) << 1) | 1) & 0xff);
});

it('refuses a floppy disk of a size that none has, and says which there are', async () => {
  const vm = new Ringside('boot', disk(`${fat(18)}fa f4`, 1_000_448), '--memory', '8');
  onTestFinished(() => vm.kill());
  expect(await vm.end(30)).toBe(2);
  expect(vm.errors).toContain('has 1000448 bytes, and a floppy disk has 160, 180,');
});
