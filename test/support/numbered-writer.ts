/**
 * A guest that numbers, flushes and checks its own writes, and what its disk must hold. Sector 0 is the head: the last number, and who wrote it. Sector n is the record of
 * number n. At each step the guest reads the head, which must be as it wrote it; writes the record of the next number, flushes, writes the head, flushes, and
 * shows `A n who`. `who` is drawn at each start, so that two copies of the guest differ in it. A head that somebody else wrote is shown as `X …`, and the guest stops.
 */
import { assemble } from '../../src/cpu/assembler/index.ts';

const SECTOR_BYTES = 512;
export const DISK_BYTES = 4 * 2 ** 20;
const MAGIC = 0x77726974;

const SOURCE = `
        bits    32
        org     100000h
header: dd      1badb002h, 10000h, -(1badb002h + 10000h), header, header, finish, finish + 2000h, start

start:  cli
        cld
        mov     esp, finish + 2000h
        ; who: the time stamp counter with the clock's seconds and minutes
        rdtsc
        mov     ebp, eax
        mov     al, 0
        out     70h, al
        in      al, 71h
        movzx   eax, al
        shl     eax, 24
        xor     ebp, eax
        mov     al, 2
        out     70h, al
        in      al, 71h
        movzx   eax, al
        shl     eax, 16
        xor     ebp, eax
        or      ebp, 1
        mov     [who], ebp
        xor     ebx, ebx
        mov     al, 20h
        call    transfer
        cmp     dword [buffer + 8], ${MAGIC}
        je      known
        mov     dword [buffer], 0
        mov     dword [buffer + 4], 0
known:  mov     eax, [buffer]
        mov     [number], eax
        mov     eax, [buffer + 4]
        mov     [last], eax
        mov     al, 'B'
        call    tell

step:   xor     ebx, ebx
        mov     al, 20h
        call    transfer
        cmp     dword [number], 0
        je      same
        mov     eax, [buffer]
        cmp     eax, [number]
        jne     other
        mov     eax, [buffer + 4]
        cmp     eax, [last]
        jne     other
same:   inc     dword [number]
        mov     ebp, [who]
        mov     [last], ebp
        ; the sector: number, who, magic, and number and who again and again
        mov     edi, buffer
        mov     ecx, 64
pair:   mov     eax, [number]
        stosd
        mov     eax, [who]
        stosd
        loop    pair
        mov     dword [buffer + 8], ${MAGIC}
        mov     ebx, [number]
        call    write
        xor     ebx, ebx
        call    write
        mov     al, 'A'
        call    tell
        jmp     step

other:  mov     al, 'X'
        call    tell
        mov     eax, [buffer]
        mov     [number], eax
        mov     eax, [buffer + 4]
        mov     [last], eax
        mov     al, 'Y'
        call    tell
stop:   hlt
        jmp     stop

; writes sector ebx and flushes
write:  mov     al, 30h
        call    transfer
        call    ready
        mov     al, 0e7h
        mov     dx, 1f7h
        out     dx, al
ready:  mov     dx, 1f7h
busy:   in      al, dx
        test    al, 80h
        jnz     busy
        test    al, 21h
        jz      fine
        mov     al, 'E'
        call    tell
        jmp     stop
fine:   ret

; command al (read 20h, write 30h) of sector ebx by the buffer
transfer:
        mov     [command], al
        call    ready
        mov     dx, 1f6h
        mov     al, 0e0h
        out     dx, al
        mov     dx, 1f2h
        mov     al, 1
        out     dx, al
        inc     dx
        mov     al, bl
        out     dx, al
        inc     dx
        mov     al, bh
        out     dx, al
        inc     dx
        mov     eax, ebx
        shr     eax, 16
        out     dx, al
        mov     dx, 1f7h
        mov     al, [command]
        out     dx, al
want:   in      al, dx
        test    al, 80h
        jnz     want
        test    al, 8
        jz      want
        mov     dx, 1f0h
        mov     ecx, 128
        cmp     byte [command], 20h
        jne     give
        mov     edi, buffer
        rep insd
        jmp     ready
give:   mov     esi, buffer
        rep outsd
        jmp     ready

; a letter, number and last, and the end of the line
tell:   call    put
        mov     al, ' '
        call    put
        mov     ebp, [number]
        call    hex
        mov     al, ' '
        call    put
        mov     ebp, [last]
        call    hex
        mov     al, 10
put:    mov     dx, 3f8h
        out     dx, al
        ret
hex:    mov     ecx, 8
digit:  rol     ebp, 4
        mov     eax, ebp
        and     al, 15
        cmp     al, 10
        jb      low
        add     al, 39
low:    add     al, 48
        call    put
        loop    digit
        ret

        align   16
finish:
number  equ     finish
who     equ     finish + 4
last    equ     finish + 8
command equ     finish + 12
buffer  equ     finish + 16
`;

