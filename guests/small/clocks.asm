; clocks: three clocks of one guest. It counts the ticks of the 8254, it reads the TSC, and it reads Xen's record of the time. When do they disagree?
; The timer: Intel 8254, mode 2; its line: 8259A, IRQ 0. the TSC: SDM volume 3, "Time-Stamp Counter". Runstates: xen/include/public/vcpu.h.
        bits 32
        org 0x100000

TICK_VECTOR equ 0x20                    ; IRQ 0
COUNTS      equ 1193                    ; of 1.193182 MHz: a tick
TICK_NS     equ 999848                  ; its length in nanoseconds
MS          equ 1000000                 ; nanoseconds
TURNS_A_MS  equ 125000                  ; of a loop of two instructions, of 4 ns each
IA32_TSC    equ 0x10
VCPU_OP     equ 24
RUNSTATE    equ 4                       ; VCPUOP_get_runstate_info
RUNNABLE    equ 1                       ; of the four times there
STEALERS    equ 3
SHARED      equ 0x120000                ; shared_info, where we have Xen put it

title:  db 'clocks: off N MS, zero MS, compute MS OTHERS', 13, 10, 0
commands:
        dd name_off, do_off, name_zero, do_zero, name_compute, do_compute, 0
name_off:     db 'off', 0
name_zero:    db 'zero', 0
name_compute: db 'compute', 0
        align 4
notes:
        db 'xen_ms      '
xen_ms: dd 0                            ; Xen's time, at the last tick
        db 'tsc_ms      '
tsc_ms: dd 0                            ; the TSC, a tick a nanosecond here, at the last tick
        db 'ticks_ms    '
ticks_ms: dd 0                          ; the ticks of the 8254 since the guest began, each for its length
        db 'behind      '
behind: dd 0                            ; of `off`: ticks that were due by the TSC and had not come, at worst
        db 'missing     '
missing: dd 0                           ; and at its end
        db 'passed_ms   '
passed_ms: dd 0                         ; of `zero`: by Xen's time, from its beginning to its end
        db 'after_ms    '
after_ms: dd 0                          ; and the TSC at its end
        db 'took_us     '
took_us: dd 0                           ; of `compute`: from its beginning to its end
        db 'stolen_us   '
stolen_us: dd 0                         ; and how long it could have run meanwhile, and another did
notes_end:

; ---- ticks

; Each tick looks at all three clocks.
on_tick:
        pushad
        inc dword [ticks]
        mov eax, TICK_NS
        mul dword [ticks]
        mov ecx, MS
        div ecx
        mov [ticks_ms], eax
        rdtsc
        mov ecx, MS
        div ecx
        mov [tsc_ms], eax
        call now
        mov ecx, MS
        div ecx
        mov [xen_ms], eax
        mov al, 0x20                    ; end of interrupt
        out 0x20, al
        popad
        iret

; Sleeps until the next tick.
tick:   mov eax, [ticks]
.wait:  cli
        cmp eax, [ticks]
        jne .end
        sti                             ; takes effect behind the HLT that follows
        hlt
        jmp .wait
.end:   sti
        ret

; off N MS: N times interrupts are off for MS milliseconds and a half, from a tick on.
do_off:
        mov ebp, [arg1]
        test ebp, ebp
        jz .none
        mov dword [behind], 0
        call tick
        rdtsc
        mov [began], eax
        mov eax, [ticks]
        mov [began_ticks], eax
.each:  call tick
        cli
        imul ecx, [arg2], TURNS_A_MS
        add ecx, TURNS_A_MS / 2
.busy:  dec ecx
        jnz .busy
        sti                             ; what the PIC has kept is taken behind the next instruction
        nop
        call look
        cmp eax, [behind]
        jbe .rest
        mov [behind], eax
.rest:  mov edi, [arg2]                 ; time to catch up: twice as many ticks, some of which are late ones
        add edi, edi
