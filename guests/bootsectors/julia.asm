; Julia
;
; A Julia set: each dot is a number that is squared, again and again, and has a constant added; its colour says
; how soon it grew beyond 2. The constant walks on a circle, and the set changes its shape with it. All in whole
; numbers of 32 bits, with twelve of them behind the point.

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
        xor     bh, bh
        add     bx, bx
        movsx   eax, word [bx+8000h]
        mov     [imaginary], eax
        add     bl, 128
        adc     bh, 0
        and     bh, 1
        movsx   eax, word [bx+8000h]
        mov     [real], eax
        xor     di, di
        mov     word [row], -100
line:   mov     word [column], -160
dot:    movsx   esi, word [column]
        shl     esi, 5
        mov     [x], esi
        movsx   esi, word [row]
        imul    esi, esi, 48
        mov     [y], esi
        mov     cx, 40
again:  mov     eax, [x]
        imul    eax, eax
        sar     eax, 12
        mov     edx, [y]
        imul    edx, edx
        sar     edx, 12
        mov     ebx, eax
        add     ebx, edx
        cmp     ebx, 16384
        jg      gone
        sub     eax, edx
        add     eax, [real]
        mov     ebx, [x]
        imul    ebx, [y]
        sar     ebx, 11
        add     ebx, [imaginary]
        mov     [x], eax
        mov     [y], ebx
        loop    again
gone:   mov     al, cl
        add     al, 32
        stosb
        inc     word [column]
        cmp     word [column], 160
        jl      dot
        inc     word [row]
        cmp     word [row], 100
        jl      line
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

column: dw      0
row:    dw      0
x:      dd      0
y:      dd      0
real:   dd      0
imaginary:
        dd      0

step:   dd      0.0245436926
amplitude:
        dd      3200.0

        times 510-($-$$) db 0
        dw      0aa55h
