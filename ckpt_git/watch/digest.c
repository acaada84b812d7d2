/* BLAKE2b, and the file of digests. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
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

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

bool digest_from_hex(const char *hex, digest *out)
{
    digest value;
    for (size_t i = 0; i < sizeof value.bytes; i++) {
        int high = hex_value(hex[2 * i]);
        int low = high < 0 ? -1 : hex_value(hex[2 * i + 1]);
        if (low < 0)
            return false;
        value.bytes[i] = (uint8_t)(high << 4 | low);
    }
    if (hex[32] != '\0')
        return false;
    *out = value;
    return true;
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

int64_t digest_moment(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Dates far off wrap around. They then still differ, which is all that they are for here. */
static uint64_t nanoseconds(struct timespec date)
{
    return (uint64_t)date.tv_sec * 1000000000U + (uint64_t)date.tv_nsec;
}

bool digest_racy(const struct stat *st, int64_t moment)
{
    return moment == 0 || (int64_t)((uint64_t)moment - nanoseconds(st->st_ctim)) < 20000000;
}

/* ---- the cache ---- */

enum {
    VERSION = 1,
    RESYNC = 1 << 20,     /* bytes looked at one by one, in search of the next good record */
    LONGEST = 64 << 20,   /* bytes of a file that is to be written anew */
    KEPT = 32 << 20,      /* bytes of records that stay then */
    NONSENSE = 256 << 20, /* bytes of a file that is not even read */
};

/* What becomes of a record that is in memory. */
enum state {
    SAVED,       /* it is in the file */
    PENDING,     /* it is to be saved */
    MEMORY_ONLY, /* it was racy: it is not to be saved */
};

/* As it is in the file, in the order of bytes of this machine. In memory the state takes the place
 * of the checksum. */
struct record {
    uint64_t device, inode, size, mtime, ctime;
    digest value;
    uint64_t check;
};

/* The file begins with this. The version is wrong, too, when the order of bytes is. */
struct header {
    char magic[8];
    uint32_t version;
    uint32_t record_size;
    uint64_t birth; /* tells a file from the one that takes its place: inode numbers come again */
    uint8_t unused[40];
};

_Static_assert(sizeof(struct record) == 64 && sizeof(struct header) == 64, "as in the file");

static const char MAGIC[8] = "ckptsum";

/* Records do not move, so that slots can point at them. */
struct block {
    struct block *next;
    size_t used, room; /* records */
    struct record records[];
};

struct slot {
    uint64_t hash;
    struct record *record; /* NULL: an empty slot */
};

struct digest_cache {
    int folder;
    char *name;
    struct slot *slots; /* by device and inode; open addressing */
    size_t room;        /* slots: a power of two */
    size_t used;        /* slots that are not empty */
    size_t live;        /* records in slots that are in the file, or will be */
    struct block *first, *last;
    struct record **pending;
    size_t pending_used, pending_room;
    uint64_t birth; /* of the file that was read last; 0: none */
    off_t end;      /* up to where it was read */
};

/* Any change of `word`, and any of `sum`, changes what comes out. */
static inline uint64_t stir(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * 0x9e3779b97f4a7c15;
    return sum ^ sum >> 32;
}

static uint64_t checksum(const struct record *record)
{
    uint64_t value[2];
    memcpy(value, record->value.bytes, sizeof value);
    /* Begins with something, so that a record of zeros is none. */
    uint64_t sum = stir(VERSION, record->device);
    sum = stir(sum, record->inode);
    sum = stir(sum, record->size);
    sum = stir(sum, record->mtime);
    sum = stir(sum, record->ctime);
    sum = stir(sum, value[0]);
    return stir(sum, value[1]);
}

/* The slot of an inode, or the empty one where it belongs. One slot is always empty. */
static struct slot *slot_of(const struct digest_cache *cache, uint64_t device, uint64_t inode)
{
    uint64_t hash = stir(stir(VERSION, device), inode);
    for (size_t i = hash & (cache->room - 1);; i = (i + 1) & (cache->room - 1)) {
        struct slot *slot = &cache->slots[i];
        if (slot->record == NULL) {
            slot->hash = hash;
            return slot;
        }
        if (slot->hash == hash && slot->record->inode == inode && slot->record->device == device)
            return slot;
    }
}

