; paging: a kernel that does nothing but change page tables and use them. Under nested paging none of it leaves the guest; under shadow page tables each
; change does (Intel SDM volume 3C, 33.3, the virtual TLB).
        bits 32
        org 0x100000

DIRECTORY  equ 0x120000         ; a page directory with one page of 4 MiB, and another that says the same
OTHER      equ 0x121000
TABLE      equ 0x122000         ; of both: the page table for the 4 MiB from PAGES on
PAGES      equ 0x400000
FRAME      equ 0x123000         ; what lies behind each of these pages
MAPPED     equ 256              ; the number of them
PROGRAM    equ 8                ; pages that a program uses in its turn
PAGE_FAULT equ 14

title:  db 'paging: map N, switch N, scan N', 13, 10, 0
commands:
        dd name_map, do_map, name_switch, do_switch, name_scan, do_scan, 0
name_map: db 'map', 0
name_switch: db 'switch', 0
name_scan: db 'scan', 0
        align 4
notes:
        db 'faults      '
faults: dd 0                    ; page faults that the guest's own kernel has handled
        db 'switches    '
switches: dd 0                  ; programs that had their turn
        db 'touches     '
touches: dd 0                   ; pages that `scan` has read
notes_end:

; map N: N pages are taken away, and then written: each a page fault, whose handler maps the page, as kernels do on demand.
do_map: xor ebp, ebp
.away:  mov dword [TABLE + 4 * ebp], 0
        mov eax, ebp
        shl eax, 12
        invlpg [PAGES + eax]
        inc ebp
        cmp ebp, [arg1]
        jb .away
.write: dec ebp
        mov eax, ebp
        shl eax, 12
        inc dword [PAGES + eax]
        test ebp, ebp
        jnz .write
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

; switch N: N times another program has its turn, and uses its eight pages.
do_switch:
        mov ebp, [arg1]
.turn:  mov eax, cr3
        xor eax, DIRECTORY ^ OTHER
        mov cr3, eax
        mov ecx, PROGRAM
.page:  mov eax, ecx
        shl eax, 12
        inc dword [PAGES + eax]
        loop .page
        inc dword [switches]
        dec ebp
        jnz .turn
        ret

; scan N: N times through more pages than a small TLB holds, a word of each.
do_scan:
        mov ebp, [arg1]
.again: mov ecx, MAPPED
.page:  mov eax, ecx
        shl eax, 12
        mov ebx, [PAGES - 4096 + eax]
        inc dword [touches]
        loop .page
        dec ebp
        jnz .again
        ret

; Paging: the first 4 MiB are one page that leads to itself, and MAPPED pages behind them lead to one frame.
setup:  mov dword [DIRECTORY], 0x83
        mov dword [OTHER], 0x83
        mov dword [DIRECTORY + 4], TABLE + 3
        mov dword [OTHER + 4], TABLE + 3
        mov ecx, MAPPED
.map:   mov dword [TABLE - 4 + 4 * ecx], FRAME + 3
        loop .map
        mov eax, cr4
        or eax, 0x10            ; CR4.PSE
        mov cr4, eax
        mov eax, DIRECTORY
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000000      ; CR0.PG
        mov cr0, eax
        mov edi, idt + 8 * PAGE_FAULT
        mov eax, on_fault
        jmp put_gate
