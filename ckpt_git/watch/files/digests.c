/* The file of digests: a head, with the digest of all that follows, then records. */

#define _GNU_SOURCE
#include "files/digests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/util.h"

enum { MOST = 1 << 17 }; /* records that are saved */

struct record {
    uint64_t device, inode, size;
    int64_t mtime, ctime;
    digest value;
};

struct head {
    char magic[8]; /* with the form's version */
    uint64_t count;
    digest digest;
};

static const char MAGIC[8] = "ckptsum2";

struct known {
    struct record record;
    uint8_t is_known;
    uint8_t is_passing; /* not to be saved */
    uint8_t is_used;
};

struct digests {
    int folder;
    const char *name;
    struct known *slots; /* open addressing */
    size_t room, used;
    int has_changed;
};

/* The slot of an inode, or the empty one where it belongs. */
static struct known *slot_of(const struct digests *digests, uint64_t device, uint64_t inode)
{
    uint64_t key[2] = {device, inode};
    for (size_t at = (size_t)hash_bytes(key, sizeof key);; at++) {
        struct known *slot = &digests->slots[at & (digests->room - 1)];
        if (!slot->is_known ||
            (slot->record.device == device && slot->record.inode == inode))
            return slot;
    }
}

static void make_room(struct digests *digests)
{
    if (digests->used * 2 < digests->room)
        return;
    struct digests larger = {.room = digests->room == 0 ? 1 << 12 : digests->room * 2};
    larger.slots = zeroed(larger.room, sizeof *larger.slots);
    for (size_t i = 0; i < digests->room; i++)
        if (digests->slots[i].is_known)
            *slot_of(&larger, digests->slots[i].record.device, digests->slots[i].record.inode) =
                digests->slots[i];
    free(digests->slots);
    digests->slots = larger.slots;
    digests->room = larger.room;
}

static struct known *put(struct digests *digests, const struct record *record)
{
    make_room(digests);
    struct known *slot = slot_of(digests, record->device, record->inode);
    digests->used += !slot->is_known;
    *slot = (struct known){.record = *record, .is_known = 1};
    return slot;
}

/* Records that this process has no newer ones of. */
static void read_records(struct digests *digests)
{
    int file =
        openat(digests->folder, digests->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct head head;
    if (file >= 0 && read(file, &head, sizeof head) == sizeof head &&
        memcmp(head.magic, MAGIC, sizeof MAGIC) == 0 && head.count <= MOST) {
        size_t size = (size_t)head.count * sizeof(struct record);
        struct record *records = zeroed(head.count + 1, sizeof *records);
        if (read(file, records, size) == (ssize_t)size &&
            digest_equal(digest_of(records, size), head.digest))
            for (size_t i = 0; i < head.count; i++) {
                make_room(digests);
                if (!slot_of(digests, records[i].device, records[i].inode)->is_known)
                    put(digests, &records[i]);
            }
        free(records);
    }
    if (file >= 0)
        close(file);
}

struct digests *digests_open(int folder, const char *name)
{
    struct digests *digests = take(sizeof *digests);
    digests->folder = folder;
    digests->name = name;
    make_room(digests);
    read_records(digests);
    return digests;
}

static int is_of(const struct record *record, const struct stat *st)
{
    return record->size == (uint64_t)st->st_size && record->ctime == nanoseconds(st->st_ctim) &&
           record->mtime == nanoseconds(st->st_mtim);
}

const digest *digests_find(const struct digests *digests, const struct stat *st)
{
    struct known *slot = slot_of(digests, st->st_dev, st->st_ino);
    if (!slot->is_known || !is_of(&slot->record, st))
        return NULL;
    slot->is_used = 1;
    return &slot->record.value;
}

void digests_add(struct digests *digests, const struct stat *st, digest value, int64_t moment)
{
    struct record record = {.device = st->st_dev,
                            .inode = st->st_ino,
                            .size = (uint64_t)st->st_size,
                            .mtime = nanoseconds(st->st_mtim),
                            .ctime = nanoseconds(st->st_ctim),
                            .value = value};
    struct known *slot = put(digests, &record);
    slot->is_used = 1;
    slot->is_passing = moment - record.ctime < TICK;
    digests->has_changed |= !slot->is_passing;
}

/* Those that were used are kept first, where there are too many. */
static size_t choose(const struct digests *digests, struct record *chosen)
{
    size_t count = 0;
    for (int used = 1; used >= 0; used--)
        for (size_t i = 0; i < digests->room && count < MOST; i++) {
            const struct known *slot = &digests->slots[i];
            if (slot->is_known && !slot->is_passing && slot->is_used == used)
                chosen[count++] = slot->record;
        }
    return count;
}

/* A folder is in the file's place: it takes the name that the file had, for a sweep to remove. */
static int swap_for_folder(const struct digests *digests, const char *name)
{
    int folder = digests->folder;
    return renameat2(folder, name, folder, digests->name, RENAME_EXCHANGE) == 0 ? 0 : -errno;
}

int digests_save(struct digests *digests)
{
    if (!digests->has_changed)
        return 0;
    read_records(digests); /* what others saved meanwhile */
    struct record *chosen = zeroed(digests->used + 1, sizeof *chosen);
    struct head head = {.count = choose(digests, chosen)};
    size_t size = (size_t)head.count * sizeof *chosen;
    memcpy(head.magic, MAGIC, sizeof MAGIC);
    head.digest = digest_of(chosen, size);
    char name[40];
    snprintf(name, sizeof name, "tmp-%ld-digests", (long)getpid());
    int file = openat(digests->folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int error = file < 0 ? -errno : write_whole(file, &head, sizeof head);
    if (error == 0)
        error = write_whole(file, chosen, size);
    if (file >= 0 && close(file) != 0 && error == 0)
        error = -errno;
    if (error == 0 && renameat(digests->folder, name, digests->folder, digests->name) != 0)
        error = errno == EISDIR ? swap_for_folder(digests, name) : -errno;
    if (error != 0)
        unlinkat(digests->folder, name, 0);
    digests->has_changed = error != 0;
    free(chosen);
    return error;
}
