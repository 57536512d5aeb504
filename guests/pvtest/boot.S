/* Entry, notes and trap stubs of the paravirtual test guest: ring 1, paging on from the first instruction. */
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

  note 6; .asciz "ringside-pvtest"; endnote
  note 5; .asciz "xen-3.0"; endnote
  note 8; .asciz "generic"; endnote
  note 9; .asciz "yes"; endnote
  note 10; .asciz "!writable_page_tables|pae_pgdir_above_4gb"; endnote
  note 3; .long 0xc0000000; endnote
  note 4; .long 0; endnote
  note 1; .long start; endnote
  note 2; .long hypercall_page; endnote

  .section .text.start, "ax"
  .globl start
start:
  cld
  mov $boot_stack_end, %esp
  push %esi
  call main
1: jmp 1b

/* One stub a vector: pushes an error code where the hypervisor has not, then the vector. */
  .text
  .macro stub vector error
trap_\vector:
  .if \error == 0
  push $0
  .endif
  push $\vector
  jmp trap_common
  .endm
  stub 0 0
  stub 1 0
  stub 2 0
  stub 3 0
  stub 4 0
  stub 5 0
  stub 6 0
  stub 7 0
  stub 10 1
  stub 11 1
  stub 12 1
  stub 13 1
  stub 14 1
  stub 32 0
  stub 33 0

trap_common:
  pusha
  push %ds
  push %es
  mov $0xe021, %eax
  mov %eax, %ds
  mov %eax, %es
  lea 8(%esp), %eax
  push %eax
  call on_trap
  add $4, %esp
  pop %es
  pop %ds
  popa
  add $8, %esp
  /* EAX goes onto the stack, as the stub of HYPERVISOR_iret leaves it. */
  push %eax
  mov $23, %eax
  int $0x82

  .globl event_entry
event_entry:
  push $0
  push $256
  jmp trap_common

  .globl sysenter_entry
sysenter_entry:
  push $0
  push $257
  jmp trap_common

  .globl failsafe_entry
failsafe_entry:
  mov $0xe021, %eax
  mov %eax, %ds
  mov %eax, %es
  mov %esp, %eax
  push %eax
  call on_failsafe

/* int call_user(void (*entry)(void), void *stack): ring 3 until it runs int 0x20; EAX comes back. */
  .globl call_user
call_user:
  mov 4(%esp), %ecx
  mov 8(%esp), %edx
  push %ebp
  push %ebx
  push %esi
  push %edi
  mov %esp, kernel_context
  push $0xe033
  push %edx
  pushf
  orl $0x200, (%esp)
  push $0xe02b
  push %ecx
  push $0
  mov $23, %eax
  int $0x82
  .globl back_from_user
back_from_user:
  /* Ring 3 may not keep the kernel's segments: they are null since. */
  mov $0xe021, %ecx
  mov %ecx, %ds
  mov %ecx, %es
  mov kernel_context, %esp
  pop %edi
  pop %esi
  pop %ebx
  pop %ebp
  ret

/* int save_point(struct point *); void go_to(struct point *, int) */
  .globl save_point
save_point:
  mov 4(%esp), %eax
  mov %ebx, 0(%eax)
  mov %esi, 4(%eax)
  mov %edi, 8(%eax)
  mov %ebp, 12(%eax)
  mov %esp, 16(%eax)
  mov (%esp), %ecx
  mov %ecx, 20(%eax)
  xor %eax, %eax
  ret
  .globl go_to
go_to:
  mov 4(%esp), %edx
  mov 8(%esp), %eax
  mov 0(%edx), %ebx
  mov 4(%edx), %esi
  mov 8(%edx), %edi
  mov 12(%edx), %ebp
  mov 16(%edx), %esp
  mov 20(%edx), %ecx
  mov %ecx, (%esp)
  ret

/* Runs in ring 3: what it may not do, then a value for the kernel. */
  .align 4096
  .globl user_page
user_page:
  mov $0x1234, %eax
  int $0x20
  .align 16
  .globl user_privileged
user_privileged:
  hlt
  mov $0x99, %eax
  int $0x20
  .align 16
  .globl user_hypercall
user_hypercall:
  mov $17, %eax
  xor %ebx, %ebx
  int $0x82
  mov $0x77, %eax
  int $0x20
  .align 16
  .globl user_port
user_port:
  mov $0, %eax
  out %al, $0x80
  .globl user_port_done
user_port_done:
  mov $0x66, %eax
  int $0x20
  .align 16
  .globl user_cpuid
user_cpuid:
  mov $0x1111, %ebx
  xor %eax, %eax
  cpuid
  .globl user_cpuid_done
user_cpuid_done:
  mov %ebx, %eax
  int $0x20
  .align 16
  .globl user_prefixed
user_prefixed:
  mov $0x1111, %ebx
  xor %eax, %eax
  .byte 0x0f, 0x0b, 0x78, 0x65, 0x6e
  cpuid
  .globl user_prefixed_done
user_prefixed_done:
  mov %ebx, %eax
  int $0x20
  .align 16
  .globl user_sysenter
user_sysenter:
  mov $0x55, %eax
  sysenter
  ud2
  .align 4096

  .data
  .globl trap_stubs
trap_stubs:
  .macro entry vector
  .long \vector, trap_\vector
  .endm
  entry 0
  entry 1
  entry 2
  entry 3
  entry 4
  entry 5
  entry 6
  entry 7
  entry 10
  entry 11
  entry 12
  entry 13
  entry 14
  entry 32
  entry 33
  .long -1, 0

  .bss
  .align 4096
  .globl hypercall_page
hypercall_page:
  .skip 4096
  .skip 16384
boot_stack_end:
  .globl kernel_context
kernel_context:
  .skip 4
