/* The first sector: loads the sectors behind it, which are the kernel, to 10000h, from a disk or a floppy disk, and goes there. */
        .code16
        .globl _start
_start: ljmp    $0, $begin
begin:  xor     %ax, %ax
        mov     %ax, %ds
        mov     %ax, %ss
        mov     $_start, %sp
        cld
        mov     %dl, drive
        /* A disk takes numbers of sectors (EDD), a floppy disk its geometry. */
        mov     $0x41, %ah
        mov     $0x55aa, %bx
        int     $0x13
        jc      geometry
        cmp     $0xaa55, %bx
        jne     geometry
        test    $1, %cl
        jnz     next
geometry:
        movb    $0, edd
        mov     $8, %ah
        mov     drive, %dl
        xor     %di, %di
        mov     %di, %es
        int     $0x13
        jc      failed
        and     $0x3f, %cx
        mov     %cx, per_track
        movzx   %dh, %ax
        inc     %ax
        mov     %ax, heads

next:   cmpb    $0, edd
        je      chs
        mov     $packet, %si
        mov     $0x42, %ah
        jmp     read
chs:    mov     sector, %ax
        xor     %dx, %dx
        divw    per_track
        inc     %dx
        mov     %dl, %cl                /* the sector in its track, from 1 on */
        xor     %dx, %dx
        divw    heads
        mov     %dl, %dh
        mov     %al, %ch                /* the cylinder, below 256 */
        mov     segment, %es
        xor     %bx, %bx
        mov     $0x0201, %ax
read:   mov     drive, %dl
        int     $0x13
        jc      failed
        addw    $0x20, segment
        incw    sector
        decw    left
        jnz     next
        mov     drive, %dl
        ljmp    $0x1000, $0

failed: mov     $sentence, %si
say:    lodsb
        test    %al, %al
        jz      stop
        mov     $0x0e, %ah
        mov     $7, %bx
        int     $0x10
        jmp     say
stop:   hlt
        jmp     stop

sentence: .asciz "pcos: the disk could not be read."
drive:  .byte   0
edd:    .byte   1
per_track: .word 0
heads:  .word   0
        .balign 4
packet: .word   16, 1, 0
segment: .word  0x1000
sector: .quad   1
        /* Sectors of the kernel (make-image.mjs). */
        .org    0x1b0
left:   .word   0
        /* One partition, FAT12: make-image.mjs writes the rest of its entry. */
        .org    0x1be
        .org    0x1fe
        .word   0xaa55
