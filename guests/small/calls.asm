; calls: a program at level 3 that calls its kernel at level 0, as system calls were made before SYSENTER: INT 0x80. Nothing of it leaves the guest.
        bits 32
        org 0x100000

SYSTEM_CALL equ 0x80
GETPID      equ 20                      ; of Linux: arch/x86/entry/syscalls/syscall_32.tbl
END_OF_PROGRAM equ 0x81
USER_CS     equ 0x2b                   ; of base.asm’s GDT
USER_DS     equ 0x33
TSS         equ 0x118000
USER_STACK  equ 0x117000

title:  db 'calls: call N', 13, 10, 0
commands:
        dd name_call, do_call, 0
name_call: db 'call', 0
        align 4
notes:
        db 'calls       '
calls:  dd 0                            ; that the kernel has answered
notes_end:

; call N: the program makes N calls, and ends.
do_call:
        mov ebp, [arg1]
        test ebp, ebp
        jz .none
        pushad
        mov [kernel_stack], esp
        mov [TSS + 4], esp              ; ESP0: where the kernel goes on when the program calls it
        mov ax, USER_DS                 ; on the way to level 3 a kernel's own segments would be emptied
        mov ds, ax
        mov es, ax
        push dword USER_DS              ; SS, ESP, EFLAGS, CS, EIP of the program
        push dword USER_STACK
        push dword 0x202
        push dword USER_CS
        push dword program
        iret
.none:  ret

program:
        mov eax, GETPID
        int SYSTEM_CALL
        dec ebp
        jnz program
        int END_OF_PROGRAM

on_call:
        inc dword [calls]
        mov eax, 1                      ; the caller is process 1
        iret
on_end: mov esp, [kernel_stack]
        popad
        ret

setup:  mov edi, TSS
        call put_tss
        mov ax, tss_descriptor - gdt
        ltr ax
        mov edi, idt + 8 * SYSTEM_CALL
        mov eax, on_call
        call put_gate
        mov eax, on_end
        jmp put_gate

        align 4
kernel_stack: dd 0
