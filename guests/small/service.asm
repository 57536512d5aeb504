; service: requests come every 10 ms, and each needs some computing. How long until it is answered? A paravirtual kernel that sleeps between them.
; Sources: xen/include/public/xen.h (set_timer_op), event_channel.h.
        bits 32
        org 0x100000

; The file is an ELF executable of one segment; the other headers are in pv-base.asm. Type 2: executable, machine 3: i386.
        db 0x7f, 'ELF', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0
        dw 2, 3
        dd 1, start, segments - 0x100000, 0, 0
        dw 52, 32, 2, 0, 0, 0

PERIOD equ 10000000                     ; nanoseconds

title:  db 'service: serve N US', 13, 10, 0
commands:
        dd name_serve, do_serve, 0
name_serve: db 'serve', 0
        align 4
notes:
        db 'answered    '
answered: dd 0                          ; requests
        db 'total_us    '
total_us: dd 0                          ; from when each came to its answer, together
        db 'worst_us    '
worst_us: dd 0                          ; the longest of them
notes_end:

; serve N US: N requests, each with US microseconds of computing where an instruction takes 4 ns.
do_serve:
        mov ebp, [arg1]
        test ebp, ebp
        jz .none
        cmp dword [timer_port], 0
        jne .bound
        mov eax, 32                     ; event_channel_op, EVTCHNOP_bind_virq: VIRQ_TIMER
        mov ebx, 1
        mov ecx, bind_timer
        call hypercall
        mov eax, [bind_timer + 8]
        mov [timer_port], eax
.bound: call now
        mov [came], eax
        mov [came + 4], edx
.each:  add dword [came], PERIOD
        adc dword [came + 4], 0
.sleep: call now
        sub eax, [came]
        sbb edx, [came + 4]
        jns .work                       ; it has come
        mov eax, 15                     ; set_timer_op
        mov ebx, [came]
        mov ecx, [came + 4]
        call hypercall
        call block
        jmp .sleep
.work:  imul ecx, [arg2], 125           ; two instructions of 4 ns
        jecxz .done
.turn:  dec ecx
        jnz .turn
.done:  call now
        sub eax, [came]
        sbb edx, [came + 4]
        mov ecx, 1000
        div ecx
        add [total_us], eax
        cmp eax, [worst_us]
        jbe .answer
        mov [worst_us], eax
.answer: inc dword [answered]
        dec ebp
        jnz .each
.none:  ret

on_event:
        ret
on_fault:
        jmp on_fault

        align 4
bind_timer: dd 0, 0, 0                  ; VIRQ_TIMER, vCPU 0; port
timer_port: dd 0
came:   dd 0, 0
