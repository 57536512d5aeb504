/*
 * The way into 64-bit code, for boot.S of guests: the first 4 GiB mapped as they are, in pages of 2 MiB that ring 0 reads and writes.
 * Source: Intel SDM volume 3, 9.8.5 (initialising IA-32e mode).
 */

/* Turns paging and long mode on and goes on in 64-bit code; `selector`: such a segment in the GDT that is loaded. Changes EAX, ECX and EDX. */
  .macro enter_long_mode selector
  mov $directories + 3, %eax
  xor %ecx, %ecx
1:
  mov %eax, pointers(, %ecx, 8)
  add $4096, %eax
  inc %ecx
  cmp $4, %ecx
  jb 1b
  mov $0x83, %eax
  xor %ecx, %ecx
1:
  mov %eax, directories(, %ecx, 8)
  add $0x200000, %eax
  inc %ecx
  cmp $2048, %ecx
  jb 1b
  movl $pointers + 3, top
  mov $top, %eax
  mov %eax, %cr3
  /* PAE, LME, PG. */
  mov %cr4, %eax
  or $0x20, %eax
  mov %eax, %cr4
  mov $0xc0000080, %ecx
  rdmsr
  or $0x100, %eax
  wrmsr
  mov %cr0, %eax
  or $0x80000000, %eax
  mov %eax, %cr0
  ljmp $\selector, $1f
  .code64
1:
  .endm

/* The tables of enter_long_mode. */
  .macro long_mode_tables
  .globl top, pointers, directories
  .balign 4096
top:
  .skip 4096
pointers:
  .skip 4096
directories:
  .skip 4 * 4096
  .endm
