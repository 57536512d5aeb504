; Xen's time, for small guests that have shared_info mapped at SHARED: what the record in vcpu_info of vCPU 0 says. It follows each one's own source.
; Source: xen/include/public/xen.h (vcpu_time_info).

TIME        equ SHARED + 32             ; vcpu_info of vCPU 0: time
TSC_THEN    equ TIME + 8                ; fields of vcpu_time_info
SYSTEM_TIME equ TIME + 16
TSC_MUL     equ TIME + 24
TSC_SHIFT   equ TIME + 28

; EDX:EAX: nanoseconds since the guest began, as its time page has it. Less than two seconds have gone by since Xen has written that. ECX is changed.
now:    push ebx
.again: mov ebx, [TIME]                 ; version: odd while Xen writes
        rdtsc
        sub eax, [TSC_THEN]
        mov cl, [TSC_SHIFT]
        shl eax, cl
        mul dword [TSC_MUL]
        mov eax, edx
        xor edx, edx
        add eax, [SYSTEM_TIME]
        adc edx, [SYSTEM_TIME + 4]
        test ebx, 1
        jnz .again
        cmp ebx, [TIME]
        jne .again
        pop ebx
        ret
