; deprivileged: a kernel that was written for level 0, and a monitor that runs it at level 1. What is privileged faults (#GP), and the monitor does it to a
; virtual processor: trap and emulate. Or it translates the kernel first, and what it puts in place of such instructions does not fault.
; Source: SDM volume 2 for each instruction ("Protected Mode Exceptions"), volume 3, 5.9 (privileged instructions) and 6.12.1 (entry and IRET).
        bits 32
        org 0x100000

DONE       equ 0x40                     ; INT 40h: the kernel has nothing more to do
DEBUG_PORT equ 0xe9                     ; where the kernel writes letters
STACK      equ 0x118000                 ; of the kernel
TSS        equ 0x119000
DIRECTORY  equ 0x11a000                 ; page directory and one table, for 4 MiB: address = physical address
TABLE      equ 0x11b000
CACHE      equ 0x120000                 ; translated code
MAP        equ 0x128000                 ; for each byte of the kernel's code the address of its translation
CODE       equ 0x100000                 ; where the kernel's code lies
MAP_OF     equ MAP - 4 * CODE
; Where a fault's entry finds what it interrupted: PUSHAD's eight, then the error code, then what the processor pushed on its way to level 0.
OF_EAX     equ 28
OF_EIP     equ 36
OF_CS      equ 40
OF_EFLAGS  equ 44
OF_ESP     equ 48

; ---- the kernel. It believes that it is at level 0. Its code has a page of its own.

code:
kernel: cli                             ; nobody may disturb
        mov eax, cr3                    ; another address space
        xor eax, 0x1000
        mov cr3, eax
        mov ecx, [work]                 ; some work that is not privileged: three instructions each time
.work:  add ebx, ecx
        dec ecx
        jnz .work
        mov al, '.'
        out DEBUG_PORT, al
        sti
        hlt                             ; until the next tick of the clock
        dec ebp                         ; the next round
        jnz kernel
        int DONE
; Its handler of the clock.
kernel_tick:
        inc dword [ticks]
        iret

; look: what the kernel sees of itself. Level and flag are both 0 at level 0, with interrupts off.
look:   cli
        mov eax, cs
        and eax, 3
        add [levels], eax
        pushfd
        pop eax
        and eax, 0x200
        add [flags], eax
        sti
        dec ebp
        jnz look
        int DONE

; modify: code that changes itself. It adds 1, then 2, then 3 to a sum.
modify: mov eax, 1                      ; this number is in the four bytes behind the opcode
        add [sum], eax
        inc dword [modify + 1]
        dec ebp
        jnz modify
        int DONE
code_end:
        align 4096

title:  db 'deprivileged: run ROUNDS WORK, translate ROUNDS WORK, look N HOW, modify N HOW, race N CHECK', 13, 10, 0
commands:
        dd name_run, do_run, name_translate, do_translate, name_look, do_look, name_modify, do_modify, name_race, do_race, 0
name_run:  db 'run', 0
name_race:  db 'race', 0
name_translate: db 'translate', 0
name_look:  db 'look', 0
name_modify: db 'modify', 0
        align 4
notes:
        db 'traps       '
traps:  dd 0                            ; times that the monitor was entered by a fault, in the last command
        db 'cli         '
cli_count: dd 0                         ; and what it then emulated
        db 'read_cr3    '
read_count: dd 0
        db 'write_cr3   '
write_count: dd 0
        db 'out         '
out_count: dd 0
        db 'sti         '
sti_count: dd 0
        db 'hlt         '
hlt_count: dd 0
        db 'iret        '
iret_count: dd 0
        db 'ticks       '
ticks:  dd 0                            ; virtual interrupts that the kernel's handler has counted
        db 'store       '
store_count: dd 0                       ; stores to code that was translated
        db 'translated  '
translations: dd 0                      ; times that the kernel's code was translated
        db 'clocks      '
clocks: dd 0                            ; of the TSC, from the first instruction of the kernel to its last
        db 'stolen      '
stolen: dd 0                            ; since the start: times that a program at level 3 switched the kernel's interrupts off
        db 'refused     '
refused: dd 0                           ; times that the monitor noticed that it may not
        db 'wrong       '
wrong:  dd 0                            ; since the start: times that the kernel saw another level than 0, or interrupts on behind CLI;
        db 'wrong_trans '
        dd 0                            ; the same in translated code
        db 'sum         '
sums:   dd 0                            ; what `modify` found last: as it is,
        db 'sum_trans   '
        dd 0                            ; translated,
        db 'sum_guarded '
        dd 0                            ; translated, and guarded against stores
        db 'v_if        '
v_if:   dd 1                            ; the virtual processor: interrupt flag,
        db 'v_cr3       '
v_cr3:  dd 0                            ; and CR3
notes_end:
COUNTS  equ (stolen - 12 - notes) / 16

; ---- a program of the kernel's, at level 3: it may write letters to the port, and nothing else.

program:
        mov word [.site], 0xe9e6        ; the bytes of OUT E9h, AL
        mov al, '.'
.site:  out DEBUG_PORT, al
        dec ebp
        jnz program
        int DONE

; ---- the monitor

; #GP. Only the bytes at its EIP say what has faulted.
on_fault:
        pushad
        inc dword [traps]
        mov esi, [esp + OF_EIP]
        cmp dword [racing], 0
        je .fetch
        mov word [esi], 0x90fa          ; another processor of the guest, just now: CLI and NOP where OUT was
.fetch: movzx eax, byte [esi]
        cmp al, 0xe6                    ; OUT imm8, AL: programs may, too
        je .out
        cmp dword [checks], 0
        je .kernel
        test byte [esp + OF_CS], 2      ; level 2 or 3: not the kernel
        jnz .refuse
.kernel:
        cmp al, 0xfa
        je .cli
        cmp al, 0xfb
        je .sti
        cmp al, 0xf4
        je .hlt
        cmp al, 0xcf
        je .iret
        cmp al, 0x0f
        jne .refuse
        movzx eax, word [esi + 1]
        cmp eax, 0xd820                 ; 0F 20 D8: MOV EAX, CR3
        je .read_cr3
        cmp eax, 0xd822                 ; 0F 22 D8: MOV CR3, EAX
        je .write_cr3
; The kernel's own #GP. Its handler would end the program; to try again, we go on behind two bytes.
.refuse:
        inc dword [refused]
        add dword [esp + OF_EIP], 2
        jmp .back

.cli:   mov dword [v_if], 0
        inc dword [cli_count]
        test byte [esp + OF_CS], 2
        jz .next
        inc dword [stolen]              ; that was a program
.next:  inc dword [esp + OF_EIP]
        jmp .back
.sti:   mov dword [v_if], 1
        inc dword [sti_count]
        jmp .next
.read_cr3:
        mov eax, [v_cr3]
        mov [esp + OF_EAX], eax
        inc dword [read_count]
        add dword [esp + OF_EIP], 3
        jmp .back
.write_cr3:                             ; a real monitor builds its shadow of the tables here
        mov eax, [esp + OF_EAX]
        mov [v_cr3], eax
        inc dword [write_count]
        add dword [esp + OF_EIP], 3
        jmp .back
.out:   inc dword [out_count]
        add dword [esp + OF_EIP], 2
        cmp byte [esi + 1], DEBUG_PORT
        jne .back                       ; no other port has anything behind it
        mov al, [esp + OF_EAX]
        call putc                       ; the virtual device is our console
        jmp .back
; With interrupts on a HLT ends with the next one: a tick of the virtual clock, at once. It is put on the kernel's stack as a processor would, but for the
; code selector: 0 is one that IRET cannot load. So IRET faults, too, and we hear of it. With another it would go through, and leave IF as it is.
; Translated code has no IRET. There the selector is the one that the kernel expects.
.hlt:   inc dword [hlt_count]
        inc dword [esp + OF_EIP]
        cmp dword [v_if], 0
        je .dead
        mov edi, [esp + OF_ESP]
        sub edi, 12
        mov eax, [esp + OF_EIP]
        mov [edi], eax
        mov dword [edi + 4], 0
        mov eax, [esp + OF_EFLAGS]      ; IF is set there, as in the virtual flags
        mov [edi + 8], eax
        mov [esp + OF_ESP], edi
        mov dword [esp + OF_EIP], kernel_tick
        mov dword [v_if], 0
        cmp dword [how], 0
        je .back
        mov dword [edi + 4], 8
        mov eax, [MAP + 4 * (kernel_tick - code)]
        mov [esp + OF_EIP], eax
        jmp .back
.iret:  inc dword [iret_count]
        mov edi, [esp + OF_ESP]
        mov eax, [edi]
        mov [esp + OF_EIP], eax
        mov eax, [edi + 8]
        mov ecx, eax
        shr ecx, 9
        and ecx, 1
        mov [v_if], ecx
        and eax, 0x8d5                  ; CF, PF, AF, ZF, SF, OF: no flag of the machine's
        or eax, 0x202
        mov [esp + OF_EFLAGS], eax
        add edi, 12
        mov [esp + OF_ESP], edi
.back:  popad
        add esp, 4                      ; the error code
        iretd
.dead:  popad                           ; halted for ever
        mov esi, dead_text
        call puts
; INT 40h: back to the command, at level 0.
on_done:
back_to_command:
        mov esp, [saved_esp]
        mov cx, 0x10
        mov ds, cx
        mov es, cx
        rdtsc
        sub eax, [began]
        mov [clocks], eax
        mov eax, cr0                    ; no paging any more, and no guard
        and eax, 0x7ffeffff
        mov cr0, eax
        sti
        mov ebx, [how]
        shl ebx, 4                      ; notes are 16 bytes apart
        mov eax, [flags]
        shr eax, 9
        add eax, [levels]
        mov dword [flags], 0
        mov dword [levels], 0
        test ebx, 32
        jnz .sum
        add [wrong + ebx], eax
.sum:   xor eax, eax
        xchg eax, [sum]
        test eax, eax
        jz .tell
        mov [sums + ebx], eax
.tell:
        mov esi, line_end
        call puts
        mov esi, traps_text
        mov eax, [traps]
        jmp tell

; ---- the translator

; All of the kernel's code, front to back, into CACHE. What is in `rules` becomes something else; what is not cannot be translated.
translate:
        inc dword [translations]
        mov esi, code
        mov edi, CACHE
.each:  mov eax, esi
        mov [MAP_OF + 4 * eax], edi
        cmp esi, code_end
        jae .end
        mov ebx, rules
.rule:  mov al, [ebx]
        cmp al, [esi]
        jne .next
        mov al, [ebx + 1]               ; the second byte, where it matters
        test al, al
        jz .found
        cmp al, [esi + 1]
        je .found
.next:  add ebx, 4
        cmp ebx, rules_end
        jb .rule
        mov esi, unknown_code_text
        call puts
        jmp back_to_command
.found: movzx edx, byte [ebx + 2]       ; its length
        cmp byte [esi], 0x75
        je .jump
        push esi
        mov ecx, edx
        movzx eax, byte [ebx + 3]
        test eax, eax
        jz .copy                        ; the same in the translation
        mov esi, [pieces + 4 * eax]     ; what replaces it, up to where the next piece begins
        mov ecx, [pieces + 4 * eax + 4]
        sub ecx, esi
.copy:  rep movsb
        pop esi
        add esi, edx
        jmp .each
.jump:  movsx eax, byte [esi + 1]       ; JNZ, back to what was translated already: its translation lies elsewhere
        lea eax, [esi + eax + 2]
        mov eax, [MAP_OF + 4 * eax]
        mov word [edi], 0x850f          ; JNZ rel32
        sub eax, edi
        sub eax, 6
        mov [edi + 2], eax
        add edi, 6
        add esi, 2
        jmp .each
.end:   ret

; Opcode, second byte or 0, length, and which of the pieces below replaces it; 0: none, it stays as it is.
rules:  db 0xfa, 0, 1, 1                ; CLI
        db 0xfb, 0, 1, 2                ; STI
        db 0x0f, 0x20, 3, 3             ; MOV EAX, CR3
        db 0x0f, 0x22, 3, 4             ; MOV CR3, EAX
        db 0x8c, 0xc8, 2, 5             ; MOV EAX, CS
        db 0x9c, 0, 1, 6                ; PUSHFD
        db 0xcf, 0, 1, 7                ; IRET
        db 0xf4, 0, 1, 0                ; HLT and OUT: a trap is what is wanted
        db 0xe6, 0, 2, 0
        db 0xcd, 0, 2, 0                ; INT n
        db 0x75, 0, 2, 0                ; JNZ
        db 0x35, 0, 5, 0                ; XOR EAX, n
        db 0x25, 0, 5, 0                ; AND EAX, n
        db 0x83, 0xe0, 3, 0             ; AND EAX, n of one byte
        db 0x8b, 0x0d, 6, 0             ; MOV ECX, [a]
        db 0xb0, 0, 2, 0                ; MOV AL, n
        db 0xb8, 0, 5, 0                ; MOV EAX, n
        db 0x01, 0xcb, 2, 0             ; ADD EBX, ECX
        db 0x01, 0x05, 6, 0             ; ADD [a], EAX
        db 0xff, 0x05, 6, 0             ; INC [a]
        db 0x49, 0, 1, 0                ; DEC ECX
        db 0x4d, 0, 1, 0                ; DEC EBP
        db 0x58, 0, 1, 0                ; POP EAX
rules_end:
        align 4
pieces: dd 0, for_cli, for_sti, for_read_cr3, for_write_cr3, for_mov_cs, for_pushf, for_iret, return

; What replaces them. None of it depends on where it lies, none faults at level 1, and none leaves other flags behind.
for_cli:
        mov dword [v_if], 0
for_sti:
        mov dword [v_if], 1
for_read_cr3:
        mov eax, [v_cr3]
for_write_cr3:
        mov [v_cr3], eax
for_mov_cs:
        mov eax, 8                      ; the selector that the kernel had at level 0
for_pushf:
        pushfd                          ; what the kernel gets
        pushfd                          ; what the processor has
        push eax
        mov eax, [v_if]
        shl eax, 9
        and dword [esp + 8], ~0x200
        or [esp + 8], eax
        pop eax
        popfd
for_iret:
        push dword return
        ret
; Still at level 1. The frame: EIP, the kernel's CS, EFLAGS.
return: push eax
        mov eax, [esp + 12]
        shr eax, 9
        and eax, 1
        mov [v_if], eax
        mov dword [esp + 8], 0x19       ; the CS that there is
        pop eax
        iretd

; The page of the kernel's code becomes read-only: paging, with CR0.WP, so that levels 0 to 2 are held to it, too.
guard:  mov dword [DIRECTORY], TABLE + 3
        xor ecx, ecx
.page:  mov eax, ecx
        shl eax, 12
        or eax, 3                       ; present, writable
        mov [TABLE + 4 * ecx], eax
        inc ecx
        cmp ecx, 1024
        jb .page
        and dword [TABLE + 4 * (CODE >> 12)], ~2
        mov eax, DIRECTORY
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80010000              ; PG, WP
        mov cr0, eax
        ret

; #PF: a store to code that was translated. We do it in the kernel's place, and translate again. INC [a] is all that this kernel stores there by.
on_store:
        pushad
        inc dword [traps]
        inc dword [store_count]
        mov esi, [esp + OF_EIP]
        mov edi, [esi + 2]
        mov eax, cr0
        and eax, ~0x10000
        mov cr0, eax
        inc dword [edi]
        mov eax, cr0
        or eax, 0x10000
        mov cr0, eax
        call translate                  ; as long as it was: only a number has changed
        add dword [esp + OF_EIP], 6
        popad
        add esp, 4
        iretd

; ---- commands

do_run: mov eax, [arg2]
        test eax, eax
        jz .none
        mov [work], eax
        mov dword [how], 0
        mov eax, kernel
        jmp to_kernel
.none:  ret
do_translate:
        mov eax, [arg2]
        test eax, eax
        jz do_run.none
        mov [work], eax
        mov dword [how], 1
        mov eax, kernel
        jmp to_kernel
; look N HOW, modify N HOW: as it is (0), translated (1), translated and guarded (2).
do_look:
        mov eax, [arg2]
        and eax, 1
        mov [how], eax
        mov eax, look
        jmp to_kernel
do_modify:
        mov eax, [arg2]
        cmp eax, 2
        ja do_run.none
        mov [how], eax
        mov dword [modify + 1], 1       ; as it was written
        mov eax, modify
to_kernel:
        mov dword [racing], 0
        mov dword [checks], 1
        mov ecx, 0x19                   ; code and stack of level 1
        mov edx, 0x21
        jmp go_down

do_race:
        mov dword [how], 0
        mov dword [racing], 1
        mov eax, [arg2]
        mov [checks], eax
        mov eax, program
        mov ecx, 0x2b                   ; of level 3
        mov edx, 0x33

; Goes to EAX with code selector ECX and stack selector EDX; EBP: how many rounds.
go_down:
        push eax
        push ecx
        mov edi, notes + 12             ; the counts of a command begin at 0
        mov ecx, COUNTS
.clear: mov dword [edi], 0
        add edi, 16
        loop .clear
        mov dword [v_if], 1
        push edx
        cmp dword [how], 0
        je .clock
        call translate
        mov edx, [esp + 8]              ; where in the translation: EAX, as it was given
        mov edx, [MAP_OF + 4 * edx]
        mov [esp + 8], edx
        cmp dword [how], 2
        jne .clock
        call guard
.clock:
        rdtsc
        mov [began], eax
        pop edx
        pop ecx
        pop eax
        mov [saved_esp], esp
        mov ebp, [arg1]
        test ebp, ebp
        jz .none
        push edx                        ; SS, ESP, EFLAGS, CS, EIP. Interrupts stay on: they are the machine's
        push dword STACK
        push dword 0x202
        push ecx
        push eax
        mov cx, 0x33                    ; data that any level may use
        mov ds, cx
        mov es, cx
        iretd
.none:  ret

; Gates for #GP, INT 40h and #PF, and a task state segment for the way to level 0. It has no bitmap of ports, so that IN and OUT above IOPL fault.
setup:  mov edi, idt + 8 * 13
        mov eax, on_fault
        call put_gate
        mov edi, idt + 8 * DONE
        mov eax, on_done
        call put_gate
        mov edi, idt + 8 * 14
        mov eax, on_store
        call put_gate
        mov edi, TSS
        call put_tss
        mov cx, 0x38
        ltr cx
        ret

traps_text: db 'traps: ', 0
unknown_code_text: db 'an instruction without a rule', 0
dead_text:  db 'halted with interrupts off', 0
        align 4
how:    dd 0                            ; as the kernel is (0), translated (1), translated and guarded (2)
work:   dd 0                            ; data of the kernel's
levels: dd 0
flags:  dd 0
sum:    dd 0
racing: dd 0                            ; the program's code is changed in the middle of a trap
checks: dd 0                            ; the monitor looks at the level that it has interrupted
began:  dd 0
saved_esp: dd 0
