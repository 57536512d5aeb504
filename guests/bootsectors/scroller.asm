; Scroller
;
; A line of text swings across the screen. The shapes of the letters are those of the BIOS: INT 10h, function
; 1130h tells where its font lies. Each column of dots is moved up and down by a sine of its place, four dots
; high for one of the letter.

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

; A table of 256 words at 8000h: AMPLITUDE times the sine.
        fninit
        fldz
        mov     di, 8000h
sine:   fld     st0
        fsin
        fmul    dword [amplitude]
        fistp   word [di]
        fadd    dword [step]
        add     di, 2
        cmp     di, 8200h
        jb      sine

        mov     ax, 1130h
        mov     bh, 3           ; the font of 8 by 8 dots
        push    es
        int     10h
        mov     ax, es
        mov     gs, ax          ; GS:BP has it
        pop     es
        mov     [font], bp

picture:
        call    show
        xor     di, di
        xor     ax, ax
        mov     cx, 32000
        rep     stosw
        inc     word [time]
        xor     di, di          ; the screen's column
column: mov     bx, [time]
        add     bx, bx
        add     bx, di
        shr     bx, 2           ; a column of the text
        mov     cx, bx
        and     cx, 7
        shr     bx, 3
        and     bx, 31
        mov     al, [bx+text]
        xor     ah, ah
        shl     ax, 3
        add     ax, [font]
        mov     bp, ax          ; its letter
        mov     bx, [time]
        add     bx, bx
        add     bx, di
        and     bx, 255
        add     bx, bx
        mov     si, [bx+8000h]
        add     si, 84
        imul    si, si, 320
        add     si, di
        mov     dh, 8
letter: mov     al, [gs:bp]
        shl     al, cl
        jns     empty
        mov     dl, 32
        mov     ax, di
        shr     ax, 3
        add     al, dl
        mov     [es:si], al
        mov     [es:si+320], al
        mov     [es:si+640], al
        mov     [es:si+960], al
empty:  add     si, 1280
        inc     bp
        dec     dh
        jnz     letter
        inc     di
        cmp     di, 320
        jb      column
        jmp     picture

font:   dw      0
time:   dw      0
text:   db      "Ringside boots 512 bytes of x86 "

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
        dd      50.0

        times 510-($-$$) db 0
        dw      0aa55h
