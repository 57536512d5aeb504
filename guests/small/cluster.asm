; cluster: several guests, each with a processor and a network card of its own, work on one picture. The first is the head: it gives out rows, and puts together
; what comes back. The others work. Between them go Ethernet frames of the type for experiments (IEEE 802, 88B5h): jobs to everybody, rows to the head.
; The card: AMD PCnet-PCI in 32-bit style, polled; registers, initialization block and descriptors as in the Am79C970A data sheet.
        bits 32
        org 0x100000

CARD       equ 0xd000                   ; where we put its registers
RDP        equ CARD + 0x10
RAP        equ CARD + 0x14
RESET      equ CARD + 0x18
BDP        equ CARD + 0x1c
OWN        equ 0x80000000               ; a descriptor: the card's; in what is sent a whole frame, and the length as two's complement
WHOLE      equ 0x03000000
RX         equ 0x120000                 ; eight descriptors of 16 bytes for what comes
TX         equ 0x120080                 ; two for what goes
COMING     equ 0x121000                 ; their buffers, 2 KiB each
GOING      equ 0x126000
PICTURE    equ 0x128000                 ; rows of 64 letters

; A frame: to whom, from whom, type; then words.
TYPE       equ 16
JOB        equ 1                        ; rows for a worker
ROW        equ 2                        ; a row of the picture, from a worker
END        equ 3                        ; there are no more
HEAD       equ 20                       ; the head's domain number
WORKER     equ 24                       ; 1 is the guest behind the head
ROW_FROM      equ 28                       ; the first row, and how many
COUNT      equ 32
LETTERS    equ 36                       ; 64 of them
FRAME      equ LETTERS + 64

COLUMNS       equ 64
SAMPLES    equ 16                       ; of each letter, side by side
MOST       equ 100                      ; turns of a sample
POINT      equ 24                       ; numbers have this many bits behind the point

title:  db 'cluster: work; bag WORKERS ROWS, deal WORKERS ROWS', 13, 10, 0
commands:
        dd name_work, do_work, name_bag, do_bag, name_deal, do_deal, 0
name_work: db 'work', 0
name_bag:  db 'bag', 0
name_deal: db 'deal', 0
        align 4
notes:
        db 'rows        '
rows:   dd 0                            ; of the last picture that are there; a worker: that it has computed
        db 'by_1        '
by:     dd 0                            ; of them: from each worker
        db 'by_2        '
        dd 0
        db 'by_3        '
        dd 0
        db 'sent        '
sent:   dd 0                            ; frames, for the last picture
        db 'received    '
received: dd 0
        db 'micro       '
micro:  dd 0                            ; microseconds from the first job to the last row, by our own TSC
notes_end:

; ---- the head

; bag WORKERS ROWS: each worker gets one row, and another as soon as it has sent that.
do_bag: mov dword [share], 1
        jmp draw
; deal WORKERS ROWS: each gets its part of the rows at once.
do_deal:
        mov eax, [arg2]
        xor edx, edx
        div dword [arg1]
        mov [share], eax
draw:           mov dword [GOING], -1           ; to all
        mov word [GOING + 4], -1
        mov dword [rows], 0
        mov dword [by], 0
        mov dword [by + 16], 0
        mov dword [by + 32], 0
        mov dword [sent], 0
        mov dword [received], 0
        mov dword [next], 0
        rdtsc
        mov [began], eax
        mov ebx, 1
.first: call give
        inc ebx
        cmp ebx, [arg1]
        jbe .first
.wait:  call receive                    ; EDI: a frame
        cmp dword [edi + TYPE], ROW
        jne .done
        inc dword [received]
        mov ebx, [edi + WORKER]
        mov eax, ebx
        shl eax, 4
        inc dword [by - 16 + eax]
        lea esi, [edi + LETTERS]
        mov eax, [edi + ROW_FROM]
        shl eax, 6
        push edi
        lea edi, [PICTURE + eax]
        mov ecx, COLUMNS
        rep movsb
        pop edi
        inc dword [rows]
        cmp dword [share], 1
        jne .done
        call give
.done:  call give_back
        mov eax, [rows]
        cmp eax, [arg2]
        jne .wait
        rdtsc
        sub eax, [began]
        xor edx, edx
        mov ecx, 1000
        div ecx
        mov [micro], eax
        mov eax, END
        call send
; The picture, row by row.
        xor ebp, ebp
