/*
 * The three ways into minipv, one image at 1 MiB where linear address = PFN × 4096: Xen's PV entry in ring 1 with paging on, the PVH entry and
 * Multiboot 1 (as HVM with a kernel of its own) in 32-bit protected mode without paging. Events are polled; without Xen the timer's interrupt wakes it, and those of virtio's devices.
 * As a guest of 64 bits it has the last two, and turns long mode on with the first 4 GiB mapped as they are.
 */
  .file "boot.S"
#include "../long-mode.h"
  .macro note type
  .pushsection .note.Xen, "a", @note
  .align 4
  .long 4, 2f - 1f, \type
  .asciz "Xen"
1:
  .endm
  .macro endnote
2:
  .align 4
  .popsection
  .endm

  note 6; .asciz "minipv"; endnote
  note 5; .asciz "xen-3.0"; endnote
  note 8; .asciz "generic"; endnote
#ifndef __x86_64__
  note 9; .asciz "yes"; endnote
  note 10; .asciz "!writable_page_tables|pae_pgdir_above_4gb"; endnote
  note 3; .long 0; endnote
  note 4; .long 0; endnote
  note 1; .long pv_start; endnote
  note 2; .long hypercall_page; endnote
#endif
  note 18; .long pvh_start; endnote

  .section .text.start, "ax"
  .code32
  .align 4
  /* Multiboot 1: pages aligned, memory wanted. */
  .long 0x1badb002, 3, -(0x1badb002 + 3)

  .globl multiboot_start
multiboot_start:
  mov $2, %edi
  jmp flat
pvh_start:
  mov $1, %edi
flat:
  cli
  cld
  lgdt gdt_pointer
  ljmp $8, $1f
1:
  mov $16, %eax
  mov %eax, %ds
  mov %eax, %es
  mov %eax, %ss
  mov %ebx, %esi
#ifdef __x86_64__
  enter_long_mode 24
  mov $boot_stack_end, %esp
  call main
#else
  jmp 2f
pv_start:
  cld
  xor %edi, %edi
2:
  mov $boot_stack_end, %esp
  push %esi
  push %edi
  call main
#endif
3: jmp 3b

  /* The timer's interrupt, which the PIC has ended by itself. */
  .globl tick
tick:
#ifdef __x86_64__
  iretq
#else
  iret
#endif

  .data
  .align 8
gdt:
  .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
#ifdef __x86_64__
  .quad 0x00af9b000000ffff
#endif
gdt_end:
gdt_pointer:
  .word gdt_end - gdt - 1
  .long gdt

  .bss
  .align 4096
#ifdef __x86_64__
  long_mode_tables
#endif
  .globl hypercall_page
hypercall_page:
  .skip 4096
  .skip 16384
boot_stack_end:
