; The console of all small guests: a prompt, and commands. It follows each one's own source, so that line numbers are those of the guest.
; A guest has: title (text, 0), commands (dd name, handler, 0-ended), notes and notes_end (aligned to 4; a name of 12 characters, dd).
; A handler finds the numbers behind its name in arg1 and arg2.
; This file is followed by base.asm or pv-base.asm, which starts the guest, jumps to `console`, and has key and putc. Putc changes no register.

console:
        ; Where a lesson's checks find the notes.
        mov dword [0x500], 'NOTE'
        mov dword [0x504], (notes_end - notes) / 16
        mov dword [0x508], notes
        mov esi, title
        call puts
prompt: mov esi, prompt_text
        call puts
        mov dword [line_length], 0
.wait:  call key
        cmp al, 13
        je .done
        cmp al, 127
        je .back
        cmp al, ' '
        jb .wait
        mov ebx, [line_length]
        cmp ebx, 60
        jae .wait
        mov [line + ebx], al
        inc dword [line_length]
        call putc
        jmp .wait
.back:  cmp dword [line_length], 0
        je .wait
        dec dword [line_length]
        mov esi, back_text
        call puts
        jmp .wait
.done:  mov esi, line_end
        call puts
        mov ebx, [line_length]
        mov byte [line + ebx], 0
        test ebx, ebx
        jz prompt
        ; The command, by its whole name.
        mov edx, commands
.which: mov edi, [edx]
        test edi, edi
        jz .none
        mov esi, line
.same:  mov al, [esi]
        cmp al, ' '
        jne .letter
        xor al, al
.letter: cmp al, [edi]
        jne .next
        inc esi
        inc edi
        test al, al
        jnz .same
        dec esi                ; at the space, or at the end
        call number
        mov [arg1], eax
        call number
        mov [arg2], eax
        call [edx + 4]
        jmp prompt
.next:  add edx, 8
        jmp .which
.none:  mov esi, unknown_text
        call puts
        mov edx, commands
.list:  mov esi, [edx]
        test esi, esi
        jz .end
        call puts
        mov al, ' '
        call putc
        add edx, 8
        jmp .list
.end:   mov esi, line_end
        call puts
        jmp prompt

; The number at ESI in EAX, and ESI behind it; 0 where there is none.
number: xor eax, eax
        push ebx
.skip:  cmp byte [esi], ' '
        jne .digit
        inc esi
        jmp .skip
.digit: movzx ebx, byte [esi]
        sub ebx, '0'
        cmp ebx, 9
        ja .end
        imul eax, eax, 10
        add eax, ebx
        inc esi
        jmp .digit
.end:   pop ebx
        ret

puts:   lodsb
        test al, al
        jz .end
        call putc
        jmp puts
.end:   ret
; EAX as a decimal number, without its sign.
putn:   push ebx
        push edx
        push ecx
        mov ebx, 10
        xor ecx, ecx
.divide: xor edx, edx
        div ebx
        push edx
        inc ecx
        test eax, eax
        jnz .divide
.put:   pop eax
        add al, '0'
        call putc
        loop .put
        pop ecx
        pop edx
        pop ebx
        ret
; Text ESI, number EAX, end of line.
tell:   push eax
        call puts
        pop eax
        call putn
        mov esi, line_end
        jmp puts

prompt_text:  db '> ', 0
unknown_text: db 'no such command; there are: ', 0
line_end:     db 13, 10, 0
back_text:    db 8, ' ', 8, 0

        align 4
arg1:   dd 0
arg2:   dd 0
line_length: dd 0
line:   times 64 db 0
