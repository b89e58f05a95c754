/* A fast running hash of a byte stream, the same however the stream is cut into calls. Both ends of a benchmark
 * connection use it, so that a byte lost, added or moved is seen. Not for anything that has an adversary. */
#ifndef STREAM_HASH_H
#define STREAM_HASH_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct stream_hash {
    uint64_t state, tail, bytes;
};

static inline void hash_word(struct stream_hash *h, uint64_t word)
{
    h->state = (h->state ^ word) * 0x9e3779b97f4a7c15u;
    h->state ^= h->state >> 29;
}

static inline void hash_bytes(struct stream_hash *h, const void *data, size_t length)
{
    const unsigned char *p = data;
    while (length > 0) {
        unsigned at = h->bytes & 7;
        if (at == 0 && length >= 8) {
            uint64_t word;
            memcpy(&word, p, 8);
            hash_word(h, word);
            h->bytes += 8, p += 8, length -= 8;
            continue;
        }
        h->tail |= (uint64_t)*p << (8 * at);
        h->bytes++, p++, length--;
        if (at == 7) {
            hash_word(h, h->tail);
            h->tail = 0;
        }
    }
}

static inline uint64_t hash_end(const struct stream_hash *h)
{
    struct stream_hash copy = *h;
    hash_word(&copy, copy.tail);
    hash_word(&copy, copy.bytes);
    return copy.state;
}
#endif
