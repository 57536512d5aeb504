/*
 * Where the processor comes in: reset, interrupts, and the addresses that programs know by heart; how C is called from there.
 * Sources: Intel SDM vol. 3, 9.1.4 (first instruction), 9.9 (switching modes); 82441FX datasheet, 3.2.18 (PAM); IBM Personal Computer AT Technical
 * Reference (1502494), BIOS listing, for the fixed addresses and what the handlers of hardware interrupts do.
 */
#define BIOS_SEGMENT 0xf000
#define FONTS_SEGMENT 0xe000
#define SERVICE_STACK 1280
#define SERVICES_AT_ONCE 4
#define POST_STACK 3072
#define SELECTOR_FLAT 0x08
#define SELECTOR_REAL 0x10
/* Offsets in struct registers. */
#define FRAME_ESP 12
#define FRAME_GS 32
#define FRAME_FS 34
#define FRAME_SERVICE 40
#define FRAME_FLAGS 46
#define SAVED_WITH_PUSHA 32
#define CMOS_SHUTDOWN 0x0f
/* The shutdown code that a resume from S3 leaves, as on QEMU's machine. */
#define RESUME_FROM_RAM 0xfe
#define EOI 0x20
#define MOST_PROCESSORS 64
#define PCI_SERVICE 0x49435024 /* "$PCI" */

        .code16
        .text

        .balign 8
gdt:    .quad   0
        .quad   0x00cf93000000ffff      /* flat data */
        .quad   0x000093000000ffff      /* data as in real mode */
gdt_end:
gdt_pointer:
        .word   gdt_end - gdt - 1
        .long   0xf0000 + gdt
signature:
        .ascii  "RINGSIDE"

        .globl  open_flat_memory
open_flat_memory:
        pushw   %ds
        data32 lgdt gdt_pointer
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        movw    $SELECTOR_FLAT, %dx
        movw    %dx, %fs
        andb    $0xfe, %al
        movl    %eax, %cr0
        xorw    %dx, %dx
        movw    %dx, %fs
        popw    %ds
        retl

/*
 * ---- a service: `service` is its index, on top of FLAGS, CS and IP of the caller, whose registers are saved on its own stack. C runs on a stack of the
 * BIOS, a slice for each service that is under way; who is on one of them already stays there.
 */
        .macro  service number
        pushw   $\number
        jmp     common
        .endm

/* ---- 32-bit code, in segment E000 behind the fonts */
        .section .code_32, "ax"
        .code32
        /* INT 1Ah, AH = B1h for protected mode: registers lie as in struct registers, in the caller's SS; there is no need to know who called. */
        .globl  pci_entry_32
pci_entry_32:
        pushfw
        cli
        cld
        subl    $FRAME_FLAGS - FRAME_SERVICE, %esp
        pushw   %ds
        pushw   %es
        pushw   %fs
        pushw   %gs
        pushal
        movl    %esp, %eax
        movw    %ss, %dx
        movw    %dx, %gs
        calll   1f
        /* E000 is linked 64 KiB above F000 and lies 64 KiB below it: EDX is how far F000 is moved. */
1:      popl    %edx
        subl    $1b - 0x20000, %edx
        calll   pci_services_32
        popal
        popw    %gs
        popw    %fs
        popw    %es
        popw    %ds
        leal    FRAME_FLAGS - FRAME_SERVICE(%esp), %esp
        popfw
        lretl
        .code16

