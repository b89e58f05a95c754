# memcpy, memmove, memset, memcmp, bcmp and strlen for the compiler, which may call them for any copy or comparison. The
# library cannot import those of libc (it has no NEEDED entry), and never calls these where speed counts. They are hidden, so
# no other object sees them.
    .macro function name
    .globl \name
    .hidden \name
    .type \name, @function
\name:
    .endm

    .pushsection .text.memory, "ax", @progbits
    function memcpy
    mov rax, rdi
    mov rcx, rdx
    rep movsb
    ret

    function memmove
    mov rax, rdi
    mov rcx, rdx
    mov r8, rdi
    sub r8, rsi
    cmp r8, rdx
    jb 1f
    rep movsb
    ret
1:  lea rdi, [rdi + rcx - 1]
    lea rsi, [rsi + rcx - 1]
    std
    rep movsb
    cld
    ret

    function memset
    mov r8, rdi
    mov eax, esi
    mov rcx, rdx
    rep stosb
    mov rax, r8
    ret

    function memcmp
    function bcmp
    xor eax, eax
    xor ecx, ecx
1:  cmp rcx, rdx
    je 2f
    movzx eax, byte ptr [rdi + rcx]
    movzx r8d, byte ptr [rsi + rcx]
    inc rcx
    sub eax, r8d
    je 1b
2:  ret

    function strlen
    xor eax, eax
1:  cmp byte ptr [rdi + rax], 0
    je 2f
    inc rax
    jmp 1b
2:  ret
    .popsection
    .purgem function
