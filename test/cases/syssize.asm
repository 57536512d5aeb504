; nasm -f bin syssize.asm -o syssize ; --kernel syssize. bzImage of boot protocol 2.03 with 0x110000 bytes of protected-mode code: syssize has
; 16 bits before 2.04 and has wrapped (boot.rst: "cannot be trusted" there with LOAD_HIGH; the file's size counts). K: the end was loaded; ?: not.
BYTES equ 0x110000
bits 16
org 0
  times 0x1f1-($-$$) db 0
  db 1                 ; setup_sects
  dw 0
  dw (BYTES/16) & 0xffff, 0
  dw 0, 0, 0
  dw 0xaa55
  jmp short start      ; 200h
  db 'HdrS'
  dw 0x0203
  dd 0
  dw 0, kver-0x200
  db 0, 1              ; loader, loadflags LOADED_HIGH
  dw 0x8000
  dd 0x100000, 0, 0, 0
  dw 0, 0
  dd 0, 0x37ffffff
start:                 ; for loaders that go by the 16-bit entry (QEMU)
  cli
  mov ax,cs
  sub ax,0x20
  mov ds,ax
  movzx ebx,ax
  shl ebx,4
  lea eax,[ebx+gdt]
  mov [gdtr+2],eax
  lgdt [gdtr]
  mov eax,cr0
  or al,1
  mov cr0,eax
  db 0x66, 0xea
  dd 0x100000
  dw 0x10
kver: db 'syssize',0
align 8
gdtr: dw 31
  dd 0
align 8
gdt: dq 0, 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
  times 0x400-($-$$) db 0
bits 32
code:
  mov ax,0x18
  mov ds,ax
  mov ebx,[0x100000+BYTES-4]
  mov al,'K'
  cmp ebx,0x12345678
  je .p
  mov al,'?'
.p:
  mov dx,0x3f8
  out dx,al
  mov al,10
  out dx,al
.s: hlt
  jmp .s
  ; the test fills up to BYTES - 4 with zeros and adds dd 12345678h
