; Fire
;
; The lowest line is random embers. Every other dot becomes the mean of four dots below it, a little cooler. The
; palette makes heat out of numbers: black, red, yellow, white.

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
        xor     di, di
        xor     ax, ax
        mov     cx, 32000
        rep     stosw

; Black to red, red to yellow, yellow to white: each colour has its third of the palette.
        mov     dx, 3c8h
        xor     ax, ax
        out     dx, al
        inc     dx
        xor     bx, bx
colour: mov     ax, bx
        call    part
        mov     ax, bx
        sub     ax, 64
        call    part
        mov     ax, bx
        sub     ax, 128
        call    part
        inc     bl
        jnz     colour

picture:
        call    show
        mov     di, 199*320
        mov     cx, 320
ember:  imul    bp, bp, 25173
        add     bp, 13849
        mov     ax, bp
        mov     al, ah
        stosb
        loop    ember
        mov     di, 80*320
        mov     cx, 119*320
cool:   xor     ax, ax
        xor     dx, dx
        mov     al, [es:di+319]
        mov     dl, [es:di+320]
        add     ax, dx
        mov     dl, [es:di+321]
        add     ax, dx
        mov     dl, [es:di+320]
        add     ax, dx
        shr     ax, 2
        sub     al, 1
        adc     al, 0
        stosb
        loop    cool
        jmp     picture

; Puts out AX, but at least 0 and at most 63.
part:   or      ax, ax
        jns     above
        xor     ax, ax
above:  cmp     ax, 63
        jbe     below
        mov     al, 63
below:  out     dx, al
        ret

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
