# memcpy, memmove, memset, memcmp, bcmp and strlen for the compiler, as in x86_64_memory.s.
    .macro function name
    .globl \name
    .hidden \name
    .type \name, %function
\name:
    .endm

    .pushsection .text.memory, "ax", %progbits
    .balign 4
    function memmove
    sub x3, x0, x1
    cmp x3, x2
    b.hs 2f
1:  cbz x2, 3f
    sub x2, x2, #1
    ldrb w4, [x1, x2]
    strb w4, [x0, x2]
    b 1b

    function memcpy
2:  mov x3, xzr
1:  cmp x3, x2
    b.eq 3f
    ldrb w4, [x1, x3]
    strb w4, [x0, x3]
    add x3, x3, #1
    b 1b
3:  ret

    function memset
    mov x3, xzr
1:  cmp x3, x2
    b.eq 2f
    strb w1, [x0, x3]
    add x3, x3, #1
    b 1b
2:  ret

    function memcmp
    function bcmp
    mov x3, xzr
    mov w4, wzr
1:  cmp x3, x2
    b.eq 2f
    ldrb w4, [x0, x3]
    ldrb w5, [x1, x3]
    add x3, x3, #1
    subs w4, w4, w5
    b.eq 1b
2:  mov w0, w4
    ret

    function strlen
    mov x1, x0
1:  ldrb w2, [x1]
    cbz w2, 2f
    add x1, x1, #1
    b 1b
2:  sub x0, x1, x0
    ret
    .popsection
    .purgem function