.print: mov esi, ebp
        shl esi, 6
        add esi, PICTURE
        mov ecx, COLUMNS
.letter: lodsb
        call putc
        loop .letter
        mov esi, line_end
        call puts
        inc ebp
        cmp ebp, [arg2]
        jb .print
        ret

; The next rows for worker EBX, if there are any.
give:   mov eax, [next]
        cmp eax, [arg2]
        jae .end
        mov [GOING + WORKER], ebx
        mov [GOING + ROW_FROM], eax
        mov ecx, [share]
        mov [GOING + COUNT], ecx
        add eax, ecx
        mov [next], eax
        mov eax, [arg2]                 ; how many there are in all
        mov [GOING + LETTERS], eax
        mov eax, JOB
        inc dword [sent]
        jmp send
.end:   ret

; ---- a worker

do_work:
        mov dword [rows], 0
.wait:  call receive
        mov eax, [edi + TYPE]
        cmp eax, JOB
        je .job
        cmp eax, END
        jne .not_ours
        jmp give_back
.job:   mov eax, [edi + HEAD]
        add eax, [edi + WORKER]
        cmp eax, [own_number]
        jne .not_ours
        lea esi, [edi + 6]              ; rows are sent to the one that asked
        push edi
        mov edi, GOING
        mov ecx, 6
        rep movsb
        pop edi
        mov eax, [edi + WORKER]
        mov [GOING + WORKER], eax
        mov eax, [edi + ROW_FROM]
        mov [GOING + ROW_FROM], eax
        mov eax, [edi + COUNT]
        mov [left], eax
        mov eax, [edi + LETTERS]
        mov [all], eax
        call give_back
.row:   call compute
        mov eax, ROW
        call send
        inc dword [rows]
        inc dword [GOING + ROW_FROM]
        dec dword [left]
        jnz .row
        jmp .wait
.not_ours:
        call give_back
        jmp .wait

; The row in the frame: 64 letters. A point c belongs to the set of Mandelbrot if z = z * z + c, from 0 on, stays within a distance of 2.
compute:
        mov eax, [GOING + ROW_FROM]          ; imaginary part: -1.2 to 1.2
        mov ecx, 5 * (1 << POINT) / 2    ; 2.4, and the half of a row's distance more
        imul ecx
        idiv dword [all]
        sub eax, 6 * (1 << POINT) / 5
        mov [c_y], eax
        mov dword [c_x], -2 * (1 << POINT)
        mov ebp, GOING + LETTERS
.letter: xor edi, edi                   ; turns of all samples
        mov dword [samples], SAMPLES
.sample: xor esi, esi                   ; z: ESI, EBX
        xor ebx, ebx
        mov ecx, MOST
.turn:  mov eax, ebx
        imul ebx
        shrd eax, edx, POINT
        mov [y_squared], eax
        mov eax, esi
        imul esi
        shrd eax, edx, POINT
        mov edx, eax
        add edx, [y_squared]
        cmp edx, 4 << POINT
        ja .away
        xchg eax, ebx                   ; x * x; y
        imul esi
        shrd eax, edx, POINT - 1
        add eax, [c_y]
        mov esi, ebx
        sub esi, [y_squared]
        add esi, [c_x]
        mov ebx, eax
        inc edi
        loop .turn
.away:  add dword [c_x], 3 * (1 << POINT) / (COLUMNS * SAMPLES)
        dec dword [samples]
        jnz .sample
        bsr eax, edi                    ; the more turns, the darker
        jnz .some
        xor eax, eax
.some:  mov al, [letters + eax]
        mov [ebp], al
        inc ebp
        cmp ebp, GOING + LETTERS + COLUMNS
        jb .letter
        ret

; ---- the card

; EAX: what kind of frame. The rest of it is in GOING already.
send:   push ebx
        mov [GOING + TYPE], eax
        cmp eax, ROW
        je .number
        mov ecx, [own_number]
        mov [GOING + HEAD], ecx
.number:
        mov ebx, [tx_at]
        mov eax, ebx
        shl eax, 4
        add eax, TX
.busy:  cmp dword [eax + 4], 0
        jl .busy
        mov esi, GOING                    ; what is on its way stays as it is
        mov edi, [eax]
        mov ecx, FRAME / 4
        rep movsd
        mov dword [eax + 8], 0
        mov dword [eax + 4], OWN + WHOLE + 0xf000 + 0x1000 - FRAME
        xor ebx, 1
        mov [tx_at], ebx
        xor eax, eax
        mov ecx, 8                      ; CSR0: transmit demand
        call csr
        pop ebx
        ret