/* Makes room for `more` inodes; false without memory. */
static bool make_room(struct digest_cache *cache, size_t more)
{
    size_t room = cache->room ? cache->room : 256;
    while ((cache->used + more) * 4 > room * 3)
        room *= 2;
    if (room == cache->room)
        return true;
    struct slot *slots = calloc(room, sizeof *slots);
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < cache->room; i++) {
        if (cache->slots[i].record == NULL)
            continue;
        size_t at = cache->slots[i].hash & (room - 1);
        while (slots[at].record != NULL)
            at = (at + 1) & (room - 1);
        slots[at] = cache->slots[i];
    }
    free(cache->slots);
    cache->slots = slots;
    cache->room = room;
    return true;
}

static struct block *new_block(struct digest_cache *cache, size_t room)
{
    struct block *block = malloc(sizeof *block + room * sizeof(struct record));
    if (block == NULL)
        return NULL;
    block->next = NULL;
    block->used = 0;
    block->room = room;
    if (cache->last != NULL)
        cache->last->next = block;
    else
        cache->first = block;
    cache->last = block;
    return block;
}

/* Enters a record that was in the file, when it is a good one; false when it is not. */
static bool enter(struct digest_cache *cache, struct block *block, const uint8_t *bytes)
{
    struct record *record = &block->records[block->used];
    struct record copy;
    memcpy(&copy, bytes, sizeof copy);
    if (copy.check != checksum(&copy))
        return false;
    struct slot *slot = slot_of(cache, copy.device, copy.inode);
    if (slot->record == NULL) {
        cache->used++;
        cache->live++;
    } else if (slot->record->check != SAVED) {
        return true; /* this process knows better */
    }
    copy.check = SAVED;
    *record = copy; /* often onto itself: what is good moves up over what is not */
    slot->record = record;
    block->used++;
    return true;
}

/* Enters the records among `length` bytes, which are those of `block`. Returns how many bytes
 * will not have to be looked at again. After a write that was cut off the records that follow are
 * not at a multiple of their size, so each byte may be the beginning of the next good one. That
 * search has an end, lest a large damaged file take long. */
static size_t enter_all(struct digest_cache *cache, struct block *block, size_t length)
{
    const uint8_t *bytes = (const uint8_t *)block->records;
    size_t at = 0, searched = 0;
    while (length - at >= sizeof(struct record)) {
        if (enter(cache, block, bytes + at))
            at += sizeof(struct record);
        else if (searched++ < RESYNC)
            at++;
        else
            at += sizeof(struct record);
    }
    return at > length ? length : at;
}