/* ---- addresses that programs know by heart; between them, what the rest of the segment has no room for */
        .section .fixed, "ax"
        .macro  at address
        .org    \address - 0xe000
        .endm
        /* Where a start-up IPI of FEh leads, from CS FE00h. */
        ljmp    $BIOS_SEGMENT, $other_processor
        at      0xe05b
        jmp     post_entry
        /*
         * Where 32-bit programs find the BIOS32 Service Directory: EAX names a service, EBX is 0. AL: 0, 80h (no such service) or 81h (EBX is not 0); EBX, ECX
         * and EDX: where a service's segments begin, how long they are, and its entry in them. Source: Standard BIOS 32-bit Service Directory Proposal 0.4.
         */
        #define BIOS32_ENTRY 0xe070
        at      0xe060
        .ascii  "_32_"
        .long   BIOS_SEGMENT * 16 + BIOS32_ENTRY
        .byte   0, 1, -('_' + '3' + '2' + '_' + (BIOS32_ENTRY & 0xff) + (BIOS32_ENTRY >> 8) + 0x0f + 1) & 0xff, 0, 0, 0, 0, 0
        .code32
        at      BIOS32_ENTRY
        testl   %ebx, %ebx
        jnz     1f
        cmpl    $PCI_SERVICE, %eax
        jne     2f
        /* Both segments: code in E000, the routing table in F000. */
        movl    $FONTS_SEGMENT * 16, %ebx
        movl    $0x20000, %ecx
        movl    $pci_entry_32 - 0x10000, %edx
        xorb    %al, %al
        lretl
1:      movb    $0x81, %al
        lretl
2:      movb    $0x80, %al
        clc
        lretl
        .code16

        /*
         * Plug and Play: installation structure 1.0, for option ROMs and systems. There is no device of the board's to configure by it: each function is
         * unsupported (82h). Source: Plug and Play BIOS Specification 1.0A, 4.4 and 4.5.
         */
        #define PNP_ENTRY 0xe0f8
        .globl  pnp_header
        at      0xe0d0
pnp_header:
        .ascii  "$PnP"
        .byte   0x10, 0x21
        .word   0
        .byte   -('$' + 'P' + 'n' + 'P' + 0x10 + 0x21 + 2 * ((PNP_ENTRY & 0xff) + (PNP_ENTRY >> 8)) + 0xf0 + 3 * 0x0f - 0x0f + 0xf0) & 0xff
        .long   0
        .word   PNP_ENTRY, BIOS_SEGMENT, PNP_ENTRY
        .long   BIOS_SEGMENT * 16, 0
        .word   BIOS_SEGMENT
        .long   BIOS_SEGMENT * 16
        at      PNP_ENTRY
        movw    $0x82, %ax
        lretw

        .globl  set_vectors
set_vectors:
        pushl   %edi
        pushl   %esi
        pushw   %es
        xorw    %di, %di
        movw    %di, %es
        movl    $BIOS_SEGMENT * 0x10000 + fixed_return, %eax
        movw    $0x60, %cx
        rep stosl
        /* 60h to 67h are the programs' own. */
        xorl    %eax, %eax
        movw    $8, %cx
        rep stosl
        movl    $BIOS_SEGMENT * 0x10000 + fixed_return, %eax
        movw    $0x98, %cx
        rep stosl
        movl    $BIOS_SEGMENT * 0x10000 + fixed_unexpected, %eax
        movw    $4 * 0x08, %di
        movw    $8, %cx
        rep stosl
        movl    $BIOS_SEGMENT * 0x10000 + unexpected_slave, %eax
        movw    $4 * 0x70, %di
        movw    $8, %cx
        rep stosl
        movw    $vectors, %si
1:      lodsb
        testb   %al, %al
        jz      2f
        movzbw  %al, %di
        shlw    $2, %di
        movsw
        jmp     1b
2:      popw    %es
        popl    %esi
        popl    %edi
        retl
        .macro  vector number, entry
        .byte   \number
        .word   \entry
        .endm
vectors:
        vector  0x02, fixed_nmi
        vector  0x05, fixed_print_screen
        vector  0x08, fixed_int08
        vector  0x09, fixed_int09
        vector  0x0e, fixed_int0e
        vector  0x10, fixed_int10
        vector  0x11, fixed_int11
        vector  0x12, fixed_int12
        vector  0x13, fixed_int13
        vector  0x14, fixed_int14
        vector  0x15, fixed_int15
        vector  0x16, fixed_int16
        vector  0x17, fixed_int17
        vector  0x18, int18
        vector  0x19, fixed_int19
        vector  0x1a, fixed_int1a
        vector  0x1e, floppy_parameters
        vector  0x40, fixed_floppy
        vector  0x42, fixed_int10
        vector  0x6d, fixed_int10
        vector  0x70, int70
        vector  0x71, unexpected_slave
        vector  0x74, int74
        vector  0x75, int75
        vector  0x76, int76
        .byte   0

        at      0xe2c3
