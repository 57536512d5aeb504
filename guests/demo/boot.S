# Entry, interrupt stubs and what else C cannot say.
# Sources: Multiboot Specification 0.6.96; Intel SDM volume 3, chapter 6 (stack at an interrupt).

  .file "boot.S"
#include "../long-mode.h"
    .set FLAGS, 3                       # modules on page boundaries, memory information

    .section .multiboot, "a"
    .long 0x1badb002, FLAGS, -(0x1badb002 + FLAGS)

    .text
    .code32
    .globl start
start:
    cli
    cld
    mov $stack_top, %esp
    push $0
    popf
#ifdef __x86_64__
    mov %eax, %edi                      # magic number
    mov %ebx, %esi                      # multiboot information
    lgdt boot_gdt_pointer
    enter_long_mode 8
    mov $stack_top, %esp
#else
    push %ebx                           # multiboot information
    push %eax                           # magic number
#endif
    call kernel_main
1:  cli
    hlt
    jmp 1b

# One stub a vector. Those without an error code push 0 in its place.
    .macro stub vector
    .balign 16
    .if !((1 << \vector) & 0x27d00) || \vector > 31
    push $0
    .endif
    push $\vector
    jmp interrupt
    .endm

    .balign 8
    .balign 16
    .globl stubs
stubs:
    .altmacro
    .set n, 0
    .rept 48
    stub %n
    .set n, n + 1
    .endr
    .balign 8

#ifdef __x86_64__
interrupt:
    .irp register, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
    push %\register
    .endr
    cld
    mov %rsp, %rdi
    call handle_interrupt
    .irp register, r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax
    pop %\register
    .endr
    add $16, %rsp                       # vector and error code
    iretq

    .globl save_context
save_context:
    mov %rbx, 0(%rdi)
    mov %rbp, 8(%rdi)
    mov %r12, 16(%rdi)
    mov %r13, 24(%rdi)
    mov %r14, 32(%rdi)
    mov %r15, 40(%rdi)
    lea 8(%rsp), %rcx                   # as it will be after the return
    mov %rcx, 48(%rdi)
    mov (%rsp), %rcx
    mov %rcx, 56(%rdi)
    xor %eax, %eax
    ret

    .globl restore_context
restore_context:
    mov 0(%rdi), %rbx
    mov 8(%rdi), %rbp
    mov 16(%rdi), %r12
    mov 24(%rdi), %r13
    mov 32(%rdi), %r14
    mov 40(%rdi), %r15
    mov 48(%rdi), %rsp
    mov $1, %eax
    jmp *56(%rdi)
#else
interrupt:
    pusha
    cld
    push %esp
    # Ring 3 has data segments of its own.
    mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    call handle_interrupt
    add $4, %esp
    popa
    add $8, %esp                        # vector and error code
    iret

    .globl save_context
save_context:
    mov 4(%esp), %eax
    mov %ebx, 0(%eax)
    mov %esi, 4(%eax)
    mov %edi, 8(%eax)
    mov %ebp, 12(%eax)
    lea 4(%esp), %ecx                   # as it will be after the return
    mov %ecx, 16(%eax)
    mov (%esp), %ecx
    mov %ecx, 20(%eax)
    xor %eax, %eax
    ret

    .globl restore_context
restore_context:
    mov 4(%esp), %edx
    mov 0(%edx), %ebx
    mov 4(%edx), %esi
    mov 8(%edx), %edi
    mov 12(%edx), %ebp
    mov 16(%edx), %esp
    mov $1, %eax
    jmp *20(%edx)
#endif

# load_segments(): the GDT's own selectors into every segment register.
    .globl load_segments
load_segments:
    mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    xor %eax, %eax
    mov %eax, %fs
    mov %eax, %gs
#ifdef __x86_64__
    pop %rax
    push $0x08
    push %rax
    lretq
#else
    ljmp $0x08, $1f
1:  ret
#endif

# spin_rounds(count): count times two instructions, DEC and JNZ.
    .globl spin_rounds
    .balign 16
spin_rounds:
#ifdef __x86_64__
    mov %edi, %eax
#else
    mov 4(%esp), %eax
#endif
    .balign 16
1:  dec %eax
    jnz 1b
    ret

# A page of its own that ring 3 may read and run: it tries to switch interrupts off, which is not its to do.
    .section .user, "ax"
    .globl user_code, user_stack_top
user_code:
    mov $0x23, %eax
    mov %eax, %ds
    mov %eax, %es
    cli
1:  jmp 1b

    .section .userstack, "aw", @nobits
    .balign 4096
    .skip 4096
user_stack_top:

#ifdef __x86_64__
    .data
    .balign 8
boot_gdt:
    .quad 0, 0x00af9b000000ffff
boot_gdt_pointer:
    .word . - boot_gdt - 1
    .long boot_gdt
#endif

    .bss
#ifdef __x86_64__
    long_mode_tables
#endif
    .balign 16
    .skip 16384
stack_top:
    .section .note.GNU-stack, "", @progbits
