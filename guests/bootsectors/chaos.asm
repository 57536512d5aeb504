; Chaos
;
; The chaos game: from where it is, a dot jumps half of the way to a corner of a triangle that chance chooses.
; What is never met is empty: Sierpinski’s triangle appears. Colours go up by one whenever the same dot is met
; again.

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

        mov     word [8000h], 160
        mov     word [8002h], 0
picture:
        call    frame
        mov     cx, 400
jump:   imul    bp, bp, 25173
        add     bp, 13849
        mov     ax, bp
        shr     ax, 8
        mov     bl, 3
        div     bl
        mov     bl, ah          ; one of three corners
        xor     bh, bh
        add     bx, bx
        add     bx, bx
        mov     ax, [8000h]
        add     ax, [bx+corners]
        shr     ax, 1
        mov     [8000h], ax
        mov     di, [8002h]
        add     di, [bx+corners+2]
        shr     di, 1
        mov     [8002h], di
        imul    di, di, 320
        add     di, ax
        inc     byte [es:di]
        jnz     seen
        mov     byte [es:di], 16
seen:   or      byte [es:di], 32
        loop    jump
        jmp     picture

corners:
        dw      160, 1, 2, 198, 317, 198

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
