; spinner: three virtual processors and one lock, on fewer processors than that. Who holds the lock may lose the processor; who wants it then spins for nothing.
; Structures and numbers: xen/include/public/sched.h, event_channel.h, xen.h, memory.h.
        bits 32
        org 0x100000

DONE       equ 0x50                     ; vector of the message that all have finished
SPINNERS   equ 3
PATIENCE   equ 128                      ; attempts before a spinner asks the hypervisor
SCHED_OP   equ 29
YIELD      equ 0
POLL       equ 3
EVENT_CHANNEL_OP equ 32
SEND       equ 4
BIND_IPI   equ 7
SHARED     equ 0x120000                 ; shared_info, where we have Xen put it
PENDING    equ SHARED + 0x800
MASK       equ SHARED + 0x880

title:  db 'spinner: spin N HOLD, yield N HOLD, poll N HOLD', 13, 10, 0
commands:
        dd name_spin, do_spin, name_yield, do_yield, name_poll, do_poll, 0
name_spin:  db 'spin', 0
name_yield: db 'yield', 0
name_poll:  db 'poll', 0
        align 4
notes:
        db 'attempts    '
attempts: dd 0                          ; to take the lock, in the last command
        db 'failed      '
failed: dd 0                            ; of them: somebody had it
        db 'taken       '
taken:  dd 0                            ; times that it was taken
        db 'waits       '
waits:  dd 0                            ; of them: not at the first attempt
        db 'asked       '
asked:  dd 0                            ; times that a spinner asked the hypervisor
        db 'kicks       '
kicks:  dd 0                            ; events to one that sleeps
        db 'clocks      '
clocks: dd 0                            ; of the TSC, from the start to the last one's end
notes_end:

; ---- the lock

; Takes it. EBX: which spinner.
take:   xor edx, edx                    ; failed attempts
.try:   mov eax, 1
        xchg eax, [lock_word]           ; what was there? XCHG with memory is locked by itself
        test eax, eax
        jz .mine
        inc edx
        pause                           ; "I spin": all that the processor learns
        cmp dword [manner], 0
        je .try
        test edx, PATIENCE - 1
        jnz .try
        call ask
        jmp .try
.mine:  lock add [failed], edx
        inc edx
        lock add [attempts], edx
        inc dword [taken]               ; under the lock
        cmp edx, 1
        je .end
        inc dword [waits]
.end:   ret

; Gives it back, and wakes one that sleeps for it.
give:   mov dword [lock_word], 0
        cmp dword [manner], POLL
        jne .end
        xor ecx, ecx
.look:  xor eax, eax
        xchg eax, [sleeps + 4 * ecx]
        test eax, eax
        jnz .kick
        inc ecx
        cmp ecx, SPINNERS
        jb .look
.end:   ret
.kick:  lock inc dword [kicks]
        mov eax, [ports + 4 * ecx]
        push ebx
        mov ecx, ebx
        shl ecx, 4
        add ecx, arguments              ; each has its own
        mov [ecx], eax
        mov eax, EVENT_CHANNEL_OP
        mov ebx, SEND
        call hypercall
        pop ebx
        ret

; It has tried long enough: to the hypervisor with it.
ask:    push ebx
        push edx
        mov ecx, ebx
        shl ecx, 4
        add ecx, arguments
        cmp dword [manner], POLL
        je .poll
        mov ebx, YIELD                  ; somebody else, please
        jmp .call
.poll:  mov eax, [ports + 4 * ebx]      ; sleep until this port has an event
        lock btr dword [PENDING], eax   ; an old one does not count
        mov eax, 1
        xchg eax, [sleeps + 4 * ebx]    ; an XCHG, so that it is seen before we look at the lock
        cmp dword [lock_word], 0        ; given back meanwhile: who did may not have seen that we sleep
        je .awake
        lea eax, [ports + 4 * ebx]
        mov [ecx], eax                  ; struct sched_poll: ports, nr_ports, timeout (none)
        mov dword [ecx + 4], 1
        mov dword [ecx + 8], 0
        mov dword [ecx + 12], 0
        mov ebx, POLL
.call:  lock inc dword [asked]
        mov eax, SCHED_OP
        call hypercall
.awake: pop edx
        pop ebx
        mov dword [sleeps + 4 * ebx], 0
        ret

; ---- a spinner, on a processor of its own

other:
        mov esi, [arg1]
        lea edi, [ebx + 1]              ; where its lots begin
.round: call take
        mov ecx, [arg2]                 ; with the lock
.hold:  dec ecx
        jnz .hold
        call give
        imul edi, edi, 1103515245       ; and without it some three times as long: twice HOLD and up to 255 more, by lot.
        add edi, 12345                  ; Else turns of the processor and rounds of the lock could keep step
        mov eax, edi
        shr eax, 24
        mov ecx, [arg2]
        lea ecx, [eax + 2 * ecx]
.other: dec ecx
        jnz .other
        dec esi
        jnz .round
        lock dec dword [running]
        jnz .end
        mov dword [TARGET], 0           ; the last one tells the processor of the console, APIC 0
        mov dword [COMMAND], DONE
.end:   cli                             ; until the next INIT
        hlt
        jmp .end

; ---- commands

do_spin:
        mov dword [manner], 0
        jmp race
do_yield:
        mov dword [manner], 1
        jmp race
do_poll:
        mov dword [manner], POLL
race:   mov eax, [arg1]
        test eax, eax
        jz .none
        cmp dword [arg2], 0
        je .none
        mov edi, notes + 12
        mov ecx, (notes_end - notes) / 16
.clear: mov dword [edi], 0
        add edi, 16
        loop .clear
        mov dword [lock_word], 0
        mov dword [running], SPINNERS
        rdtsc
        mov [began], eax
        call start_others
.wait:  cli
        cmp dword [running], 0
        je .over
        sti
        hlt
        jmp .wait
.over:  sti
        rdtsc
        sub eax, [began]
        mov [clocks], eax
        mov esi, failed_text
        mov eax, [failed]
        jmp tell
.none:  ret

; ---- start

on_message:
        mov dword [EOI], 0
        iret

setup:  mov edi, idt + 8 * DONE
        mov eax, on_message
        call put_gate
        call setup_processors
        mov eax, 12                     ; memory_op, XENMEM_add_to_physmap
        mov ebx, 7
        mov ecx, place
        call hypercall
        xor ebp, ebp                    ; an event channel for each of them, which only poll looks at
.port:  mov ecx, arguments
        lea eax, [ebp + 1]
        mov [ecx], eax                  ; vCPU
        mov eax, EVENT_CHANNEL_OP
        mov ebx, BIND_IPI
        call hypercall
        mov eax, [arguments + 4]
        mov [ports + 4 * ebp], eax
        bts dword [MASK], eax
        inc ebp
        cmp ebp, SPINNERS
        jb .port
        ret

failed_text: db 'attempts that failed: ', 0
        align 16
arguments: times 4 * SPINNERS dd 0
lock_word: dd 0
manner: dd 0                            ; 0: spin, 1: yield, 3: poll
running: dd 0
began:  dd 0
sleeps: times SPINNERS dd 0
ports:  times SPINNERS dd 0
place:  dw SELF, 0                      ; domid, size
        dd 0, 0, SHARED >> 12           ; XENMAPSPACE_shared_info, idx, gpfn
