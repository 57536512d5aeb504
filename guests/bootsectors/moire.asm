; Moiré
;
; Rings around two centres, which wander. Where the sum of their squares of distance changes quickly rings are
; too narrow to be seen, and other patterns come up. A square is not computed for each dot: the next one differs
; from it by the odd number that follows.

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
        add     si, 160
        mov     [x1], si
        mov     bx, bp
        add     bx, bp
        call    wave
        add     si, 100
        mov     [y1], si
        mov     bx, bp
        add     bx, bp
        add     bx, bp
        add     bx, 64
        call    wave
        add     si, 160
        mov     [x2], si
        xor     di, di
        xor     cx, cx
line:   mov     ax, cx
        sub     ax, [y1]
        imul    ax, ax
        mov     bx, [x1]
        imul    bx, bx
        add     bx, ax          ; BX: the square of the way to the first centre
        mov     ax, cx
        sub     ax, 100
        imul    ax, ax
        mov     dx, [x2]
        imul    dx, dx
        add     dx, ax          ; DX: to the second
        mov     si, 0
dot:    mov     ax, bx
        xor     ax, dx
        shr     ax, 7
        and     al, 31
        add     al, 72
        stosb
        mov     ax, si
        sub     ax, [x1]
        add     ax, ax
        inc     ax
        add     bx, ax
        mov     ax, si
        sub     ax, [x2]
        add     ax, ax
        inc     ax
        add     dx, ax
        inc     si
        cmp     si, 320
        jb      dot
        inc     cx
        cmp     cx, 200
        jb      line
        jmp     picture

wave:   xor     bh, bh
        add     bx, bx
        mov     si, [bx+8000h]
        ret

x1:     dw      0
y1:     dw      0
x2:     dw      0

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
        dd      90.0

        times 510-($-$$) db 0
        dw      0aa55h