static ssize_t read_at(int fd, void *buffer, size_t size, off_t at)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(fd, (uint8_t *)buffer + done, size - done, at + (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

/* Whether the file begins as it should. A birth is never 0. */
static bool header_good(int fd, struct header *header)
{
    return read_at(fd, header, sizeof *header, 0) == sizeof *header &&
           memcmp(header->magic, MAGIC, sizeof MAGIC) == 0 && header->version == VERSION &&
           header->record_size == sizeof(struct record) && header->birth != 0;
}

/* Reads what the file has gained since it was last read: all of it when it is another file. It is
 * read, not mapped: a mapped file that someone cuts short would end this process by SIGBUS. */
static void read_more(struct digest_cache *cache, int fd, const struct header *header, off_t size)
{
    if (header->birth != cache->birth) {
        cache->birth = header->birth;
        cache->end = sizeof *header;
    }
    if (size > NONSENSE || size - cache->end < (off_t)sizeof(struct record))
        return;
    size_t length = (size_t)(size - cache->end);
    size_t count = length / sizeof(struct record);
    if (!make_room(cache, count))
        return;
    struct block *block = new_block(cache, count + 1);
    if (block == NULL)
        return;
    ssize_t got = read_at(fd, block->records, length, cache->end);
    if (got > 0)
        cache->end += (off_t)enter_all(cache, block, (size_t)got);
    block->room = block->used;
}

struct digest_cache *digest_cache_open(int folder, const char *name)
{
    struct digest_cache *cache = calloc(1, sizeof *cache);
    if (cache == NULL)
        return NULL;
    cache->folder = openat(folder, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    cache->name = strdup(name);
    int fd = cache->name == NULL ? -1 : openat(cache->folder, name,
                                               O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0) {
        struct header header;
        struct stat st;
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && header_good(fd, &header))
            read_more(cache, fd, &header, st.st_size);
        close(fd);
    }
    if (cache->name == NULL || !make_room(cache, 1)) {
        digest_cache_close(cache);
        return NULL;
    }
    return cache;
}

static bool matches(const struct record *record, const struct stat *st)
{
    return record != NULL && record->size == (uint64_t)st->st_size &&
           record->ctime == nanoseconds(st->st_ctim) && record->mtime == nanoseconds(st->st_mtim);
}

const digest *digest_cache_find(const struct digest_cache *cache, const struct stat *st)
{
    if (cache == NULL)
        return NULL;
    const struct record *record = slot_of(cache, st->st_dev, st->st_ino)->record;
    return matches(record, st) ? &record->value : NULL;
}

/* A record for a new inode; NULL without memory. */
static struct record *new_record(struct digest_cache *cache, struct slot *slot)
{
    struct block *block = cache->last;
    if ((block == NULL || block->used == block->room) && (block = new_block(cache, 256)) == NULL)
        return NULL;
    slot->record = &block->records[block->used++];
    slot->record->check = MEMORY_ONLY; /* does not count as live yet */
    cache->used++;
    return slot->record;
}

void digest_cache_add(struct digest_cache *cache, const struct stat *st, digest value,
                      int64_t hashed, unsigned flags)
{
    bool racy = digest_racy(st, hashed);
    if (cache == NULL || (racy && !(flags & DIGEST_STABLE)) || !make_room(cache, 1))
        return;
    struct slot *slot = slot_of(cache, st->st_dev, st->st_ino);
    struct record *record = slot->record;
    if (matches(record, st) && digest_equal(record->value, value) &&
        (racy || record->check != MEMORY_ONLY))
        return;
    if (!racy && cache->pending_used == cache->pending_room) {
        size_t room = cache->pending_room ? 2 * cache->pending_room : 64;
        struct record **pending = realloc(cache->pending, room * sizeof(struct record *));
        if (pending == NULL)
            return;
        cache->pending = pending;
        cache->pending_room = room;
    }
    if (record == NULL && (record = new_record(cache, slot)) == NULL)
        return;
    enum state before = (enum state)record->check;
    enum state after = racy ? MEMORY_ONLY : PENDING;
    if (before != MEMORY_ONLY && after == MEMORY_ONLY)
        cache->live--;
    if (before == MEMORY_ONLY && after != MEMORY_ONLY)
        cache->live++;
    /* One that was pending is still listed, whatever it has become since. */
    bool listed = before == PENDING;
    *record = (struct record){
        .device = st->st_dev,
        .inode = st->st_ino,
        .size = (uint64_t)st->st_size,
        .mtime = nanoseconds(st->st_mtim),
        .ctime = nanoseconds(st->st_ctim),
        .value = value,
        .check = after,
    };
    if (after == PENDING && !listed)
        cache->pending[cache->pending_used++] = record;
}

/* Writes a record as it is in the file. */
static void seal(const struct record *record, struct record *out)
{
    *out = *record;
    out->check = checksum(record);
}

/* All that was pending is in the file. */
static void settle(struct digest_cache *cache)
{
    for (size_t i = 0; i < cache->pending_used; i++)
        if (cache->pending[i]->check == PENDING)
            cache->pending[i]->check = SAVED;
    cache->pending_used = 0;
}

static int write_all(int fd, const void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t wrote = write(fd, (const uint8_t *)bytes + done, size - done);
        if (wrote < 0 && errno != EINTR)
            return -errno;
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    return 0;
}

/* Makes a file that no other process uses. Returns it, or -errno. */
static int open_aside(const struct digest_cache *cache, char name[48])
{
    static atomic_uint number;
    for (int turn = 0; turn < 1000; turn++) {
        snprintf(name, 48, "tmp-%ld-c%u", (long)getpid(), atomic_fetch_add(&number, 1));
        int fd = openat(cache->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd >= 0)
            return fd;
        if (errno != EEXIST)
            break; /* else a process of another namespace has the same number */
    }
    return -errno;
}

/* The whole file as it should be: the header, then the records that are live, the oldest first.
 * Returns its length; 0 without memory. */
static size_t compose(const struct digest_cache *cache, struct header **out)
{
    size_t most = KEPT / sizeof(struct record);
    size_t skip = cache->live > most ? cache->live - most : 0;
    size_t count = cache->live - skip, used = 0;
    *out = malloc(sizeof **out + count * sizeof(struct record));
    if (*out == NULL)
        return 0;
    **out = (struct header){.version = VERSION, .record_size = sizeof(struct record)};
    memcpy((*out)->magic, MAGIC, sizeof MAGIC);
    (*out)->birth = stir((uint64_t)digest_moment(), (uint64_t)getpid()) | 1;
    struct record *records = (struct record *)(*out + 1);
    for (const struct block *block = cache->first; block != NULL; block = block->next) {
        for (size_t i = 0; i < block->used && used < count; i++) {
            const struct record *record = &block->records[i];
            if (record->check == MEMORY_ONLY ||
                slot_of(cache, record->device, record->inode)->record != record)
                continue;
            if (skip > 0)
                skip--;
            else
                seal(record, &records[used++]);
        }
    }
    return sizeof **out + used * sizeof(struct record);
}

/* Writes the file anew, aside, and puts it in its place. Without `replace` it fails with -EEXIST
 * when there is one by now. Where the file system cannot look and rename at once (EINVAL), what
 * another process saved in between may be lost: it is only a cache. */
static int write_anew(struct digest_cache *cache, bool replace)
{
    struct header *content;
    size_t length = compose(cache, &content);
    if (length == 0)
        return -ENOMEM;
    char aside[48];
    int fd = open_aside(cache, aside);
    if (fd < 0) {
        free(content);
        return fd;
    }
    int result = write_all(fd, content, length);
    close(fd);
    if (result == 0) {
        unsigned how = replace ? 0 : RENAME_NOREPLACE;
        int folder = cache->folder;
        if (renameat2(folder, aside, folder, cache->name, how) < 0 &&
            (errno != EINVAL || renameat(folder, aside, folder, cache->name) < 0))
            result = -errno;
    }
    if (result < 0) {
        unlinkat(cache->folder, aside, 0);
    } else {
        cache->birth = content->birth;
        cache->end = (off_t)length;
        settle(cache);
    }
    free(content);
    return result;
}

static bool too_long(const struct digest_cache *cache, off_t size)
{
    off_t records = size - (off_t)sizeof(struct header);
    return size > LONGEST || records > 4 * (off_t)(cache->live * sizeof(struct record));
}

/* Appends what is pending. A write that is cut off is not continued: another process may have
 * appended meanwhile. Its whole records count, and the rest is passed over by who reads it. */
static int append(struct digest_cache *cache, int fd)
{
    size_t count = 0;
    struct record *records = malloc(cache->pending_used * sizeof *records);
    if (records == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < cache->pending_used; i++)
        if (cache->pending[i]->check == PENDING)
            seal(cache->pending[i], &records[count++]);
    size_t length = count * sizeof *records;
    ssize_t wrote;
    do {
        wrote = write(fd, records, length);
    } while (wrote < 0 && errno == EINTR);
    int result = wrote < 0 ? -errno : (size_t)wrote < length ? -ENOSPC : 0;
    free(records);
    if (result < 0)
        return result;
    settle(cache);
    /* When nobody wrote in between these need not be read again. */
    off_t end = lseek(fd, 0, SEEK_CUR);
    if (end - wrote == cache->end)
        cache->end = end;
    return 0;
}

/* Waits a little while another process puts a new file in the place of this one, then goes on
 * without: what is appended is lost then, which does no harm. */
static void lock_shared(int fd)
{
    for (int turn = 0; turn < 20 && flock(fd, LOCK_SH | LOCK_NB) < 0; turn++) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return; /* a file system without locks */
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
}

/* Adds what is pending to the file. Those who append share a lock, and who writes it anew has it
 * alone, so that nothing is appended to a file that is about to go. -ESTALE when it has gone. */
static int save_to(struct digest_cache *cache, int fd)
{
    struct stat st;
    struct header header;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    if (!header_good(fd, &header))
        return write_anew(cache, true);
    bool anew = false;
    if (too_long(cache, st.st_size)) {
        read_more(cache, fd, &header, st.st_size); /* others may have made it that long */
        anew = too_long(cache, st.st_size) && flock(fd, LOCK_EX | LOCK_NB) == 0;
    }
    if (!anew)
        lock_shared(fd);
    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_nlink == 0)
        return -ESTALE;
    if (anew) {
        read_more(cache, fd, &header, st.st_size);
        return write_anew(cache, true);
    }
    return cache->pending_used > 0 ? append(cache, fd) : 0;
}

int digest_cache_save(struct digest_cache *cache)
{
    if (cache == NULL || (cache->pending_used == 0 && !too_long(cache, cache->end)))
        return 0;
    int result = 0;
    for (int turn = 0; turn < 10; turn++) {
        int fd = openat(cache->folder, cache->name,
                        O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 && errno != ENOENT)
            return -errno;
        if (fd < 0) {
            result = write_anew(cache, false);
        } else {
            result = save_to(cache, fd);
            close(fd); /* and with it the lock */
        }
        if (result != -EEXIST && result != -ESTALE)
            break; /* else another process put a file there: once more */
    }
    return result;
}

void digest_cache_close(struct digest_cache *cache)
{
    if (cache == NULL)
        return;
    for (struct block *block = cache->first, *next; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    if (cache->folder >= 0)
        close(cache->folder);
    free(cache->pending);
    free(cache->slots);
    free(cache->name);
    free(cache);
}
