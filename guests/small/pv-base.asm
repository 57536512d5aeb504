; What small paravirtual guests have in common, behind each one's own source and console.asm: headers of the file, start, the console's key and putc,
; hypercalls.
; Structures and numbers: xen/include/public/xen.h, arch-x86/xen.h, arch-x86/xen-x86_32.h, io/console.h, elfnote.h, physdev.h; ELF: System V ABI.
; Xen enters at level 1, with paging on: page N of our memory is at N * 4096. ESI: start_info.

KERNEL_CS  equ 0xe019                   ; FLAT_KERNEL_CS
SHARED     equ 0x120000                 ; where we have shared_info mapped
UPCALL     equ SHARED + 0               ; vcpu_info of vCPU 0: evtchn_upcall_pending,
MASKED     equ SHARED + 1               ; evtchn_upcall_mask
SELECTOR   equ SHARED + 4
PENDING    equ SHARED + 0x800           ; evtchn_pending, ports 0 to 31
NR_PAGES   equ 32                       ; fields of start_info
SHARED_INFO equ 36
CONSOLE_MFN equ 52
CONSOLE_PORT equ 56
MFN_LIST   equ 68
IN_RING    equ 0                        ; fields of the console's ring: 1024 bytes in, 2048 out
OUT_RING   equ 1024
IN_CONS    equ 3072
IN_PROD    equ 3076
OUT_PROD   equ 3084

        align 4
segments: ; PT_LOAD: all of the file, to where it says org; readable, writable, executable. Then PT_NOTE.
        dd 1, 0, 0x100000, 0x100000, image_end - 0x100000, image_end - 0x100000, 7, 0x1000
        dd 4, elf_notes - 0x100000, elf_notes, elf_notes, elf_notes_end - elf_notes, elf_notes_end - elf_notes, 4, 4
; Length of the name, of what it says, type; "Xen".
elf_notes:
        dd 4, 6, 6, 'Xen'               ; GUEST_OS
        db 'small', 0, 0, 0
        dd 4, 8, 5, 'Xen'               ; XEN_VERSION
        db 'xen-3.0', 0
        dd 4, 8, 8, 'Xen'               ; LOADER
        db 'generic', 0
        dd 4, 4, 9, 'Xen'               ; PAE_MODE
        db 'yes', 0
        dd 4, 4, 3, 'Xen', 0            ; VIRT_BASE
        dd 4, 4, 4, 'Xen', 0            ; PADDR_OFFSET
        dd 4, 4, 1, 'Xen', start        ; ENTRY
elf_notes_end:

start:  cld
        mov edi, [esi + MFN_LIST]       ; which page of ours is the console's ring?
        mov eax, [esi + CONSOLE_MFN]
        mov ecx, [esi + NR_PAGES]
        repne scasd
        sub edi, [esi + MFN_LIST]
        sub edi, 4
        shl edi, 10                     ; 4 bytes an entry, 4096 a page
        mov [console_ring], edi
        mov eax, [esi + CONSOLE_PORT]
        mov [console_port], eax
        mov eax, [esi + MFN_LIST]
        mov [mfn_list], eax
        mov eax, 14                     ; update_va_mapping: an entry of the page tables, and UVMF_INVLPG
        mov ebx, SHARED
        mov ecx, [esi + SHARED_INFO]
        or ecx, 3                       ; present, writable
        xor edx, edx
        mov esi, 2
        call hypercall
        xor eax, eax                    ; set_trap_table
        mov ebx, traps
        call hypercall
        mov eax, 4                      ; set_callbacks: of events, and of a failed return, which we do not expect
        mov ebx, KERNEL_CS
        mov ecx, on_upcall
        mov edx, KERNEL_CS
        mov esi, failed
        call hypercall
        mov eax, 33                     ; physdev_op, PHYSDEVOP_set_iopl: without it CLI, STI, IN and OUT come back as our own #GP
        mov ebx, 6
        mov ecx, iopl
        call hypercall
        mov eax, 32                     ; event_channel_op, EVTCHNOP_bind_ipi: a port to send to ourselves by
        mov ebx, 7
        mov ecx, bind
        call hypercall
        mov eax, [bind + 4]
        mov [own_port], eax
        mov eax, cr3                    ; Xen emulates this
        mov [base], eax
        mov byte [MASKED], 0
        jmp console

; Tells Domain 0 what was written, and waits for a key: AL.
key:    mov eax, [console_port]
        call send
.wait:  mov edi, [console_ring]
        mov ebx, [edi + IN_CONS]
        cmp ebx, [edi + IN_PROD]
        jne .there
        call block                      ; an event that came since then ends it at once
        jmp .wait
.there: inc dword [edi + IN_CONS]
        and ebx, 1023
        mov al, [edi + IN_RING + ebx]
        ret
; Writes the letter in AL, into the console's ring. No one is notified yet.
putc:   push edi
        push ebx
        mov edi, [console_ring]
        mov ebx, [edi + OUT_PROD]
        and ebx, 2047
        mov [edi + OUT_RING + ebx], al
        inc dword [edi + OUT_PROD]
        pop ebx
        pop edi
        ret

; A hypercall: its number in EAX, arguments in EBX, ECX, EDX, ESI, EDI, result in EAX. A hypercall page of 32-bit paravirtual guests holds just this.
hypercall:
        int 0x82
        ret
; EVTCHNOP_send to the port in EAX.
send:   push ebx
        push ecx
        mov [port], eax
        mov eax, 32
        mov ebx, 4
        mov ecx, port
        call hypercall
        pop ecx
        pop ebx
        ret
; SCHEDOP_block: unmasks events, and waits until there is one.
block:  push ebx
        mov eax, 29
        mov ebx, 1
        call hypercall
        pop ebx
        ret
; fpu_taskswitch: CR0.TS clear.
task_switched:
        push ebx
        mov eax, 5
        xor ebx, ebx
        call hypercall
        pop ebx
        ret
; mmuext_op, MMUEXT_NEW_BASEPTR: the page tables whose CR3 is in EAX. CR3 has the frame number's upper 12 bits at the bottom (xen_cr3_to_pfn).
new_base:
        rol eax, 20
        mov [new_base_mfn], eax
        mov eax, 26
        mov ebx, new_base_op
        mov ecx, 1
        xor edx, edx
        mov esi, 0x7ff0                 ; DOMID_SELF
        jmp hypercall

; The upcall, entered with events masked. Pending flags are cleared from the outside in.
on_upcall:
        push eax
        call on_event
        mov byte [UPCALL], 0
        xor eax, eax
        xchg eax, [SELECTOR]
        xor eax, eax
        xchg eax, [PENDING]
        pop eax
        mov byte [MASKED], 0
        iret
failed: jmp failed

        align 4
traps:  db 13, 0                        ; struct trap_info: vector, flags, cs, address; then none
        dw KERNEL_CS
        dd on_fault
        dd 0, 0
iopl:   dd 1
bind:   dd 0, 0                         ; vCPU 0; port
new_base_op: dd 5                       ; struct mmuext_op: MMUEXT_NEW_BASEPTR
new_base_mfn: dd 0, 0
port:   dd 0
own_port: dd 0
base:   dd 0
console_ring: dd 0
console_port: dd 0
mfn_list: dd 0                           ; the machine's frame of each of our pages
image_end:
