; Life
;
; Conway’s game: a cell with three neighbours lives on, one with two stays as it is, every other dies. The
; screen is the world, its edges joined; the next generation is built in another segment and copied back. A colour
; that goes on counting shows how old a cell is.

        bits    16
        org     7c00h

start:  xor     ax, ax
        mov     ds, ax
        mov     ss, ax
        mov     sp, start
        cld
        mov     ax, 13h
        int     10h
        push    word 1000h
        pop     es

        push    word 2000h
        pop     fs
        xor     di, di
        mov     cx, 64000
seed:   imul    bp, bp, 25173
        add     bp, 13849
        mov     ax, bp
        shr     ax, 14
        cmp     al, 1
        sbb     ax, ax
        and     al, 32
        stosb
        loop    seed

picture:
        call    show
        xor     di, di
cell:   xor     bx, bx          ; BL: neighbours that live
        mov     si, around
next:   lodsw
        or      ax, ax
        jz      counted
        push    di
        add     di, ax
        cmp     byte [es:di], 1
        cmc
        adc     bl, 0
        pop     di
        jmp     next
counted:
        mov     al, [es:di]
        cmp     bl, 3
        je      lives
        cmp     bl, 2
        je      stays
        xor     al, al
        jmp     stays
lives:  inc     ax
        or      al, 32
        and     al, 127
stays:  mov     [fs:di], al
        inc     di
        cmp     di, 64000
        jb      cell
        push    ds
        push    fs
        pop     ds
        xor     si, si
        xor     di, di
        mov     cx, 32000
        rep     movsw
        pop     ds
        jmp     picture

around: dw      -321, -320, -319, -1, 1, 319, 320, 321, 0

; Shows the picture: it is drawn in memory, at ES, and copied in one go.
show:   call    frame
        push    ds
        push    es
        push    es
        pop     ds
        push    word 0a000h
        pop     es
        xor     si, si
        xor     di, di
        mov     cx, 16000
        rep     movsd
        pop     es
        pop     ds
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
