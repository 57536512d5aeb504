; exits: a kernel's day in small. Each command is a loop whose instructions exit or not, as the VM-execution controls say.
; Instructions and what they do in a guest: Intel SDM volume 3C, 26.1.3; the timer: Intel 8254, mode 0; its line: 8259A, IRQ 0.
        bits 32
        org 0x100000

DIRECTORY    equ 0x120000       ; a page directory with one page of 4 MiB, and another that says the same
OTHER        equ 0x121000
TABLE        equ 0x122000       ; of both: the page table for the 4 MiB from PAGES on, empty at first
PAGES        equ 0x400000
FRAME        equ 0x123000       ; what lies behind each of these pages
PAGE_FAULT   equ 14
TIMER_VECTOR equ 0x20           ; IRQ 0
PAUSE_COUNTS equ 119            ; of 1.193182 MHz: a tenth of a millisecond

title:  db 'exits: work N, touch N, late N', 13, 10, 0
commands:
        dd name_work, do_work, name_touch, do_touch, name_late, do_late, 0
name_work: db 'work', 0
name_touch: db 'touch', 0
name_late: db 'late', 0
        align 4
notes:
        db 'rounds      '
rounds: dd 0                    ; of `work`
        db 'ticks       '
ticks:  dd 0                    ; interrupts of the timer in the last `late`
        db 'faults      '
faults: dd 0                    ; page faults that pc's own kernel has handled
notes_end:

; work N: N times what a kernel does between two programs: it changes the address space, drops two translations, and looks at the clock again and again.
do_work:
        mov ebp, [arg1]
.round: mov eax, cr3
        xor eax, DIRECTORY ^ OTHER
        mov cr3, eax            ; another program
        invlpg [0x1000]
        invlpg [0x2000]
        mov ecx, 36
.clock: mov ebx, ecx
        rdtsc
        mov ecx, ebx
        loop .clock
        inc dword [rounds]
        dec ebp
        jnz .round
        ret

; touch N: N pages are taken away, and then touched: each time a page fault, whose handler maps the page, as kernels do on demand.
do_touch:
        xor ebp, ebp
.away:  mov dword [TABLE + 4 * ebp], 0
        mov eax, ebp
        shl eax, 12
        invlpg [PAGES + eax]
        inc ebp
        cmp ebp, [arg1]
        jb .away
.touch: dec ebp
        mov eax, ebp
        shl eax, 12
        inc dword [PAGES + eax]
        test ebp, ebp
        jnz .touch
        ret

; The page fault's handler. The error code lies above what it saves.
on_fault:
        push eax
        mov eax, cr2
        shr eax, 12
        and eax, 1023
        mov dword [TABLE + 4 * eax], FRAME + 3 ; present, writable
        inc dword [faults]
        pop eax
        add esp, 4              ; the error code
        iret

; late N: N times it asks for an interrupt, and has interrupts off when that comes.
do_late:
        mov dword [ticks], 0
        mov ebp, [arg1]
.each:  cli
        call ask
        mov ecx, 30000          ; 0.24 ms of virtual time
.busy:  dec ecx
        jnz .busy
        sti                     ; now it is taken
        nop
        dec ebp
        jnz .each
        ret

; The 8254's counter 0: one interrupt, when it has come down to 0.
ask:    mov al, 0x30
        out 0x43, al
        mov al, PAUSE_COUNTS & 255
        out 0x40, al
        mov al, PAUSE_COUNTS >> 8
        out 0x40, al
        ret

on_timer:
        push eax
        inc dword [ticks]
        mov al, 0x20            ; end of interrupt
        out 0x20, al
        pop eax
        iret

; Paging: the first 4 MiB are one page that leads to itself. Then the timer's line is opened.
setup:  mov dword [DIRECTORY], 0x83
        mov dword [OTHER], 0x83
        mov dword [DIRECTORY + 4], TABLE + 3
        mov dword [OTHER + 4], TABLE + 3
        mov eax, cr4
        or eax, 0x10            ; CR4.PSE
        mov cr4, eax
        mov eax, DIRECTORY
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000000      ; CR0.PG
        mov cr0, eax
        mov edi, idt + 8 * TIMER_VECTOR
        mov eax, on_timer
        call put_gate
        mov edi, idt + 8 * PAGE_FAULT
        mov eax, on_fault
        call put_gate
        in al, 0x21
        and al, 0xfe
        out 0x21, al
        ret
