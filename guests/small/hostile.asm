; hostile: a guest that tries to leave its domain by every door. Each attempt notes how it was refused; `tries` and `refused` count them.
; Its victim is the guest with the number before, of which it knows nothing but that. Numbers: xen/include/public (grant_table.h, event_channel.h, sched.h,
; memory.h, hvm/hvm_op.h, io/xs_wire.h), SFF-8038i (bus master), ATA (READ DMA).
        bits 32
        org 0x100000

MEMORY_OP      equ 12
GRANT_TABLE_OP equ 20
SCHED_OP       equ 29
EVENT_CHANNEL_OP equ 32
HVM_OP         equ 34
SYSCTL         equ 35
DOMCTL         equ 36
YIELD          equ 0
REMOTE_SHUTDOWN equ 4
GET_PARAM      equ 1
MAP_GRANT_REF  equ 0
GRANT_COPY     equ 5
BIND_INTERDOMAIN equ 0
SEND           equ 4
ADD_TO_PHYSMAP_BATCH equ 23
GMFN_FOREIGN   equ 4                    ; XENMAPSPACE_gmfn_foreign
TABLE          equ 0x120000             ; our grant table's first frame
REF            equ 8
BEYOND         equ 0x10000000           ; 256 MiB: we have 4
COMMAND        equ 0x1f7                ; the first IDE channel
MASTER         equ 0xc000               ; where we put its bus master
XS_WRITE       equ 11
XS_ERROR       equ 16
PATIENCE       equ 3000

; The ring that we share with the toy back end (toy.asm has the other end).
RING           equ 0x121000
REQ_PROD       equ RING + 0             ; requests that we made
RSP_PROD       equ RING + 4             ; answers
SLOT           equ RING + 0x40          ; eight of 16 bytes: words wanted, 0; in an answer status, 0, and 8 bytes of padding
DATA           equ RING + 0x100         ; where the words go

title:  db 'hostile: doors; share, ask N, grow N, flood N, look', 13, 10, 0
commands:
        dd name_doors, do_doors, name_share, do_share, name_ask, do_ask, name_grow, do_grow, name_flood, do_flood, name_look, do_look, 0
name_doors: db 'doors', 0
name_share: db 'share', 0
name_ask:   db 'ask', 0
name_grow:  db 'grow', 0
name_flood: db 'flood', 0
name_look:  db 'look', 0
        align 4
notes:
        db 'tries       '
tries:  dd 0
        db 'refused     '
refused: dd 0
codes:                                  ; how: errno or GNTST without its sign, what was read, or 1
        db 'domctl      '
        dd 0
        db 'sysctl      '
        dd 0
        db 'shutdown    '
        dd 0
        db 'param       '
        dd 0
        db 'foreign     '
        dd 0
        db 'map         '
        dd 0
        db 'map_dom0s   '
        dd 0
        db 'copy        '
        dd 0
        db 'bind        '
        dd 0
        db 'send        '
        dd 0
        db 'port        '
        dd 0
        db 'beyond      '
        dd 0
        db 'dma         '
        dd 0
        db 'store       '
        dd 0
        db 'got         '
got:    dd 0                            ; words that came from the toy back end
        db 'status      '
status: dd 0                            ; its last answer, without its sign
        db 'stolen      '
stolen: dd 0                            ; the first word of them that is not ours
        db 'leaked      '
leaked: dd 0                            ; the first word of an answer's padding
notes_end:

; ---- the doors. Each routine returns in EAX how it was refused, without its sign; 0: it was not.

doors:  dd name_domctl, domctl, name_sysctl, sysctl, name_shutdown, shutdown, name_param, param, name_foreign, foreign
        dd name_map, map_nothing, name_dom0s, map_dom0s, name_copy, copy, name_bind, bind, name_send, send
        dd name_port, port, name_beyond, beyond, name_dma, dma, name_store, store, 0
name_domctl:   db 'domctl, destroy it: ', 0
name_sysctl:   db 'sysctl, ask for the host: ', 0
name_shutdown: db 'sched_op, shut it down: ', 0
name_param:    db 'hvm_op, where is its store ring: ', 0
name_foreign:  db 'memory_op, show us its frame 256: ', 0
name_map:      db 'map its entry 8, which grants nothing: ', 0
name_dom0s:    db 'map its entry 1, which is for Domain 0: ', 0
name_copy:     db 'copy from its frame 256 without a grant: ', 0
name_bind:     db 'bind to its port 1: ', 0
name_send:     db 'send through a port that is not ours: ', 0
name_port:     db 'I/O port 0x5550 reads ', 0
name_beyond:   db 'memory at 256 MiB reads ', 0
name_dma:      db 'DMA to 256 MiB; what is there reads ', 0
name_store:    db 'write /local/domain/0/name: ', 0

do_doors:
        mov ebp, doors
        mov ebx, codes
