; Julia
;
; A Julia set: each dot is a number that is squared, again and again, and has a constant added; its colour says
; how soon it grew beyond 2. The constant walks on a circle, and the set changes its shape with it. All in whole
; numbers of 32 bits, with twelve of them behind the point. A number and the same with a minus go the same way, so half
; of them are computed, and each is a square of four dots on the screen.

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
        inc     word [time]
        mov     bx, [time]
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
        mov     word [row], -99
line:   mov     word [column], -159
dot:    movsx   esi, word [column]
        shl     esi, 5
        movsx   ebp, word [row]
        imul    ebp, ebp, 48
        mov     cx, 24
again:  mov     eax, esi        ; ESI and EBP: the number
        imul    eax, eax
        sar     eax, 12
        mov     edx, ebp
        imul    edx, edx
        sar     edx, 12
        mov     ebx, eax
        add     ebx, edx
        cmp     ebx, 16384
        jg      gone
        sub     eax, edx
        add     eax, [real]
        imul    ebp, esi
        sar     ebp, 11
        add     ebp, [imaginary]
        mov     esi, eax
        loop    again
gone:   mov     al, cl
        add     al, 32
        mov     ah, al
        mov     [es:di], ax
        mov     [es:di+320], ax
        mov     bx, 63678       ; the place of the same number with a minus, which goes the same way
        sub     bx, di
        mov     [es:bx], ax
        mov     [es:bx+320], ax
        inc     di
        inc     di
        add     word [column], 2
        cmp     word [column], 160
        jl      dot
        add     di, 320
        add     word [row], 2
        cmp     word [row], 0
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
time:   dw      0
real:   dd      0
imaginary:
        dd      0

step:   dd      0.0245436926
amplitude:
        dd      3200.0

        times 510-($-$$) db 0
        dw      0aa55h
