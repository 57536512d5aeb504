; toy: a toy back end, for one lesson alone. It serves words of a file to one front end (hostile.asm) by a ring in a page that is shared by grant.
; Three holes that real back ends had can be switched on; they are off at first, and then each check is made once, on what is then used.
;   1  the length is fetched again after it was checked (XSA-155, CVE-2015-8550)
;   2  the producer's index is believed (XSA-39, CVE-2013-0216)
;   4  an answer's padding is what lay in memory (XSA-216, CVE-2017-10911)
        bits 32
        org 0x100000

GRANT_TABLE_OP equ 20
MAP_GRANT_REF  equ 0
REF            equ 8
SLOTS          equ 8
FILE_WORDS     equ 8
RING           equ 0x121000             ; where we see the ring (hostile.asm)
REQ_PROD       equ RING + 0
RSP_PROD       equ RING + 4
SLOT           equ RING + 0x40
DATA           equ RING + 0x100
DATA_WORDS     equ 32
DOUBLE_FETCH   equ 1
BELIEVE        equ 2
PADDING        equ 4

title:  db 'toy: keep N, holes N, take, answer', 13, 10, 0
commands:
        dd name_keep, do_keep, name_holes, do_holes, name_take, do_take, name_answer, do_answer, 0
name_keep:   db 'keep', 0
name_holes:  db 'holes', 0
name_take:   db 'take', 0
name_answer: db 'answer', 0
        align 4
notes:
        db 'served      '
served: dd 0                            ; requests, in the last `answer`
        db 'refused     '
refused: dd 0                           ; of them: with an error
        db 'broken      '
broken: dd 0                            ; 1: the ring cannot be right, and is not served any more
        db 'holes       '
holes:  dd 0
        db 'secret      '
secret: dd 0                            ; the neighbour's first word, as it is now
notes_end:

; keep N: the neighbour's file is N, N + 1 and so on, and the neighbour was just answered.
do_keep:
        mov eax, [arg1]
        mov edi, neighbours_file
        mov ecx, DATA_WORDS
.word:  stosd
        inc eax
        loop .word
        mov eax, [arg1]
        mov [secret], eax
        mov [answer + 8], eax
        ret

; The front end's page, the first time.
attach: cmp dword [map_flags], 0
        je .end
        mov eax, 0x40000004             ; ECX: our number (arch-x86/cpuid.h)
        xor ecx, ecx
        cpuid
        inc ecx                         ; the guest behind us
        mov [map_dom], cx
        mov ebx, MAP_GRANT_REF
        mov ecx, map
        mov edx, 1
        mov eax, GRANT_TABLE_OP
        call hypercall
        cmp word [map_dom + 2], 0       ; GNTST_okay
        jne .end
        mov dword [map_flags], 0
.end:   ret

do_holes:
        mov eax, [arg1]
        mov [holes], eax
        ret

; take: looks at the ring, and checks the next request. Then a real back end waits for its disk; this one waits for `answer`, and the front end runs.
do_take:
        call attach
        mov dword [served], 0
        mov dword [refused], 0
        mov eax, [REQ_PROD]             ; fetched once
        mov [prod], eax
        sub eax, [cons]
        cmp eax, SLOTS
        jbe check
        test dword [holes], BELIEVE
        jnz check
        mov dword [broken], 1           ; no one can have made that many
        mov eax, [cons]
        mov [prod], eax
        ret
; The request at `cons`: EBX its slot, `words` how many it wants.
check:  mov ebx, [cons]
        and ebx, SLOTS - 1
        shl ebx, 4
        add ebx, SLOT
        mov eax, [ebx]                  ; fetched once
        mov [words], eax
        mov dword [status], 0
        cmp eax, FILE_WORDS
        jbe .end
        mov dword [status], -22         ; -EINVAL
.end:   ret

; answer: what was checked is done, and so is what else is in the ring.
do_answer:
        mov eax, [cons]
.each:  cmp eax, [prod]
        je .end
        call check_again
        call move
        inc dword [served]
        inc dword [cons]
        mov eax, [cons]
        mov [RSP_PROD], eax
        call check
        mov eax, [cons]
        jmp .each
.end:   ret
; How many words: the number that was checked, or what the slot says now.
check_again:
        mov ebx, [cons]
        and ebx, SLOTS - 1
        shl ebx, 4
        add ebx, SLOT
        mov ecx, [words]
        test dword [holes], DOUBLE_FETCH
        jz .end
        mov ecx, [ebx]
.end:   ret

move:   mov eax, [status]
        test eax, eax
        js .refused
        mov esi, own_file
        mov edi, DATA
        rep movsd
        jmp .answer
.refused:
        inc dword [refused]
.answer:
        mov [answer], eax
        test dword [holes], PADDING
        jnz .send
        mov dword [answer + 8], 0
        mov dword [answer + 12], 0
.send:  mov esi, answer
        mov edi, ebx
        mov ecx, 4
        rep movsd
        ret

setup:  ret

        align 8
map:    dq RING                         ; struct gnttab_map_grant_ref: host_addr
map_flags: dd 2, REF                    ; GNTMAP_host_map; 0 once it is mapped
map_dom: dw 0, 0                        ; dom, status
        dd 0
        dq 0
cons:   dd 0                            ; requests that were answered, and that are there
prod:   dd 0
words:  dd 0                            ; of the request that was taken
status: dd 0
answer: times 4 dd 0                    ; status, 0, padding
; Two files behind each other: the front end's, and that of another.
own_file: times FILE_WORDS dd 7
neighbours_file: times DATA_WORDS dd 0
