/*
 * A disk whose boot sector calls the BIOS by a table and prints what comes back, a line a call, on port E9h: the interrupt, AX, then AX, BX, CX, DX, SI, DI,
 * BP and ES after it with C and Z where these flags are set. Before the first call and after the last one it prints < and >. Structures that a call fills in
 * are printed as bytes after it. Which BIOS it was is the reader's concern: two that agree print the same.
 */
        .intel_syntax noprefix
        .code16
        .globl  _start
/* The list of VESA modes, 34 bytes into what 4F00h fills in, comes to BUFFER. */
#define MODE_LIST 0x5fde
#define SECTORS 44
#define BUFFER 0x6000
#define PCI_SERVICE 0x49435024 /* "$PCI" */
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
        mov     word ptr [4 * 0x32], offset pci_32
        mov     word ptr [4 * 0x33], offset directory_32
        mov     word ptr [4 * 0x32 + 2], 0
        mov     word ptr [4 * 0x33 + 2], 0
        call    find_directory
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
        movzx   edi, word ptr [si + 16]
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

/* INT 32h and 33h: from here into protected mode to the BIOS's 32-bit entries, with the registers as they came. Segments there begin at 0. */
pci_32: mov     word ptr cs:[entry_now], offset pci_entry
        jmp     call_32
directory_32:
        mov     word ptr cs:[entry_now], offset directory_entry
call_32:
        mov     cs:[keep_eax], eax
        lgdt    cs:[gdt_pointer]
        mov     eax, cr0
        or      al, 1
        mov     cr0, eax
        ljmp    8, offset 1f
        .code32
1:      mov     eax, 16
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        mov     fs, eax
        mov     gs, eax
        movzx   esp, sp
        mov     eax, [keep_eax]
        mov     ebp, [entry_now]
        push    cs
        call    [ebp]
        mov     [keep_eax], eax
        pushf
        pop     [keep_flags]
        ljmp    24, offset 2f
        .code16
2:      mov     ax, 32
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     fs, ax
        mov     gs, ax
        mov     eax, cr0
        and     al, 0xfe
        mov     cr0, eax
        ljmp    0, offset 3f
3:      xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        /* Carry is what it says with. */
        mov     ebp, esp
        and     word ptr [bp + 4], 0xffbe
        mov     al, [keep_flags]
        and     ax, 1
        or      [bp + 4], ax
        xor     bp, bp
        mov     eax, [keep_eax]
        iret
keep_eax:       .long   0
keep_flags:     .long   0
entry_now:      .long   0
pci_entry:      .long   0
directory_entry: .long  0
        .balign 8
gdt:    .quad   0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00009b000000ffff, 0x000093000000ffff
gdt_pointer:
        .word   39
        .long   gdt

/* "_32_" in a paragraph of E0000 to FFFFF whose bytes add up to 0; what it knows of "$PCI". */
find_directory:
        mov     dx, 0xe000
1:      mov     ds, dx
        cmp     dword ptr [0], 0x5f32335f
        jne     3f
        mov     cx, 16
        xor     si, si
        xor     ah, ah
2:      lodsb
        add     ah, al
        loop    2b
        test    ah, ah
        jz      4f
3:      inc     dx
        jnz     1b
        xor     ax, ax
        mov     ds, ax
        jmp     failed
