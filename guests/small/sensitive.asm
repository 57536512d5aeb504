; sensitive: a table of instructions, each run as a kernel would run it: at level 0 with the machine to itself, or at level 1 or 3 above a small monitor, which has
; tables of its own, keeps interrupts on, and has CR0.TS set. What comes out is compared with what came out at level 0.
; Source: Robin and Irvine, "Analysis of the Intel Pentium's Ability to Support a Secure Virtual Machine Monitor", 2000; SDM volume 2, "Operation" of each instruction.
        bits 32
        org 0x100000

DONE    equ 0x40                        ; INT 40h: an instruction has gone through
STACK   equ 0x118000                    ; of the kernel at level 1 or 3
TSS     equ 0x119000
OWN_GDT equ 0x11a000                    ; the monitor's
OWN_IDT equ 0x11b000
TRAPS   equ 1
DIFFERS equ 2
SAME    equ 3

title:  db 'sensitive: level 0|1|3 TIMES', 13, 10, 0
commands: dd name_level, do_level, 0
name_level: db 'level', 0

; One row of the table: its note, and where it is tried.
        align 4
notes:
        db 'traps       '
traps:  dd 0                            ; of the last run
        db 'differs     '
differs: dd 0
        db 'same        '
same:   dd 0
rows:   ; name, and outcome: at level 1 in bits 0 to 3, at level 3 in bits 4 to 7
        db 'sgdt        '
        dd 0
        db 'sidt        '
        dd 0
        db 'sldt        '
        dd 0
        db 'str         '
        dd 0
        db 'smsw        '
        dd 0
        db 'pushf       '
        dd 0
        db 'popf        '
        dd 0
        db 'mov_cs      '
        dd 0
        db 'push_cs     '
        dd 0
        db 'lar         '
        dd 0
        db 'lsl         '
        dd 0
        db 'verr        '
        dd 0
        db 'verw        '
        dd 0
        db 'cli         '
        dd 0
        db 'mov_cr0     '
        dd 0
        db 'clts        '
        dd 0
        db 'invlpg      '
        dd 0
        db 'rdmsr       '
        dd 0
        db 'add         '
        dd 0
        db 'imul        '
        dd 0
        db 'bswap       '
        dd 0
notes_end:
tries:  dd try_sgdt, try_sidt, try_sldt, try_str, try_smsw, try_pushf, try_popf, try_mov_cs, try_push_cs, try_lar, try_lsl, try_verr, try_verw
        dd try_cli, try_mov_cr0, try_clts, try_invlpg, try_rdmsr, try_add, try_imul, try_bswap, 0

; ---- the instructions. Each leaves in EAX what a kernel sees of it.

try_sgdt:   sgdt [ebp]
        mov eax, [ebp + 2]
        int DONE
try_sidt:   sidt [ebp]
        mov eax, [ebp + 2]
        int DONE
try_sldt:   sldt eax
        int DONE
try_str:    str eax
        int DONE
try_smsw:   smsw eax
        int DONE
try_pushf:  pushfd                      ; is IF set? The kernel has just had it cleared
        pop eax
        and eax, 0x200
        int DONE
try_popf:   push dword 2                ; IF clear, please
        popfd
        pushfd
        pop eax
        and eax, 0x200
        int DONE
try_mov_cs: mov eax, cs
        int DONE
try_push_cs: push cs
        pop eax
        int DONE
try_lar:    lar eax, ebx                ; EBX: the selector of the kernel's own data
        int DONE
try_lsl:    lsl eax, ebx
        int DONE
try_verr:   verr bx
        setz al
        int DONE
try_verw:   verw bx
        setz al
        int DONE
try_cli:    cli
        int DONE
try_mov_cr0: mov eax, cr0
        int DONE
try_clts:   clts
        int DONE
try_invlpg: invlpg [ebp]
        int DONE
try_rdmsr:  mov ecx, 0x1b               ; IA32_APIC_BASE
        rdmsr
        int DONE
try_add:    add eax, ebx
        int DONE
try_imul:   imul eax, ebx, 3
        int DONE
try_bswap:  mov eax, ebx
        bswap eax
        int DONE

; ---- level N TIMES

do_level:
        mov dword [traps], 0
        mov dword [differs], 0
        mov dword [same], 0
.again: xor edi, edi                    ; which row
.row:   mov eax, [tries + 4 * edi]
        test eax, eax
        jz .round
        call run
        cmp dword [arg1], 0
        jne .compare
        mov eax, [result]               ; level 0: what is right
        mov [expected + 4 * edi], eax
        inc dword [same]
        jmp .next
