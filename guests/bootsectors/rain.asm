; Rain
;
; Letters rain down the text screen. Every column has a drop with a speed of its own; behind it green letters
; fade to dark, since each picture lowers a cell’s attribute by one step. No graphics mode is needed: a cell of
; text is two bytes at segment B800.

        bits    16
        org     7c00h

start:  xor     ax, ax
        mov     ds, ax
        mov     ss, ax
        mov     sp, start
        cld
        mov     ax, 3
        int     10h
        mov     ah, 1           ; no cursor
        mov     cx, 2000h
        int     10h
        push    word 0b800h
        pop     es

; A word a column from 8000h: its drop's line, in sixteenths.
        mov     si, 8000h
        mov     cx, 80
make:   call    random
        and     ax, 511
        mov     [si], ax
        add     si, 2
        loop    make

picture:
        call    frame
        call    frame
        mov     si, 8000h
        xor     di, di          ; the column's first cell
column: mov     ax, di
        and     ax, 12
        add     ax, 4
        add     [si], ax
        mov     ax, [si]
        shr     ax, 4
        cmp     ax, 40
        jb      falls
        mov     word [si], 0
        xor     ax, ax
falls:  cmp     ax, 25
        jae     fade
        imul    bx, ax, 160
        call    random
        mov     al, ah
        and     al, 63
        add     al, 33
        mov     ah, 15
        mov     [es:bx+di], ax
fade:   mov     bx, di
        mov     cx, 25
cell:   call    random
        cmp     ah, 40          ; now and then one grows darker
        ja      stays
        mov     al, [es:bx+1]
        cmp     al, 15
        jne     green
        mov     al, 11
green:  sub     al, 1
        cmp     al, 10
        je      set
        cmp     al, 9
        jne     dark
        mov     al, 2
        jmp     set
dark:   mov     al, 0
set:    mov     [es:bx+1], al
stays:  add     bx, 160
        loop    cell
        add     si, 2
        add     di, 2
        cmp     di, 160
        jb      column
        jmp     picture

random: imul    bp, bp, 25173
        add     bp, 13849
        mov     ax, bp
        ret

; Waits until a picture has been shown: the retrace bit of the VGA's input status register.
frame:  mov     dx, 3dah
during: in      al, dx
        test    al, 8
        jnz     during
before: in      al, dx
        test    al, 8
        jz      before
        ret

        times 510-($-$$) db 0
        dw      0aa55h
