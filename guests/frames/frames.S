/*
 * Boot sectors that draw a new picture for every vertical retrace, over the whole screen: what a game does to a VGA.
 *   mode13  BIOS mode 13h: 320 x 200 in 256 colours, written through the window at A0000
 *   modex   the same mode unchained: four planes, drawn plane by plane into a hidden page, then the start address is moved there
 *   vbe     1024 x 768 in 32 bits a pixel (Bochs' mode 144h), written through the linear frame buffer
 * BIOS calls set the mode; then everything runs in flat 32-bit protected mode with interrupts off.
 * Registers while drawing: EBX counts frames.
 */
#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10
/* Where tables lie: one period of the pattern, twice. */
#define TABLE 0x20000
#define MODE_INFO 0x8000
/* Offset of PhysBasePtr in the mode information block (VBE 3.0, function 01h). */
#define PHYS_BASE 0x28

        .intel_syntax noprefix
        .code16
        .globl _start
_start:
        cli
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        cld
#ifdef VBE
        mov ax, 0x4f01
        mov cx, 0x144
        mov di, MODE_INFO
        int 0x10
        mov ax, 0x4f02
        mov bx, 0x4144
        int 0x10
        cmp ax, 0x004f
        jne none
#else
        mov ax, 0x13
        int 0x10
#endif
        cli
        /* A20: the frame buffer may lie at an odd mebibyte. */
        in al, 0x92
        or al, 2
        out 0x92, al
        lgdt [gdtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        .att_syntax
        ljmp $SELECTOR_CODE, $flat
        .intel_syntax noprefix

#ifdef VBE
none:   mov si, offset text
1:      lodsb
        test al, al
        jz 2f
        mov ah, 0x0e
        mov bx, 7
        int 0x10
        jmp 1b
2:      hlt
        jmp 2b
text:   .asciz "This VGA BIOS has no mode 1024 x 768 x 32.\r\n"
#endif

        .code32
flat:
        mov ax, SELECTOR_DATA
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esp, 0x7c00
        xor ebx, ebx

#ifdef VBE
        /* 1024 pixels from black to bright and back, each component at its own pace; twice, so that a row can begin anywhere. */
        mov edi, TABLE
        xor ecx, ecx
1:      mov eax, ecx
        and eax, 0x1ff
        test ah, 1
        jz 2f
        xor al, 0xff
2:      movzx eax, al
        mov edx, eax
        shl edx, 8
        or eax, edx
        mov edx, ecx
        shl edx, 14
        and edx, 0xff0000
        or eax, edx
        stosd
        inc ecx
        cmp ecx, 2048
        jne 1b
#else
        /* A palette that goes round: red up, green up, both down. */
        mov dx, 0x3c8
        xor eax, eax
        out dx, al
        inc edx
        xor ecx, ecx
1:      mov eax, ecx
        test al, 0x80
        jz 2f
        not al
2:      shr al, 1
        out dx, al
        shr al, 1
        out dx, al
        mov al, cl
        shr al, 3
        out dx, al
        inc cl
        jnz 1b
        /* 256 colours, three times: a row is longer than one period. */
        mov edi, TABLE
1:      mov eax, ecx
#ifdef MODEX
        /* A plane has every fourth pixel. */
        shl al, 2
#endif
        stosb
        inc ecx
        cmp ecx, 768
        jne 1b
#endif
#ifdef MODEX
        /* Chain 4 off (sequencer memory mode), byte addresses (CRTC underline and mode control). */
        mov dx, 0x3c4
        mov ax, 0x0604
        out dx, ax
        mov dx, 0x3d4
        mov ax, 0x0014
        out dx, ax
        mov ax, 0xe317
        out dx, ax
#endif

frame:
        inc ebx
#ifdef VBE
        mov edi, [MODE_INFO + PHYS_BASE]
        xor edx, edx
1:      lea esi, [ebx * 2 + edx]
        and esi, 1023
        lea esi, [TABLE + esi * 4]
        mov ecx, 1024
        rep movsd
        inc edx
        cmp edx, 768
        jne 1b
#elif defined(MODEX)
        /* Two pages of 16000 bytes. */
        mov ebp, ebx
        and ebp, 1
        shl ebp, 14
        mov ah, 1
plane:  mov dx, 0x3c4
        mov al, 2
        out dx, ax
        lea edi, [0xa0000 + ebp]
        xor edx, edx
1:      lea esi, [ebx + edx]
        and esi, 63
        add esi, TABLE
        mov ecx, 20
        rep movsd
        inc edx
        cmp edx, 200
        jne 1b
        shl ah, 1
        test ah, 16
        jz plane
        /* Start address: the page just drawn. */
        mov dx, 0x3d4
        mov eax, ebp
        mov al, 0x0c
        out dx, ax
#else
        mov edi, 0xa0000
        xor edx, edx
1:      lea esi, [ebx + edx]
        and esi, 255
        add esi, TABLE
        mov ecx, 80
        rep movsd
        inc edx
        cmp edx, 200
        jne 1b
#endif
        /* Until the retrace that is under way is over, and the next one comes. */
        mov dx, 0x3da
1:      in al, dx
        test al, 8
        jnz 1b
2:      in al, dx
        test al, 8
        jz 2b
        jmp frame

        .p2align 3
gdt:    .quad 0
        .quad 0x00cf9a000000ffff
        .quad 0x00cf92000000ffff
gdtr:   .word gdtr - gdt - 1
        .long gdt

        .org 510
        .word 0xaa55
