/** Services of the BIOS of guests/bios, asked by programs that it has booted: what they print on COM1. */
import { MemoryDisk } from '../src/formats/blocks/index.ts';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { screenText } from '../src/hypervisor/view/index.ts';
import { assemble } from '../src/cpu/assembler/index.ts';
import { type IdeAttachment, loadDrives } from '../src/devices/ide/index.ts';
import { flash } from '../src/devices/index.ts';
import { assembleDomain, type PartlessOptions } from '../src/hypervisor/interfaces/assemble.ts';
import type { Domain } from '../src/hypervisor/domain/index.ts';
import { createDomain } from '../src/hypervisor/memory/domain-table.ts';
import { Machine } from '../src/hypervisor/memory/machine.ts';
import { file } from './support/needs.ts';

const BIOS = readFileSync(file('guests/bios/bios.bin'));
const MEMORY_MIB = 4,
  P2M_FRAMES = 0x100000;
const FLOPPY_A = 4,
  SECONDARY_MASTER = 2;

/** Words and bytes of programs: `hex` prints AL, `puts` what lies between SI and a zero byte. */
const PRINT = `
hex:  push ax
      shr al, 4
      call nibble
      pop ax
      and al, 15
nibble: add al, '0'
      cmp al, '9'
      jbe put
      add al, 7
put:  mov dx, 3f8h
      out dx, al
      ret
`;

/** 512 bytes or more that a BIOS starts at 0000:7C00; interrupts are off and DS, ES, SS 0. \`end\` stops the machine. */
function bootSector(code: string): Uint8Array {
  const source = `bits 16\norg 7c00h\ncli\nxor ax, ax\nmov ds, ax\nmov es, ax\nmov ss, ax\nmov sp, 7c00h\nsti\n${code}\nend: cli\nhlt\n${PRINT}\n`;
  const { bytes, problems } = assemble(source);
  expect(problems).toEqual([]);
  const sector = new Uint8Array(512);
  expect(bytes.length).toBeLessThanOrEqual(446);
  sector.set(bytes);
  sector.set([0x55, 0xaa], 510);
  return sector;
}

/** What a PC with these drives prints until it stops. */
function printed(
  ide: IdeAttachment[],
  change: Partial<PartlessOptions> = {},
  typed = '',
): { text: string; domain: Domain } {
  const machine = Machine.create(new SharedArrayBuffer(32 * 2 ** 20));
  let text = '';
  const domain = assembleDomain({
    machine,
    record: createDomain(machine, MEMORY_MIB, P2M_FRAMES),
    memoryMiB: MEMORY_MIB,
    startEpochMs: 0,
    onReset: 'end',
    onTripleFault: 'end',
    ide,
    boot: {
      kind: 'firmware',
      image: BIOS,
      name: 'bios.bin',
      bootOrder: ide.map(({ kind }) =>
        kind === 'floppy' ? '/pci@i0cf8/isa@1/fdc@03f0/floppy@0' : '/pci@i0cf8/ide@1,1/drive@1/disk@0',
      ),
    },
    serial: byte => (text += String.fromCharCode(byte)),
    ...change,
  });
  domain.serialInput(new TextEncoder().encode(typed));
  run(domain);
  return {
    get text() {
      return text;
    },
    domain,
  };
}

/** Until nothing more comes. */
function run(domain: Domain): void {
  for (
    let result = domain.runSlice(), i = 0;
    i < 5000 && (result.state === 'running' || (result.state === 'parked' && result.untilNs !== Infinity));
    i++
  )
    result = domain.runSlice();
}

/** 1.44 MB, each sector's first word its number, the first one this program. */
function floppy(sector: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1474560);
  const words = new DataView(bytes.buffer);
  for (let i = 0; i < 2880; i++) words.setUint16(i * 512, i, true);
  bytes.set(sector);
  return bytes;
}
const inDriveA = (bytes: Uint8Array): IdeAttachment[] => [
  { place: FLOPPY_A, kind: 'floppy', disk: new MemoryDisk(bytes) },
];

it('hands over with the caches on: CR0 has neither CD nor NW, which RESET has set (SDM vol. 3, 9.3)', () => {
  const { text } = printed(inDriveA(floppy(bootSector('mov eax, cr0\nshr eax, 24\ncall hex\n'))));
  expect(text).toBe('00');
});

