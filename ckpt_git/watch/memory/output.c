/* The parts of a memory that is written: what is the same is there once. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory/placeholders.h"
#include "memory/remember.h"
#include "shared/util.h"

struct buffer out_entries, out_rows, out_observations, out_windows, out_effects, out_prints,
    out_texts;

size_t append(struct buffer *buffer, const void *bytes, size_t size)
{
    if (buffer->size + size > buffer->room) {
        buffer->room = (buffer->size + size) * 2;
        buffer->bytes = realloc(buffer->bytes, buffer->room);
        if (buffer->bytes == NULL)
            abort();
    }
    if (size > 0)
        memcpy(buffer->bytes + buffer->size, bytes, size);
    buffer->size += size;
    return buffer->size - size;
}

uint32_t count_of(const struct buffer *buffer, size_t size)
{
    return (uint32_t)(buffer->size / size);
}

struct known { /* numbers by what they stand for; 0: none */
    uint32_t *slots;
    uint32_t mask, count;
    uint64_t (*hash)(uint32_t number);
};

static void make_room(struct known *known)
{
    if (known->slots != NULL && known->count * 2 < known->mask)
        return;
    uint32_t size = known->slots == NULL ? 1 << 12 : (known->mask + 1) * 2;
    uint32_t *larger = zeroed(size, sizeof *larger);
    for (uint32_t i = 0; known->slots != NULL && i <= known->mask; i++) {
        uint32_t number = known->slots[i];
        if (number == 0)
            continue;
        uint32_t at = (uint32_t)known->hash(number);
        while (larger[at & (size - 1)] != 0)
            at++;
        larger[at & (size - 1)] = number;
    }
    free(known->slots);
    known->slots = larger;
    known->mask = size - 1;
}

static uint64_t hash_of_text(uint32_t number)
{
    const char *text = out_texts.bytes + number;
    return hash_bytes(text, strlen(text));
}

static uint64_t hash_of_observation(uint32_t number)
{
    size_t size = sizeof(struct memory_observation);
    return hash_bytes(out_observations.bytes + (number - 1) * size, size);
}

static uint64_t hash_of_window(uint32_t number)
{
    size_t size = sizeof(struct memory_window);
    return hash_bytes(out_windows.bytes + (number - 1) * size, size);
}

uint32_t put_text(const char *text)
{
    text = text_as_kept(text);
    static struct known known = {.hash = hash_of_text};
    size_t length = strlen(text);
    if (out_texts.size == 0)
        append(&out_texts, "", 1); /* 0 is the empty text */
    if (length == 0)
        return 0;
    make_room(&known);
    uint32_t at = (uint32_t)hash_bytes(text, length);
    for (uint32_t number; (number = known.slots[at & known.mask]) != 0; at++)
        if (strcmp(out_texts.bytes + number, text) == 0)
            return number;
    uint32_t number = (uint32_t)append(&out_texts, text, length + 1);
    known.slots[at & known.mask] = number;
    known.count++;
    return number;
}

uint32_t put_bytes(const char *bytes, size_t size)
{
    put_text("");
    uint32_t at = (uint32_t)append(&out_texts, bytes, size);
    append(&out_texts, "", 1);
    return at;
}

static uint32_t put_once(struct known *known, struct buffer *buffer, const void *item, size_t size)
{
    make_room(known);
    uint32_t at = (uint32_t)hash_bytes(item, size);
    for (uint32_t number; (number = known->slots[at & known->mask]) != 0; at++)
        if (memcmp(buffer->bytes + (number - 1) * size, item, size) == 0)
            return number;
    append(buffer, item, size);
    known->slots[at & known->mask] = ++known->count;
    return known->count;
}

uint32_t put_observation(const struct memory_observation *observed)
{
    static struct known known = {.hash = hash_of_observation};
    return put_once(&known, &out_observations, observed, sizeof *observed) - 1;
}

uint32_t put_window(int64_t low, int64_t high)
{
    static struct known known = {.hash = hash_of_window};
    struct memory_window window = {low, high};
    return put_once(&known, &out_windows, &window, sizeof window);
}

int write_memory_file(int directory, const char *name, struct memory_header *header,
                      const struct buffer *const parts[], size_t count)
{
    struct buffer whole = {NULL, 0, 0};
    memcpy(header->magic, MEMORY_MAGIC, sizeof header->magic);
    header->order = 0x01020304;
    append(&whole, header, sizeof *header);
    for (size_t i = 0; i < count; i++)
        append(&whole, parts[i]->bytes, parts[i]->size);
    size_t rest = offsetof(struct memory_header, order);
    header->digest = digest_of(whole.bytes + rest, whole.size - rest);
    memcpy(whole.bytes, header, sizeof *header);
    int file = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    int error = file < 0 ? -errno : write_whole(file, whole.bytes, whole.size);
    if (file >= 0 && close(file) != 0 && error == 0)
        error = -errno;
    if (file >= 0 && error != 0)
        unlinkat(directory, name, 0);
    free(whole.bytes);
    return error;
}