/** The multiboot kernel. @throws Error: it cannot be assembled */
export function numberedWriter(): Uint8Array {
  const { bytes, problems } = assemble(SOURCE);
  if (problems.length > 0) throw new Error(problems.map(each => JSON.stringify(each)).join('\n'));
  return bytes;
}

/** A write that was reported durable to a copy of the guest. */
export interface Acknowledged {
  number: number;
  who: number;
}

const lines = (console: string, letter: string): Acknowledged[] =>
  [...console.matchAll(new RegExp(`${letter} ([0-9a-f]{8}) ([0-9a-f]{8})\\b`, 'g'))].map(([, number, who]) => ({
    number: Number.parseInt(number!, 16),
    who: Number.parseInt(who!, 16),
  }));

export const acknowledged = (console: string): Acknowledged[] => lines(console, 'A');

/** What a copy of the guest found wrong itself. */
export const complaints = (console: string): string[] => console.match(/\b[XYE] [0-9a-f]{8} [0-9a-f]{8}/g) ?? [];

/** What contradicts these writes on the disk: one that is missing, torn, of somebody else, or of a copy that wrote again behind another. */
export function diskProblems(disk: Uint8Array, acks: readonly Acknowledged[]): string[] {
  const problems: string[] = [];
  const view = new DataView(disk.buffer, disk.byteOffset, disk.length);
  const record = (sector: number): Acknowledged | undefined => {
    const at = sector * SECTOR_BYTES;
    const [number, who] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
    if (view.getUint32(at + 8, true) !== MAGIC) return undefined;
    for (let word = 3; word < 128; word++)
      if (view.getUint32(at + 4 * word, true) !== (word % 2 === 0 ? number : who))
        problems.push(`sector ${sector} is of two writes`);
    if (sector > 0 && number !== sector) problems.push(`sector ${sector} has number ${number}`);
    return { number, who };
  };
  const head = record(0);
  const has = (wanted: number): string => (wanted === undefined ? 'nothing' : wanted.toString(16));
  for (const { number, who } of acks) {
    const found = record(number);
    if (found?.who !== who)
      problems.push(
        `number ${number} of ${has(who)} was acknowledged, and there is one of ${found ? has(found.who) : 'nobody'}`,
      );
  }
  const most = acks.reduce((last, { number }) => Math.max(last, number), 0);
  if ((head?.number ?? 0) < most) problems.push(`the head has ${head?.number}, and ${most} was acknowledged`);
  const seen = new Set<number>();
  let now: number | undefined;
  for (let number = 1; number <= (head?.number ?? 0); number++) {
    const found = record(number);
    if (!found) problems.push(`there is no number ${number}, and the head has ${head!.number}`);
    else if (found.who !== now) {
      if (seen.has(found.who)) problems.push(`${has(found.who)} wrote again at ${number}, behind another copy`);
      seen.add((now = found.who));
    }
  }
  return [...new Set(problems)];
}
