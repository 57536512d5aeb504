; What small guests of HVM have in common, behind each one's own source and console.asm: start, the console's key and putc, gates, hypercalls.
; The guest is a Multiboot kernel at privilege level 0, without paging. It has a routine `setup` for what it wants before its first prompt.

COM1      equ 0x3f8
SELF      equ 0x7ff0           ; DOMID_SELF (xen.h)
SERIAL_VECTOR equ 0x24         ; IRQ 4 behind the first PIC at 0x20

        align 4
header: dd 0x1badb002, 0x10000, -(0x1badb002 + 0x10000), header, 0x100000, 0, 0, start

start:  mov esp, stack_top
        cld
        lgdt [gdt_pointer]
        jmp 0x08:.flat
.flat:  mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax
        ; The IDT: what no guest sets leads to `stray`.
        mov edi, idt
        mov ecx, 256
.gate:  mov eax, stray
        call put_gate
        loop .gate
        lidt [idt_pointer]
        mov edi, idt + 8 * SERIAL_VECTOR
        mov eax, on_serial
        call put_gate
        ; Both PICs at 0x20 and 0x28, the serial port's line alone open (8259A, ICW1 to ICW4, OCW1).
        mov al, 0x11
        out 0x20, al
        out 0xa0, al
        mov al, 0x20
        out 0x21, al
        mov al, 0x28
        out 0xa1, al
        mov al, 4
        out 0x21, al
        mov al, 2
        out 0xa1, al
        mov al, 1
        out 0x21, al
        out 0xa1, al
        mov al, 0xef
        out 0x21, al
        mov al, 0xff
        out 0xa1, al
        ; An interrupt for each byte that has come (16550A: IER bit 0, MCR OUT2).
        mov dx, COM1 + 1
        mov al, 1
        out dx, al
        mov dx, COM1 + 4
        mov al, 0x0b
        out dx, al
        call setup
        jmp console

; EDI: a gate, EAX: where it leads; EDI goes on to the next gate. An interrupt gate of ring 0 that any ring may call.
put_gate:
        mov [edi], ax
        mov word [edi + 2], 0x08
        shr eax, 16
        mov word [edi + 4], 0xee00
        mov [edi + 6], ax
        add edi, 8
        ret
; EDI: where, below 16 MiB, a task state segment goes that tss_descriptor then describes: 104 bytes, with ring 0's stack and no bitmap of ports.
put_tss:
        mov eax, edi
        mov word [tss_descriptor], 103
        mov [tss_descriptor + 2], ax
        shr eax, 16
        mov ah, 0x89           ; present, of ring 0, not busy
        mov [tss_descriptor + 4], eax
        push edi
        xor eax, eax
        mov ecx, 26
        rep stosd
        pop edi
        mov dword [edi + 4], stack_top - 1024 ; ESP0, SS0
        mov dword [edi + 8], 0x10
        mov word [edi + 102], 104 ; where the bitmap would be: behind the limit
        ret

; Waits for a key: AL.
key:    cli
        mov dx, COM1 + 5
        in al, dx
        test al, 1
        jnz .there
        sti                    ; takes effect behind the HLT that follows
        hlt
        jmp key
.there: mov dx, COM1
        in al, dx
        sti
        ret
; Writes the letter in AL.
putc:   push edx
        push eax
        mov dx, COM1
        out dx, al
        pop eax
        pop edx
        ret

; A hypercall: its number in EAX, arguments in EBX, ECX, EDX, ESI, EDI, result in EAX. On Intel's processors the hypercall page holds just this.
hypercall:
        vmcall
        ret

on_serial:
        push eax
        mov al, 0x20           ; end of interrupt
        out 0x20, al
        pop eax
        iret
stray:  cli
        hlt
        jmp stray

        align 8
; Flat code and data of rings 0, 1 and 3, and a task state segment whose ring-0 stack the processor takes when it comes from outside.
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
        dq 0x00cfbb000000ffff, 0x00cfb3000000ffff
        dq 0x00cffb000000ffff, 0x00cff3000000ffff
tss_descriptor: dq 0
gdt_end:
gdt_pointer: dw gdt_end - gdt - 1
        dd gdt
idt_pointer: dw 256 * 8 - 1
        dd idt

; What is not in the file: memory above 1 MiB + 64 KiB is as it was.
idt       equ 0x110000
stack_top equ 0x114000
