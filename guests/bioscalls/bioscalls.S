/*
 * A disk whose boot sector calls the BIOS by a table and prints what comes back, a line a call, on port E9h: the interrupt, AX, then AX, BX, CX, DX, SI, DI,
 * BP and ES after it with C and Z where these flags are set. Before the first call and after the last one it prints < and >. Structures that a call fills in
 * are printed as bytes after it. Which BIOS it was is the reader's concern: two that agree print the same.
 */
        .intel_syntax noprefix
        .code16
        .globl  _start
#define SECTORS 14
#define BUFFER 0x6000
_start: xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     sp, 0x7c00
        mov     [drive], dl
        mov     ax, 0x0200 + SECTORS
        mov     bx, 0x7e00
        mov     cx, 2
        mov     dh, 0
        int     0x13
        jc      failed
        mov     al, '<'
        out     0xe9, al
        mov     si, offset calls
next:   cmp     word ptr [si], 0xffff
        je      end
        call    one
        add     si, 22
        jmp     next
end:    mov     al, '>'
        out     0xe9, al
        mov     al, 0x31
        out     0xf4, al
failed: mov     al, '!'
        out     0xe9, al
        mov     al, 1
        out     0xf4, al
drive:  .byte   0
        .org    510
        .word   0xaa55

/* A record: interrupt, bytes to print from ES:DI or, with bit 15, DS:SI; EAX, BX, CX, DX, SI, DI, BP; what is put at BUFFER first. */
one:    push    si
        mov     di, BUFFER
        mov     cx, 128
        mov     ax, 0xeeee
        rep stosw
        mov     ax, [si + 18]
        mov     [BUFFER], ax
        mov     ax, [si + 20]
        mov     [BUFFER + 2], ax
        /* A packet for INT 13h extensions: 7000:0000 is where data goes. */
        mov     dword ptr [BUFFER + 4], 0x70000000
        mov     dword ptr [BUFFER + 8], 1
        mov     dword ptr [BUFFER + 12], 0
        mov     al, [si]
        mov     [number + 1], al
        call    byte_out
        mov     al, ' '
        out     0xe9, al
        mov     ax, [si + 4]
        call    word_out
        mov     al, ':'
        out     0xe9, al
        mov     [record], si
        mov     eax, [si + 4]
        mov     bx, [si + 8]
        mov     cx, [si + 10]
        movzx   ecx, cx
        mov     edx, 0x534d4150
        cmp     ax, 0xe820
        je      1f
        mov     dx, [si + 12]
1:      movzx   ebx, bx
        mov     di, [si + 16]
        mov     bp, 0
        mov     si, [si + 14]
number: int     0
        pushf
        push    es
        push    bp
        push    di
        push    si
        push    dx
        push    cx
        push    bx
        push    ax
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     cx, 8
2:      mov     al, ' '
        out     0xe9, al
        pop     ax
        call    word_out
        loop    2b
        pop     bx
        test    bl, 1
        jz      3f
        mov     al, 'C'
        out     0xe9, al
3:      test    bl, 0x40
        jz      4f
        mov     al, 'Z'
        out     0xe9, al
4:      mov     si, [record]
        mov     cx, [si + 2]
        mov     di, BUFFER
        jcxz    6f
        mov     al, ' '
        out     0xe9, al
        mov     al, '='
        out     0xe9, al
        mov     al, ' '
        out     0xe9, al
5:      mov     al, [di]
        call    byte_out
        inc     di
        loop    5b
6:      mov     al, 10
        out     0xe9, al
        pop     si
        ret
record: .word   0

word_out:
        push    ax
        mov     al, ah
        call    byte_out
        pop     ax
byte_out:
        push    ax
        shr     al, 4
        call    digit
        pop     ax
digit:  and     al, 15
        add     al, '0'
        cmp     al, '9'
        jbe     1f
        add     al, 7
1:      out     0xe9, al
        ret

        .macro  bios number, print=0, a=0, b=0, c=0, d=0, si=BUFFER, di=BUFFER, w=0, x=0
        .word   \number, \print
        .long   \a
        .word   \b, \c, \d, \si, \di, \w, \x
        .endm
