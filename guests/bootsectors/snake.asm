; Snake
;
; A game: the arrow keys steer, food makes the snake longer, and its own body or the edge ends the round. The
; body is a ring of screen addresses in memory, so a step draws one dot and wipes one, however long the snake
; is.

        bits    16
        org     7c00h

start:  xor     ax, ax
        mov     ds, ax
        mov     ss, ax
        mov     sp, start
        cld
        mov     ax, 13h
        int     10h
        push    word 0a000h
        pop     es

round:  mov     ax, 13h
        int     10h
        mov     bp, 20          ; length
        mov     si, 8000h       ; head of the ring
        mov     di, 100*320+160
        mov     word [way], 2
        mov     bx, 0           ; the frame around the field
        mov     cx, 320
edge:   mov     byte [es:bx], 8
        mov     byte [es:bx+199*320], 8
        inc     bx
        loop    edge
        xor     bx, bx
        mov     cx, 200
side:   mov     byte [es:bx], 8
        mov     byte [es:bx+319], 8
        add     bx, 320
        loop    side
        call    food
step:   call    frame
        call    frame
        mov     ah, 1
        int     16h
        jz      move
        xor     ah, ah
        int     16h
        mov     bx, -640
        cmp     ah, 48h         ; up
        je      turn
        neg     bx
        cmp     ah, 50h         ; down
        je      turn
        mov     bx, -2
        cmp     ah, 4bh         ; left
        je      turn
        neg     bx
        cmp     ah, 4dh         ; right
        jne     move
turn:   mov     ax, [way]
        neg     ax
        cmp     ax, bx          ; not back into itself
        je      move
        mov     [way], bx
move:   add     di, [way]
        mov     al, [es:di]
        cmp     al, 12
        je      eats
        or      al, al
        jnz     round
        jmp     draw
eats:   add     bp, 10
        call    food
draw:   mov     byte [es:di], 10
        mov     byte [es:di+1], 10
        add     si, 2
        and     si, 9fffh
        mov     [si], di
        mov     bx, bp
        add     bx, bx
        neg     bx
        add     bx, si
        and     bx, 9fffh
        or      bx, 8000h
        mov     bx, [bx]
        or      bx, bx
        jz      step
        mov     byte [es:bx], 0
        mov     byte [es:bx+1], 0
        jmp     step

; Something to eat where nothing is, on the field's grid.
food:   in      al, 40h
        mov     bl, al
        in      al, 40h
        add     [seed], bx
        imul    bx, [seed], 25173
        add     bx, 13849
        mov     [seed], bx
        mov     ax, bx
        xor     dx, dx
        mov     cx, 98
        div     cx
        imul    bx, dx, 640
        xor     dx, dx
        mov     cx, 158
        div     cx
        add     bx, dx
        add     bx, dx
        add     bx, 640+2-320*2*0
        cmp     byte [es:bx], 0
        jne     food
        mov     byte [es:bx], 12
        mov     byte [es:bx+1], 12
        ret

way:    dw      2
seed:   dw      0

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
