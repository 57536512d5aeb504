; Tunnel
;
; A flight through a pipe. Before the first picture the coprocessor computes for every dot how deep it lies and
; at which angle, and puts both into two segments of memory. A picture then only adds to both numbers and looks
; at the bits of what comes out.

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
        push    word 3000h
        pop     gs
        fninit
        xor     di, di
        mov     word [y], -100
row:    mov     word [x], -160
place:  fild    word [y]
        fild    word [x]
        fld     st1
        fld     st1
        fpatan                  ; the angle
        fmul    dword [turn]
        fistp   word [result]
        mov     al, [result]
        mov     [fs:di], al
        fmul    st0
        fxch
        fmul    st0
        faddp   st1
        fadd    dword [little]
        fsqrt
        fdivr   dword [deep]    ; the depth
        fistp   word [result]
        mov     al, [result]
        mov     [gs:di], al
        inc     di
        inc     word [x]
        cmp     word [x], 160
        jl      place
        inc     word [y]
        cmp     word [y], 100
        jl      row

picture:
        call    show
        inc     bp
        xor     di, di
dot:    mov     al, [fs:di]
        mov     ah, [gs:di]
        mov     bx, bp
        add     al, bl
        add     bx, bx
        add     ah, bl
        xor     al, ah
        and     al, 56
        shr     al, 2
        mov     ah, [gs:di]
        shr     ah, 3
        sub     al, ah
        add     al, 31
        and     al, 15
        add     al, 16
        stosb
        cmp     di, 64000
        jb      dot
        jmp     picture

x:      dw      0
y:      dw      0
result: dw      0
turn:   dd      40.7436654
little: dd      1.0
deep:   dd      4000.0

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
