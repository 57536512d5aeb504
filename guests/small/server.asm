; server: a request comes with each tick of a timer, every 10 ms, and needs some computing. A kernel without Xen's drivers, which can be moved at any moment.
; The timer is the 8254's counter 0 on line 0 of the first 8259A.
        bits 32
        org 0x100000

TICK    equ 0x20                ; vector of line 0
COUNT   equ 11932               ; of 1.193182 MHz: 10 ms

title:  db 'server: serve US', 13, 10, 0
commands:
        dd name_serve, do_serve, 0
name_serve: db 'serve', 0
        align 4
notes:
        db 'answered    '
answered: dd 0                  ; requests
notes_end:
waiting: dd 0                   ; requests that have come and were not answered

; serve US: each request needs US microseconds where an instruction takes 4 ns; until a key is pressed.
do_serve:
        mov al, 0x34            ; counter 0, low and high byte, mode 2: again and again
        out 0x43, al
        mov al, COUNT & 0xff
        out 0x40, al
        mov al, COUNT >> 8
        out 0x40, al
        mov al, 0xee            ; lines 0 and 4 are open
        out 0x21, al
.next:  cli
        cmp dword [waiting], 0
        jne .work
        mov dx, COM1 + 5
        in al, dx
        test al, 1
        jnz .done
        sti                     ; takes effect behind the HLT that follows
        hlt
        jmp .next
.work:  dec dword [waiting]
        sti
        imul ecx, [arg1], 125   ; two instructions of 4 ns
        jecxz .count
.turn:  dec ecx
        jnz .turn
.count: inc dword [answered]
        jmp .next
.done:  mov al, 0xef
        out 0x21, al
        sti
        ret

on_tick:
        push eax
        inc dword [waiting]
        mov al, 0x20            ; end of interrupt
        out 0x20, al
        pop eax
        iret

setup:  mov edi, idt + 8 * TICK
        mov eax, on_tick
        jmp put_gate
