/*
 * A boot sector that shows what a PS/2 mouse says: where it has come to (x to the right, y up), its buttons, its wheel; sixteen bits each, in hex.
 * It speaks to the 8042 and the mouse itself, with interrupts off. Source: IBM PS/2 Hardware Interface Technical Reference, keyboard and auxiliary
 * device controller; the wheel is turned on by Microsoft's three sample rates.
 */
        .intel_syntax noprefix
        .code16
        .globl _start
_start:
        cli
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7c00
        cld
        mov ax, 3
        int 0x10
        cli
        mov ax, 0xb800
        mov es, ax

        /* Auxiliary interface on, its clock running, no interrupts. */
        mov al, 0xa8
        call command
        mov al, 0x20
        call command
        call receive
        and al, 0xdc
        mov bl, al
        mov al, 0x60
        call command
        call ready
        mov al, bl
        out 0x60, al
        mov si, offset setup
1:      lodsb
        test al, al
        jz show
        mov bl, al
        mov al, 0xd4
        call command
        call ready
        mov al, bl
        out 0x60, al
        call receive
        jmp 1b
setup:  .byte 0xf6, 0xf3, 200, 0xf3, 100, 0xf3, 80, 0xf4, 0

show:   xor di, di
        mov si, offset fields
2:      lodsw
        test al, al
        jz packet
        mov dx, ax
        mov ah, 7
        stosw
        mov al, '='
        stosw
        movzx bx, dh
        mov bx, [bx + values]
        mov cx, 4
3:      rol bx, 4
        mov al, bl
        and al, 15
        cmp al, 10
        jb 4f
        add al, 'A' - '0' - 10
4:      add al, '0'
        stosw
        loop 3b
        mov al, ' '
        stosw
        jmp 2b
/* Names, and where the value is. */
fields: .byte 'x', 0, 'y', 2, 'b', 4, 'w', 6, 0, 0

packet: call receive
        /* The first byte of a packet has bit 3. */
        test al, 8
        jz packet
        mov bl, al
        and ax, 7
        mov [buttons], ax
        call receive
        xor ah, ah
        test bl, 0x10
        jz 5f
        dec ah
5:      add [values], ax
        call receive
        xor ah, ah
        test bl, 0x20
        jz 6f
        dec ah
6:      add [values + 2], ax
        call receive
        cbw
        add [wheel], ax
        jmp show

/* AL to the controller's command port. */
command:
        call ready
        out 0x64, al
        ret
ready:  push ax
1:      in al, 0x64
        test al, 2
        jnz 1b
        pop ax
        ret
/* A byte from the controller or the mouse. */
receive:
        in al, 0x64
        test al, 1
        jz receive
        in al, 0x60
        ret

values: .word 0, 0
buttons: .word 0
wheel:  .word 0
        .org 510
        .word 0xaa55