fixed_nmi:
        iretw

/*
 * Advanced Power Management for protected mode: who connected (INT 15h, 5302h, 5303h) calls this with AL as with 53xxh, with code and data segments at F0000h.
 * Off is the PIIX4's PM1 control register.
 */
        .macro  power_entry name, return
        .globl  \name
\name:  cmpb    $0x05, %al
        je      1f
        cmpb    $0x07, %al
        je      2f
        cmpb    $0x0a, %al
        je      3f
        cmpb    $0x0b, %al
        je      4f
        cmpb    $0x0e, %al
        je      5f
        clc
        \return
1:      pushf
        sti
        hlt
        popf
        clc
        \return
2:      cmpw    $1, %bx
        jne     6f
        cmpw    $3, %cx
        jne     6f
        movw    $0x2000, %ax
        movw    $0x604, %dx
        outw    %ax, %dx
6:      clc
        \return
3:      movw    $0x01ff, %bx
        movw    $0x80ff, %cx
        movw    $0xffff, %dx
        xorw    %si, %si
        \return
4:      movb    $0x80, %ah
        stc
        \return
5:      movw    $0x0102, %ax
        clc
        \return
        .endm
        power_entry power_entry_16, lretw
        .code32
        power_entry power_entry_32, lretl
        .code16

        at      0xe3fe
fixed_int13:
        jmp     int13

/*
 * void set_memory_types(void): memory is cached (write-back), but for the display's below 1 MiB and what lies above FIRST_ADDRESS of PCI, as far as a processor
 * has MTRRs; then caches are on. Source: Intel SDM vol. 3, 12.11.
 */
#define CPUID_MTRR 0x1000
#define WRITE_BACK 0x06060606
#define MTRR_PHYS_BASE0 0x200
#define MTRR_FIX_64K 0x250
#define MTRR_FIX_16K 0x258
#define MTRR_FIX_4K 0x268
#define MTRR_DEFAULT 0x2ff
/* Cache disable and not write-through, as RESET leaves them (SDM vol. 3, table 9-1). */
#define CR0_CD_NW 0x60000000
#define DEVICES 0xe0000000
        .globl  set_memory_types
set_memory_types:
        pushl   %ebx
        movl    $1, %eax
        cpuid
        testw   $CPUID_MTRR, %dx
        jz      3f
        xorl    %eax, %eax
        xorl    %edx, %edx
        movl    $MTRR_DEFAULT, %ecx
        wrmsr
        movw    $MTRR_FIX_16K + 1, %cx
        wrmsr
        movl    $WRITE_BACK, %eax
        movl    %eax, %edx
        decw    %cx
        wrmsr
        movw    $MTRR_FIX_64K, %cx
        wrmsr
        movw    $MTRR_FIX_4K, %cx
1:      wrmsr
        incw    %cx
        cmpw    $MTRR_FIX_4K + 8, %cx
        jne     1b
        /* As many bits as addresses have. */
        movl    $0x80000000, %eax
        cpuid
        cmpl    $0x80000008, %eax
        movb    $36, %cl
        jb      2f
        movl    $0x80000008, %eax
        cpuid
        movb    %al, %cl
2:      movl    $1, %ebx
        shll    %cl, %ebx
        decl    %ebx
        movl    $DEVICES, %eax
        xorl    %edx, %edx
        movl    $MTRR_PHYS_BASE0, %ecx
        wrmsr
        orw     $0x800, %ax
        movl    %ebx, %edx
        incw    %cx
        wrmsr
        movl    $0x0c06, %eax
        xorl    %edx, %edx
        movl    $MTRR_DEFAULT, %ecx
        wrmsr
3:      popl    %ebx
enable_caches:
        movl    %cr0, %eax
        andl    $~CR0_CD_NW, %eax
        movl    %eax, %cr0
        retl

/* Another processor, which set_up_processors woke up: it comes by E000h of this segment, and has no stack but what the first one does not use yet. */
        .globl  processors_awake, processor_ids
other_processor:
        cli
        movw    %cs, %ax
        movw    %ax, %ds
        movw    %ax, %ss
