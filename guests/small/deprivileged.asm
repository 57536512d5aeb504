; deprivileged: a kernel that was written for level 0, and a monitor that runs it at level 1. What is privileged faults (#GP), and the monitor does it to a
; virtual processor. Source: SDM volume 2 for each instruction ("Protected Mode Exceptions"), volume 3, 5.9 (privileged instructions) and 6.12.1 (entry and IRET).
        bits 32
        org 0x100000

DONE       equ 0x40                     ; INT 40h: the kernel has nothing more to do
DEBUG_PORT equ 0xe9                     ; where the kernel writes letters
STACK      equ 0x118000                 ; of the kernel
TSS        equ 0x119000
; Where a fault's entry finds what it interrupted: PUSHAD's eight, then the error code, then what the processor pushed on its way to level 0.
OF_EAX     equ 28
OF_EIP     equ 36
OF_CS      equ 40
OF_EFLAGS  equ 44
OF_ESP     equ 48

title:  db 'deprivileged: run ROUNDS WORK, race TIMES CHECK', 13, 10, 0
commands:
        dd name_run, do_run, name_race, do_race, 0
name_run:  db 'run', 0
name_race: db 'race', 0
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
        db 'clocks      '
clocks: dd 0                            ; of the TSC, from the first instruction of the kernel to its last
        db 'stolen      '
stolen: dd 0                            ; since the start: times that a program at level 3 switched the kernel's interrupts off
        db 'refused     '
refused: dd 0                           ; times that the monitor noticed that it may not
        db 'v_if        '
v_if:   dd 1                            ; the virtual processor: interrupt flag,
        db 'v_cr3       '
v_cr3:  dd 0                            ; and CR3
notes_end:
COUNTS  equ (stolen - 12 - notes) / 16

; ---- the kernel. It believes that it is at level 0.

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
work:   dd 0

; ---- a program of the kernel's, at level 3: it may write letters to the port, and nothing else.

program:
        mov word [.site], 0xe9e6        ; the bytes of OUT E9h, AL
        mov al, '.'
.site:  out DEBUG_PORT, al
        dec ebp
        jnz program
        int DONE

; ---- the monitor

; #GP. What has faulted is told by nothing but the bytes at its EIP.
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
        mov esp, [saved_esp]
        mov cx, 0x10
        mov ds, cx
        mov es, cx
        rdtsc
        sub eax, [began]
        mov [clocks], eax
        sti
        mov esi, line_end
        call puts
        mov esi, traps_text
        mov eax, [traps]
        jmp tell

; ---- commands

do_run: mov eax, [arg2]
        test eax, eax
        jz .none
        mov [work], eax
        mov dword [racing], 0
        mov dword [checks], 1
        mov eax, kernel
        mov ecx, 0x19                   ; code and stack of level 1
        mov edx, 0x21
        jmp go_down
.none:  ret

do_race:
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
        mov edi, notes + 12             ; the counts of a command begin anew
        mov ecx, COUNTS
.clear: mov dword [edi], 0
        add edi, 16
        loop .clear
        mov dword [v_if], 1
        push edx
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

; Gates for #GP and INT 40h, and a task state segment for the way to level 0. It has no bitmap of ports, so that IN and OUT above IOPL fault.
setup:  mov edi, idt + 8 * 13
        mov eax, on_fault
        call put_gate
        mov edi, idt + 8 * DONE
        mov eax, on_done
        call put_gate
        mov edi, TSS
        xor eax, eax
        mov ecx, 26
        rep stosd
        mov dword [TSS + 4], stack_top - 1024 ; ESP0, SS0
        mov dword [TSS + 8], 0x10
        mov word [TSS + 102], 104       ; where the bitmap would be: behind the limit
        mov word [tss_descriptor], 103
        mov word [tss_descriptor + 2], TSS & 0xffff
        mov dword [tss_descriptor + 4], 0x8900 + (TSS >> 16)
        mov cx, 0x38
        ltr cx
        ret

traps_text: db 'traps: ', 0
dead_text:  db 'halted with interrupts off', 0
        align 4
racing: dd 0                            ; the program's code is changed in the middle of a trap
checks: dd 0                            ; the monitor looks at the level that it has interrupted
began:  dd 0
saved_esp: dd 0
