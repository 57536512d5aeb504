/* Entry, notes and the event callback of the neighbour: with PV defined a paravirtual kernel in ring 1, otherwise 32-bit code that starts as PVH says. */
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

#ifdef PV
  note 6; .asciz "ringside-neighbour"; endnote
  note 5; .asciz "xen-3.0"; endnote
  note 8; .asciz "generic"; endnote
  note 9; .asciz "yes"; endnote
  note 10; .asciz "!writable_page_tables|pae_pgdir_above_4gb"; endnote
  note 3; .long 0xc0000000; endnote
  note 4; .long 0; endnote
  note 1; .long start; endnote
#else
  note 18; .long start; endnote
#endif

  .section .text.start, "ax"
  .globl start
start:
  cld
  mov $boot_stack_end, %esp
#ifndef PV
  lgdt gdt_pointer
  ljmp $8, $1f
1:
  mov $16, %eax
  mov %eax, %ds
  mov %eax, %es
  mov %eax, %ss
  /* Vector 0x30 of the IDT: the event callback. */
  mov $event_entry, %eax
  mov %ax, idt + 8 * 0x30
  movw $8, idt + 8 * 0x30 + 2
  movw $0x8e00, idt + 8 * 0x30 + 4
  shr $16, %eax
  mov %ax, idt + 8 * 0x30 + 6
  lidt idt_pointer
#endif
  push %esi
  call main
1: jmp 1b

  .text
  .globl event_entry, failsafe_entry
event_entry:
#ifdef PV
  pusha
  push %ds
  push %es
  mov $0xe021, %eax
  mov %eax, %ds
  mov %eax, %es
  call on_event
  pop %es
  pop %ds
  popa
  /* EAX goes onto the stack, as the stub of HYPERVISOR_iret leaves it. */
  push %eax
  mov $23, %eax
  int $0x82
#else
  pusha
  call on_event
  popa
  iret
#endif
failsafe_entry:
  ud2

  .data
  .align 8
gdt:
  .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
  .word 23
  .long gdt
idt_pointer:
  .word 0x7ff
  .long idt
  .bss
  .align 8
idt:
  .skip 0x800
  .align 4096
  .skip 8192
boot_stack_end:
