/**
 * What a PC's BIOS leaves in real mode for a kernel that is started without one: an interrupt table whose every vector returns, and the few handlers that
 * keep the board going: they end hardware interrupts, count ticks and mask what nobody expects. There are no services to read disks or write text; a call
 * for one is answered that there is none, in that service's convention.
 * Sources: IBM Personal Computer AT Technical Reference (1502494), BIOS listing: entry addresses (those that programs know by heart), what the handlers of
 * interrupts 08h, 09h, 70h, 75h and 76h do, and that an unexpected interrupt is masked; IBM BIOS Interface Technical Reference for 11h to 1Ah.
 */
import type { Dma } from './bus.ts';

const SEGMENT = 0xf000;
/** mov al, 20h; out 20h, al: end of interrupt; the same for the slave before it. */
const EOI = 'b0 20 e6 20',
  EOI_BOTH = 'b0 20 e6 a0 e6 20';
/** push ds; push 40h; pop ds */
const DATA_SEGMENT = '1e 6a 40 1f';
/** push bp; mov bp, sp; or byte [bp + 6], 1; pop bp; iret: with CF for the caller. */
const RETURN_CARRY = '55 89 e5 80 4e 06 01 5d cf';
/** Bit of the highest priority alone: mov ah, al; neg al; and ah, al. */
const HIGHEST = '88 c4 f6 d8 20 c4';

const POST = 0xe05b,
  INT_70 = 0xe500,
  INT_74 = 0xe520,
  INT_75 = 0xe540,
  INT_76 = 0xe560,
  UNEXPECTED_SLAVE = 0xe580,
  INT_19 = 0xe6f2,
  INT_16 = 0xe82e,
  INT_09 = 0xe987,
  INT_13 = 0xec59,
  INT_12 = 0xf841,
  INT_11 = 0xf84d,
  INT_15 = 0xf859,
  INT_1A = 0xfe6e,
  INT_08 = 0xfea5,
  UNEXPECTED_MASTER = 0xff23,
  RETURN = 0xff53,
  RESET = 0xfff0;

/** Handlers by offset in their segment. */
const HANDLERS: Record<number, string> = {
  // mov dx, 0CF9h; mov al, 2; out; mov al, 6; out; cli; hlt; jmp back: what starts is not here, so the board starts again.
  [POST]: 'ba f9 0c b0 02 ee b0 06 ee fa f4 eb fc',
  // push ax; mov al, 0Ch; out 70h, al; in al, 71h: takes the clock's request back.
  [INT_70]: `50 b0 0c e6 70 e4 71 ${EOI_BOTH} 58 cf`,
  // push ax; in al, 60h
  [INT_74]: `50 e4 60 ${EOI_BOTH} 58 cf`,
  // push ax; xor al, al; out F0h, al; …; int 2
  [INT_75]: `50 30 c0 e6 f0 ${EOI_BOTH} 58 cd 02 cf`,
  // push ax; mov byte [8Eh], FFh: the disk's interrupt flag
  [INT_76]: `50 ${DATA_SEGMENT} c6 06 8e 00 ff 1f ${EOI_BOTH} 58 cf`,
  // push ax; mov al, 0Bh; out A0h, al; in al, A0h: the ISR; test al, al; jz to the master's; in al, A1h; or al, ah; out A1h, al
  [UNEXPECTED_SLAVE]: `50 b0 0b e6 a0 e4 a0 84 c0 74 10 ${HIGHEST} e4 a1 08 e0 e6 a1 b0 20 e6 a0 ${EOI} 58 cf`,
  [INT_19]: `e9 ${word(POST - INT_19 - 3)}`,
  // No key is there: xor ax, ax; ZF for the caller.
  [INT_16]: '31 c0 55 89 e5 80 4e 06 40 5d cf',
  [INT_09]: `50 e4 60 ${EOI} 58 cf`,
  // mov ah, 1: no such function; mov ah, 86h likewise
  [INT_13]: `b4 01 ${RETURN_CARRY}`,
  [INT_15]: `b4 86 ${RETURN_CARRY}`,
  // KiB below the EBDA; equipment
  [INT_12]: `${DATA_SEGMENT} a1 13 00 1f cf`,
  [INT_11]: `${DATA_SEGMENT} a1 10 00 1f cf`,
  // test ah, ah; jz over; (fails); mov dx, [6Ch]; mov cx, [6Eh]; mov al, [70h]; mov byte [70h], 0: ticks of the day, and whether midnight has passed
  [INT_1A]: `84 e4 74 09 ${RETURN_CARRY} ${DATA_SEGMENT} 8b 16 6c 00 8b 0e 6e 00 a0 70 00 c6 06 70 00 00 1f cf`,
  // push ax; push dx; inc dword [6Ch]; cmp dword [6Ch], 1800B0h; jb over; mov dword [6Ch], 0; mov byte [70h], 1; int 1Ch
  [INT_08]: `50 52 ${DATA_SEGMENT} 66 ff 06 6c 00 66 81 3e 6c 00 b0 00 18 00 72 0e 66 c7 06 6c 00 00 00 00 00 c6 06 70 00 01 cd 1c ${EOI} 1f 5a 58 cf`,
  // As for the slave; never the cascade: and ah, FBh.
  [UNEXPECTED_MASTER]: `50 b0 0b e6 20 e4 20 84 c0 74 13 ${HIGHEST} 80 e4 fb e4 21 08 e0 e6 21 ${EOI} 58 cf`,
  [RETURN]: 'cf',
  // jmp F000:E05B
  [RESET]: `ea ${word(POST)} ${word(SEGMENT)}`,
};

const VECTORS: Record<number, number> = {
  0x08: INT_08,
  0x09: INT_09,
  0x11: INT_11,
  0x12: INT_12,
  0x13: INT_13,
  0x15: INT_15,
  0x16: INT_16,
  0x18: INT_19,
  0x19: INT_19,
  0x1a: INT_1A,
  0x40: INT_13,
  0x70: INT_70,
  0x74: INT_74,
  0x75: INT_75,
  0x76: INT_76,
};
const MASTER_BASE = 0x08,
  SLAVE_BASE = 0x70;

/** Puts table and handlers into guest memory: 0 to 0x3FF, and 0xFE000 to 0xFFFFF. */
export function installBiosInterrupts(dma: Dma): void {
  const table = new DataView(new ArrayBuffer(0x400));
  for (let vector = 0; vector < 0x100; vector++) {
    const unexpected =
      (vector & 0xf8) === MASTER_BASE ? UNEXPECTED_MASTER : (vector & 0xf8) === SLAVE_BASE ? UNEXPECTED_SLAVE : RETURN;
    table.setUint16(4 * vector, VECTORS[vector] ?? unexpected, true);
    table.setUint16(4 * vector + 2, SEGMENT, true);
  }
  dma.write(0, new Uint8Array(table.buffer));
  for (const [offset, code] of Object.entries(HANDLERS))
    dma.write(
      SEGMENT * 16 + Number(offset),
      Uint8Array.from(code.split(' '), byte => Number.parseInt(byte, 16)),
    );
}

/** The bytes of a word, as text. */
function word(value: number): string {
  return [value & 0xff, (value >> 8) & 0xff].map(byte => byte.toString(16).padStart(2, '0')).join(' ');
}
