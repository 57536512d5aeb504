; Rotozoom
;
; A pattern, the exclusive or of a place’s two numbers, is turned and comes nearer and goes away. Along a line
; only two additions a dot are needed: the step in the pattern is the cosine across and the sine down.

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

picture:
        call    show
        inc     bp
        mov     bx, bp
        call    wave
        mov     cx, si          ; CX: the size
        add     cx, 300
        mov     bx, bp
        call    wave
        imul    si, cx
        sar     si, 6
        mov     [down], si
        mov     bx, bp
        add     bx, 64
        call    wave
        imul    si, cx
        sar     si, 6
        mov     [across], si
        xor     di, di
        mov     word [u], 0
        mov     word [v], 0
        mov     cx, 200
line:   push    cx
        mov     bx, [u]
        mov     dx, [v]
        mov     cx, 320
dot:    mov     al, bh
        xor     al, dh
        and     al, 63
        add     al, 32
        stosb
        add     bx, [across]
        add     dx, [down]
        loop    dot
        mov     ax, [down]
        sub     [u], ax
        mov     ax, [across]
        add     [v], ax
        pop     cx
        loop    line
        jmp     picture

wave:   xor     bh, bh
        add     bx, bx
        mov     si, [bx+8000h]
        ret

u:      dw      0
v:      dw      0
across: dw      0
down:   dw      0

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
        dd      120.0

        times 510-($-$$) db 0
        dw      0aa55h
