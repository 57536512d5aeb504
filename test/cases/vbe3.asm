; nasm -f bin vbe3.asm -o vbe3.img ; boots as floppy, prints on COM1:
; V=version of 4F00h, then for the first 1024x768x32 mode of its list: m=number, p=BytesPerScanLine (10h), l=LinBytesPerScanLine (32h),
; r=Lin mask sizes/positions red,green,blue (36h..3Bh), c=MaxPixelClock (3Eh); e=AX of 4F15h BL=0 (DDC).
; VBE 3.0: a BIOS that says 0300h has 32h..3Eh filled for linear modes. Limine (and who follows it) reads 32h and the masks when version >= 3.
org 0x7c00
bits 16
  xor ax,ax
  mov ds,ax
  mov es,ax
  mov ss,ax
  mov sp,0x7c00
  cld
  mov di,0x1000
  mov dword [di],'VBE2'
  mov ax,0x4f00
  int 0x10
  mov al,'V'
  call putc
  mov ax,[0x1004]
  call hex
  lds si,[0x100e]
  mov [es:list],si
  mov [es:list+2],ds
next:
  lds si,[es:list]
  lodsw
  mov [es:list],si
  push word 0
  pop ds
  cmp ax,0xffff
  je ddc
  mov [mode],ax
  mov cx,ax
  mov di,0x2000
  mov ax,0x4f01
  int 0x10
  cmp ax,0x4f
  jne next
  cmp word [0x2012],1024
  jne next
  cmp word [0x2014],768
  jne next
  cmp byte [0x2019],32
  jne next
  mov al,'m'
  call putc
  mov ax,[mode]
  call hex
  mov al,'p'
  call putc
  mov ax,[0x2010]
  call hex
  mov al,'l'
  call putc
  mov ax,[0x2032]
  call hex
  mov al,'r'
  call putc
  mov si,0x2036
  mov cx,3
.m:
  lodsw
  xchg al,ah
  call hex
  loop .m
  mov al,'c'
  call putc
  mov ax,[0x2040]
  call hex
  mov ax,[0x203e]
  call hex
ddc:
  mov al,'e'
  call putc
  mov ax,0x4f15
  xor bx,bx
  xor cx,cx
  int 0x10
  call hex
  mov al,10
  call putc
stop:
  cli
  hlt
hex:
  push cx
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
  pop cx
  ret
putc:
  push dx
  mov dx,0x3f8
  out dx,al
  pop dx
  ret
mode: dw 0
list: dw 0,0
times 510-($-$$) db 0
dw 0xaa55
