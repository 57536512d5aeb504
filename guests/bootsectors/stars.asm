; Stars
;
; Two hundred stars fly past. Each has a place in space; its place on the screen is that divided by its
; distance, and near stars are bright. One that has left the picture starts again far away.

        bits    16
        org     7c00h

start:  xor     ax, ax
        mov     ds, ax
        mov     ss, ax
        mov     sp, start
        cld
        mov     ax, 13h
        int     10h
        push    word 0a000h
        pop     es

; A palette from black to white.
        mov     dx, 3c8h
        xor     ax, ax
        out     dx, al
        inc     dx
colour: mov     al, ah
        shr     al, 2
        out     dx, al
        out     dx, al
        out     dx, al
        inc     ah
        jnz     colour

; Three words a star from 8000h: across, down, distance.
        mov     si, 8000h
        mov     cx, 200
make:   call    random
        mov     [si], ax
        call    random
        mov     [si+2], ax
        call    random
        and     ax, 255
        inc     ax
        mov     [si+4], ax
        add     si, 6
        loop    make

picture:
        call    frame
        mov     si, 8000h
        mov     cx, 200
star:   xor     al, al
        call    put             ; where it was
        sub     word [si+4], 2
        ja      ahead
        call    random
        mov     [si], ax
        call    random
        mov     [si+2], ax
        mov     word [si+4], 256
ahead:  mov     al, [si+4]
        not     al
        call    put
        add     si, 6
        loop    star
        jmp     picture

; Puts colour AL where the star at SI is seen.
put:    push    ax
        mov     bx, [si+4]
        add     bx, 16
        mov     ax, [si]
        sar     ax, 2
        cwd
        idiv    bx
        add     ax, 160
        cmp     ax, 320
        jae     outside
        mov     di, ax
        mov     ax, [si+2]
        sar     ax, 2
        cwd
        idiv    bx
        add     ax, 100
        cmp     ax, 200
        jae     outside
        imul    ax, ax, 320
        add     di, ax
        pop     ax
        mov     [es:di], al
        ret
outside:
        pop     ax
        ret

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
