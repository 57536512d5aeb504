; paravirtual: a kernel of Xen's that still has six privileged lines, in the six routines below. Each faults, and Xen emulates what it emulates.
; Port them: one line each, by the text behind "port:". Sources: xen/include/public/xen.h, sched.h, event_channel.h; what Xen emulates: xen/arch/x86/pv/emul-priv-op.c.
        bits 32
        org 0x100000
; What follows this source is for paravirtual guests: console.asm and pv-base.asm.

; The file is an ELF executable of one segment; the other headers are in pv-base.asm. Type 2: executable, machine 3: i386.
        db 0x7f, 'ELF', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0
        dw 2, 3
        dd 1, start, segments - 0x100000, 0, 0
        dw 52, 32, 2, 0, 0, 0

DEBUG_PORT equ 0xe9

; ---- the six lines

disable: cli                            ; port: mov byte [MASKED], 1
        ret
enable: sti                             ; port: mov byte [MASKED], 0
        ret
switch: mov cr3, eax                    ; port: call new_base
        ret
use_fpu: clts                           ; port: call task_switched
        ret
write:  out DEBUG_PORT, al              ; port: call putc
        ret
idle:   hlt                             ; port: call block
        ret

; ---- the kernel

; storm N: locks are taken and given back with interrupts off, N times.
do_storm:
        mov ebp, [arg1]
        test ebp, ebp
        jz .none
.each:  call disable
        call enable
        inc dword [pairs]
        dec ebp
        jnz .each
.none:  ret

; round N: N times what a kernel does between two programs. In the middle, with interrupts off, an event comes.
do_round:
        mov ebp, [arg1]
        test ebp, ebp
        jz .none
.each:  call disable
        mov dword [critical], 1
        mov eax, [base]                 ; as CR3 has it
        call switch
        call use_fpu
        mov eax, [own_port]
        call send                       ; the event
        mov dword [critical], 0
        call enable
        mov al, '.'
        call write
        call idle                       ; until an event has come
        inc dword [rounds]
        dec ebp
        jnz .each
        mov esi, line_end
        jmp puts
.none:  ret

; What Xen hands back: a #GP of our own, with an error code above EIP, CS, EFLAGS. We go on behind one byte, which HLT is.
on_fault:
        inc dword [refused]
        add esp, 4
        inc dword [esp]
        iret

; Each upcall passes here.
on_event:
        mov eax, [critical]             ; 1: in the middle of what nobody should disturb
        add [torn], eax
        inc dword [upcalls]
        ret

title:  db 'paravirtual: storm N, round N', 13, 10, 0
commands:
        dd name_storm, do_storm, name_round, do_round, 0
name_storm: db 'storm', 0
name_round: db 'round', 0
        align 4
notes:
        db 'pairs       '
pairs:  dd 0                            ; of CLI and STI
        db 'rounds      '
rounds: dd 0
        db 'refused     '
refused: dd 0                           ; faults that came back to us
        db 'upcalls     '
upcalls: dd 0
        db 'torn        '
torn:   dd 0                            ; of them: in the middle of a critical section
notes_end:
critical: dd 0
