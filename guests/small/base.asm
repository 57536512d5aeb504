; What all small guests have in common. It stands behind each one's own source, so that line numbers are those of the guest.
; A guest has: title (text, 0), commands (dd name, handler, 0-ended), setup, notes and notes_end (aligned to 4; a name of 12 characters, dd).
; A handler finds the numbers behind its name in arg1 and arg2. The guest is a Multiboot kernel of an HVM domain, at privilege level 0, without paging.

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
        ; Where a lesson's checks find the notes.
        mov dword [0x500], 'NOTE'
        mov dword [0x504], (notes_end - notes) / 16
        mov dword [0x508], notes
        call setup
        mov esi, title
        call puts
prompt: mov esi, prompt_text
        call puts
        mov dword [line_length], 0
.wait:  cli
        mov dx, COM1 + 5
        in al, dx
        test al, 1
        jnz .key
        sti                    ; takes effect behind the HLT that follows
        hlt
        jmp .wait
.key:   mov dx, COM1
        in al, dx
        sti
        cmp al, 13
        je .done
        cmp al, 127
        je .back
        cmp al, ' '
        jb .wait
        mov ebx, [line_length]
        cmp ebx, 60
        jae .wait
        mov [line + ebx], al
        inc dword [line_length]
        call putc
        jmp .wait
.back:  cmp dword [line_length], 0
        je .wait
        dec dword [line_length]
        mov esi, back_text
        call puts
        jmp .wait
.done:  mov esi, line_end
        call puts
        mov ebx, [line_length]
        mov byte [line + ebx], 0
        test ebx, ebx
        jz prompt
        ; The command, by its whole name.
        mov edx, commands
.which: mov edi, [edx]
        test edi, edi
        jz .none
        mov esi, line
.same:  mov al, [esi]
        cmp al, ' '
        jne .letter
        xor al, al
.letter: cmp al, [edi]
        jne .next
        inc esi
        inc edi
        test al, al
        jnz .same
        dec esi                ; at the space, or at the end
        call number
        mov [arg1], eax
        call number
        mov [arg2], eax
        call [edx + 4]
        jmp prompt
.next:  add edx, 8
        jmp .which
.none:  mov esi, unknown_text
        call puts
        mov edx, commands
.list:  mov esi, [edx]
        test esi, esi
        jz .end
        call puts
        mov al, ' '
        call putc
        add edx, 8
        jmp .list
.end:   mov esi, line_end
        call puts
        jmp prompt

; EDI: a gate, EAX: where it leads; EDI goes on to the next gate. An interrupt gate of ring 0 that any ring may call.
put_gate:
        mov [edi], ax
        mov word [edi + 2], 0x08
        shr eax, 16
        mov word [edi + 4], 0xee00
        mov [edi + 6], ax
        add edi, 8
        ret

; The number at ESI in EAX, and ESI behind it; 0 where there is none.
number: xor eax, eax
        push ebx
.skip:  cmp byte [esi], ' '
        jne .digit
        inc esi
        jmp .skip
.digit: movzx ebx, byte [esi]
        sub ebx, '0'
        cmp ebx, 9
        ja .end
        imul eax, eax, 10
        add eax, ebx
        inc esi
        jmp .digit
.end:   pop ebx
        ret

putc:   push edx
        push eax
        mov dx, COM1
        out dx, al
        pop eax
        pop edx
        ret
puts:   lodsb
        test al, al
        jz .end
        call putc
        jmp puts
.end:   ret
; EAX as a decimal number, without its sign.
putn:   push ebx
        push edx
        push ecx
        mov ebx, 10
        xor ecx, ecx
.divide: xor edx, edx
        div ebx
        push edx
        inc ecx
        test eax, eax
        jnz .divide
.put:   pop eax
        add al, '0'
        call putc
        loop .put
        pop ecx
        pop edx
        pop ebx
        ret
; Text ESI, number EAX, end of line.
tell:   push eax
        call puts
        pop eax
        call putn
        mov esi, line_end
        jmp puts

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

prompt_text:  db '> ', 0
unknown_text: db 'no such command; there are: ', 0
line_end:     db 13, 10, 0
back_text:    db 8, ' ', 8, 0

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
arg1:   dd 0
arg2:   dd 0
line_length: dd 0
line:   times 64 db 0

; What is not in the file: memory above 1 MiB + 64 KiB is as it was.
idt       equ 0x110000
stack_top equ 0x114000
