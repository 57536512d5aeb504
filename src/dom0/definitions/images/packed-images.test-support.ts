/** A disk that boots, and the same as people fetch it: packed by each program. */
import { gzipSync } from 'node:zlib';
import { assemble } from '../../../cpu/assembler/index.ts';

/** Says BOOT-OK on COM1, with the drive that it came from, and waits. Behind it a table with one partition. */
const BOOT = `bits 16
org 0x7c00
  cli
  xor ax, ax
  mov ds, ax
  mov ss, ax
  mov sp, 0x7c00
  mov [drive], dl
  sti
  mov si, message
next:
  lodsb
  test al, al
  jz said
  mov dx, 0x3f8
  out dx, al
  jmp next
said:
  mov al, [drive]
  call hex
  mov al, 10
  out dx, al
stay:
  hlt
  jmp stay
hex:
  push ax
  shr al, 4
  call digit
  pop ax
digit:
  and al, 15
  add al, '0'
  cmp al, '9'
  jbe put
  add al, 7
put:
  mov dx, 0x3f8
  out dx, al
  ret
message: db "BOOT-OK DL=", 0
drive: db 0
times 446-($-$$) db 0
  db 0x80, 0, 2, 0, 0x83, 0, 0, 0
  dd 1, 2047
times 510-($-$$) db 0
  dw 0xaa55
`;

/** 1 MiB. */
export function bootDisk(): Uint8Array {
  const image = new Uint8Array(2 ** 20);
  const { bytes, problems } = assemble(BOOT);
  if (problems.length > 0) throw new Error(problems[0].message);
  image.set(bytes);
  return image;
}

/** `bootDisk` by xz 5.4.1 and zstd 1.5.4 of Debian 12. */
const XZ =
  '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj7///ATtdAH0MVAjm+FQm7rtcrdbp8Ou75x6E3ZAtw/blLY3MqMX1EaVg3R9oOMqjMdwLYBNZnFJ0Dy0uXUExGVILR/wZ1pLiS/lhDkBUmLjzNtpPMYZCDEX8Tuz0APcT8cDhoXU0m8NHcfhfqjcRoVF59pyDas9fitbjwLHiQ3rlyzZbkrNULLCt3D2FCh886xhE4GifEevJP6Fvbu6vpBdc7ZKD0NZKhTnIozCht+oa33jx4M+u8hMJG4KaygE7HI/QTq8mKJRxHz2PJOFwnqcjX+woy4XRlZiKfiqR8id19xnABphNmP3Yr9WQD8QlU/j1kTYxBaWw7m/BcE1HDNGREaqtYB26zrEnGFxZhulmUli+6XasWeTlWwUI+cfarfz7Uit0zR5bIEL53VM9+ClkCTuAyyps37U78MSWVGR9AAAAqXwD9ZPpv5wAAdcCgIBAAJRJu0qxxGf7AgAAAAAEWVo=';
const ZSTD =
  'KLUv/aQAABAAZAMA5AX6McCO2I7QvAB8iBZMfPu+QHyshMB0Brr4A+7r9aBMfOgGALAK7vTr/VDA6AToAQBYJA8EMDw5dgIEB7r4A+7DQk9PVC1PSyBETD0AgAACAIMAAAABAAAA/wcAVaoAAxAA/P35YFSZNzUKAgAQAAIAEAACABAAAgAQAAIAEAACABAAAwAQAK3RS1I=';

const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));
export const packedDisks = (): Record<'gz' | 'xz' | 'zst', Uint8Array> => ({
  gz: new Uint8Array(gzipSync(bootDisk())),
  xz: bytesOf(XZ),
  zst: bytesOf(ZSTD),
});