describe('INT 13h on a floppy disk', () => {
  // AH, AL and the carry of what was asked, then the first words of sectors that were moved.
  const READ = (count: number, cylinder: number, head: number, sector: number, segment = '1000h'): string => `
      mov ax, ${segment}
      mov es, ax
      xor bx, bx
      mov ax, 0200h + ${count}
      mov cx, ${cylinder} * 256 + ${sector}
      mov dx, ${head} * 256
      int 13h
      pushf
      push ax
      mov al, ah
      call hex
      pop ax
      call hex
      popf
      mov al, 'c'
      jc short $ + 4
      mov al, 'n'
      call put
`;
  const WORD = (at: number): string => `mov ax, [es:${at}]\nxchg al, ah\ncall hex\nmov al, ah\ncall hex\n`;

  it('goes over the end of a cylinder with a command for each (82077AA, 5.1.1: one ends there)', () => {
    const { text } = printed(
      inDriveA(floppy(bootSector(`${READ(64, 0, 0, 2)}${WORD(0)}${WORD(34 * 512)}${WORD(35 * 512)}${WORD(63 * 512)}`))),
    );
    // As SeaBIOS on QEMU answers; sectors 1, 35, 36 and 64.
    expect(text).toBe(`0040n0001002300240040`);
  });

  it('moves as many as 64 KiB hold, and tells how many were when the disk ends before', () => {
    const { text } = printed(
      inDriveA(
        floppy(
          bootSector(`${READ(128, 70, 1, 3)}${WORD(0)}${WORD(127 * 512)}${READ(72, 79, 0, 1)}${READ(129, 0, 0, 1)}`),
        ),
      ),
    );
    const hex = (n: number): string => n.toString(16).toUpperCase().padStart(4, '0');
    const first = (70 * 2 + 1) * 18 + 2;
    expect(text.slice(0, 13)).toBe(`0080n${hex(first)}${hex(first + 127)}`);
    // Of 72 the disk has 36.
    expect(text.slice(13, 18)).toMatch(/^..24c$/);
    expect(text.slice(18)).toBe('0100c');
  });

  it('does not cross 64 KiB of memory', () => {
    expect(printed(inDriveA(floppy(bootSector(READ(2, 0, 0, 1, '1ff0h'))))).text).toBe('0900c');
  });
});

describe('the last picture of a guest that ends', () => {
  /** 1200 letters A and a Z by INT 10h in text mode, then this. */
  const letters = (ending: string): Uint8Array =>
    bootSector(`
      mov ax, 3
      int 10h
      mov cx, 1200
more: mov ax, 0e41h
      mov bx, 7
      int 10h
      loop more
      mov ax, 0e5ah
      int 10h
      ${ending}
`);
  it.each([
    ['a dead halt', 'cli\nhlt', 'parked'],
    ['a triple fault', 'lidt [zeros]\nint 3\nzeros: dd 0, 0', 'ended'],
    ['isa-debug-exit', 'mov al, 1\nout 0f4h, al', 'ended'],
  ])('holds all that was printed before %s', (_what, ending, state) => {
    const { domain } = printed(inDriveA(floppy(letters(ending))));
    const { machine, record } = domain.options;
    const text = screenText(machine.memory, record.screenOffset).replace(/\s/g, '');
    expect(text).toBe(`${'A'.repeat(1200)}Z`);
    expect(domain.runSlice().state).toBe(state);
  });
});

describe('the way out of S3 (ACPI, 16.3.2)', () => {
  const TARGET = 0x7c00 + 0x100,
    WAKING_VECTOR = 12;
  /** Leaves marks in memory and sleeps; at the vector it prints what it finds. */
  const sleeps = bootSector(`
      mov word [600h], 1234h
      mov word [4 * 60h], 5678h
      mov ax, 13h
      int 10h
      mov al, 'S'
      call put
      mov dx, 604h
      mov ax, 2400h
      out dx, ax
      jmp end
times 100h - ($ - $$) db 90h
      xor ax, ax
      mov ds, ax
      mov al, [600h]
      call hex
      mov al, [4 * 60h]
      call hex
      in al, 21h
      call hex
      mov dx, 604h
      in al, dx
      call hex
      mov al, [449h]
      call hex
      mov ax, cs
      mov al, ah
      call hex
`);
  /** Where the tables are whose address QEMU's loader script leaves to the BIOS. */
  function facsOf(domain: Domain): number {
    const bytes = Buffer.alloc(MEMORY_MIB * 2 ** 20);
    domain.memory.read(0, bytes);
    return bytes.lastIndexOf('FACS@\0\0\0', undefined, 'latin1');
  }

  it('is the waking vector of the FACS, in real mode, with memory as it was and the board as POST leaves it', () => {
    const pc = printed(inDriveA(floppy(sleeps)));
    const { domain } = pc;
    expect(domain.platform.asleep).toBe(true);
    domain.memory.write(facsOf(domain) + WAKING_VECTOR, new Uint8Array(Uint32Array.of(TARGET).buffer));
    domain.wake();
    run(domain);
    // Memory, the vector of 60h; the mask of the 8259A; SCI_EN; mode 3; CS 07D0.
    expect(pc.text).toBe('S' + '34' + '78' + 'B8' + '01' + '03' + '07');
  });
});

