; events: a guest that sends events to itself. Each handler below is one experiment of the lesson on event channels.
; Structures and numbers: xen/include/public/event_channel.h, xen.h, hvm/params.h, memory.h.
        bits 32
        org 0x100000

EVENT_CHANNEL_OP equ 32
BIND_INTERDOMAIN equ 0
CLOSE            equ 3
SEND             equ 4
ALLOC_UNBOUND    equ 6
BIND_IPI         equ 7
UNMASK           equ 9
SHARED           equ 0x120000   ; the page of shared_info, where we have Xen put it
UPCALL_PENDING   equ SHARED + 0 ; vcpu_info of vCPU 0
SELECTOR         equ SHARED + 4
PENDING          equ SHARED + 0x800 ; evtchn_pending[32], behind 32 vcpu_info of 64 bytes
MASK             equ SHARED + 0x880 ; evtchn_mask[32]
UPCALL_VECTOR    equ 0x30

title:  db 'events: send N, masked N, clear N, late N, bind N', 13, 10, 0
commands:
        dd name_send, do_send, name_masked, do_masked, name_clear, do_clear, name_late, do_late, name_bind, do_bind, 0
name_send:   db 'send', 0
name_masked: db 'masked', 0
name_clear:  db 'clear', 0
name_late:   db 'late', 0
name_bind:   db 'bind', 0
        align 4
notes:
        db 'upcalls     '
upcalls: dd 0                   ; times that the handler ran
        db 'told        '
told:   dd 0                    ; times that it found the port's bit set
        db 'port        '
port:   dd 0                    ; where we send to ourselves
        db 'left        '
left:   dd 0                    ; items that wait to be looked at
        db 'remote      '
remote: dd 0                   ; the two ends of the last round
        db 'local       '
local:  dd 0
        db 'masked_seen '
masked_seen: dd 0               ; the pending bit, while the port was masked
notes_end:

; send N: sends N events. The port is open, so each one calls the handler before the next instruction.
do_send:
        mov ebp, [arg1]
.each:  call send
        dec ebp
        jnz .each
        ret

; masked N: sends N events to a masked port, then unmasks it.
do_masked:
        mov eax, [port]
        bts dword [MASK], eax
        mov ebp, [arg1]
.each:  call send
        dec ebp
        jnz .each
        mov eax, [port]
        bt dword [PENDING], eax
        setc byte [masked_seen]
        mov eax, [port]
        mov [argument], eax
        mov ecx, UNMASK         ; clears the mask bit and, as the port is pending, calls us
        jmp event_op

; clear N: a consumer that is not to be interrupted. It clears the bit, THEN looks; between the two the other side makes N items.
do_clear:
        cli
        call clear                      ; 1. clear
        call produce                    ;    (the other side, just now)
        call look                       ; 2. look: they are seen
        sti                             ; events for us arrive now
        ret

; late N: the same, the wrong way round. It looks, THEN clears.
do_late:
        cli
        call look                       ; 1. look: nothing is there
        call produce                    ;    (the other side, just now)
        call clear                      ; 2. clear: and with it the notice of the items
        sti
        ret

clear:  mov eax, [port]
        lock btr dword [PENDING], eax
        ret
look:   mov dword [left], 0             ; what was there is done
        ret
; The other side's half: an item and an event, N times.
produce:
        mov ebp, [arg1]
.each:  inc dword [left]
        call send
        dec ebp
        jnz .each
        ret

; bind N: a port is opened for ourselves, N events are sent to it before anybody has bound the other end, then it is bound.
do_bind:
        cli
        mov dword [argument], SELF << 16 | SELF ; dom, remote_dom
        mov ecx, ALLOC_UNBOUND
        call event_op
        mov eax, [argument + 4]
        mov [remote], eax
        mov ebp, [arg1]
.each:  test ebp, ebp
        jz .bind
        mov eax, [remote]
        mov [argument], eax
        mov ecx, SEND
        call event_op
        dec ebp
        jmp .each
.bind:  mov dword [argument], SELF      ; remote_dom
        mov eax, [remote]
        mov [argument + 4], eax         ; remote_port
        mov ecx, BIND_INTERDOMAIN
        call event_op
        mov eax, [argument + 8]         ; local_port
        mov [local], eax
        sti                             ; an upcall comes; its handler does not know the new port, so the port's bit stays
        ret

send:   mov eax, [port]
        mov [argument], eax
        mov ecx, SEND
event_op:
        mov eax, EVENT_CHANNEL_OP
        mov ebx, ecx
        mov ecx, argument
        jmp hypercall

; The upcall: the handler of vector 0x30. It clears from the outside in, as Xen's guests do: upcall, selector, the port's bit. Then it looks for work.
on_upcall:
        push eax
        inc dword [upcalls]
        mov byte [UPCALL_PENDING], 0
        xor eax, eax
        xchg eax, [SELECTOR]
        mov eax, [port]
        lock btr dword [PENDING], eax
        jnc .end
        inc dword [told]
        call look
.end:   pop eax
        iret

; shared_info into our memory, the upcall's vector, and an IPI port to send to ourselves by.
setup:  mov edi, idt + 8 * UPCALL_VECTOR
        mov eax, on_upcall
        call put_gate
        mov eax, 12                     ; memory_op, XENMEM_add_to_physmap
        mov ebx, 7
        mov ecx, place
        call hypercall
        mov eax, 34                     ; hvm_op, HVMOP_set_param
        mov ebx, 0
        mov ecx, callback
        call hypercall
        mov dword [argument], 0         ; vCPU 0
        mov ecx, BIND_IPI
        call event_op
        mov eax, [argument + 4]
        mov [port], eax
        ret

        align 4
argument: times 4 dd 0
place:  dw SELF, 0                      ; domid, size
        dd 0, 0, SHARED >> 12           ; XENMAPSPACE_shared_info, idx, gpfn
callback:
        dw SELF, 0                      ; domid, pad
        dd 0                            ; HVM_PARAM_CALLBACK_IRQ
        dd UPCALL_VECTOR, 2 << 24       ; type 2 in bits 56 to 63: a vector
