/* Helpers of the watcher: memory that is never given back, texts, time and hashes. */

#define _GNU_SOURCE
#include "shared/util.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PIECE = 1 << 22 };
#define MOST_SECONDS 9200000000LL

static void *pages(size_t size)
{
    void *taken = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (taken == MAP_FAILED)
        abort(); /* the build is ended, and built again without us */
    return taken;
}

void *take(size_t size)
{
    static char *at;
    static size_t left;
    size = (size + 15) & ~(size_t)15;
    if (size > PIECE / 4)
        return pages(size);
    if (size > left) {
        at = pages(PIECE);
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

char *compose(const char *format, ...)
{
    va_list rest, again;
    va_start(rest, format);
    va_copy(again, rest);
    int length = vsnprintf(NULL, 0, format, rest);
    char *text = take(length < 0 ? 1 : (size_t)length + 1);
    if (length > 0)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(rest);
    return text;
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

void *zeroed(size_t count, size_t size)
{
    void *made = calloc(count == 0 ? 1 : count, size);
    if (made == NULL)
        abort();
    return made;
}

int64_t nanoseconds(struct timespec time)
{
    if (time.tv_sec <= -MOST_SECONDS || time.tv_sec >= MOST_SECONDS)
        return BEYOND_DATES;
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return nanoseconds(now);
}

uint64_t now_ns(void)
{
    return (uint64_t)read_clock(CLOCK_MONOTONIC);
}

int64_t date_now(void)
{
    return read_clock(CLOCK_REALTIME);
}

int write_whole(int file, const void *bytes, size_t size)
{
    for (const char *at = bytes; size > 0;) {
        ssize_t done = write(file, at, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -errno;
        at += done;
        size -= (size_t)done;
    }
    return 0;
}

int64_t date_of_moment(uint64_t moment)
{
    return date_now() - (int64_t)(now_ns() - moment);
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

int is_at_or_below(const char *path, const char *folder, size_t length)
{
    return strncmp(path, folder, length) == 0 &&
           (path[length] == '/' || path[length] == '\0' || length == 1);
}