// What QEMU's devices do otherwise (docs/devices.md). Firmware that was made for QEMU gets them on a plain PC, too.
describe('an IBM PC’s devices and QEMU’s', () => {
  /** Prints R, then I for each interrupt of COM1, with MCR 0 as xv6 leaves it; ends with the third. */
  const WITHOUT_OUT2 = `
      cli
      mov word [30h], interrupt
      mov word [32h], 0
      in al, 21h
      and al, 0efh
      out 21h, al
      xor al, al
      mov dx, 3fch
      out dx, al
      mov dx, 3f9h
      mov al, 1
      out dx, al
      mov al, 'R'
      call put
      sti
      mov ah, 0
      int 1ah
      mov bx, dx
look: hlt
      mov ah, 0
      int 1ah
      sub dx, bx
      cmp dx, 4
      ja end
      cmp byte [left], 0
      jne look
      jmp end
left: db 3
interrupt: push ax
      push dx
      mov dx, 3f8h
      in al, dx
      mov al, 'I'
      call put
      mov al, 20h
      out 20h, al
      dec byte [left]
      pop dx
      pop ax
      iret
`;
  it.each([
    ['on an IBM PC COM1 interrupts through OUT2', false, 'R'],
    ['on QEMU’s machine it does not need that', true, 'RIII'],
  ])('%s', (_what, forQemu, text) => {
    const boot = {
      kind: 'firmware' as const,
      image: BIOS,
      name: 'bios.bin',
      forQemu,
      bootOrder: ['/pci@i0cf8/isa@1/fdc@03f0/floppy@0'],
    };
    expect(printed(inDriveA(floppy(bootSector(WITHOUT_OUT2))), { boot }, 'abc').text).toBe(text);
  });
});

describe('firmware of up to 16 MiB', () => {
  /** From the reset vector at its end to its first byte by a far jump in flat protected mode. */
  function large(mib: number, code: string): Uint8Array {
    const image = new Uint8Array(mib * 2 ** 20).fill(0xf4);
    const base = 2 ** 32 - image.length;
    const put = (at: number, source: string): void => {
      const { bytes, problems } = assemble(source);
      expect(problems).toEqual([]);
      image.set(bytes, at);
    };
    put(0, `bits 32\norg ${base}\nmov ax, 10h\nmov ds, ax\nmov es, ax\nmov dx, 3f8h\n${code}`);
    put(
      image.length - 0x100,
      `bits 16\no32 lgdt [cs:0ffc0h]\nmov eax, cr0\nor al, 1\nmov cr0, eax\njmp dword 8:${base}`,
    );
    put(image.length - 0x40, `dw 23\ndd 0ffffffd0h\ntimes 10 db 0\ndd 0, 0, 0ffffh, 0cf9b00h, 0ffffh, 0cf9300h`);
    put(image.length - 16, 'bits 16\njmp near $ - 0f0h\nnop\ndb "ROM"');
    return image;
  }
  /** Prints the last word below 1 MiB, and that below 4 GiB after it was written. */
  const SAYS_WHERE =
    'mov al, [0xffff4]\nout dx, al\nmov byte [0xffff4], 57h\nmov al, [0xfffffff4]\nout dx, al\ncli\nhlt';
  it.each([
    ['a PC', 2],
    ['a PC', 16],
  ])('%s starts with %i MiB, whose end lies below 1 MiB, too', (_what, mib) => {
    const machine = Machine.create(new SharedArrayBuffer((32 + mib) * 2 ** 20));
    const change = {
      machine,
      record: createDomain(machine, MEMORY_MIB, P2M_FRAMES),
      boot: { kind: 'firmware' as const, image: large(mib, SAYS_WHERE), name: 'large.fd' },
    };
    expect(printed([], change).text).toBe('RR');
  });

  it('writes its variables where it lies in flash, and finds them after a reset; its file has them, too', async () => {
    await flash.load();
    const VARIABLE = 2 ** 32 - 0x100000 + 0x2000;
    // From RAM: the flash does not read as code meanwhile. What is there; is it flash (a cleared status)? K over it, and a reset.
    const image = large(
      1,
      `mov esi, there
mov edi, 8000h
mov ecx, 80h
rep movsb
mov eax, 8000h
jmp eax
there: mov ebx, ${VARIABLE}
mov al, [ebx]
out dx, al
cmp al, 'K'
je done
mov byte [ebx], 50h
mov byte [ebx], 70h
mov al, [ebx]
add al, '0'
out dx, al
mov byte [ebx], 10h
mov byte [ebx], 'K'
mov byte [ebx], 0ffh
mov dx, 0cf9h
mov al, 2
out dx, al
mov al, 6
out dx, al
done: cli
hlt`,
    );
    image[0x2000] = 0x7f;
    const machine = Machine.create(new SharedArrayBuffer(33 * 2 ** 20));
    const kept = image.slice();
    const pc = printed([], {
      machine,
      record: createDomain(machine, MEMORY_MIB, P2M_FRAMES),
      onReset: 'restart',
      boot: { kind: 'firmware', image, name: 'vars.fd', flash: {} },
      flashFile: new MemoryDisk(kept),
    });
    expect([pc.text, String.fromCharCode(kept[0x2000])]).toEqual(['\x7f0K', 'K']);
    // A state holds it over the image that it began with.
    const state = pc.domain.platform.save();
    expect((state['flash'] as { blocks: number[] }).blocks).toEqual([2]);
  });
});

describe('El Torito', () => {
  const BLOCK = 2048,
    RECORD = 17,
    CATALOGUE = 18,
    IMAGE = 19;

  /** A CD with this boot image, which is the medium that a number of the catalogue names. */
  function cd(image: Uint8Array, medium: number): IdeAttachment[] {
    const bytes = Buffer.alloc(IMAGE * BLOCK + image.length);
    bytes.write('\x01CD001\x01', 16 * BLOCK);
    bytes.write('\0CD001\x01EL TORITO SPECIFICATION', RECORD * BLOCK);
    bytes.writeUInt32LE(CATALOGUE, RECORD * BLOCK + 0x47);
    const at = CATALOGUE * BLOCK;
    bytes[at] = 1;
    bytes.set([0xaa, 0x55, 0x55, 0xaa], at + 28);
    bytes.set([0x88, medium, 0, 0, 0, 0, 1, 0, IMAGE], at + 32);
    bytes.set(image, IMAGE * BLOCK);
    return [
      { place: SECONDARY_MASTER, kind: 'cdrom', disk: new MemoryDisk(bytes, { sectorBytes: BLOCK, readOnly: true }) },
    ];
  }

  /** Prints CH, CL, DH and BL of function 08h for the drive that it was started from, then the 19 bytes of 4B01h's packet. */
  const asks = (): Uint8Array =>
    bootSector(`
      mov [500h], dl
      mov ah, 8
      xor bx, bx
      int 13h
      push bx
      push dx
      push cx
      mov al, ch
      call hex
      pop ax
      call hex
      pop ax
      mov al, ah
      call hex
      pop ax
      call hex
      mov al, ' '
      call put
      xor ax, ax
      mov ds, ax
      mov es, ax
      mov ax, 4b01h
      mov si, 600h
      mov dl, [500h]
      int 13h
      jc end
      mov cx, 19
      cld
next: lodsb
      call hex
      loop next
`);

  // El Torito 1.0, "Specification Packet": bytes 10h to 12h "should match the value returned in" CH, CL and DH "when INT 13 function 08 is invoked".
  it.each([
    ['1.2 MB', 1, 80 * 2 * 15, '4F0F01', '02'],
    ['1.44 MB', 2, 80 * 2 * 18, '4F1201', '04'],
    ['2.88 MB', 3, 80 * 2 * 36, '4F2401', '06'],
  ])(
    'an emulated floppy disk of %s has one geometry in 4B01h and 08h',
    async (_size, medium, sectors, geometry, type) => {
      await loadDrives();
      const image = new Uint8Array(sectors * 512);
      image.set(asks());
      const [parameters, packet] = printed(cd(image, medium)).text.split(' ');
      expect(parameters).toBe(geometry + type);
      expect(packet).toMatch(new RegExp(`^130${medium}00`));
      expect(packet.slice(32)).toBe(geometry);
    },
  );

  it('an emulated hard disk has that of its first partition’s end', async () => {
    await loadDrives();
    const image = new Uint8Array(BLOCK);
    image.set(asks());
    image.set([0x80, 1, 1, 0, 0x0c, 0xfe, 0x7f, 0x10, 63, 0, 0, 0, 0, 8, 0, 0], 446);
    const [parameters, packet] = printed(cd(image, 4)).text.split(' ');
    expect(parameters.slice(0, 6)).toBe('107FFE');
    expect(packet).toMatch(/^130480/);
    expect(packet.slice(32)).toBe('107FFE');
  });

  it('without emulation the packet names the drive and no geometry', async () => {
    await loadDrives();
    const image = new Uint8Array(BLOCK);
    image.set(asks());
    const packet = printed(cd(image, 0)).text.split(' ')[1];
    expect(packet).toMatch(/^1300E0/);
    expect(packet.slice(32)).toBe('000000');
  });
});