.next:  mov esi, [ebp]
        test esi, esi
        jz .end
        push ebx
        push ebp
        push esi
        call [ebp + 4]
        pop esi
        pop ebp
        pop ebx
        mov [ebx + 12], eax
        inc dword [tries]
        test eax, eax
        jz .tell
        inc dword [refused]
.tell:  call tell
        add ebx, 16
        add ebp, 8
        jmp .next
.end:   ret

domctl: mov dword [argument], 2         ; XEN_DOMCTL_destroydomain
        call victim
        mov [argument + 8], eax
        mov eax, DOMCTL
        jmp with_argument
sysctl: mov dword [argument], 3         ; XEN_SYSCTL_physinfo
        mov eax, SYSCTL
with_argument:
        mov dword [argument + 4], 0x15  ; interface_version of Xen 4.17
        mov ebx, argument
        call hypercall
        neg eax
        ret
shutdown:
        call victim
        mov [argument], eax
        mov dword [argument + 4], 0     ; SHUTDOWN_poweroff
        mov eax, SCHED_OP
        mov ebx, REMOTE_SHUTDOWN
operation:                              ; EAX: hypercall, EBX: what, in `argument` the rest
        mov ecx, argument
        call hypercall
        neg eax
        ret
param:  call victim
        mov [argument], eax             ; domid, padding
        mov dword [argument + 4], 1     ; HVM_PARAM_STORE_PFN
        mov eax, HVM_OP
        mov ebx, GET_PARAM
        jmp operation
foreign: call victim
        mov word [batch], 0x7ff0        ; DOMID_SELF
        mov [batch + 6], ax             ; foreign_domid
        mov dword [list_error], 0
        mov eax, MEMORY_OP
        mov ebx, ADD_TO_PHYSMAP_BATCH
        mov ecx, batch
        call hypercall
        neg eax
        jnz .end
        mov eax, [list_error]
        neg eax
.end:   ret

map_nothing:
        mov dword [map + 12], REF
        jmp do_map
map_dom0s:
        mov dword [map + 12], 1         ; GNTTAB_RESERVED_XENSTORE
do_map: call victim
        mov [map + 16], ax
        mov ebx, MAP_GRANT_REF
        mov ecx, map
        call grant_op
        movsx eax, word [map + 18]
        neg eax
        ret
copy:   call victim
        mov [copying + 4], ax
        mov ebx, GRANT_COPY
        mov ecx, copying
        call grant_op
        movsx eax, word [copying + 20]
        neg eax
        ret
grant_op:
        mov edx, 1
        mov eax, GRANT_TABLE_OP
        jmp hypercall

bind:   call victim
        mov [argument], eax
        mov dword [argument + 4], 1
        mov eax, EVENT_CHANNEL_OP
        mov ebx, BIND_INTERDOMAIN
        jmp operation
send:   mov dword [argument], 77
        mov eax, EVENT_CHANNEL_OP
        mov ebx, SEND
        jmp operation

port:   mov dx, 0x5550
        xor eax, eax
        in al, dx
        ret
beyond: mov dword [BEYOND], 0
        movzx eax, byte [BEYOND]
        ret
; READ DMA of one sector, to where we have no memory.
dma:    mov eax, 0x80000920             ; the IDE function, 00:01.1: BAR 4, then its command register
        mov ebx, MASTER + 1
        call configure
        mov eax, 0x80000904
        mov ebx, 5
        call configure
        mov dx, 0x1f6
        mov al, 0xe0
        out dx, al
        mov dx, MASTER + 4
        mov eax, descriptor
        out dx, eax
        mov dx, MASTER + 2
        mov al, 6
        out dx, al
        mov dx, 0x1f2                   ; one sector, number 0
        mov al, 1
        out dx, al
        xor eax, eax
        mov ecx, 3
.low:   inc edx
        out dx, al
        loop .low
        mov dx, COMMAND
        mov al, 0xc8
        out dx, al
        mov dx, MASTER
        mov al, 9                       ; towards memory, start
        out dx, al
        mov ecx, PATIENCE
.wait:  push ecx
        call give_way
        pop ecx
        mov dx, MASTER + 2
        in al, dx
        and al, 7
        cmp al, 1
        loope .wait
        mov dx, MASTER
        xor al, al
        out dx, al
        movzx eax, byte [BEYOND]
        ret
configure:
        mov dx, 0xcf8
        out dx, eax
        mov dx, 0xcfc
        mov eax, ebx
        out dx, eax
        ret

; A message by our ring to the store (xs_wire.h), and its answer.
store:  mov dword [argument], 0x7ff0
        mov dword [argument + 4], 1     ; HVM_PARAM_STORE_PFN
        mov eax, HVM_OP
        mov ebx, GET_PARAM
        call operation
        mov ebp, [argument + 8]
        shl ebp, 12
        mov dword [argument + 4], 2     ; HVM_PARAM_STORE_EVTCHN
        mov eax, HVM_OP
        mov ebx, GET_PARAM
        call operation
        mov esi, message
        mov ecx, message_end - message
        mov ebx, [ebp + 2052]           ; req_prod; the ring has 1024 bytes