calls:
        /* video */
        bios    0x10, a=0x0003
        bios    0x10, a=0x0f00
        bios    0x10, a=0x0300
        bios    0x10, a=0x0200, d=0x0305
        bios    0x10, a=0x0941, b=0x001e, c=3
        bios    0x10, a=0x0800
        bios    0x10, a=0x0e42
        bios    0x10, a=0x0300
        bios    0x10, a=0x0e0a
        bios    0x10, a=0x0e0d
        bios    0x10, a=0x0300
        bios    0x10, a=0x0100, c=0x0607
        bios    0x10, a=0x0601, b=0x0700, c=0x0000, d=0x184f
        bios    0x10, a=0x0200, d=0x0205
        bios    0x10, a=0x0800
        bios    0x10, a=0x0501
        bios    0x10, a=0x0f00
        bios    0x10, a=0x0500
        bios    0x10, a=0x1003, b=0x0000
        bios    0x10, a=0x1007, b=0x0006
        bios    0x10, a=0x1008
        bios    0x10, print=17, a=0x1009, d=BUFFER
        bios    0x10, a=0x1015, b=0x0003
        bios    0x10, a=0x1015, b=0x0014
        bios    0x10, a=0x101a
        bios    0x10, a=0x1130, b=0x0600
        bios    0x10, a=0x1200, b=0x0010
        bios    0x10, a=0x1200, b=0x0032
        bios    0x10, a=0x1201, b=0x0030
        bios    0x10, a=0x1202, b=0x0030
        bios    0x10, a=0x1a00
        bios    0x10, print=0x33, a=0x1b00
        bios    0x10, a=0x0012
        bios    0x10, a=0x0f00
        bios    0x10, a=0x0c0b, c=100, d=50
        bios    0x10, a=0x0d00, c=100, d=50
        bios    0x10, a=0x0e41, b=0x000f
        bios    0x10, a=0x0300
        bios    0x10, a=0x0800
        bios    0x10, a=0x0013
        bios    0x10, a=0x0f00
        bios    0x10, a=0x0c4d, c=300, d=150
        bios    0x10, a=0x0d00, c=300, d=150
        bios    0x10, a=0x1015, b=0x0020
        bios    0x10, a=0x1015, b=0x0050
        bios    0x10, a=0x1015, b=0x00c7
        bios    0x10, a=0x1130, b=0x0100
        bios    0x10, a=0x0004
        bios    0x10, a=0x0c02, c=10, d=11
        bios    0x10, a=0x0d00, c=10, d=11
        bios    0x10, a=0x0006
        bios    0x10, a=0x0f00
        bios    0x10, a=0x000d
        bios    0x10, a=0x0f00
        bios    0x10, a=0x0010
        bios    0x10, a=0x0f00
        bios    0x10, a=0x0003
        bios    0x10, a=0x1112
        bios    0x10, a=0x0300
        bios    0x10, a=0x1130, b=0x0000
        bios    0x10, a=0x0003
        bios    0x10, print=6, a=0x4f00, w=0x4256, x=0x3245
        bios    0x10, a=0x4f02, b=0x4101
        bios    0x10, a=0x4f03
        bios    0x10, print=4, a=0x4f01, c=0x0101
        bios    0x10, a=0x4f06, b=0x0001
        bios    0x10, a=0x4f07, b=0x0001
        bios    0x10, a=0x4f08, b=0x0001
        bios    0x10, a=0x4f01, c=0x01ff
        bios    0x10, a=0x4f02, b=0x01ff
        bios    0x10, a=0x4f02, b=0x0101
        bios    0x10, a=0x4f05, b=0x0000, d=3
        bios    0x10, a=0x4f05, b=0x0100
        bios    0x10, a=0x4f06, b=0x0000, c=800
        bios    0x10, a=0x4f07, b=0x0000, c=0, d=10
        bios    0x10, a=0x4f07, b=0x0001
        bios    0x10, a=0x0003
        bios    0x10, a=0x0a42, b=0x0007, c=2
        bios    0x10, a=0x0800
        bios    0x10, a=0x1300, b=0x0007, c=2, d=0x0a05
        bios    0x10, a=0x0701, b=0x1e00, c=0x0000, d=0x0a0a
        bios    0x10, a=0x0f00
        /* what a program puts away of the adapter's state, and takes back */
        bios    0x10, a=0x0003
        bios    0x10, a=0x1c00, c=1
        bios    0x10, a=0x1c00, c=8
        bios    0x10, a=0x1c05, c=7
        bios    0x10, a=0x1010, b=5, c=0x0a0b, d=0x0c00
        bios    0x10, a=0x1000, b=0x3c02
        bios    0x10, a=0x0100, c=0x0305
        bios    0x10, a=0x1c01, b=0x5000, c=7
        bios    0x10, a=0x0013
        bios    0x10, a=0x0f00
        bios    0x10, a=0x1c02, b=0x5000, c=7
        bios    0x10, a=0x0f00
        bios    0x10, a=0x0300
        bios    0x10, print=17, a=0x1009, d=BUFFER
        bios    0x10, a=0x1015, b=0x0005
        bios    0x10, a=0x4f02, b=0x4101
        bios    0x10, a=0x4f04, b=0x5000, c=15, d=0x0001
        bios    0x10, a=0x4f02, b=0x4113
        bios    0x10, a=0x4f06, b=0x0001
        bios    0x10, a=0x4f04, b=0x5000, c=15, d=0x0002
        bios    0x10, a=0x4f03
        bios    0x10, a=0x4f08, b=0x0001
        bios    0x10, a=0x4f04, b=0x5000, c=8, d=0x0003
        bios    0x10, a=0x0003
        bios    0x10, a=0x4f10, b=0x0000
        bios    0x10, a=0x4f10, b=0x0101
        bios    0x10, a=0x4f10, b=0x0001
        bios    0x10, a=0x4f15, b=0x0000
        /* power */
        bios    0x15, a=0x5300
        bios    0x15, a=0x5301
        bios    0x15, a=0x5302
        bios    0x15, a=0x5303
        bios    0x15, a=0x5304
        bios    0x15, a=0x530b
        bios    0x15, a=0x530a, b=1
        bios    0x15, a=0x530e, c=0x0102
        bios    0x15, a=0x530f
        bios    0x15, a=0x5310
        /* equipment, memory */
        bios    0x11
        bios    0x12
        /* disks */
        bios    0x13, a=0x0000, d=0x80
        bios    0x13, a=0x0100, d=0x80
        bios    0x13, a=0x0800, d=0x80
        bios    0x13, a=0x0800, d=0x81
        bios    0x13, a=0x0201, b=0x7000, c=0x0001, d=0x0080
        bios    0x13, a=0x0200, b=0x7000, c=0x0001, d=0x0080
        bios    0x13, a=0x0201, b=0x7000, c=0x0000, d=0x0080
        bios    0x13, a=0x0201, b=0x7000, c=0xffc1, d=0x0080
        bios    0x13, a=0x0201, b=0x7000, c=0x0001, d=0x0085
        bios    0x13, a=0x0401, b=0x7000, c=0x0001, d=0x0080
        bios    0x13, a=0x0900, d=0x80
        bios    0x13, a=0x0c00, d=0x80
        bios    0x13, a=0x0d00, d=0x80
        bios    0x13, a=0x1000, d=0x80
        bios    0x13, a=0x1100, d=0x80
        bios    0x13, a=0x1400, d=0x80
        bios    0x13, a=0x1500, d=0x80
        bios    0x13, a=0x1500, d=0x85
        bios    0x13, a=0x1500, d=0x00
        bios    0x13, a=0x4100, b=0x55aa, d=0x80
        bios    0x13, a=0x4100, b=0x1234, d=0x80
        bios    0x13, print=4, a=0x4200, d=0x80, w=16, x=1
        bios    0x13, print=4, a=0x4400, d=0x80, w=16, x=1
        bios    0x13, print=4, a=0x4700, d=0x80, w=16, x=1
        bios    0x13, print=4, a=0x4200, d=0x85, w=16, x=1
        bios    0x13, print=26, a=0x4800, d=0x80, w=26
        bios    0x13, print=26, a=0x4800, d=0x80, w=30
        bios    0x13, a=0x4800, d=0x80, w=10
        bios    0x13, a=0x4e00, d=0x80
        bios    0x13, a=0x7700, d=0x80
        /* system */
        bios    0x15, a=0x2400
        bios    0x15, a=0x2402
        bios    0x15, a=0x2401
        bios    0x15, a=0x2402
        bios    0x15, a=0x2403
        bios    0x15, a=0x4f1e
        bios    0x15, a=0x8600, c=0, d=1000
        bios    0x15, a=0x8800
        bios    0x15, a=0x9000
        bios    0x15, a=0x9100
        bios    0x15, a=0xc100
        bios    0x15, a=0xe801
        bios    0x15, a=0xe881
        bios    0x15, print=20, a=0xe820, c=20
        bios    0x15, a=0xe820, c=10
        bios    0x15, a=0xe820, b=200, c=20
        bios    0x15, a=0xd800
        bios    0x15, a=0xc000
        bios    0x15, a=0x8300, c=0, d=1
        bios    0x15, a=0x4fff
        bios    0x15, a=0x1234
        /* keyboard */
        bios    0x16, a=0x0100
        bios    0x16, a=0x0200
        bios    0x16, a=0x0500, c=0x1e61
        bios    0x16, a=0x0100
        bios    0x16, a=0x1100
        bios    0x16, a=0x0000
        bios    0x16, a=0x0500, c=0x47e0
        bios    0x16, a=0x0100
        bios    0x16, a=0x1000
        bios    0x16, a=0x0500, c=0x8500
        bios    0x16, a=0x0100
        bios    0x16, a=0x1100
        bios    0x16, a=0x1200
        bios    0x16, a=0x0900
        /* ports and clock */
        bios    0x14, a=0x0300
        bios    0x14, a=0x00e3
        bios    0x14, a=0x0300, d=3
        bios    0x17, a=0x0200
        bios    0x17, a=0x0200, d=3
        bios    0x1a, a=0x0400
        bios    0x1a, a=0x5500
        bios    0x1a, a=0xb101
        bios    0x1a, a=0xb102, c=0x7010, d=0x8086, si=0
        bios    0x1a, a=0xb102, c=0x7777, d=0x8086, si=0
        bios    0x1a, a=0xb109, b=0x0009, di=0
        bios    0x1a, a=0xb10a, b=0x0000, di=8
        .word   0xffff
        .org    (SECTORS + 1) * 512
