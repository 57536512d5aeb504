/* What the boot sector jumps to: the map of memory from the BIOS, A20, protected mode. Then the entries of interrupts. */
        .section .entry, "ax"
        .code16
        .globl  start
start:  mov     %cs, %ax
        mov     %ax, %ds
        mov     $0x0f, %ah
        int     $0x10
        cmp     $3, %al
        je      text
        mov     $3, %ax
        int     $0x10
text:
        /* Ranges of memory to 608h, 20 bytes each, their number to 600h (INT 15h, AX = E820h). */
        xor     %ax, %ax
        mov     %ax, %es
        mov     $0x608, %di
        xor     %ebx, %ebx
        xor     %bp, %bp
range:  mov     $0xe820, %eax
        mov     $20, %ecx
        mov     $0x534d4150, %edx
        int     $0x15
        jc      ranges
        add     $20, %di
        inc     %bp
        cmp     $32, %bp
        je      ranges
        test    %ebx, %ebx
        jnz     range
ranges: mov     %bp, %es:0x600
        mov     $0x2401, %ax
        int     $0x15
        in      $0x92, %al
        or      $2, %al
        and     $0xfe, %al
        out     %al, $0x92
        cli
        lgdtl   gdtr - start
        mov     %cr0, %eax
        or      $1, %al
        mov     %eax, %cr0
        ljmpl   $8, $protected

        .code32
protected:
        mov     $0x10, %ax
        mov     %ax, %ds
        mov     %ax, %es
        mov     %ax, %fs
        mov     %ax, %gs
        mov     %ax, %ss
        mov     $first_stack, %esp
        cld
        mov     $bss_start, %edi
        mov     $bss_end, %ecx
        sub     %edi, %ecx
        xor     %eax, %eax
        rep     stosb
        push    0x600
        push    $0x608
        call    main
        ud2

        .balign 4
gdtr:   .word   5 * 8 - 1
        .long   gdt
        .text
        /* Every vector leaves an error code and its number, and goes on at `common`. */
        .globl  vectors
        .balign 16
vectors:
        .set    i, 0
        .rept   49
        .balign 16
        .if     (i == 8) | ((i >= 10) & (i <= 14)) | (i == 17)
        .else
        push    $0
        .endif
        push    $i
        jmp     common
        .set    i, i + 1
        .endr
        /* `interrupt` returns the frame that is gone on with: another task's, at the end of a turn. */
common: pusha
        cld
        push    %esp
        call    interrupt
        mov     %eax, %esp
        popa
        add     $8, %esp
        iret

        /* A task of its own by a task gate: a stack that has no room for a frame gets there, too. Its error code is dropped. */
        .globl  on_double_fault
on_double_fault:
        call    double_fault
        add     $4, %esp
        iret
        jmp     on_double_fault

        .data
        .balign 8
        .globl  gdt
        /* Not among the code: the processor marks a task that runs. */
gdt:    .quad   0
        .quad   0x00cf9a000000ffff      /* 08: code, all of 4 GiB */
        .quad   0x00cf92000000ffff      /* 10: data */
        .quad   0                       /* 18: the state of the interrupted task; interrupts.c */
        .quad   0                       /* 20: that of double faults */

        .bss
        .balign 16
        .skip   4096
first_stack:
        .section .note.GNU-stack, "", @progbits
