; Plasma
;
; Three sine waves are added for every dot: one along the line, one down the screen, one along the diagonal. The
; sum is the colour, and time shifts each wave at its own speed. The sine table is made by the coprocessor once,
; before the first picture.

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

; A table of 256 bytes at 8000h: AMPLITUDE times the sine.
        fninit
        fldz
        mov     di, 8000h
sine:   fld     st0
        fsin
        fmul    dword [amplitude]
        fistp   word [di]
        fadd    dword [step]
        inc     di              ; the next one is written over its upper half
        cmp     di, 8100h
        jb      sine

; A palette from black to red, blue and back.
        mov     dx, 3c8h
        xor     ax, ax
        out     dx, al
        inc     dx
colour: mov     al, ah
        shr     al, 2
        out     dx, al
        xor     al, al
        out     dx, al
        mov     al, ah
        not     al
        shr     al, 2
        out     dx, al
        inc     ah
        jnz     colour

        mov     bx, 8000h       ; BX: the table; BL chooses a sine
picture:
        call    show
        inc     bp              ; time
        xor     di, di
        xor     si, si          ; the line
line:   mov     ax, si
        add     al, al
        sub     ax, bp
        mov     bl, al
        mov     ch, [bx]
        add     ch, 128         ; the wave down the screen: one for the line
        mov     dx, bp          ; DL: where the wave along the line is
        mov     ax, si
        add     ax, bp
        add     ax, bp
        mov     dh, al          ; DH: where the diagonal one is
        mov     cl, 160
dots:   mov     bl, dl
        mov     al, [bx]
        mov     bl, dh
        add     al, [bx]
        add     al, ch
        inc     dl
        inc     dh
        mov     bl, dl
        mov     ah, [bx]
        mov     bl, dh
        add     ah, [bx]
        add     ah, ch
        inc     dl
        inc     dh
        stosw
        dec     cl
        jnz     dots
        inc     si
        cmp     si, 200
        jb      line
        jmp     picture

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

step:   dd      0.0245436926
amplitude:
        dd      40.0

        times 510-($-$$) db 0
        dw      0aa55h