.put:   mov edx, ebx
        and edx, 1023
        lodsb
        mov [ebp + edx], al
        inc ebx
        loop .put
        mov [ebp + 2052], ebx
        mov eax, [argument + 8]
        mov [argument], eax
        mov eax, EVENT_CHANNEL_OP
        mov ebx, SEND
        call operation
        mov ecx, PATIENCE
.wait:  push ecx
        call give_way
        pop ecx
        mov eax, [ebp + 2060]           ; rsp_prod
        cmp eax, [ebp + 2056]           ; rsp_cons
        jne .there
        loop .wait
        xor eax, eax
        ret
.there: mov edx, [ebp + 2056]
        and edx, 1023
        mov ebx, [ebp + 1024 + edx]     ; what kind of answer
        mov [ebp + 2056], eax
        xor eax, eax
        cmp ebx, XS_ERROR
        sete al
        ret

; The guest with the number before: EAX.
victim: push ebx
        push ecx
        push edx
        mov eax, 0x40000004
        xor ecx, ecx
        cpuid
        lea eax, [ecx - 1]
        pop edx
        pop ecx
        pop ebx
        ret
; Others run: for a while, or now.
give_way:
        pushad
        mov ecx, 1000
        loop $
        mov eax, SCHED_OP
        mov ebx, YIELD
        xor ecx, ecx
        call hypercall
        popad
        ret

; ---- the toy back end

do_share:
        call victim
        mov [TABLE + 8 * REF + 2], ax
        mov dword [TABLE + 8 * REF + 4], RING >> 12
        mov word [TABLE + 8 * REF], 1   ; GTF_permit_access
        ret

; ask N: one request for N words.
do_ask: mov edi, DATA                   ; nothing has come yet
        mov ecx, 32
        xor eax, eax
        rep stosd
        mov edx, [REQ_PROD]
        and edx, 7
        shl edx, 4
        add edx, SLOT
        mov [slot], edx
        mov eax, [arg1]
        mov [edx], eax
        inc dword [REQ_PROD]
        ret
; grow N: N words now, in the request that is on its way.
do_grow:
        mov edx, [slot]
        mov eax, [arg1]
        mov [edx], eax
        ret
; flood N: says that there are N more requests, though the ring has room for eight.
do_flood:
        mov eax, [arg1]
        add [REQ_PROD], eax
        ret
; look: what came, and what else is in the answer.
do_look:
        mov edx, [slot]
        mov eax, [edx]
        neg eax
        mov [status], eax
        mov eax, [edx + 8]
        mov [leaked], eax
        mov esi, DATA
        mov ecx, 32
        xor ebx, ebx
.count: lodsd
        cmp eax, 1                      ; carry where it is 0
        sbb ebx, -1
        loop .count
        mov [got], ebx
        mov eax, [DATA + 4 * 8]         ; eight words are ours
        mov [stolen], eax
        mov eax, ebx
        mov esi, got_text
        jmp tell

setup:  mov eax, MEMORY_OP              ; the grant table's first frame to TABLE
        mov ebx, 7                      ; XENMEM_add_to_physmap
        mov ecx, place
        jmp hypercall

got_text: db 'words that came: ', 0
        align 8
place:  dw 0x7ff0, 0                    ; DOMID_SELF, size
        dd 1, 0, TABLE >> 12            ; XENMAPSPACE_grant_table, idx, gpfn
map:    dq 0x122000                     ; struct gnttab_map_grant_ref: host_addr
        dd 2, 0                         ; GNTMAP_host_map, ref
        dw 0, 0                         ; dom, status
        dd 0
        dq 0
copying: dd 256                         ; struct gnttab_copy: source.u.gmfn,
        dw 0, 0                         ; source.domid, offset
        dd 0x122                        ; dest.u.gmfn
        dw 0x7ff0, 0                    ; dest.domid, offset
        dw 16, 0                        ; len, flags: both ends are frames
        dd 0                            ; status
batch:  dw 0x7ff0, GMFN_FOREIGN, 1, 0   ; struct xen_add_to_physmap_batch: domid, space, size, foreign_domid
        dd list_idx, list_gpfn, list_error
list_idx: dd 256
list_gpfn: dd 0x123
list_error: dd 0
argument: times 6 dd 0
slot:   dd SLOT                         ; of our last request
descriptor: dd BEYOND, 0x80000200       ; 512 bytes, the last one
message: dd XS_WRITE, 1, 0, message_end - message - 16
        db '/local/domain/0/name', 0, 'mine'
message_end:
