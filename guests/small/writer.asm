; writer: a program that writes to its memory all the time, page after page, at a rate that can be chosen: what a guest does while it is moved.
        bits 32
        org 0x100000

LOW     equ 0x10000             ; memory below the video card's that nobody else uses
LOW_END equ 0x90000
HIGH    equ 0x120000            ; and above the kernel, to the end
PAGES   equ 0x200000            ; the pages that are written, from here on
MOST    equ 480                 ; at most this many: a guest of 4 MiB has them
END     equ 0x400000
MANY    equ 0x9e3779b1         ; from pass to pass all bytes of a page change

title:  db 'writer: write PAGES US', 13, 10, 0
commands:
        dd name_write, do_write, 0
name_write: db 'write', 0
        align 4
notes:
        db 'written     '
written: dd 0                   ; pages, since the first command
        db 'passes      '
passes: dd 0                    ; over all of them, in the last command
        db 'wrong       '
wrong:  dd 0                    ; pages that were not as the pass before had left them
notes_end:

; write PAGES US: fills each of PAGES pages again, one each US microseconds where an instruction takes 4 ns; again and again, until a key is pressed.
do_write:
        mov ecx, MOST
        mov edi, PAGES
        xor eax, eax
        mov [passes], eax
.none:  mov [edi], eax
        add edi, 4096
        loop .none
        mov ebp, [arg1]
        cmp ebp, MOST
        jbe .pass
        mov ebp, MOST
.pass:  xor esi, esi
.page:  mov ebx, esi
        shl ebx, 12
        imul eax, [passes], MANY
        cmp [PAGES + ebx], eax  ; what the pass before wrote
        je .same
        inc dword [wrong]
.same:  add eax, MANY
        lea edi, [PAGES + ebx]
        mov ecx, 1024
        rep stosd
        inc dword [written]
        imul ecx, [arg2], 125   ; two instructions of 4 ns
        jecxz .key
.wait:  dec ecx
        jnz .wait
.key:   mov dx, COM1 + 5        ; has a key been pressed?
        in al, dx
        test al, 1
        jnz .done
        inc esi
        cmp esi, ebp
        jb .page
        inc dword [passes]
        jmp .pass
.done:  ret

; No page is all zeros: those are sent as a word.
setup:  mov edi, LOW
        mov ecx, (LOW_END - LOW) / 4
        call fill
        mov edi, HIGH
        mov ecx, (END - HIGH) / 4
fill:   mov eax, edi
        rep stosd
        ret
