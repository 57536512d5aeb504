/*
 * Rows of bench:cpu that need a PC without a kernel: 16-bit code in real mode, the VGA's planes, ports. A 64-KiB BIOS image; each row runs
 * twice and says so on COM1, as the guest of the other rows does: "BEGIN name rounds", "RESULT name rounds". The assembler is told
 * how many rounds: rounds_NAME, at most 65535, 0 to leave a row out.
 */
  .intel_syntax noprefix
  .code16
  .text
start:
  cli
  cld
  xor ax, ax
  mov ss, ax
  mov ds, ax
  mov sp, 0x7000
  mov word ptr [0x40 * 4], offset handler
  mov word ptr [0x40 * 4 + 2], 0xf000

  /* 640 x 480 planes: A0000, no chain, all planes, write mode 0. */
  mov dx, 0x3c2
  mov al, 0xe3
  out dx, al
  mov dx, 0x3c4
  mov ax, 0x0f02
  out dx, ax
  mov ax, 0x0604
  out dx, ax
  mov dx, 0x3ce
  mov ax, 0x0506
  out dx, ax
  mov ax, 0xff08
  out dx, ax
  mov ax, 0x0003
  out dx, ax
  mov ax, 0x0001
  out dx, ax

  mov bx, offset rows
next:
  mov di, cs:[bx]
  or di, di
  jz done
  cmp word ptr cs:[bx + 4], 0
  je skip
  mov bp, 2
again:
  mov si, offset begin
  call say
  call row
  mov si, offset result
  call say
  dec bp
  jnz again
skip:
  add bx, 6
  jmp next
done:
  mov si, offset all
  call print
1: hlt
  jmp 1b

/* Calls the routine of row cs:[bx] as many times as it says. */
row:
  push bx
  push bp
  mov cx, cs:[bx + 4]
1: push cx
  push bx
  mov ax, 0x1000
  mov ds, ax
  mov es, ax
  call cs:[bx + 2]
  pop bx
  pop cx
  loop 1b
  pop bp
  pop bx
  ret

/* Text, name, rounds, newline. */
say:
  call print
  mov si, cs:[bx]
  call print
  mov al, ' '
  call put
  mov ax, cs:[bx + 4]
  call number
  mov al, 10
  jmp put

print:
  mov al, cs:[si]
  inc si
  or al, al
  jz 1f
  call put
  jmp print
1: ret

number:
  xor dx, dx
  mov cx, 10
  div cx
  push dx
  or ax, ax
  jz 1f
  call number
1: pop ax
  add al, '0'
put:
  push dx
  push ax
  mov dx, 0x3fd
1: in al, dx
  test al, 0x20
  jz 1b
  pop ax
  mov dx, 0x3f8
  out dx, al
  pop dx
  ret

/* Sieve of Eratosthenes over 32 Ki bytes. */
sieve16:
  mov ax, 0x101
  mov cx, 16384
  xor di, di
  rep stosw
  mov bx, 2
1: cmp byte ptr [bx], 0
  je 3f
  mov si, bx
  add si, bx
2: cmp si, 32768
  jae 3f
  mov byte ptr [si], 0
  add si, bx
  jmp 2b
3: inc bx
  cmp bx, 16384
  jb 1b
  ret

/* fib(16), recursive, its argument on the stack. */
fib16:
  mov ax, 16
  push ax
  call fib
  add sp, 2
  ret
fib:
  push bp
  mov bp, sp
  mov ax, [bp + 4]
  cmp ax, 2
  jb 1f
  dec ax
  push ax
  call fib
  add sp, 2
  push ax
  mov ax, [bp + 4]
  sub ax, 2
  push ax
  call fib
  add sp, 2
  pop dx
  add ax, dx
1: pop bp
  ret

/* Bytes from one segment to another, as BIOSes and DOS programs do. */
far16:
  mov cx, 4096
  xor si, si
  xor di, di
1: mov ax, 0x1000
  mov ds, ax
  lodsb
  xor al, cl
  mov dx, 0x2000
  mov es, dx
  stosb
  loop 1b
  ret

int16:
  mov cx, 1000
1: int 0x40
  loop 1b
  ret
handler:
  push ax
  inc word ptr [0x8000]
  pop ax
  iret

/* What gcc -m16 makes, SeaBIOS for one: 32-bit operands and addresses. */
gcc16:
  xor esi, esi
  mov edi, 0x4000
  mov ecx, 4096
1: mov eax, [esi]
  lea edx, [eax + eax * 4 + 7]
  add [edi], edx
  shr edx, 3
  xor [edi + 4], dl
  movzx ebx, word ptr [esi + 2]
  cmp ebx, 77
  je 2f
  add esi, 4
2: add edi, 4
  dec ecx
  jnz 1b
  ret

vgamov:
  mov ax, 0xa000
  mov es, ax
  mov dx, 0x3ce
  mov ax, 0x0005
  out dx, ax
  xor di, di
  mov cx, 32768
1: mov es:[di], al
  inc di
  loop 1b
  ret

vgastos:
  mov ax, 0xa000
  mov es, ax
  mov dx, 0x3ce
  mov ax, 0x0005
  out dx, ax
  xor di, di
  mov cx, 32768
  rep stosb
  ret

/* Write mode 1: from latches to planes. */
vgamovs:
  mov ax, 0xa000
  mov es, ax
  mov ds, ax
  mov dx, 0x3ce
  mov ax, 0x0105
  out dx, ax
  xor si, si
  mov di, 16384
  mov cx, 16384
  rep movsb
  ret

/* Read for the latches, then write through the bit mask. */
vgarmw:
  mov ax, 0xa000
  mov es, ax
  mov dx, 0x3ce
  mov ax, 0x0005
  out dx, ax
  xor di, di
  mov cx, 16384
1: or es:[di], al
  inc di
  loop 1b
  ret

in8:
  mov cx, 10000
1: in al, 0x61
  loop 1b
  ret

begin: .asciz "BEGIN "
result: .asciz "RESULT "
all: .asciz "ALL-DONE\n"

  .macro row name
  .section .names
name_\name: .asciz "\name"
  .text
  .word name_\name, \name, rounds_\name
  .endm
rows:
  row sieve16
  row fib16
  row far16
  row int16
  row gcc16
  row vgamov
  row vgastos
  row vgamovs
  row vgarmw
  row in8
  .word 0

  .section .reset, "ax"
  ljmp 0xf000, offset start
