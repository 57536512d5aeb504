; Life
;
; Conway’s game: a cell with three neighbours lives on, one with two stays as it is, every other dies. The screen is
; the world, 160 cells across and 100 down, its edges joined; the next generation is built in another segment and copied
; back. A colour that goes on counting shows how old a cell is.

        bits    16
        org     7c00h

WIDTH   equ     160
CELLS   equ     WIDTH * 100
EDGE    equ     WIDTH + 1
WORLD   equ     256             ; in the segments 1000h, of this generation, and 2000h, of the next

start:  xor     ax, ax
        mov     ss, ax
        mov     sp, start
        cld
        mov     ax, 13h
        int     10h
        push    word 1000h
        pop     ds
        push    word 2000h
        pop     es

        mov     di, WORLD
        mov     cx, CELLS
seed:   imul    bp, bp, 25173
        add     bp, 13849
        mov     ax, bp
        shr     ax, 14
        cmp     al, 1
        sbb     ax, ax
        and     al, 32
        mov     [di], al
        inc     di
        loop    seed

picture:
        call    show
; What lies beyond an edge is what lies at the other.
        push    es
        push    ds
        pop     es
        mov     si, WORLD + CELLS - EDGE
        mov     di, WORLD - EDGE
        mov     cx, EDGE
        rep     movsb
        mov     si, WORLD
        mov     di, WORLD + CELLS
        mov     cx, EDGE
        rep     movsb
        pop     es

        mov     si, WORLD
cell:   mov     bl, 8           ; BL: neighbours that live, of eight
        cmp     byte [si-WIDTH-1], 1
        sbb     bl, 0
        cmp     byte [si-WIDTH], 1
        sbb     bl, 0
        cmp     byte [si-WIDTH+1], 1
        sbb     bl, 0
        cmp     byte [si-1], 1
        sbb     bl, 0
        cmp     byte [si+1], 1
        sbb     bl, 0
        cmp     byte [si+WIDTH-1], 1
        sbb     bl, 0
        cmp     byte [si+WIDTH], 1
        sbb     bl, 0
        cmp     byte [si+WIDTH+1], 1
        sbb     bl, 0
        mov     al, [si]
        cmp     bl, 3
        je      lives
        cmp     bl, 2
        je      stays
        xor     al, al
        jmp     stays
lives:  inc     ax
        or      al, 32
        and     al, 127
stays:  mov     [es:si], al
        inc     si
        cmp     si, WORLD + CELLS
        jb      cell

        push    es
        push    ds
        pop     es
        pop     ds
        mov     si, WORLD
        mov     di, si
        mov     cx, CELLS / 4
        rep     movsd
        push    es
        push    ds
        pop     es
        pop     ds
        jmp     picture

; Shows the world, two dots wide and two high a cell: it is drawn at segment 3000h and copied in one go.
show:   push    es
        push    word 3000h
        pop     es
        mov     si, WORLD
        xor     di, di
line:   mov     cx, WIDTH
dot:    lodsb
        mov     ah, al
        stosw
        loop    dot
        push    si
        push    ds
        push    es
        pop     ds
        lea     si, [di-320]
        mov     cx, 80
        rep     movsd
        pop     ds
        pop     si
        cmp     di, 64000
        jb      line
        call    frame
        push    ds
        push    es
        pop     ds
        push    word 0a000h
        pop     es
        xor     si, si
        xor     di, di
        mov     cx, 16000
        rep     movsd
        pop     ds
        pop     es
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
