/* The store of file contents. */
#define _GNU_SOURCE
#include "files/objects.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shared/util.h"

enum {
    PART = 256 * 1024, /* bytes that are read at once */
    TURNS = 8,         /* times that something is tried again when other processes interfere */
};

struct objects {
    int folder;
    struct digests *digests;
    struct pack *pack; /* NULL: there is none */
};

/* "ab/cdef…" */
static void path_of(digest value, char path[34])
{
    char hex[33];
    digest_hex(value, hex);
    path[0] = hex[0];
    path[1] = hex[1];
    path[2] = '/';
    memcpy(path + 3, hex + 2, 31);
}

/* A name for a file that is not ready yet. */
static void name_temporary(char name[40])
{
    static unsigned number;
    snprintf(name, 40, "tmp-%ld-%u", (long)getpid(), number++);
}

/* ---- opening ---- */

struct objects *objects_open(const char *folder)
{
    int opened = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0)
        return NULL;
    struct objects *objects = take(sizeof *objects);
    objects->folder = opened;
    objects->digests = digests_open(opened, "digests");
    return objects;
}

struct digests *objects_digests(struct objects *objects)
{
    return objects->digests;
}

/* ---- packs ---- */

static const char pack_mark[8] = "ckptpack";

struct pack {
    const char *bytes;
    size_t size;
    const struct packed *entries;
    uint32_t *slots; /* numbers of entries, and one; 0: it is free */
    size_t mask;
};

static size_t slot_of(digest value)
{
    size_t at;
    memcpy(&at, value.bytes, sizeof at);
    return at;
}

static const struct packed *pack_find(const struct pack *pack, digest value)
{
    if (pack == NULL)
        return NULL;
    for (size_t at = slot_of(value); pack->slots[at & pack->mask] != 0; at++) {
        const struct packed *entry = &pack->entries[pack->slots[at & pack->mask] - 1];
        if (digest_equal(entry->digest, value))
            return entry;
    }
    return NULL;
}

/* A file of the entry's content, or -1 with errno, as objects_get has it. */
static int pack_get(const struct pack *pack, const struct packed *entry, off_t size)
{
    const char *bytes = pack->bytes + entry->offset;
    errno = EBADMSG;
    if (entry->size != (uint64_t)size || !digest_equal(digest_of(bytes, entry->size), entry->digest))
        return -1;
    int file = memfd_create("ckpt-object", MFD_CLOEXEC);
    if (file < 0)
        return -1;
    int error = write_whole(file, bytes, entry->size);
    if (error == 0 && lseek(file, 0, SEEK_SET) == 0)
        return file;
    close(file);
    errno = error == 0 ? EIO : -error;
    return -1;
}

int objects_add_pack(struct objects *objects, const char *file)
{
    struct stat st;
    int opened = open(file, O_RDONLY | O_CLOEXEC);
    size_t head = sizeof pack_mark + sizeof(uint64_t);
    if (opened < 0 || fstat(opened, &st) != 0 || (size_t)st.st_size < head)
        return -1;
    char *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, opened, 0);
    close(opened);
    if (bytes == MAP_FAILED)
        return -1;
    uint64_t count, size = (uint64_t)st.st_size;
    memcpy(&count, bytes + sizeof pack_mark, sizeof count);
    if (memcmp(bytes, pack_mark, sizeof pack_mark) != 0 ||
        count > (size - head) / sizeof(struct packed) || count >= UINT32_MAX / 4)
        return -1;
    struct pack *pack = take(sizeof *pack);
    pack->bytes = bytes;
    pack->size = size;
    pack->entries = (const struct packed *)(const void *)(bytes + head);
    size_t slots = 16;
    while (slots < count * 2)
        slots *= 2;
    pack->mask = slots - 1;
    pack->slots = zeroed(slots, sizeof *pack->slots);
    for (uint32_t i = 0; i < count; i++) {
        const struct packed *entry = &pack->entries[i];
        if (entry->offset > size || entry->size > size - entry->offset)
            return -1;
        size_t at = slot_of(entry->digest);
        while (pack->slots[at & pack->mask] != 0)
            at++;
        pack->slots[at & pack->mask] = i + 1;
    }
    objects->pack = pack;
    return 0;
}

static int by_digest(const void *one, const void *other)
{
    const struct packed *a = one, *b = other;
    return memcmp(a->digest.bytes, b->digest.bytes, sizeof a->digest.bytes);
}

static int pack_content(struct objects *objects, int to, const struct packed *entry)
{
    static char part[1 << 16];
    int file = objects_get(objects, entry->digest, (off_t)entry->size);
    if (file < 0)
        return -errno;
    ssize_t got;
    int error = 0;
    while (error == 0 && (got = read(file, part, sizeof part)) != 0) {
        if (got > 0)
            error = write_whole(to, part, (size_t)got);
        else if (errno != EINTR)
            error = -errno;
    }
    close(file);
    return error;
}

