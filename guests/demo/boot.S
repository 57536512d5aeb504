# Entry, interrupt stubs and what else C cannot say.
# Sources: Multiboot Specification 0.6.96; Intel SDM volume 3, chapter 6 (stack at an interrupt).

  .file "boot.S"
    .set FLAGS, 3                       # modules on page boundaries, memory information

    .section .multiboot, "a"
    .long 0x1badb002, FLAGS, -(0x1badb002 + FLAGS)

    .text
    .globl start
start:
    cli
    cld
    mov $stack_top, %esp
    push $0
    popf
    push %ebx                           # multiboot information
    push %eax                           # magic number
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
    ljmp $0x08, $1f
1:  ret

# spin_rounds(count): count times two instructions, DEC and JNZ.
    .globl spin_rounds
    .balign 16
spin_rounds:
    mov 4(%esp), %eax
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

    .bss
    .balign 16
    .skip 16384
stack_top:
    .section .note.GNU-stack, "", @progbits