1:      lock btsw $0, processor_stack_taken
        jc      1b
        movw    $service_stacks_top, %sp
        calll   set_memory_types
        movl    $1, %eax
        cpuid
        shrl    $24, %ebx
        movw    processors_awake, %di
        cmpw    $MOST_PROCESSORS, %di
        jae     2f
        movb    %bl, processor_ids(%di)
        incw    processors_awake
        movw    $0, processor_stack_taken
2:      hlt
        jmp     2b
        at      0xe6f2
fixed_int19:
        jmp     int19
        /* Length, model FCh (AT), submodel, revision; features: second 8259, RTC, INT 15h 4Fh; EBDA. */
        .globl  configuration_table
configuration_table:
        .word   8
        .byte   0xfc, 0x00, 0x01, 0x74, 0x40, 0, 0, 0
        at      0xe729
        /* Divisors of the serial port: 110 to 9600 baud. */
        .word   1047, 768, 384, 192, 96, 48, 24, 12
        at      0xe739
fixed_int14:
        jmp     int14

/* ---- a reset that was a way back from protected mode: BL is the shutdown code, 40:67 the pointer */
resume_entry:
        movw    $0x40, %ax
        movw    %ax, %ds
        cmpb    $0x05, %bl
        jne     1f
        inb     $0x60, %al
        movb    $EOI, %al
        outb    %al, $0xa0
        outb    %al, $0x20
        ljmp    *0x67
1:      cmpb    $0x0a, %bl
        jne     2f
        ljmp    *0x67
2:      lssw    0x67, %sp
        cmpb    $0x09, %bl
        jne     3f
        popw    %es
        popw    %ds
        popaw
        iretw
3:      cmpb    $0x0b, %bl
        jne     4f
        iretw
4:      lretw

        at      0xe82e
fixed_int16:
        jmp     int16

/* ---- reset: in ROM, just below 4 GiB (CS base FFFF0000), or in the copy at F0000 after a jump to F000:FFF0 */
        .globl  post_entry
post_entry:
        cli
        cld
        movb    $0x80 | CMOS_SHUTDOWN, %al
        outb    %al, $0x70
        inb     $0x71, %al
        movb    %al, %bl
        testb   %al, %al
        jz      1f
        movb    $0x80 | CMOS_SHUTDOWN, %al
        outb    %al, $0x70
        xorb    %al, %al
        outb    %al, $0x71
        cmpb    $0x05, %bl
        je      0f
        cmpb    $0x09, %bl
        jb      1f
        cmpb    $0x0c, %bl
        ja      1f
0:      ljmp    $BIOS_SEGMENT, $resume_entry

1:      /* RAM at C0000 to FFFFF for reads and writes: PAM0 to PAM6 of the host bridge. A jump through protected mode copies the ROM there. */
        movl    $0x80000000, %eax
        movw    $0xcf8, %dx
        outl    %eax, %dx
        movw    $0xcfc, %dx
        inl     %dx, %eax
        cmpl    $0x12378086, %eax
        jne     2f
        data32 lgdt %cs:gdt_pointer
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        movw    $SELECTOR_FLAT, %ax
        movw    %ax, %ds
        movw    %ax, %es
        /* Xen's firmware is put into RAM, and nothing is below 4 GiB. */
        movl    $0xffff0000 + signature, %esi
        movl    %cs:signature, %eax
        addr32 cmpl %eax, (%esi)
        jne     3f
        movl    %cs:signature + 4, %eax
        addr32 cmpl %eax, 4(%esi)
        jne     3f
        movl    $0x80000058, %eax
        movw    $0xcf8, %dx
        outl    %eax, %dx
        movw    $0xcfd, %dx
        movb    $0x30, %al
        outb    %al, %dx
        movw    $0xcfe, %dx
        movw    $0x3333, %ax
        outw    %ax, %dx
        movl    $0x8000005c, %eax
        movw    $0xcf8, %dx
        outl    %eax, %dx
        movw    $0xcfc, %dx
        movl    $0x33333333, %eax
        outl    %eax, %dx
        /* Out of S3 it is there still, with its variables. */
        cmpb    $RESUME_FROM_RAM, %bl
        je      3f
        movl    $0xfffe0000, %esi
        movl    $0xe0000, %edi
        movl    $0x8000, %ecx
        addr32 rep movsl
