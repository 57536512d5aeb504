/*
 * The three ways into minipv, one image at 1 MiB where linear address = PFN × 4096: Xen's PV entry in ring 1 with paging on, the PVH entry and
 * Multiboot 1 (as HVM with a kernel of its own) in 32-bit protected mode without paging. No interrupt is ever taken: events are polled.
 */
  .file "boot.S"
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
  note 9; .asciz "yes"; endnote
  note 10; .asciz "!writable_page_tables|pae_pgdir_above_4gb"; endnote
  note 3; .long 0; endnote
  note 4; .long 0; endnote
  note 1; .long pv_start; endnote
  note 2; .long hypercall_page; endnote
  note 18; .long pvh_start; endnote

  .section .text.start, "ax"
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
  jmp 2f
pv_start:
  cld
  xor %edi, %edi
2:
  mov $boot_stack_end, %esp
  push %esi
  push %edi
  call main
3: jmp 3b

  .data
  .align 8
gdt:
  .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
  .word 23
  .long gdt

  .bss
  .align 4096
  .globl hypercall_page
hypercall_page:
  .skip 4096
  .skip 16384
boot_stack_end:
