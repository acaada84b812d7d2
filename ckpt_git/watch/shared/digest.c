/* BLAKE2b: RFC 7693. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "shared/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- BLAKE2b ---- */

enum { BLOCK = 128, CHUNK = 256 * 1024 };

/* RFC 7693, section 2.6. */
static const uint64_t IV[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

static inline uint64_t rotate(uint64_t word, unsigned by)
{
    return word >> by | word << (64 - by);
}

/* Eight bytes, the least significant first. */
static inline uint64_t word_at(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* Section 3.1: mixes two words of the message into four of `v`. */
#define MIX(a, b, c, d, x, y)              \
    do {                                   \
        a += b + word_at(block + 8 * (x)); \
        d = rotate(d ^ a, 32);             \
        c += d;                            \
        b = rotate(b ^ c, 24);             \
        a += b + word_at(block + 8 * (y)); \
        d = rotate(d ^ a, 16);             \
        c += d;                            \
        b = rotate(b ^ c, 63);             \
    } while (0)

/* Section 3.2: the columns of `v`, then its diagonals, with the words in the order given. The
 * order is written out so that the compiler knows each address. */
#define ROUND(s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15) \
    do {                                                                            \
        MIX(v0, v4, v8, v12, s0, s1);                                               \
        MIX(v1, v5, v9, v13, s2, s3);                                               \
        MIX(v2, v6, v10, v14, s4, s5);                                              \
        MIX(v3, v7, v11, v15, s6, s7);                                              \
        MIX(v0, v5, v10, v15, s8, s9);                                              \
        MIX(v1, v6, v11, v12, s10, s11);                                            \
        MIX(v2, v7, v8, v13, s12, s13);                                             \
        MIX(v3, v4, v9, v14, s14, s15);                                             \
    } while (0)

/* Section 3.2, function F. `count` is the number of bytes up to the end of this block; `last` is
 * all ones for the last block, else zero. The upper half of the count stays zero: no file has
 * more than 2^64 bytes. */
static void compress(uint64_t state[8], const uint8_t *block, uint64_t count, uint64_t last)
{
    uint64_t v0 = state[0], v1 = state[1], v2 = state[2], v3 = state[3];
    uint64_t v4 = state[4], v5 = state[5], v6 = state[6], v7 = state[7];
    uint64_t v8 = IV[0], v9 = IV[1], v10 = IV[2], v11 = IV[3];
    uint64_t v12 = IV[4] ^ count, v13 = IV[5], v14 = IV[6] ^ last, v15 = IV[7];

    /* Section 2.7. The last two rounds take the order of the first two. */
    ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    ROUND(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3);
    ROUND(11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4);
    ROUND(7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8);
    ROUND(9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13);
    ROUND(2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9);
    ROUND(12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11);
    ROUND(13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10);
    ROUND(6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5);
    ROUND(10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0);
    ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    ROUND(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3);

    state[0] ^= v0 ^ v8;
    state[1] ^= v1 ^ v9;
    state[2] ^= v2 ^ v10;
    state[3] ^= v3 ^ v11;
    state[4] ^= v4 ^ v12;
    state[5] ^= v5 ^ v13;
    state[6] ^= v6 ^ v14;
    state[7] ^= v7 ^ v15;
}

void digest_begin(struct hashing *hashing)
{
    memcpy(hashing->state, IV, sizeof IV);
    /* Section 2.5: fanout and depth 1, no key, and the length of the output. */
    hashing->state[0] ^= 0x01010000 ^ sizeof(digest);
    hashing->count = 0;
    hashing->used = 0;
}

void digest_add(struct hashing *hashing, const void *bytes, size_t size)
{
    const uint8_t *from = bytes;
    if (size == 0)
        return;
    /* The last block is compressed in another way than the others, so a full block waits until
     * there is a byte after it. */
    size_t room = BLOCK - hashing->used;
    if (size > room && hashing->used > 0) {
        memcpy(hashing->block + hashing->used, from, room);
        hashing->count += BLOCK;
        compress(hashing->state, hashing->block, hashing->count, 0);
        hashing->used = 0;
        from += room;
        size -= room;
    }
    if (hashing->used == 0) {
        while (size > BLOCK) {
            hashing->count += BLOCK;
            compress(hashing->state, from, hashing->count, 0);
            from += BLOCK;
            size -= BLOCK;
        }
    }
    memcpy(hashing->block + hashing->used, from, size);
    hashing->used += size;
}

digest digest_end(struct hashing *hashing)
{
    memset(hashing->block + hashing->used, 0, BLOCK - hashing->used);
    hashing->count += hashing->used;
    compress(hashing->state, hashing->block, hashing->count, UINT64_MAX);
    digest value;
    for (size_t i = 0; i < sizeof value.bytes; i++)
        value.bytes[i] = (uint8_t)(hashing->state[i / 8] >> (8 * (i % 8)));
    return value;
}

digest digest_of(const void *bytes, size_t size)
{
    struct hashing hashing;
    digest_begin(&hashing);
    digest_add(&hashing, bytes, size);
    return digest_end(&hashing);
}

bool digest_equal(digest a, digest b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

void digest_hex(digest value, char hex[33])
{
    for (size_t i = 0; i < sizeof value.bytes; i++) {
        hex[2 * i] = "0123456789abcdef"[value.bytes[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[value.bytes[i] & 15];
    }
    hex[32] = '\0';
}

/* ---- files ---- */

bool digest_same_state(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Adds the whole file; 0 or -errno. Asks for a byte more than there should be, so that the end is
 * seen without one more call. */
static int add_file(struct hashing *hashing, int fd, uint64_t left, uint8_t *buffer)
{
    for (off_t at = 0;;) {
        size_t wanted = left < CHUNK ? (size_t)left + 1 : CHUNK;
        ssize_t got = pread(fd, buffer, wanted, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if ((uint64_t)got > left || (got == 0 && left > 0))
            return -EAGAIN;
        digest_add(hashing, buffer, (size_t)got);
        at += got;
        left -= (uint64_t)got;
        if (left == 0 && (size_t)got < wanted)
            return 0;
    }
}

int digest_of_file(int fd, const struct stat *st, digest *out)
{
    if (!S_ISREG(st->st_mode))
        return -EINVAL;
    uint64_t size = (uint64_t)st->st_size;
    if (size > CHUNK)
        posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL); /* a hint: it may fail */
    uint8_t *buffer = malloc(size < CHUNK ? (size_t)size + 1 : CHUNK);
    if (buffer == NULL)
        return -ENOMEM;
    struct hashing hashing;
    digest_begin(&hashing);
    int result = add_file(&hashing, fd, size, buffer);
    free(buffer);
    if (result < 0)
        return result;
    struct stat now;
    if (fstat(fd, &now) < 0)
        return -errno;
    if (!digest_same_state(st, &now))
        return -EAGAIN;
    *out = digest_end(&hashing);
    return 0;
}