3:      movw    $SELECTOR_REAL, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movl    %cr0, %eax
        andb    $0xfe, %al
        movl    %eax, %cr0
2:      ljmp    $BIOS_SEGMENT, $post_in_ram

post_in_ram:
        inb     $0x92, %al
        orb     $2, %al
        andb    $0xfe, %al
        outb    %al, $0x92
        movw    %cs, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movl    $post_stack_top, %esp
        calll   enable_caches
        cmpb    $RESUME_FROM_RAM, %bl
        je      5f
        movl    $bss_start, %edi
        movl    $bss_end, %ecx
        subl    %edi, %ecx
        xorl    %eax, %eax
        rep stosb
        movw    $service_stacks_top, stack_free
        calll   post
        /* There is nothing behind it. */
4:      hlt
        jmp     4b
5:      calll   resume_from_ram
        ljmp    *far_pointer

        at      0xe987
fixed_int09:
        jmp     int09

/* Timer: 18.2 ticks a second, a day of them; the motors' time. */
int08:  pushl   %eax
        pushw   %dx
        pushw   %ds
        movw    $0x40, %ax
        movw    %ax, %ds
        incl    0x6c
        cmpl    $0x1800b0, 0x6c
        jb      1f
        movl    $0, 0x6c
        movb    $1, 0x70
1:      cmpb    $0, 0x40
        je      2f
        decb    0x40
        jnz     2f
        andb    $0xf0, 0x3f
        movb    $0x0c, %al
        movw    $0x3f2, %dx
        outb    %al, %dx
2:      int     $0x1c
        cli
        movb    $EOI, %al
        outb    %al, $0x20
        popw    %ds
        popw    %dx
        popl    %eax
        iretw

/* Keyboard: a program that has hooked INT 15h, AH = 4Fh may take or change the scan code. */
int09:  pushw   %ax
        inb     $0x60, %al
        movb    $0x4f, %ah
        stc
        int     $0x15
        jnc     1f
        cli
        pushfw
        pushw   %cs
        callw   key_service
        jmp     2f
1:      cli
        movb    $EOI, %al
        outb    %al, $0x20
2:      popw    %ax
        iretw
key_service:
        service 11

int74:  service 12
int70:  service 13

int75:  pushw   %ax
        xorb    %al, %al
        outb    %al, $0xf0
        movb    $EOI, %al
        outb    %al, $0xa0
        outb    %al, $0x20
        popw    %ax
        int     $2
        iretw

int76:  pushw   %ax
        pushw   %ds
        movw    $0x40, %ax
        movw    %ax, %ds
        movb    $0xff, 0x8e
        movb    $EOI, %al
        outb    %al, $0xa0
        outb    %al, $0x20
        popw    %ds
        popw    %ax
        iretw

int0e:  pushw   %ax
        pushw   %ds
        movw    $0x40, %ax
        movw    %ax, %ds
        orb     $0x80, 0x3e
        movb    $EOI, %al
        outb    %al, $0x20
        popw    %ds
        popw    %ax
        iretw

/* Nobody expects it: it is masked, but for the cascade. A spurious one has nothing in service. */
unexpected_slave:
        pushw   %ax
        movb    $0x0b, %al
        outb    %al, $0xa0
        inb     $0xa0, %al
        testb   %al, %al
        jz      1f
        movb    %al, %ah
        negb    %al
        andb    %al, %ah
        inb     $0xa1, %al
        orb     %ah, %al
        outb    %al, $0xa1
        movb    $EOI, %al
        outb    %al, $0xa0
1:      movb    $EOI, %al
        outb    %al, $0x20
        popw    %ax
        iretw
unexpected_master:
        pushw   %ax
        movb    $0x0b, %al
        outb    %al, $0x20
        inb     $0x20, %al
        testb   %al, %al
        jz      1f
        movb    %al, %ah
        negb    %al
        andb    %al, %ah
        andb    $0xfb, %ah
        inb     $0x21, %al
        orb     %ah, %al
        outb    %al, $0x21
        movb    $EOI, %al
        outb    %al, $0x20
1:      popw    %ax
        iretw

        at      0xec59
