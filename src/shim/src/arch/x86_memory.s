# memcpy, memmove, memset, memcmp, bcmp and strlen for the compiler, as in x86_64_memory.s, with the arguments on the stack.
    .macro function name
    .globl \name
    .hidden \name
    .type \name, @function
\name:
    .endm

    .pushsection .text.memory, "ax", @progbits
    function memmove
    mov eax, [esp + 4]
    sub eax, [esp + 8]
    cmp eax, [esp + 12]
    jae 1f
    push edi
    push esi
    mov edi, [esp + 12]
    mov esi, [esp + 16]
    mov ecx, [esp + 20]
    mov eax, edi
    lea edi, [edi + ecx - 1]
    lea esi, [esi + ecx - 1]
    std
    rep movsb
    cld
    pop esi
    pop edi
    ret

    function memcpy
1:  push edi
    push esi
    mov edi, [esp + 12]
    mov esi, [esp + 16]
    mov ecx, [esp + 20]
    mov eax, edi
    rep movsb
    pop esi
    pop edi
    ret

    function memset
    push edi
    mov edi, [esp + 8]
    mov eax, [esp + 12]
    mov ecx, [esp + 16]
    rep stosb
    mov eax, [esp + 8]
    pop edi
    ret

    function memcmp
    function bcmp
    push edi
    push esi
    push ebx
    mov edi, [esp + 16]
    mov esi, [esp + 20]
    xor eax, eax
    xor ecx, ecx
1:  cmp ecx, [esp + 24]
    je 2f
    movzx eax, byte ptr [edi + ecx]
    movzx ebx, byte ptr [esi + ecx]
    inc ecx
    sub eax, ebx
    je 1b
2:  pop ebx
    pop esi
    pop edi
    ret

    function strlen
    mov edx, [esp + 4]
    xor eax, eax
1:  cmp byte ptr [edx + eax], 0
    je 2f
    inc eax
    jmp 1b
2:  ret
    .popsection
    .purgem function