/** Programs with which somebody found that a PC was none, as they were written (test/cases). */
describe('the program', () => {
  const program = (name: string): Uint8Array => {
    const { bytes, problems } = assemble(readFileSync(file(`test/cases/${name}.asm`), 'utf8'));
    expect(problems).toEqual([]);
    return bytes;
  };

  // SeaBIOS on QEMU: no carry, AH 0, 64 sectors.
  it('int13-over-a-cylinder reads 64 sectors', () => {
    expect(printed(inDriveA(floppy(program('int13-over-a-cylinder')))).text).toBe('00040');
  });

  // ATA: the host pulls DD7 down, so that BSY reads 0 where no device answers.
  it('ide-without-drives finds no channel busy', () => {
    const statuses = printed(inDriveA(floppy(program('ide-without-drives')))).text.match(/../g)!;
    expect(statuses).toHaveLength(4);
    expect(statuses.filter(status => Number(`0x${status}`) & 0x80)).toEqual([]);
  });

  // boot.rst: a kernel may use what lies below 0x90000, as Linux 2.4 does to unpack itself.
  it('kernel-over-its-loader loads CS from a GDT that is still there', () => {
    const kernel = program('kernel-over-its-loader');
    expect(printed([], { boot: { kind: 'kernel', kernel, name: 'bz', cmdline: '' } }).text).toBe('K\n');
  });

  // VESA's core functions 3.0: a BIOS that says 0300h fills 32h to 3Dh for linear modes; SeaBIOS on QEMU prints this line.
  it('vbe3 finds the pitch and the masks of a linear mode, and an EDID', () => {
    expect(printed(inDriveA(floppy(program('vbe3')))).text).toBe('V0300m0144p1000l1000r081008080800c00000000e004F\n');
  });

  // Each interrupt of the time that a floppy command takes: FS and GS were the caller's own each time.
  it('fsirq finds its FS and GS whenever INT 13h lets an interrupt in', () => {
    expect(printed(inDriveA(floppy(program('fsirq')))).text).toBe('FFFFFGFFFF\n');
  });

  // boot.rst, protocol 2.04: before it syssize has 16 bits and is not to be trusted with LOAD_HIGH.
  it('syssize of 1.06 MiB is loaded to its end by protocol 2.03', () => {
    const head = program('syssize');
    const kernel = new Uint8Array(0x400 + 0x110000);
    kernel.set(head);
    new DataView(kernel.buffer).setUint32(kernel.length - 4, 0x12345678, true);
    expect(printed([], { boot: { kind: 'kernel', kernel, name: 'syssize', cmdline: '' } }).text).toBe('K\n');
  });

  // boot.rst: the 16-bit entry is the setup's. No BIOS is there with --kernel, and none of its services.
  it('lkrn, a 16-bit program with a kernel’s header, is refused with the way to boot it', () => {
    const boot = { kind: 'kernel', kernel: program('lkrn'), name: 'ipxe.lkrn', cmdline: '' } as const;
    expect(() => printed([], { boot })).toThrow(
      "ipxe.lkrn has a kernel's header, and starts in 16-bit mode with a BIOS",
    );
  });
});
