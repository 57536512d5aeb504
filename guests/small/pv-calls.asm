; pv-calls: the program of calls.asm above a paravirtual kernel at level 1. The interrupt table is Xen's, and the gates of both calls are entries of the trap
; table. Sources: xen/include/public/xen.h, arch-x86/xen.h, arch-x86/xen-x86_32.h.
        bits 32
        org 0x100000

; The file is an ELF executable of one segment; the other headers are in pv-base.asm. Type 2: executable, machine 3: i386.
        db 0x7f, 'ELF', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0
        dw 2, 3
        dd 1, start, segments - 0x100000, 0, 0
        dw 52, 32, 2, 0, 0, 0

SYSTEM_CALL equ 0x80
GETPID      equ 20                      ; of Linux: arch/x86/entry/syscalls/syscall_32.tbl
END_OF_PROGRAM equ 0x81
KERNEL_DS   equ 0xe021                  ; FLAT_KERNEL_DS
USER_CS     equ 0xe02b                  ; FLAT_USER_CS
USER_DS     equ 0xe033                  ; FLAT_USER_DS
FROM_3      equ 3                       ; struct trap_info, flags: the outermost level that may call it

title:  db 'pv-calls: call N', 13, 10, 0
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
        xor eax, eax                    ; set_trap_table: both calls
        mov ebx, calls_table
        call hypercall
        mov eax, 14                     ; update_va_mapping: level 3 may use the page of the program and its stack
        mov ebx, 0x100000
        mov edx, [mfn_list]
        mov ecx, [edx + 4 * 0x100]
        mov edx, ecx
        shl ecx, 12
        shr edx, 20
        or ecx, 7                       ; present, writable, user
        mov esi, 2                      ; UVMF_INVLPG
        call hypercall
        mov eax, 3                      ; stack_switch: where the kernel goes on when the program calls it
        mov ebx, KERNEL_DS
        mov ecx, [kernel_stack]
        call hypercall
        mov ax, USER_DS                 ; on the way to level 3 a kernel's own segments would be emptied
        mov ds, ax
        mov es, ax
        push dword USER_DS              ; SS, ESP, EFLAGS, CS, EIP of the program
        push dword user_stack
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

on_fault:
        jmp on_fault
on_event:
        ret

        align 4
calls_table:
        db SYSTEM_CALL, FROM_3
        dw KERNEL_CS
        dd on_call
        db END_OF_PROGRAM, FROM_3
        dw KERNEL_CS
        dd on_end
        dd 0, 0
kernel_stack: dd 0
        times 64 db 0
user_stack:
