/* Helpers of the watcher: memory that is never given back, time, hashes, words on standard error. */

#define _GNU_SOURCE
#include "watch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { PIECE = 1 << 22 };

void *take(size_t size)
{
    static char *at;
    static size_t left;
    size = (size + 15) & ~(size_t)15;
    if (size > PIECE / 4) {
        void *own = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (own == MAP_FAILED)
            abort(); /* the build is ended, and built again without us */
        return own;
    }
    if (size > left) {
        at = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED)
            abort();
        left = PIECE;
    }
    void *taken = at;
    at += size;
    left -= size;
    return taken;
}

char *take_text(const char *text, size_t length)
{
    char *taken = take(length + 1);
    memcpy(taken, text, length);
    taken[length] = '\0';
    return taken;
}

void *grow(void *items, size_t *room, size_t count, size_t size)
{
    if (count < *room)
        return items;
    *room = *room == 0 ? 4 : *room * 2;
    void *grown = realloc(items, *room * size);
    if (grown == NULL)
        abort();
    return grown;
}

uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t hash_bytes(const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    uint64_t hash = 0x9e3779b97f4a7c15u ^ length;
    while (length >= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        hash = (hash ^ word) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
        at += 8;
        length -= 8;
    }
    uint64_t word = 0;
    memcpy(&word, at, length);
    hash = (hash ^ word) * 0xc4ceb9fe1a85ec53u;
    return hash ^ (hash >> 29);
}

void warn(const char *format, ...)
{
    va_list rest;
    va_start(rest, format);
    fputs("ckpt-watch: ", stderr);
    vfprintf(stderr, format, rest);
    fputc('\n', stderr);
    va_end(rest);
}