.sleep: call tick
        dec edi
        jns .sleep
        dec ebp
        jnz .each
        call look
        mov [missing], eax
.none:  ret

; EAX: ticks since `began` by the TSC, and not by the 8254.
look:   rdtsc
        sub eax, [began]
        add eax, TICK_NS / 8            ; the tick itself takes a moment
        xor edx, edx
        mov ecx, TICK_NS
        div ecx
        sub eax, [ticks]
        add eax, [began_ticks]
        ret

; ---- the TSC, written

; zero MS: MS milliseconds go by, then the TSC is written: 0.
do_zero:
        call now
        mov [began], eax
        imul esi, [arg1], MS
.wait:  call tick                       ; sleeps as long as it can, so
        call passed
        add eax, MS
        cmp eax, esi
        jb .wait
.exact: call passed                     ; and looks again and again for the rest
        cmp eax, esi
        jb .exact
        xor eax, eax
        xor edx, edx
        mov ecx, IA32_TSC
        wrmsr
        rdtsc
        xor edx, edx
        mov ecx, MS
        div ecx
        mov [after_ms], eax
        call passed
        xor edx, edx
        mov ecx, MS
        div ecx
        mov [passed_ms], eax
        ret

; EAX: nanoseconds of Xen's time since `began`; four seconds at most.
passed: call now
        sub eax, [began]
        ret

; ---- time that is stolen

; compute MS OTHERS: this processor computes for MS milliseconds of its own, while OTHERS others compute without end.
do_compute:
        mov dword [stop], 0
        mov dword [running], 0
        cmp dword [arg2], STEALERS
        jbe .start
        mov dword [arg2], STEALERS
.start: call start_others
.up:    pause
        mov eax, [arg2]
        cmp eax, [running]
        jne .up
        call tick
        call stolen
        mov [stolen_us], eax
        call now
        mov [began], eax
        imul ecx, [arg1], TURNS_A_MS
        jecxz .computed
.turn:  dec ecx
        jnz .turn
.computed: call passed
        mov dword [stop], 1
        xor edx, edx
        mov ecx, 1000
        div ecx
        mov [took_us], eax
        call stolen
        sub eax, [stolen_us]
        mov [stolen_us], eax
        ret

; EAX: microseconds that vCPU 0 was runnable and did not run, since the guest began; four seconds at most.
stolen: push ebx
        mov eax, VCPU_OP
        mov ebx, RUNSTATE
        xor ecx, ecx                    ; vCPU 0
        mov edx, runstate
        call hypercall
        mov eax, [runstate + 12 + 8 * RUNNABLE]
        xor edx, edx
        mov ecx, 1000
        div ecx
        pop ebx
        ret

; Another processor. EBX: which of them.
other:  cmp ebx, [arg2]
        jae .end
        lock inc dword [running]
.turn:  inc eax
        cmp dword [stop], 0
        je .turn
.end:   cli                             ; until the next INIT
        hlt
        jmp .end

; ---- start

setup:  call setup_processors
        mov eax, 12                     ; memory_op, XENMEM_add_to_physmap
        mov ebx, 7
        mov ecx, place
        call hypercall
        mov edi, idt + 8 * TICK_VECTOR
        mov eax, on_tick
        call put_gate
        mov al, 0x34                    ; counter 0, mode 2, both bytes: a tick at each end of its count, again and again
        out 0x43, al
        mov al, COUNTS & 255
        out 0x40, al
        mov al, COUNTS >> 8
        out 0x40, al
        in al, 0x21
        and al, 0xfe
        out 0x21, al
        ret

        align 4
runstate: times 11 dd 0                 ; vcpu_runstate_info: state, since when, four times
place:  dw SELF, 0                      ; domid, size
        dd 0, 0, SHARED >> 12           ; XENMAPSPACE_shared_info, idx, gpfn
ticks:  dd 0
began:  dd 0                            ; low half of a clock
began_ticks: dd 0
stop:   dd 0
running: dd 0                           ; others that compute