int objects_write_pack(struct objects *objects, const char *file, struct packed *all, size_t given)
{
    uint64_t count = 0;
    if (given > 0)
        qsort(all, given, sizeof *all, by_digest);
    for (size_t i = 0; i < given; i++)
        if (count == 0 || !digest_equal(all[count - 1].digest, all[i].digest))
            all[count++] = all[i];
    uint64_t offset = sizeof pack_mark + sizeof count + count * sizeof *all;
    for (size_t i = 0; i < count; i++) {
        all[i].offset = offset;
        offset += all[i].size;
    }
    int to = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (to < 0)
        return -errno;
    int error = write_whole(to, pack_mark, sizeof pack_mark);
    if (error == 0)
        error = write_whole(to, &count, sizeof count);
    if (error == 0)
        error = write_whole(to, all, count * sizeof *all);
    for (size_t i = 0; i < count && error == 0; i++)
        error = pack_content(objects, to, &all[i]);
    if (close(to) != 0 && error == 0)
        error = -errno;
    return error;
}

/* ---- getting ---- */

bool objects_has(struct objects *objects, digest value)
{
    if (pack_find(objects->pack, value) != NULL)
        return true;
    char path[34];
    struct stat st;
    path_of(value, path);
    return fstatat(objects->folder, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

/* Whether the file in this state was hashed before and had this digest. */
static bool known_as(const struct objects *objects, const struct stat *st, digest value)
{
    const digest *known = digests_find(objects->digests, st);
    return known != NULL && digest_equal(*known, value);
}

static void remove_any(int folder, const char *name)
{
    if (unlinkat(folder, name, 0) < 0 && errno == EISDIR)
        unlinkat(folder, name, AT_REMOVEDIR);
}

/* Removes the damaged object that `st` is of. By now another process may have put a good one in
 * its place, which has to stay: so the name is first moved aside, then looked at. */
static void remove_damaged(const struct objects *objects, const char *path, const struct stat *st)
{
    char aside[40];
    struct stat found;
    int folder = objects->folder;
    name_temporary(aside);
    if (renameat2(folder, path, folder, aside, RENAME_NOREPLACE) < 0) {
        if (errno == EINVAL)
            remove_any(folder, path); /* this file system cannot do better */
        return;
    }
    if (fstatat(folder, aside, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
        (found.st_ino != st->st_ino || found.st_dev != st->st_dev) &&
        renameat2(folder, aside, folder, path, RENAME_NOREPLACE) == 0)
        return;
    remove_any(folder, aside);
}

/* Whether the object behind `fd` is right: 0, or -EBADMSG when its content is another, or -errno.
 * -EAGAIN when it changed meanwhile, as when another process put a new file in its place. */
static int check(struct objects *objects, int fd, const struct stat *st, digest value)
{
    if (!S_ISREG(st->st_mode))
        return -EBADMSG;
    if (known_as(objects, st, value))
        return 0;
    digest found;
    int64_t moment = date_now();
    int result = digest_of_file(fd, st, &found);
    if (result < 0)
        return result;
    if (!digest_equal(found, value))
        return -EBADMSG;
    digests_add(objects->digests, st, found, moment);
    return 0;
}

/* Opens an object that is right, whatever its size, and says what fstat(2) says of it. Returns a
 * descriptor, or -errno. */
static int open_checked(struct objects *objects, digest value, struct stat *st)
{
    char path[34];
    int result = -EAGAIN;
    path_of(value, path);
    for (int turn = 0; turn < TURNS && result == -EAGAIN; turn++) {
        /* O_NONBLOCK is for a fifo, which should not be there: it would wait for a writer. */
        int fd = openat(objects->folder, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 && errno != ELOOP && errno != ENXIO)
            return -errno;
        if (fd < 0) { /* a symbolic link, or a socket */
            if (fstatat(objects->folder, path, st, AT_SYMLINK_NOFOLLOW) < 0)
                continue;
            result = S_ISREG(st->st_mode) ? -EAGAIN : -EBADMSG;
        } else {
            result = fstat(fd, st) < 0 ? -errno : check(objects, fd, st, value);
        }
        if (result == 0) {
            fcntl(fd, F_SETFL, O_RDONLY);
            return fd;
        }
        if (result == -EBADMSG)
            remove_damaged(objects, path, st);
        if (fd >= 0)
            close(fd);
    }
    return result;
}

int objects_get(struct objects *objects, digest value, off_t size)
{
    struct stat st;
    const struct packed *packed = pack_find(objects->pack, value);
    if (packed != NULL)
        return pack_get(objects->pack, packed, size);
    int fd = open_checked(objects, value, &st);
    if (fd < 0) {
        errno = -fd;
        return -1;
    }
    if (st.st_size != size) {
        /* The content is right, so it is the caller who is wrong: the object stays. */
        close(fd);
        errno = EBADMSG;
        return -1;
    }
    return fd;
}

/* ---- putting ---- */

/* Whether the content is there and right. What is damaged is removed, so that a put mends it. */
static bool there(struct objects *objects, digest value)
{
    if (pack_find(objects->pack, value) != NULL)
        return true;
    char path[34];
    struct stat st;
    path_of(value, path);
    if (fstatat(objects->folder, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    if (S_ISREG(st.st_mode) && known_as(objects, &st, value))
        return true;
    int fd = open_checked(objects, value, &st);
    if (fd < 0)
        return false;
    close(fd);
    return true;
}

/* Makes a temporary file. Returns its descriptor, or -errno. */
static int open_temporary(const struct objects *objects, char name[40])
{
    for (int turn = 0; turn < 1000; turn++) {
        name_temporary(name);
        int fd = openat(objects->folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
        if (fd >= 0)
            return fd;
        if (errno != EEXIST)
            break; /* else it is of a process in another namespace, or was left over */
    }
    return -errno;
}

/* Renames a file to the name of an object. One that is there already and right stays, because
 * processes know its state. Returns 0, 1 when it was there, or -errno. */
static int rename_to(struct objects *objects, const char *name, digest value)
{
    char path[34], parent[3];
    bool made = false, look = true;
    path_of(value, path);
    memcpy(parent, path, 2);
    parent[2] = '\0';
    int folder = objects->folder;
    for (int turn = 0; turn < TURNS; turn++) {
        if ((look ? renameat2(folder, name, folder, path, RENAME_NOREPLACE)
                  : renameat(folder, name, folder, path)) == 0)
            return 0;
        if (errno == EINVAL && look) {
            look = false; /* this file system cannot look and rename at once */
        } else if (errno == ENOENT && !made) {
            made = true;
            if (mkdirat(folder, parent, 0755) < 0 && errno != EEXIST)
                return -errno;
        } else if (errno != EEXIST || !look) {
            return -errno;
        } else if (there(objects, value)) {
            return 1;
        } else {
            look = false; /* what is there is damaged, or cannot be read: it is replaced */
        }
    }
    return -EEXIST;
}

/* Notes the digest of an object that was made just now. It is racy, and so not saved: the next
 * process hashes it once, which proves what is on the disk. */
static void note(struct objects *objects, const struct stat *st, digest value)
{
    digests_add(objects->digests, st, value, 0);
}

/* Publishes a temporary file; 1: there was such an object. */
static int publish(struct objects *objects, int fd, const char *name, digest value)
{
    struct stat st;
    if (fchmod(fd, 0444) < 0) /* it was made with this mode, less the umask */
        return -errno;
    int result = rename_to(objects, name, value);
    if (result == 1)
        unlinkat(objects->folder, name, 0);
    else if (result == 0 && fstat(fd, &st) == 0)
        note(objects, &st, value); /* renaming changed the ctime */
    return result;
}

/* Reads up to `size` bytes; fewer at the end of the file. Their number, or -errno. */
static ssize_t read_part(int fd, char *bytes, size_t size, off_t at)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(fd, bytes + done, size - done, at + (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

/* Writes all of `source` to `fd`, of which `bytes` has the first part already, and hashes it. */
static int copy(int source, int fd, char *bytes, ssize_t got, digest *out)
{
    struct hashing hashing;
    digest_begin(&hashing);
    for (off_t at = 0; got > 0; got = read_part(source, bytes, PART, at)) {
        int error = write_whole(fd, bytes, (size_t)got);
        if (error < 0)
            return error;
        digest_add(&hashing, bytes, (size_t)got);
        at += got;
    }
    *out = digest_end(&hashing);
    return (int)got;
}

/* What is hashed is what is written, whoever changes the file meanwhile. */
int objects_put(struct objects *objects, int source, const struct stat *st, digest *out)
{
    static char bytes[PART];
    char name[40];
    struct stat now;
    ssize_t got = S_ISREG(st->st_mode) ? read_part(source, bytes, PART, 0) : -EINVAL;
    if (got < 0)
        return (int)got;
    if (got < PART) { /* all of it, which may be there already */
        digest value = digest_of(bytes, (size_t)got);
        if (there(objects, value)) {
            *out = value;
            return fstat(source, &now) == 0 && digest_same_state(st, &now) ? 1 : -EAGAIN;
        }
    }
    int fd = open_temporary(objects, name);
    if (fd < 0)
        return fd;
    int result = copy(source, fd, bytes, got, out);
    if (result == 0 && fstat(source, &now) < 0)
        result = -errno;
    if (result == 0 && !digest_same_state(st, &now))
        result = -EAGAIN;
    if (result == 0)
        result = publish(objects, fd, name, *out);
    if (result < 0)
        unlinkat(objects->folder, name, 0);
    close(fd);
    return result;
}