.compare:
        mov eax, TRAPS
        cmp dword [trapped], 0
        jne .traps
        mov ecx, [result]
        cmp ecx, [expected + 4 * edi]
        jne .differs
        mov eax, SAME
        inc dword [same]
        jmp .note
.traps: inc dword [traps]
        jmp .note
.differs:
        mov eax, DIFFERS
        inc dword [differs]
.note:  mov ecx, 0                      ; bits 0 to 3, or 4 to 7
        cmp dword [arg1], 1
        je .place
        mov cl, 4
.place: shl eax, cl
        mov edx, 15
        shl edx, cl
        not edx
        mov ebx, edi
        shl ebx, 4
        and [rows + 12 + ebx], edx
        or [rows + 12 + ebx], eax
.next:  inc edi
        jmp .row
.round: dec dword [arg2]
        jg .again
        mov esi, traps_text
        mov eax, [traps]
        call tell
        mov esi, differs_text
        mov eax, [differs]
        jmp tell

; Runs what is at EAX at level [arg1]; comes back with `result` and `trapped`.
run:    mov [saved_esp], esp
        mov [row], edi
        mov dword [trapped], 0
        mov ebx, 0x10
        mov ebp, STACK - 64
        cmp dword [arg1], 0
        jne .monitor
        ; Level 0: the kernel's own tables, and interrupts off, as it wants them.
        call own_tables
        push dword 2                    ; EFLAGS, CS, EIP
        push dword 0x08
        push eax
        jmp .go
.monitor: ; The monitor's tables, CR0.TS and interrupts on; code and data of level 1 (selectors 18h and 20h) or 3 (28h and 30h).
        lgdt [own_gdt_pointer]
        lidt [own_idt_pointer]
        mov byte [OWN_GDT + 0x4d], 0x89 ; a task state segment that is not busy
        mov ecx, 0x48
        ltr cx
        mov ecx, 0x40
        lldt cx
        mov ecx, cr0
        or ecx, 8
        mov cr0, ecx
        mov ecx, 0x19
        mov edx, 0x21
        cmp dword [arg1], 1
        je .frame
        mov ecx, 0x2b
        mov edx, 0x33
.frame: push edx                        ; SS, ESP, EFLAGS, CS, EIP
        push dword STACK - 128
        push dword 0x202
        push ecx
        push eax
        mov ecx, 0x33                   ; data that any level may use
        mov ds, cx
        mov es, cx
.go:    mov eax, 0x11223344
        iretd

; INT 40h, or a fault: back to `run`'s caller, at level 0.
on_fault:
        mov cx, 0x10
        mov ds, cx
        mov es, cx
        mov dword [trapped], 1
        jmp back
on_done:
        mov cx, 0x10
        mov ds, cx
        mov es, cx
        mov [result], eax
back:   mov esp, [saved_esp]
        call own_tables
        clts
        mov edi, [row]
        sti
        ret

; The kernel's tables: its GDT, IDT, task and no LDT.
own_tables:
        lgdt [gdt_pointer]
        lidt [idt_pointer]
        mov byte [tss_descriptor + 5], 0x89
        mov ecx, 0x38
        ltr cx
        xor ecx, ecx
        lldt cx
        ret

; Gates for #GP and INT 40h, a task state segment for the way in, and the monitor's tables: copies at another place.
setup:  mov edi, idt + 8 * 13
        mov eax, on_fault
        call put_gate
        mov edi, idt + 8 * DONE
        mov eax, on_done
        call put_gate
        mov edi, TSS
        call put_tss
        mov esi, gdt
        mov edi, OWN_GDT
        mov ecx, (gdt_end - gdt) / 4
        rep movsd
        mov word [OWN_GDT + 0x40], 23   ; an LDT of the monitor's
        mov word [OWN_GDT + 0x42], TSS & 0xffff
        mov dword [OWN_GDT + 0x44], 0x8200 + (TSS >> 16)
        mov word [OWN_GDT + 0x48], 103  ; its task
        mov word [OWN_GDT + 0x4a], TSS & 0xffff
        mov dword [OWN_GDT + 0x4c], 0x8900 + (TSS >> 16)
        mov esi, idt
        mov edi, OWN_IDT
        mov ecx, 512
        rep movsd
        ret

traps_text:   db 'traps: ', 0
differs_text: db 'silently differ: ', 0
        align 4
row:    dd 0
result: dd 0
trapped: dd 0
saved_esp: dd 0
own_gdt_pointer: dw 0x4f
        dd OWN_GDT
own_idt_pointer: dw 0x7ff
        dd OWN_IDT
expected: times 24 dd 0
