; nasm -f bin fsirq.asm -o fsirq.img ; floppy. Does INT 13h leave FS and GS alone while its interrupts are on? FS = 1234h, GS = 5678h; INT 8 is
; hooked, comes a thousand times a second and notes what it finds there, during 8 reads of far cylinders. COM1: F and the last FS that was not 1234h (FFFF: none), G likewise.
; Loaders in unreal mode have FS flat and use it in their INT 8 (seen); BIOSes of boards and SeaBIOS do not touch FS with interrupts on.
org 0x7c00
bits 16
  cli
  xor ax,ax
  mov ds,ax
  mov ss,ax
  mov sp,0x7c00
  mov es,ax
  mov eax,[0x20]
  mov [old],eax
  mov word [0x20],tick
  mov word [0x22],0
  mov ax,0x1234
  mov fs,ax
  mov ax,0x5678
  mov gs,ax
  mov al,0x34
  out 0x43,al
  mov al,0xa9
  out 0x40,al
  mov al,4
  out 0x40,al
  sti
  mov byte [n],8
again:
  mov ch,[n]
  and ch,1
  neg ch
  and ch,70
  mov ax,0x0201
  mov cl,1
  xor dx,dx
  mov bx,0x8000
  int 0x13
  dec byte [n]
  jnz again
  mov al,'F'
  call putc
  mov ax,[f]
  call hex
  mov al,'G'
  call putc
  mov ax,[g]
  call hex
  mov al,10
  call putc
stop:
  cli
  hlt
  jmp stop
tick:
  push ax
  mov ax,fs
  cmp ax,0x1234
  je .g
  mov [cs:f],ax
.g:
  mov ax,gs
  cmp ax,0x5678
  je .e
  mov [cs:g],ax
.e:
  pop ax
  jmp far [cs:old]
hex:
  mov cx,4
.h:
  rol ax,4
  push ax
  and al,15
  cmp al,10
  sbb al,0x69
  das
  call putc
  pop ax
  loop .h
  ret
putc:
  mov dx,0x3f8
  out dx,al
  ret
old: dd 0
f: dw 0xffff
g: dw 0xffff
n: db 0
times 510-($-$$) db 0
dw 0xaa55