fixed_floppy:
        jmp     int13

/* void flat_copy(u32 to, u32 from, u32 words): through protected mode */
        .globl  flat_copy
flat_copy:
        pushl   %esi
        pushl   %edi
        pushfl
        cli
        movl    %eax, %edi
        movl    %edx, %esi
        data32 lgdt gdt_pointer
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        movw    $SELECTOR_FLAT, %dx
        movw    %dx, %ds
        movw    %dx, %es
        addr32 rep movsw
        movw    $SELECTOR_REAL, %dx
        movw    %dx, %ds
        movw    %dx, %es
        andb    $0xfe, %al
        movl    %eax, %cr0
        movw    %cs, %dx
        movw    %dx, %ds
        movw    %dx, %es
        popfl
        popl    %edi
        popl    %esi
        retl

/* void call_far(u16 segment, u16 offset, u16 ax, u16 bx, u16 di): an option ROM's entry */
        .globl  call_far
call_far:
        pushl   %ebp
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        pushw   %gs
        pushw   %fs
        movw    %ax, far_pointer + 2
        movw    %dx, far_pointer
        movl    %ecx, %eax
        movzwl  28(%esp), %edi
        movzwl  24(%esp), %ebx
        movw    $0xffff, %cx
        movw    %cx, %dx
        sti
        lcall   *far_pointer
        cli
        cld
        movw    %cs, %dx
        movw    %dx, %ds
        movw    %dx, %es
        popw    %fs
        popw    %gs
        popl    %edi
        popl    %esi
        popl    %ebx
        popl    %ebp
        movzwl  %ax, %eax
        retl

/* void start_boot_sector(u16 segment, u16 offset, u8 dl) */
        .globl  start_boot_sector
start_boot_sector:
        movl    %ecx, %ebx
        xorl    %ecx, %ecx
        movw    %cx, %ds
        movw    %cx, %es
        movw    %cx, %fs
        movw    %cx, %gs
        movw    %cx, %ss
        movl    $0x7c00, %esp
        sti
        pushw   %ax
        pushw   %dx
        movzbl  %bl, %edx
        movl    $0xaa55, %eax
        xorl    %ebx, %ebx
        xorl    %esi, %esi
        xorl    %edi, %edi
        xorl    %ebp, %ebp
        lretw

/* ---- services, once their number is on the stack */
common: pushw   %ds
        pushw   %es
        pushw   %fs
        pushw   %gs
        pushal
again:  cli
        cld
        movw    %ss, %ax
        movw    %ax, %gs
        movzwl  %sp, %ebx
        movw    %cs, %dx
        movw    %dx, %ds
        movw    %dx, %es
        movzwl  %gs:FRAME_SERVICE(%ebx), %esi
        movl    %gs:FRAME_GS(%ebx), %edi
        cmpw    %ax, %dx
        je      nested
        movzwl  stack_free, %ecx
        cmpw    $service_stacks + SERVICE_STACK, %cx
        jae     1f
        /* Programs that left services by a long jump have used them all up. */
        movw    $service_stacks_top, %cx
1:      movw    %dx, %ss
        movl    %ecx, %esp
        subw    $SERVICE_STACK, %cx
        movw    %cx, stack_free
        pushl   %ecx
        calll   serve
        popl    %ecx
        addw    $SERVICE_STACK, %cx
        movw    %cx, stack_free
        jmp     leave
nested: movl    %ebx, %esp
        calll   serve
leave:  movw    %gs, %dx
        movw    %dx, %ss
        movl    %ebx, %esp
        /* What is called from here, and what interrupts, finds the caller's. */
        movw    %ss:FRAME_FS(%ebx), %fs
        movw    %ss:FRAME_GS(%ebx), %gs
        decl    %eax
        jz      wait_and_retry
        js      finish
        decl    %eax
        jz      call_break
        decl    %eax
        jz      call_mouse
        int     $0x4a
        jmp     finish
call_break:
        int     $0x1b
        jmp     finish
call_mouse:
        pushw   mouse_packet
        pushw   mouse_packet + 2
        pushw   mouse_packet + 4
        pushw   $0
        lcall   *mouse_handler
        addw    $8, %sp
