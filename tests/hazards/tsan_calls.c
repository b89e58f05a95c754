// What newer compilers call in instrumented code instead of memset and memcpy, for the ThreadSanitizer of older ones. The
// plain functions are the sanitizer's own here, which look at the memory.
#include <string.h>

void *__tsan_memset(void *to, int byte, size_t length) { return memset(to, byte, length); }
void *__tsan_memcpy(void *to, const void *from, size_t length) { return memcpy(to, from, length); }
void *__tsan_memmove(void *to, const void *from, size_t length) { return memmove(to, from, length); }