4:      mov     eax, [4]
        xor     cx, cx
        mov     ds, cx
        mov     [directory_entry], eax
        mov     eax, PCI_SERVICE
        xor     ebx, ebx
        int     0x33
        test    al, al
        jnz     failed
        lea     eax, [ebx + edx]
        mov     [pci_entry], eax
        ret

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
        /* what strangers ask for: modes and fonts, cells in each kind of mode, drives that are not there, keys that are put in */
        /* VESA's modes in planes, and wide ones */
        bios    0x10, print=4, a=0x4f01, c=0x0102
        bios    0x10, print=4, a=0x4f01, c=0x0190
        bios    0x10, print=4, a=0x4f01, c=0x0181
        bios    0x10, print=4, a=0x4f01, c=0x018a
        bios    0x10, print=4, a=0x4f01, c=0x0198
        bios    0x10, a=0x4f02, b=0x0102
        bios    0x10, a=0x4f03
        bios    0x10, a=0x4f07, b=0x0001
        bios    0x10, a=0x4f05, b=0x0100
        bios    0x10, a=0x4f02, b=0x4190
        bios    0x10, a=0x4f03
        bios    0x10, a=0x4f06, b=0x0001
        bios    0x10, a=0x4f07, b=0x0001
        bios    0x10, a=0x4f02, b=0x8103
        bios    0x10, a=0x4f03
        bios    0x10, a=0x4f06, b=0x0002, c=0x03e8
        bios    0x10, a=0x4f08, b=0x0800
        bios    0x10, a=0x4f08, b=0x0001
        bios    0x10, a=0x4f02, b=0x0003
        bios    0x10, a=0x4f03
        bios    0x10, a=0x4f02, b=0x0012
        bios    0x10, a=0x4f03
        bios    0x10, a=0x0f00
        bios    0x10, a=0x006a
        bios    0x10, a=0x0f00
        bios    0x10, a=0x0003
        bios    0x10, a=0x0001
        bios    0x10, a=0x0f00
        bios    0x10, a=0x0300
        bios    0x10, a=0x0011
        bios    0x10, a=0x0f00
        bios    0x10, a=0x0092
        bios    0x10, a=0x0f00
        bios    0x10, a=0x000e
        bios    0x10, a=0x0f00
        bios    0x10, a=0x0007
        bios    0x10, a=0x0f00
        bios    0x10, a=0x0300
        bios    0x10, a=0x0083
        bios    0x10, a=0x0f00
        bios    0x10, a=0x0003
        bios    0x10, a=0x1001, b=0x0500
        bios    0x10, a=0x1008
        bios    0x10, a=0x1000, b=0x0703
        bios    0x10, a=0x1007, b=0x0003
        bios    0x10, a=0x1013, b=0x0100
        bios    0x10, a=0x101a
        bios    0x10, a=0x1013, b=0x0001
        bios    0x10, a=0x101a
        bios    0x10, a=0x1013, b=0x0000
        bios    0x10, a=0x101b, b=0x0000, c=0x000a
        bios    0x10, a=0x1015, b=0x0003
        bios    0x10, a=0x1018, b=0x0000
        bios    0x10, a=0x1019, b=0x0000
        bios    0x10, print=6, a=0x1017, b=0x0000, c=0x0002, d=BUFFER
        bios    0x10, a=0x1012, b=0x0009, c=0x0001, d=BUFFER, w=0x2010, x=0x0005
        bios    0x10, a=0x1015, b=0x0009
        bios    0x10, a=0x0003
        bios    0x10, a=0x1111
        bios    0x10, a=0x0300
        bios    0x10, a=0x1112
        bios    0x10, a=0x0300
        bios    0x10, a=0x1114
        bios    0x10, a=0x0300
        bios    0x10, a=0x1101
        bios    0x10, a=0x0300
        bios    0x10, a=0x1102
        bios    0x10, a=0x0300
        bios    0x10, a=0x1104
        bios    0x10, a=0x0300
        bios    0x10, a=0x0003
        bios    0x10, a=0x0012
        bios    0x10, a=0x1123, b=0x0003
        bios    0x10, a=0x0941, b=0x000f, c=0x0002
        bios    0x10, a=0x0941, b=0x008f, c=0x0001
        bios    0x10, a=0x0d00, c=0x0003, d=0x0003
        bios    0x10, a=0x0200, d=0x0000
        bios    0x10, a=0x0800
        bios    0x10, a=0x0e0a
        bios    0x10, a=0x0300
        bios    0x10, a=0x0600, b=0x0000, d=0x1d4f
        bios    0x10, a=0x0a42, b=0x0003, c=0x0001
        bios    0x10, a=0x0013
        bios    0x10, a=0x0942, b=0x000e, c=0x0001
        bios    0x10, a=0x0600, b=0x0500, d=0x0101
        bios    0x10, a=0x0d00, c=0x0002, d=0x0002
        bios    0x10, a=0x0c85, c=0x0002, d=0x0002
        bios    0x10, a=0x0d00, c=0x0002, d=0x0002
        bios    0x10, a=0x0005
        bios    0x10, a=0x0942, b=0x0002, c=0x0001
        bios    0x10, a=0x0b01, b=0x0100
        bios    0x10, a=0x0b00, b=0x0005
        bios    0x10, a=0x0003
        bios    0x10, a=0x0e08
        bios    0x10, a=0x0300
        bios    0x10, a=0x0200, d=0x184f
        bios    0x10, a=0x0e43, b=0x0007
        bios    0x10, a=0x0300
        bios    0x10, a=0x0200, d=0x1800
        bios    0x10, a=0x0e0a
        bios    0x10, a=0x0300
        bios    0x10, a=0x0e07
        bios    0x10, a=0x0200, b=0x0100, d=0x0304
        bios    0x10, a=0x0300, b=0x0100
        bios    0x10, a=0x0300
        bios    0x10, a=0x0955, b=0x011e, c=0x0002
        bios    0x10, a=0x0800, b=0x0100
        bios    0x10, a=0x0e44, b=0x0100
        bios    0x10, a=0x0300, b=0x0100
        bios    0x10, a=0x0502
        bios    0x10, a=0x0e45
        bios    0x10, a=0x0300, b=0x0200
        bios    0x10, a=0x0500
        bios    0x10, a=0x1301, b=0x0007, c=0x0003, d=0x0105
        bios    0x10, a=0x0300
        bios    0x10, a=0x1303, b=0x0007, c=0x0002, d=0x0205
        bios    0x10, a=0x0300
        bios    0x10, a=0x0100, c=0x2000
        bios    0x10, a=0x0300
        bios    0x10, a=0x0100, c=0x0f0e
        bios    0x10, a=0x0300
        bios    0x10, a=0x1200, b=0x0031
        bios    0x10, a=0x1200, b=0x0033
        bios    0x10, a=0x1200, b=0x0034
        bios    0x10, a=0x1201, b=0x0031
        bios    0x10, a=0x1a00
        bios    0x10, a=0x1200, b=0x0030
        bios    0x10, a=0x0003
        bios    0x10, a=0x0300
        bios    0x10, a=0x1202, b=0x0030
        bios    0x10, a=0x0003
        bios    0x13, a=0x1500, d=0x0000
        bios    0x13, a=0x1500, d=0x0001
        .irp drive, 0x7f, 0xe0, 0xe1
        bios    0x13, a=0x0800, d=\drive
        bios    0x13, a=0x0201, b=0x7000, c=0x0001, d=\drive
        bios    0x13, a=0x1500, d=\drive
        bios    0x13, a=0x1600, d=\drive
        bios    0x13, a=0x4100, b=0x55aa, d=\drive
        bios    0x13, a=0x0000, d=\drive
        bios    0x13, a=0x0100, d=\drive
        .endr
        bios    0x13, print=30, a=0x4800, d=0x0080, w=0x001d
        bios    0x13, print=26, a=0x4800, d=0x0081, w=0x001a
        bios    0x13, print=4, a=0x4200, d=0x0080, w=0x0010, x=0x0000
        bios    0x13, print=4, a=0x4200, d=0x0080, w=0x0018, x=0x0001
        bios    0x13, print=4, a=0x4400, d=0x0080, w=0x0010, x=0x0000
        bios    0x13, print=4, a=0x4301, d=0x0080, w=0x0010, x=0x0001
        bios    0x13, print=4, a=0x4302, d=0x0080, w=0x0010, x=0x0001
        bios    0x13, a=0x0301, b=0x7000, c=0x0003, d=0x0080
        bios    0x13, a=0x0401, b=0x7000, c=0x0003, d=0x0080
        bios    0x13, a=0x0440, b=0x7000, c=0x0001, d=0x0080
        bios    0x13, a=0x0400, c=0x0001, d=0x0080
        bios    0x13, a=0x0201, b=0x7000, c=0x003f, d=0x0080
        bios    0x13, a=0x0201, b=0x7000, c=0x0001, d=0x1080
        bios    0x13, a=0x0202, b=0x7000, c=0x003f, d=0x0080
        .irp service, 0x06, 0x07, 0x0a, 0x0b, 0x0e, 0x0f, 0x12, 0x13, 0x16, 0x17, 0x18, 0x19, 0x45, 0x46, 0x49, 0x4a, 0x4c, 0x4d, 0x50
        bios    0x13, a=\service << 8 | 1, c=0x0001, d=0x0080
        .endr
        bios    0x13, a=0x0100, d=0x0080
        .irp what, 1, 2, 3, 4, 6
        bios    0x13, a=0x4e00 + \what, d=0x0080
        .endr
        bios    0x13, a=0x4501, d=0x0080
        bios    0x13, a=0x4502, d=0x0080
        .irp range, 1, 3, 5, 6, 7
        bios    0x15, print=4, a=0xe820, b=\range, c=0x0014
        .endr
        bios    0x15, print=4, a=0xe820, c=0x0018
        .irp service, 0x0000, 0x2100, 0x2404, 0x2500, 0x4000, 0x4e00, 0x5305, 0x5306, 0x5307, 0x5308, 0x8301, 0x8400, 0xbf00, 0xc300, 0xc400, 0xc900, 0xd000, 0xe800, 0xe802, 0xe980, 0xec00
        bios    0x15, a=\service
        .endr
        bios    0x15, a=0xc205, b=0x0300
        bios    0x15, a=0xc201, b=0x0000
        bios    0x15, a=0xc202, b=0x0200
        bios    0x15, a=0xc202, b=0x0700
        bios    0x15, a=0xc203, b=0x0300
        bios    0x15, a=0xc203, b=0x0400
        bios    0x15, a=0xc204, b=0x0000
        bios    0x15, a=0xc206, b=0x0000
        bios    0x15, a=0xc206, b=0x0100
        bios    0x15, a=0xc200, b=0x0100
        bios    0x15, a=0xc200, b=0x0000
        bios    0x15, a=0xc208, b=0x0000
        bios    0x15, a=0xc209, b=0x0000
        .irp service, 0x0300, 0x0305, 0x0306, 0x0400, 0x0600, 0x0700, 0x0a00, 0x1300, 0x5000, 0x9200, 0xa200, 0xff00
        bios    0x16, a=\service
        .endr
        .macro  key_twice code
        .rept   2
        bios    0x16, a=0x0500, c=\code
        bios    0x16, a=0x1100
        bios    0x16, a=0x0100
        .endr
        bios    0x16, a=0x1000
        bios    0x16, a=0x1000
        .endm
        .irp key, 0x1e61, 0x48e0, 0xe00d, 0xe02f, 0x4cf0, 0x00f0
        key_twice \key
        .endr
        .rept   2
        bios    0x16, a=0x0500, c=0x0000
        bios    0x16, a=0x1100
        .endr
        bios    0x16, a=0x1000
        bios    0x16, a=0x1000
        .irp key, 0x8500, 0xa600, 0x9700
        key_twice \key
        .endr
        /* one more than the buffer takes */
        .rept   16
        bios    0x16, a=0x0500, c=0x1e61
        .endr
        .rept   15
        bios    0x16, a=0x1000
        .endr
        bios    0x16, a=0x0100
        bios    0x14, a=0x0141
        bios    0x14, a=0x00ff, d=0x0004
        bios    0x17, a=0x0041, d=0x0002
        bios    0x1a, a=0x0100, c=0x0001, d=0x0002
        bios    0x1a, a=0x0300, c=0x1122, d=0x3300
        bios    0x1a, a=0x0500, c=0x2025, d=0x1231
        bios    0x1a, a=0x0400
        bios    0x1a, a=0x0600, c=0x1000, d=0x0000
        bios    0x1a, a=0x0600, c=0x1000, d=0x0000
        bios    0x1a, a=0x0800
        bios    0x1a, a=0x0900
        bios    0x1a, a=0x0a00
        bios    0x1a, a=0x0b00, c=0x0001
        bios    0x1a, a=0x8000
        bios    0x1a, a=0xb103, c=0x0000, si=0x0000
        bios    0x1a, a=0xb103, c=0x0101, si=0x0000
        bios    0x1a, a=0xb108, b=0x0008, di=0x0000
        bios    0x1a, a=0xb106, b=0x0000
        bios    0x1a, a=0xb10b, b=0x0008, c=0x0000, di=0x003c
        bios    0x1a, a=0xb10f, b=0x0000
        bios    0x1a, a=0xb181
        bios    0x1a, a=0xb108, b=0xff00, di=0x0000
        bios    0x1a, a=0xb102, c=0x7010, d=0x8086, si=0x0001
        bios    0x1a, a=0xb188, b=0x0008, di=0x0000
        bios    0x1a, a=0xb109, b=0xff00, di=0x0002
        /* the same of PCI by its 32-bit entry (INT 32h here), and where that is (INT 33h) */
        bios    0x33, a=PCI_SERVICE
        bios    0x33, a=0x12345678
        .irp int, 0x32, 0x1a
        bios    \int, a=0xb101
        bios    \int, a=0xb102, c=0x7010, d=0x8086, si=0
        bios    \int, a=0xb102, c=0x7010, d=0x8086, si=1
        bios    \int, a=0xb103, c=0x0101, si=0
        bios    \int, a=0xb108, b=0x0008, di=0x000a
        bios    \int, a=0xb109, b=0x0008, di=2
        bios    \int, a=0xb10a, b=0x0008, di=4
        bios    \int, a=0xb10b, b=0x0009, c=0x0010, di=0x000d
        bios    \int, a=0xb108, b=0x0009, di=0x000d
        bios    \int, a=0xb10c, b=0x0009, c=0x8000, di=0x0042
        bios    \int, a=0xb10d, b=0x0009, c=0xc001, di=0x0020
        bios    \int, a=0xb109, b=0x0009, di=0x0020
        bios    \int, a=0xb106
        bios    \int, a=0xb10f
        bios    \int, a=0xb10e, w=0
        .endr
        /* standard modes among VESA's */
        bios    0x10, print=222, a=0x4f00, di=MODE_LIST
        .irp mode, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x6a
        bios    0x10, print=50, a=0x4f01, c=\mode
        .endr
        .irp mode, 0x100, 0x102, 0x103, 0x10d, 0x110, 0x112, 0x11b, 0x11f, 0x142, 0x147, 0x148, 0x190
        bios    0x10, print=50, a=0x4f01, c=\mode
        .endr
        /* characters that are alike, drawn and read in each font: 8 lines, 14, 16 */
        .irp mode, 0x13, 0x10, 0x12
        bios    0x10, a=\mode
        .irp character, 0x38, 0x42, 0x44, 0x4f, 0x41, 0x52, 0xb3, 0xba, 0xc4, 0xcd, 0xda, 0xc9, 0xb1, 0xdb, 0xf9, 0xfa
        bios    0x10, a=0x0a00 + \character, b=0x000f, c=1
        bios    0x10, a=0x0800
        .endr
        .endr
        bios    0x10, a=0x0003
        .word   0xffff
        .org    (SECTORS + 1) * 512