; Waits for a frame of ours: EDI.
receive:
        mov eax, [rx_at]
        shl eax, 4
.wait:  cmp dword [RX + eax + 4], 0
        jl .wait
        mov edi, [RX + eax]
        cmp word [edi + 12], 0xb588     ; 88B5h, as it lies in memory
        je .end
        call give_back
        jmp receive
.end:   ret
; The frame that came last is done with.
give_back:
        mov eax, [rx_at]
        shl eax, 4
        mov dword [RX + eax + 8], 0
        mov dword [RX + eax + 4], OWN + 0xf000 + 0x1000 - 2048
        mov eax, [rx_at]
        inc eax
        and eax, 7
        mov [rx_at], eax
        ret
; CSR EAX becomes ECX.
csr:    mov dx, RAP
        out dx, eax
        mov dx, RDP
        mov eax, ecx
        out dx, eax
        ret
; PCI configuration register EAX of the card becomes ECX.
configure:
        mov dx, 0xcf8
        out dx, eax
        mov dx, 0xcfc
        mov eax, ecx
        out dx, eax
        ret

setup:  mov eax, 0x40000004             ; our domain number (arch-x86/cpuid.h)
        xor ecx, ecx
        cpuid
        mov [own_number], ecx
        ; Which device on the bus is the card?
        mov ebx, 0x80000000
.seek:  mov dx, 0xcf8
        mov eax, ebx
        out dx, eax
        mov dx, 0xcfc
        in eax, dx
        cmp eax, 0x20001022             ; AMD, PCnet
        je .found
        add ebx, 0x800
        cmp ebx, 0x80010000
        jb .seek
        ret
.found: lea eax, [ebx + 0x10]           ; BAR 0, then the command register: ports, bus master
        mov ecx, CARD + 1
        call configure
        lea eax, [ebx + 4]
        mov ecx, 5
        call configure
        mov dx, RESET
        in eax, dx
        mov dx, CARD + 0x14
        in al, dx
        mov dx, RDP                     ; registers of 32 bits
        xor eax, eax
        out dx, eax
        mov dx, CARD                    ; our address
        mov edi, address
.octet: in al, dx
        stosb
        inc edx
        cmp edx, CARD + 6
        jb .octet
        xor eax, eax
        mov ecx, 4                      ; stop
        call csr
        mov dx, RAP                     ; BCR20: software style 2
        mov eax, 20
        out dx, eax
        mov dx, BDP
        mov eax, 2
        out dx, eax
        ; Rings: eight buffers for what comes, two for what goes.
        mov edi, RX
        mov ebx, COMING
        mov ecx, 8
.ring:  mov [edi], ebx
        mov dword [edi + 4], OWN + 0xf000 + 0x1000 - 2048
        mov dword [edi + 8], 0
        add ebx, 2048
        add edi, 16
        loop .ring
        mov dword [TX], GOING + 0x800
        mov dword [TX + 4], 0
        mov dword [TX + 16], GOING + 0x1000
        mov dword [TX + 20], 0
        ; The head of all our frames.
        mov edi, GOING
        mov al, 0xff
        mov ecx, 6
        rep stosb
        mov esi, address
        mov ecx, 6
        rep movsb
        mov word [edi], 0xb588
        ; CSR1 and CSR2: the initialization block. CSR0: read it; then start.
        mov eax, 1
        mov ecx, block
        and ecx, 0xffff
        call csr
        mov eax, 2
        mov ecx, block
        shr ecx, 16
        call csr
        xor eax, eax
        mov ecx, 1
        call csr
.wait:  mov dx, RAP
        xor eax, eax
        out dx, eax
        mov dx, RDP
        in eax, dx
        test eax, 0x100                 ; initialization done
        jz .wait
        xor eax, eax
        mov ecx, 0x102
        jmp csr

letters: db '    ..-:+=*#@@@@'
        align 4
block:  dd 0x10300000                   ; 2 and 8 descriptors, as powers of two
address: dd 0, 0                        ; our address; no groups
        dd 0, 0
        dd RX, TX
own_number: dd 0
share:  dd 0
next:   dd 0
began:  dd 0
left:   dd 0
all:    dd 1
c_x:    dd 0
c_y:    dd 0
y_squared: dd 0
samples: dd 0
rx_at:  dd 0
tx_at:  dd 0