finish: movzwl  %sp, %ebx
        movl    %ss:FRAME_ESP(%ebx), %eax
        subl    $SAVED_WITH_PUSHA, %eax
        movl    %eax, %esp
        popal
        popw    %gs
        popw    %fs
        popw    %es
        popw    %ds
        addw    $2, %sp
        iretw
wait_and_retry:
        sti
        hlt
        jmp     again

/* Calls service ESI for the caller whose registers are at GS:EBX and whose GS and FS are in EDI. Returns what to do after it in EAX. */
serve:  pushl   caller_segments
        movl    %edi, caller_segments
        movl    %ebx, %eax
        calll   *services(, %esi, 4)
        cli
        popl    caller_segments
        retl

/*
 * void breathe(void), void halt(void): let interrupts in for a moment or until the next one, with the caller's FS and GS: handlers of programs in unreal mode
 * read through them. PAUSE is where emulators look for interrupts.
 */
        .globl  breathe, halt
breathe:
        pushw   %fs
        pushw   %gs
        movw    caller_segments, %gs
        movw    caller_segments + 2, %fs
        sti
        nop
        pause
        jmp     1f
halt:   pushw   %fs
        pushw   %gs
        movw    caller_segments, %gs
        movw    caller_segments + 2, %fs
        sti
        hlt
1:      cli
        popw    %gs
        popw    %fs
        retl

        .balign 4
services:
        .long   video_services, equipment_services, memory_services, disk_services, serial_services, system_services, keyboard_services, printer_services
        .long   boot_failed_services, boot_services, clock_services, key_interrupt, mouse_interrupt, clock_interrupt

/* ---- interrupts */
int10:  service 0
int11:  service 1
int12:  service 2
int13:  service 3
int14:  service 4
int15:  service 5
int16:  service 6
int17:  service 7
int18:  service 8
int19:  service 9
int1a:  service 10

/* What programs call instead of INT 10h, 4F05h. */
        .globl  vbe_window_entry
vbe_window_entry:
        movw    $0x4f05, %ax
        int     $0x10
        lretw

        at      0xef57
fixed_int0e:
        jmp     int0e
        at      0xefc7
        /* Step rate and head unload time, DMA and head load time, motor off delay, bytes a sector, sectors, gap, data length, gap at format, fill byte,
           head settle time in ms, motor start time in 1/8 s */
        .globl  floppy_parameters
floppy_parameters:
        .byte   0xaf, 0x02, 0x25, 0x02, 0x12, 0x1b, 0xff, 0x6c, 0xf6, 0x0f, 0x08
        at      0xefd2
fixed_int17:
        jmp     int17
        at      0xf065
fixed_int10:
        jmp     int10
        /* Between: tables of C (IN_GAP). */
        .section .fixed_late, "ax"
        .macro  late address
        .org    \address - 0xf841
        .endm
        late    0xf841
fixed_int12:
        jmp     int12
        late    0xf84d
fixed_int11:
        jmp     int11
        late    0xf859
fixed_int15:
        jmp     int15
        late    0xfa6e
        .globl  font_8x8
font_8x8:
        .incbin "font-8x8.bin", 0, 1024
        late    0xfe6e
fixed_int1a:
        jmp     int1a
        late    0xfea5
fixed_int08:
        jmp     int08
        late    0xff23
fixed_unexpected:
        jmp     unexpected_master
        late    0xff53
fixed_return:
        iretw
fixed_print_screen:
        iretw
        late    0xfff0
        jmp     post_entry
        late    0xfff5
        .ascii  "11/21/26"
        .byte   0, 0xfc, 0

        .section .bss
        .balign 4
        .globl  service_stacks, far_pointer, mouse_handler, mouse_packet
stack_free:     .space 4
/* GS and FS of who called the service that runs. */
caller_segments: .space 4
far_pointer:    .space 4
mouse_handler:  .space 4
mouse_packet:   .space 8
processors_awake: .space 2
processor_ids:  .space MOST_PROCESSORS
processor_stack_taken: .space 2
        .section .stacks, "aw", @nobits
        .balign 4
service_stacks: .space SERVICE_STACK * SERVICES_AT_ONCE
service_stacks_top:
                .space POST_STACK
post_stack_top:
