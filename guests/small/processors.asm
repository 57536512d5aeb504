; For small guests of HVM with several virtual processors. The first has the console; `start_others` has all others begin at the guest's `other`, with a stack
; of 4 KiB, interrupts on, and in EBX a number from 0 on in the order in which they came. It follows each one's own source.
; The APIC: SDM volume 3, chapter 11 (INIT, start-up, ICR).

APIC       equ 0xfee00000
EOI        equ APIC + 0xb0
SPURIOUS   equ APIC + 0xf0
COMMAND    equ APIC + 0x300             ; ICR, low and high
TARGET     equ APIC + 0x310
LINT0      equ APIC + 0x350
OTHERS     equ 0xc0000                  ; shorthand: all but this one
INIT       equ OTHERS + 0x4500
STARTUP    equ OTHERS + 0x4600
TRAMPOLINE equ 0x8000                   ; where a start-up message with vector 8 begins

; Once, from `setup`.
setup_processors:
        mov dword [SPURIOUS], 0x1ff     ; the local APIC on
        mov dword [LINT0], 0x700        ; and the PICs behind it as before: ExtINT
        mov esi, trampoline
        mov edi, TRAMPOLINE
        mov ecx, trampoline_end - trampoline
        rep movsb
        ret

; All others begin again. A board of that time wants 10 ms between the two messages.
start_others:
        mov dword [next], 0
        mov dword [COMMAND], INIT
        mov dword [COMMAND], STARTUP + (TRAMPOLINE >> 12)
        ret

; A processor in real mode, at TRAMPOLINE; everything is where it was copied to.
        bits 16
trampoline:
        cli
        xor ax, ax
        mov ds, ax
        o32 lgdt [TRAMPOLINE + ap_gdt - trampoline]
        mov eax, cr0
        or al, 1                        ; PE
        mov cr0, eax
        jmp dword 0x08:protected
ap_gdt: dw 0x17
        dd gdt
trampoline_end:
        bits 32
protected:
        mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov ebx, 1
        lock xadd [next], ebx           ; who am I?
        mov eax, ebx
        shl eax, 12
        lea esp, [eax + 0x131000]
        lidt [idt_pointer]
        cld
        sti
        jmp other

        align 4
next:   dd 0
