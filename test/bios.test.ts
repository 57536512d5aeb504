/** The BIOS of guests/bios starts a disk's boot sector, and its services answer. What it boots, and where it agrees with SeaBIOS: test/guests/bios.guest.ts. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { Ringside } from './support/command-line.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-bios-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A disk of 1 MiB whose first sector is this code. */
function disk(code: string): string {
  const bytes = new Uint8Array(2 ** 20);
  bytes.set(code.split(/\s+/).map(byte => Number.parseInt(byte, 16)));
  bytes.set([0x55, 0xaa], 510);
  const path = join(folder, 'disk.img');
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
