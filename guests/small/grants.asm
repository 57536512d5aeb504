; grants: two guests of one source. The first shares a page and takes it back; the second maps it and writes to it.
; Structures and numbers: xen/include/public/grant_table.h, memory.h. A domain learns its own number from CPUID (arch-x86/cpuid.h, leaf 0x40000004),
; and the lesson starts the second right behind the first, so their numbers follow each other.
        bits 32
        org 0x100000

GRANT_TABLE_OP equ 20
MAP_GRANT_REF  equ 0
UNMAP_GRANT_REF equ 1
GTF_PERMIT     equ 1            ; GTF_permit_access
GTF_READONLY   equ 4
GTF_IN_USE     equ 8 + 16       ; GTF_reading, GTF_writing
TABLE          equ 0x120000     ; the grant table's first frame, where we have Xen put it: 512 entries of 8 bytes
REF            equ 8            ; the first eight are the toolstack's
ENTRY          equ TABLE + 8 * REF
PAGE           equ 0x121000     ; the page that the owner shares
WINDOW         equ 0x122000     ; where the user sees it
GNTMAP_HOST    equ 2            ; GNTMAP_host_map
GNTMAP_READONLY equ 4

title:  db 'grants: share, readonly, revoke N, store, look; map, peek, poke N, unmap', 13, 10, 0
commands:
        dd name_share, do_share, name_readonly, do_readonly, name_revoke, do_revoke, name_store, do_store, name_look, do_look
        dd name_map, do_map, name_peek, do_peek, name_poke, do_poke, name_unmap, do_unmap, 0
name_share:    db 'share', 0
name_readonly: db 'readonly', 0
name_revoke:   db 'revoke', 0
name_store:    db 'store', 0
name_look:     db 'look', 0
name_map:      db 'map', 0
name_peek:     db 'peek', 0
name_poke:     db 'poke', 0
name_unmap:    db 'unmap', 0
        align 4
notes:
        db 'page        '
page:   dd 0                    ; what the owner read in its page
        db 'busy        '
busy:   dd 0                    ; times that it could not revoke: in use
        db 'revoked     '
revoked: dd 0                   ; times that it could
        db 'mapped      '
mapped: dd 0                    ; 1: the user's last map succeeded
        db 'refused     '
refused: dd 0                   ; times that a map was refused, and the last status, without its sign
        db 'status      '
status: dd 0
        db 'read        '
read:   dd 0                    ; what the user read in the window
notes_end:

; ---- the owner

do_share:
        mov ebx, GTF_PERMIT
        jmp fill_entry
do_readonly:
        mov ebx, GTF_PERMIT + GTF_READONLY
; Frame and domain first, the flags last: from then on the entry counts.
fill_entry:
        call own_number
        inc eax                         ; the guest behind us
        mov [ENTRY + 2], ax
        mov dword [ENTRY + 4], PAGE >> 12
        mov [ENTRY], bx
        ret

; revoke N: tries N times to end the grant, as grant_table.h says: compare and exchange, and only an entry that is not in use.
do_revoke:
        mov ebp, [arg1]
.each:  mov ax, [ENTRY]
        test ax, GTF_IN_USE
        jnz .busy
        xor ecx, ecx
        lock cmpxchg [ENTRY], cx
        jnz .busy
        inc dword [revoked]
        jmp .next
.busy:  inc dword [busy]
.next:  dec ebp
        jnz .each
        ret

; store: just writes 0 over the flags. Nobody stops us.
do_store:
        mov word [ENTRY], 0
        ret

do_look:
        mov eax, [PAGE]
        mov [page], eax
        mov esi, page_text
        jmp tell

; ---- the user

do_map: call own_number
        dec eax                         ; the guest before us
        mov [map_dom], ax
        mov dword [map_flags], GNTMAP_HOST
        test dword [arg1], 1            ; map 1: for reading alone
        jz .ask
        or dword [map_flags], GNTMAP_READONLY
.ask:   mov ebx, MAP_GRANT_REF
        mov ecx, map
        mov edx, 1
        mov eax, GRANT_TABLE_OP
        call hypercall
        movsx eax, word [map_status]
        test eax, eax
        jnz .no
        mov dword [mapped], 1
        mov eax, [map_handle]
        mov [unmap_handle], eax
        ret
.no:    neg eax
        mov [status], eax
        inc dword [refused]
        mov dword [mapped], 0
        mov esi, refused_text
        jmp tell

do_peek:
        mov eax, [WINDOW]
        mov [read], eax
        mov esi, page_text
        jmp tell
do_poke:
        mov eax, [arg1]
        mov [WINDOW], eax
        ret

do_unmap:
        mov ebx, UNMAP_GRANT_REF
        mov ecx, unmap
        mov edx, 1
        mov eax, GRANT_TABLE_OP
        call hypercall
        mov dword [mapped], 0
        ret

; Our number in EAX: leaf 0x40000004, in ECX; bit 4 of EAX (XEN_HVM_CPUID_DOMID_PRESENT) says that it is there.
own_number:
        push ebx
        push ecx
        push edx
        mov eax, 0x40000004
        xor ecx, ecx
        cpuid
        mov eax, ecx
        pop edx
        pop ecx
        pop ebx
        ret

; The grant table's first frame to TABLE.
setup:  mov eax, 12                     ; memory_op, XENMEM_add_to_physmap
        mov ebx, 7
        mov ecx, place
        jmp hypercall

page_text:    db 'the page says ', 0
refused_text: db 'refused, status -', 0
        align 8
place:  dw SELF, 0                      ; domid, size
        dd 1, 0, TABLE >> 12            ; XENMAPSPACE_grant_table, idx, gpfn
map:    dq WINDOW                       ; struct gnttab_map_grant_ref: host_addr
map_flags: dd 0
        dd REF
map_dom: dw 0
map_status: dw 0
map_handle: dd 0
        dq 0                            ; dev_bus_addr
unmap:  dq WINDOW, 0                    ; struct gnttab_unmap_grant_ref: host_addr, dev_bus_addr
unmap_handle: dd 0
        dd 0                            ; status
