/** The BIOS of guests/bios starts a disk's boot sector, and its services answer. What it boots, and where it agrees with SeaBIOS: test/guests/bios.guest.ts. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { asm16, machineCode } from '../src/cpu/test-support/asm.ts';
import { bootDisk, packedDisks } from '../src/dom0/definitions/images/packed-images.test-support.ts';
import { WarmRingside } from './support/command-line.ts';
import { file } from './support/needs.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-bios-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A disk, of 1 MiB where nothing is said, whose first sector is this program; the others begin with their numbers' low halves. */
function disk(program: string, size = 2 ** 20): string {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 512) bytes[at] = at / 512;
  bytes.set(machineCode([program], 16, 0x7c00));
  bytes.set([0x55, 0xaa], 510);
  const path = join(folder, `disk-${size}.img`);
  writeFileSync(path, bytes);
  return path;
}

it('starts a boot sector, which reads by INT 13h, asks for the size of memory and types by INT 10h', async () => {
  // It reads its own sector again, with DL as it came, and tells by its first byte that it was this one.
  const path = disk(`
    mov ax, 0201h; mov bx, 8000h; mov cx, 1; int 13h; jc over
    int 12h; cmp ax, 639; jne over
    mov ax, 0E41h; int 10h; mov ah, 3; mov bh, 0; int 10h; cmp dl, 1; jne over
    mov al, [8000h]; xor al, 0B8h ^ 31h; out 0F4h, al
  over:
    mov al, 1; out 0F4h, al`);
  const vm = new WarmRingside(
    'boot',
    '--disk',
    path,
    '--bios',
    'ringside',
    '--memory',
    '8',
    '--debugcon',
    '-',
    '--virtual-time',
    '--no-reboot',
  );
  onTestFinished(() => vm.kill());
  expect(await vm.end(60)).toBe(0x63);
  expect(vm.output).toContain('Booting from disk RINGSIDE HARDDISK');
});

it('starts a boot sector from a disk of virtio, whose services read and write it and a second one', async () => {
  // EDD's packet for one sector lies at 600h. AL is the step that went wrong.
  const packet = (sector: number, at: number): string =>
    `mov dword [600h], 10010h; mov dword [604h], ${at}; mov dword [608h], ${sector}; mov dword [60Ch], 0; mov si, 600h`;
  const path = disk(`
    mov bp, 1; cmp dl, 80h; jne over
    mov ax, 0201h; mov bx, 8000h; mov cx, 1; mov dh, 0; int 13h; jc over; cmp byte [8000h], 0BDh; jne over
    inc bp; ${packet(5, 0x8000)}; mov ah, 42h; int 13h; jc over; cmp byte [8000h], 5; jne over
    inc bp; ${packet(7, 0x7c00)}; mov ax, 4300h; int 13h; jc over
    ${packet(7, 0x9000)}; mov ah, 42h; int 13h; jc over; cmp byte [9000h], 0BDh; jne over
    inc bp; mov dl, 81h; ${packet(9, 0x8000)}; mov ah, 42h; int 13h; jc over; cmp byte [8000h], 9; jne over
    inc bp; mov dl, 80h; ${packet(2048, 0x8000)}; mov ah, 42h; int 13h; jnc over
    inc bp; mov word [610h], 66; mov si, 610h; mov ah, 48h; int 13h; jc over
    cmp dword [620h], 2048; jne over; cmp word [610h], 30; jne over; cmp dword [62Ah], -1; jne over
    inc bp; ${packet(6, 0x8000)}; mov ah, 42h; int 13h; jc over; cmp byte [8000h], 6; jne over
    mov bp, 31h
  over:
    mov ax, bp; out 0F4h, al`);
  const second = disk('int 18h', 2 ** 21);
  const disks = [path, second].flatMap(name => ['--disk', `${name},virtio`]);
  const options = ['--memory', '8', '--debugcon', '-', '--virtual-time', '--no-reboot'];
  const vm = new WarmRingside('boot', ...disks, ...options);
  onTestFinished(() => vm.kill());
  expect(await vm.end(60), vm.output).toBe(0x63);
  expect(vm.output).toContain('Booting from disk virtio in slot 5');

  // The order is the host's, by slots.
  const definition = join(folder, 'virtio.cfg');
  const named = `disk = [ "${second},raw,vda", "${path},raw,vdc", "${second},raw,hda" ]`;
  writeFileSync(definition, `name = "v"\ntype = "hvm"\nkvm = 1\nmemory = 8\n${named}\nboot = "c"\n`);
  const defined = new WarmRingside('boot', definition, '--debugcon', '-', '--virtual-time');
  onTestFinished(() => defined.kill());
  await defined.end(60);
  const tried = [...defined.output.matchAll(/Booting from disk (RINGSIDE|virtio in slot \d)/g)].map(([, name]) => name);
  expect(tried).toEqual(['RINGSIDE', 'virtio in slot 5', 'virtio in slot 7']);
});

/** What FAT's boot sector says of the disk: 512 bytes a sector, media descriptor F0, so many sectors a track, two heads. */
const fat = (sectors: number): string => `
    jmp short begin; nop; times 8 db 20h
    dw 512; db 1; dw 1; db 2; dw 0E0h, 0; db 0F0h; dw 9, ${sectors}, 2; times 34 db 0
  begin:`;

// Disks of more sectors a track than IBM's formats have, which Microsoft and others gave out (DMF: 21), and of more cylinders.
it.each([
  [80, 20],
  [80, 21],
  [82, 21],
  [82, 10],
])(
  'boots a floppy disk of %i cylinders and %i sectors a track, and reads a whole track',
  async (cylinders, sectors) => {
    const path = disk(
      `${fat(sectors)}
        mov ax, 0200h + ${sectors}; mov bx, 8000h; mov cx, 101h; mov dx, 100h; int 13h; jc over
        mov al, [8000h + ${512 * (sectors - 1)}]; out 0F4h, al
      over:
        mov al, 1; out 0F4h, al`,
      cylinders * 2 * sectors * 512,
    );
    const vm = new WarmRingside('boot', path, '--memory', '8', '--virtual-time', '--no-reboot');
    onTestFinished(() => vm.kill());
    expect(await vm.end(60), vm.errors).toBe((((4 * sectors - 1) << 1) | 1) & 0xff);
  },
);

it('refuses a floppy disk of a size that none has, and says which there are', async () => {
  const vm = new WarmRingside('boot', disk(`${fat(18)} cli; hlt`, 3_000_000), '--memory', '8');
  onTestFinished(() => vm.kill());
  expect(await vm.end(30)).toBe(2);
  expect(vm.errors).toContain('has 3000000 bytes, and a floppy disk has 160, 180,');
});

// As people fetch a disk, and as they make a floppy disk: cat boot.bin kernel.bin.
it.each([
  ['--disk', 'boot.img.xz', packedDisks().xz, 'BOOT-OK DL=80'],
  // Without 55 AA at its end, and without a table.
  ['--disk', 'bare.bin', bootDisk().fill(0, 446, 512), 'BOOT-OK DL=80'],
  ['--fda', 'boot.img.gz', gzipSync(bootDisk().subarray(0, 5000)), 'BOOT-OK DL=00'],
])('boots %s %s', async (option, name, image, text) => {
  const path = join(folder, name);
  writeFileSync(path, image);
  const vm = new WarmRingside('boot', option, path, '--memory', '8', '--until', text, '--virtual-time');
  onTestFinished(() => vm.kill());
  expect(await vm.end(60), vm.errors).toBe(0);
});

const BLOCK = 2048,
  RECORD = 17,
  CATALOGUE = 18,
  IMAGE = 19;
/** A CD of 20 blocks: El Torito's boot record, a catalogue with one entry, a boot image. What is given is put into the catalogue, then its sum is made right. */
function cd(
  name: string,
  {
    catalogue = CATALOGUE,
    entry = {},
    spoil = {},
  }: { catalogue?: number; entry?: Record<number, number[]>; spoil?: Record<number, number[]> },
): string {
  const bytes = Buffer.alloc(20 * BLOCK);
  bytes.write('\x01CD001\x01', 16 * BLOCK);
  bytes.write('\0CD001\x01EL TORITO SPECIFICATION', RECORD * BLOCK);
  bytes.writeUInt32LE(catalogue, RECORD * BLOCK + 0x47);
  const at = CATALOGUE * BLOCK;
  bytes[at] = 1;
  bytes.set([0x55, 0xaa], at + 30);
  bytes.set([0x88, 0, 0, 0, 0, 0, 4, 0, IMAGE], at + 32);
  for (const [offset, values] of Object.entries(entry)) bytes.set(values, at + Number(offset));
  let sum = 0;
  for (let i = 0; i < 32; i += 2) sum += bytes.readUInt16LE(at + i);
  bytes.writeUInt16LE(-sum & 0xffff, at + 28);
  for (const [offset, values] of Object.entries(spoil)) bytes.set(values, at + Number(offset));
  bytes.set(asm16('mov al, 31h; out 0F4h, al'), IMAGE * BLOCK);
  const path = join(folder, `${name}.iso`);
  writeFileSync(path, bytes);
  return path;
}

it('boots a CD by its El Torito catalogue', async () => {
  const vm = new WarmRingside('boot', cd('right', {}), '--memory', '8', '--virtual-time', '--no-reboot');
  onTestFinished(() => vm.kill());
  expect(await vm.end(60), vm.errors).toBe(0x63);
});

// El Torito 1.0, figures 2 to 4.
it.each([
  ['lies-outside', { catalogue: 1000 }, 'its boot catalogue cannot be read'],
  ['wrong-sum', { spoil: { 28: [1, 2] } }, 'its boot catalogue is damaged'],
  ['no-key-bytes', { spoil: { 30: [0, 0] } }, 'its boot catalogue is damaged'],
  ['for-powerpc', { entry: { 1: [1] } }, 'its boot catalogue is for another processor'],
  ['not-bootable', { entry: { 32: [0] } }, 'its boot catalogue has no bootable entry'],
  ['unknown-medium', { entry: { 33: [5] } }, 'its boot catalogue names a medium that there is not'],
  ['image-outside', { entry: { 40: [0, 0, 1, 0] } }, 'its boot image cannot be read'],
  ['image-over-the-bios', { entry: { 34: [0, 0xf0] } }, 'its boot image does not fit into memory'],
  ['image-too-long', { entry: { 38: [0xff, 0xff] } }, 'its boot image does not fit into memory'],
  ['image-of-zeros', { entry: { 40: [1] } }, 'its boot image has no program'],
  ['disk-without-partition', { entry: { 33: [4] } }, 'its disk image has no partition'],
])(
  'a CD whose boot catalogue is bad (%s) ends in a sentence and the boot menu, from which it can be tried again',
  async (name, damage, sentence) => {
    const script = join(folder, 'script');
    writeFileSync(script, `expect ${sentence}\nexpect Select what to boot:\nkey 1\n`);
    const vm = new WarmRingside('boot', cd(name, damage), '--memory', '8', '--debugcon', '-', '--script', script);
    onTestFinished(() => vm.kill());
    for (const text of [
      'Booting from CD',
      `Not bootable: ${sentence}.`,
      'Select what to boot:',
      '1. CD',
      'Booting from CD',
      `Not bootable: ${sentence}.`,
    ])
      await vm.expect(text, 30);
  },
);

// INT 18h is what a boot sector calls that finds nothing to start.
it('a boot sector that gives up hands over to what comes next, and at the end to the boot menu', async () => {
  const vm = new WarmRingside(
    'boot',
    '--disk',
    disk('int 18h'),
    '--cdrom',
    cd('behind', { entry: { 32: [0] } }),
    '--memory',
    '8',
    '--debugcon',
    '-',
  );
  onTestFinished(() => vm.kill());
  for (const text of [
    'Booting from disk',
    'The boot sector gave up.',
    'Booting from CD',
    'has no bootable entry',
    'Select what to boot:',
    '1. disk',
  ])
    await vm.expect(text, 30);
});

it('a disk that was only partitioned ends in a sentence and the boot menu', async () => {
  const image = join(folder, 'partitioned.img');
  const bytes = new Uint8Array(2 ** 20);
  bytes.set([0x80, 1, 1, 0, 6, 3, 32, 9, 32, 0, 0, 0, 0, 7, 0, 0], 446);
  bytes.set([0x55, 0xaa], 510);
  writeFileSync(image, bytes);
  const vm = new WarmRingside('boot', '--disk', image, '--memory', '8', '--debugcon', '-', '--virtual-time');
  onTestFinished(() => vm.kill());
  await vm.expect('Not bootable: its first sector has no program.', 60);
  await vm.expect('Select what to boot', 60);
});

it('a floppy disk without a boot sector ends in a sentence, and the disk behind it is started', async () => {
  const image = join(folder, 'blank.img');
  writeFileSync(image, new Uint8Array(1440 * 1024));
  const vm = new WarmRingside(
    'boot',
    '--fda',
    image,
    '--disk',
    disk('mov al, 31h; out 0F4h, al'),
    '--boot',
    'ac',
    '--memory',
    '8',
    '--debugcon',
    '-',
    '--virtual-time',
    '--no-reboot',
  );
  onTestFinished(() => vm.kill());
  expect(await vm.end(60), vm.errors).toBe(0x63);
  expect(vm.output.replaceAll('\r', '')).toContain(
    'Booting from floppy disk A\nNot bootable: its first sector does not end in 55 AA.\nBooting from disk',
  );
});

// SeaBIOS numbers floppy drives in the order of booting, too: what starts from the second one finds itself in drive 0.
it.each<[string, string, number]>([
  ['ringside', 'only the second floppy drive', 0],
  ['ringside', 'a blank disk in the first one', 1],
  ...(existsSync(file('.cache/guests/firmware/bios.bin'))
    ? [['seabios', 'only the second floppy drive', 0] satisfies [string, string, number]]
    : []),
])('by %s, with %s, the disk in the second is started and reads itself', async (bios, first, number) => {
  const blank = join(folder, 'blank-first.img');
  writeFileSync(blank, new Uint8Array(1440 * 1024));
  const path = disk(
    `
    mov ax, 0201h; mov bx, 8000h; mov cx, 1; mov dh, 0; int 13h; jc over
    mov ah, 8; push dx; int 13h; pop ax; jc over
    mov ah, [8000h]; cmp ah, 0B8h; jne over
    out 0F4h, al
  over:
    mov al, 7Fh; out 0F4h, al`,
    1440 * 1024,
  );
  const floppies = number === 0 ? ['--fdb', path] : ['--fda', blank, '--fdb', path];
  const vm = new WarmRingside(
    'boot',
    ...floppies,
    '--bios',
    bios,
    '--boot',
    'a',
    '--memory',
    '8',
    '--virtual-time',
    '--no-reboot',
  );
  onTestFinished(() => vm.kill());
  expect(await vm.end(60), `${first}: ${vm.errors}`).toBe((number << 1) | 1);
});

// Each boot program gives up by INT 18h, so all that a definition names is tried, and what it leaves out comes last.
it.each([
  ['acd', ['floppy disk A', 'disk', 'CD']],
  ['dca', ['CD', 'disk', 'floppy disk A']],
  ['cdac', ['disk', 'CD', 'floppy disk A']],
  ['d', ['CD', 'floppy disk A', 'disk']],
])('boot = "%s" of a definition is the order in which they are tried', async (order, expected) => {
  const image = cd('gives-up', { entry: { 40: [IMAGE] } });
  const bytes = readFileSync(image);
  bytes.set(asm16('int 18h'), IMAGE * BLOCK);
  writeFileSync(image, bytes);
  const definition = join(folder, `order-${order}.cfg`);
  const disks = `disk = [ "${disk('int 18h')},raw,hda", "${image},raw,hdc,cdrom" ]`;
  writeFileSync(
    definition,
    `name = "order"\ntype = "hvm"\nmemory = 8\nfda = "${disk('int 18h', 1440 * 1024)}"\n${disks}\nboot = "${order}"\n`,
  );
  const vm = new WarmRingside('boot', definition, '--debugcon', '-', '--virtual-time');
  onTestFinished(() => vm.kill());
  await vm.expect('Select what to boot', 60);
  const tried = [...vm.output.matchAll(/Booting from (floppy disk A|disk|CD)/g)].map(([, name]) => name);
  expect(tried).toEqual(expected);
});

// Systems take the first such word at a 16-byte boundary for what it names: memtest86+ looks no further, whatever its check sum.
it('holds no word that systems look for, but where a table begins with it', () => {
  const bytes = readFileSync(file('guests/bios/bios.bin')).subarray(-0x10000);
  for (let at = 0; at < bytes.length; at += 16)
    expect(bytes.toString('latin1', at, at + 4)).not.toMatch(/^(_SM_|_SM3|_MP_|RSD |\$PIR)/);
});

it.each([8, 14, 16])(
  'its font of %i lines has a glyph for each character that no other has, but for blanks',
  height => {
    const font = readFileSync(file(`guests/bios/font-8x${height}.bin`));
    const codes = new Map<string, number[]>();
    for (let code = 0; code < 256; code++) {
      const glyph = font.toString('hex', height * code, height * (code + 1));
      codes.set(glyph, [...(codes.get(glyph) ?? []), code]);
    }
    expect([...codes.values()].filter(({ length }) => length > 1)).toEqual([[0x00, 0x20, 0xff]]);
  },
);
