/* The store of file contents. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "objects.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum {
    SMALL = 256 * 1024, /* bytes of a file that is read once, then hashed and written from memory */
    TURNS = 8,          /* times that something is tried again when other processes interfere */
    HOUR = 3600,
    DAY = 24 * HOUR,
};

struct objects {
    int folder;
    dev_t device;
    struct digest_cache *digests;
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

/* A name for a file that is not ready yet. The number is one for all stores of this process. */
static void name_temporary(char name[40])
{
    static atomic_uint number;
    snprintf(name, 40, "tmp-%ld-%u", (long)getpid(), atomic_fetch_add(&number, 1));
}

/* ---- sweeping ---- */

/* Whether `name` is that of a temporary file whose process is gone. */
static bool left_over(const char *name)
{
    char *end;
    if (strncmp(name, "tmp-", 4) != 0)
        return false;
    long process = strtol(name + 4, &end, 10);
    if (process <= 0 || (pid_t)process != process || *end != '-')
        return false;
    return kill((pid_t)process, 0) < 0 && errno == ESRCH;
}

/* Removes what was left over. A process of another namespace of pids looks gone when it is not:
 * hence the hour. It counts from when the file was last written to. */
static void sweep(const struct objects *objects)
{
    time_t now = time(NULL);
    struct stat st;
    if (fstatat(objects->folder, "swept", &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtime <= now &&
        now - st.st_mtime < DAY)
        return;
    int stamp = openat(objects->folder, "swept",
                       O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
    if (stamp < 0)
        return; /* who cannot write here cannot remove either */
    /* First the stamp, so that others do not begin as well. */
    futimens(stamp, NULL);
    close(stamp);
    int fd = openat(objects->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *all = fd < 0 ? NULL : fdopendir(fd);
    if (all == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(all)) != NULL;) {
        if (left_over(entry->d_name) &&
            fstatat(objects->folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            now - st.st_mtime > HOUR)
            unlinkat(objects->folder, entry->d_name, 0);
    }
    closedir(all);
}

/* ---- opening ---- */

struct objects *objects_open(int folder)
{
    struct objects *objects = malloc(sizeof *objects);
    if (objects == NULL)
        return NULL;
    struct stat st;
    objects->folder = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (objects->folder < 0 || fstat(objects->folder, &st) < 0) {
        int error = errno;
        if (objects->folder >= 0)
            close(objects->folder);
        free(objects);
        errno = error;
        return NULL;
    }
    objects->device = st.st_dev;
    objects->digests = digest_cache_open(objects->folder, "digests");
    sweep(objects);
    return objects;
}

void objects_close(struct objects *objects)
{
    if (objects == NULL)
        return;
    digest_cache_save(objects->digests); /* without it there is more to hash the next time */
    digest_cache_close(objects->digests);
    close(objects->folder);
    free(objects);
}

struct digest_cache *objects_digests(struct objects *objects)
{
    return objects->digests;
}

/* ---- getting ---- */

bool objects_has(struct objects *objects, digest value)
{
    char path[34];
    struct stat st;
    path_of(value, path);
    return fstatat(objects->folder, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

/* Whether the file in this state was hashed before and had this digest. */
static bool known_as(const struct objects *objects, const struct stat *st, digest value)
{
    const digest *known = digest_cache_find(objects->digests, st);
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
    int64_t moment = digest_moment();
    int result = digest_of_file(fd, st, &found);
    if (result < 0)
        return result;
    if (!digest_equal(found, value))
        return -EBADMSG;
    digest_cache_add(objects->digests, st, found, moment, DIGEST_STABLE);
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
static int rename_to(struct objects *objects, int folder, const char *name, digest value)
{
    char path[34], parent[3];
    bool made = false, look = true;
    path_of(value, path);
    memcpy(parent, path, 2);
    parent[2] = '\0';
    for (int turn = 0; turn < TURNS; turn++) {
        if ((look ? renameat2(folder, name, objects->folder, path, RENAME_NOREPLACE)
                  : renameat(folder, name, objects->folder, path)) == 0)
            return 0;
        if (errno == EINVAL && look) {
            look = false; /* this file system cannot look and rename at once */
        } else if (errno == ENOENT && !made) {
            made = true;
            if (mkdirat(objects->folder, parent, 0755) < 0 && errno != EEXIST)
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
    digest_cache_add(objects->digests, st, value, 0, DIGEST_STABLE);
}

/* Publishes a temporary file. */
static int publish(struct objects *objects, int fd, const char *name, digest value, off_t size)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_size != size)
        return -EAGAIN; /* its source grew or shrank */
    /* It was made with this mode, less the umask. */
    if ((st.st_mode & 07777) != 0444 && fchmod(fd, 0444) < 0)
        return -errno;
    int result = rename_to(objects, objects->folder, name, value);
    if (result == 1)
        unlinkat(objects->folder, name, 0);
    else if (result == 0 && fstat(fd, &st) == 0 && st.st_nlink == 1)
        note(objects, &st, value); /* renaming changed the ctime */
    return result < 0 ? result : 0;
}

static int write_at(int fd, const uint8_t *bytes, size_t size, off_t at)
{
    while (size > 0) {
        ssize_t wrote = pwrite(fd, bytes, size, at);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return -errno;
        bytes += wrote;
        size -= (size_t)wrote;
        at += wrote;
    }
    return 0;
}

/* Puts bytes of which the digest was just taken. */
static int put(struct objects *objects, const uint8_t *bytes, size_t size, digest value)
{
    char name[40];
    if (there(objects, value))
        return 0;
    int fd = open_temporary(objects, name);
    if (fd < 0)
        return fd;
    int result = write_at(fd, bytes, size, 0);
    if (result == 0)
        result = publish(objects, fd, name, value, (off_t)size);
    if (result < 0)
        unlinkat(objects->folder, name, 0);
    close(fd);
    return result;
}

int objects_put_bytes(struct objects *objects, const void *bytes, size_t size, digest *out)
{
    digest value = digest_of(bytes, size);
    int result = put(objects, bytes, size, value);
    if (result == 0)
        *out = value;
    return result;
}

/* Reads `size` bytes, which should be the whole file. -EAGAIN when there are fewer or more. */
static int read_whole(int fd, uint8_t *bytes, size_t size)
{
    for (size_t done = 0;;) {
        ssize_t got = pread(fd, bytes + done, size + 1 - done, (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        bool end = (size_t)got < size + 1 - done; /* so it asked for a byte more than there is */
        done += (size_t)got;
        if (done == size && end)
            return 0;
        if (got == 0 || done > size)
            return -EAGAIN;
    }
}

/* Puts a file that is read but once: what is hashed is what is written, whoever changes the file.
 * To clone it would be slower, as the file system first writes its data to the disk. */
static int put_small(struct objects *objects, int fd, const struct stat *st, digest *out)
{
    size_t size = (size_t)st->st_size;
    struct stat now;
    uint8_t *bytes = malloc(size + 1);
    if (bytes == NULL)
        return -ENOMEM;
    int result = read_whole(fd, bytes, size);
    if (result == 0 && fstat(fd, &now) < 0)
        result = -errno;
    if (result == 0 && !digest_same_state(st, &now))
        result = -EAGAIN;
    if (result == 0)
        result = objects_put_bytes(objects, bytes, size, out);
    free(bytes);
    return result;
}

/* Copies what is left of `size` bytes, from `at` on. */
static int copy_by_hand(int from, int to, off_t at, off_t size)
{
    int result = 0;
    uint8_t *buffer = malloc(SMALL);
    if (buffer == NULL)
        return -ENOMEM;
    while (result == 0 && at < size) {
        size_t wanted = size - at < SMALL ? (size_t)(size - at) : SMALL;
        ssize_t got = pread(from, buffer, wanted, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            result = got < 0 ? -errno : -EAGAIN;
        else
            result = write_at(to, buffer, (size_t)got, at);
        at += got;
    }
    free(buffer);
    return result;
}

/* Copies a whole file, in the cheapest way that works here: ioctl_ficlone(2), which shares the
 * data, then copy_file_range(2), then read(2) and write(2). */
static int copy(int from, int to, off_t size)
{
    off_t at = 0, end = 0;
    if (ioctl(to, FICLONE, from) == 0)
        return 0;
    while (at < size) {
        ssize_t copied = copy_file_range(from, &at, to, &end, (size_t)(size - at), 0);
        if (copied < 0 && errno == EINTR)
            continue;
        if (copied < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG || errno == EIO))
            return -errno;
        if (copied <= 0)
            return copy_by_hand(from, to, at, size);
    }
    return 0;
}

/* Copies the file and makes sure that the copy is what was hashed. The ctime shows whether the
 * source changed since, unless it was racy: then the copy is hashed, which nobody else writes. */
static int put_copy(struct objects *objects, int source, const struct stat *st, digest value,
                    bool racy)
{
    char name[40];
    struct stat now;
    int fd = open_temporary(objects, name);
    if (fd < 0)
        return fd;
    int result = copy(source, fd, st->st_size);
    if (result == 0 && fstat(source, &now) < 0)
        result = -errno;
    if (result == 0 && !digest_same_state(st, &now))
        result = -EAGAIN;
    if (result == 0 && racy) {
        digest copied = value;
        result = fstat(fd, &now) < 0 ? -errno : digest_of_file(fd, &now, &copied);
        if (result == 0 && !digest_equal(copied, value))
            result = -EAGAIN;
    }
    if (result == 0)
        result = publish(objects, fd, name, value, st->st_size);
    if (result < 0)
        unlinkat(objects->folder, name, 0);
    close(fd);
    return result;
}

int objects_put_fd(struct objects *objects, int source_fd, const struct stat *st, digest *out)
{
    if (!S_ISREG(st->st_mode))
        return -EINVAL;
    if (st->st_size <= SMALL)
        return put_small(objects, source_fd, st, out);
    digest value;
    bool racy = digest_racy(st, digest_moment());
    int result = digest_of_file(source_fd, st, &value);
    if (result == 0 && !there(objects, value))
        result = put_copy(objects, source_fd, st, value, racy);
    if (result == 0)
        *out = value;
    return result;
}

/* ---- taking ---- */

/* Makes an object of the file by renaming it. `st` is its state. -EXDEV when it has to be copied
 * instead. */
static int take_by_rename(struct objects *objects, int folder, const char *name, int fd,
                          const struct stat *st, digest known)
{
    char path[34];
    struct stat now;
    bool writable = (st->st_mode & 07777) != 0444;
    if (writable && fchmod(fd, 0444) < 0)
        return errno == EPERM ? -EXDEV : -errno; /* of another owner: a copy will be ours */
    int result = rename_to(objects, folder, name, known);
    if (result == 1)
        return unlinkat(folder, name, 0) < 0 ? -errno : 0;
    if (result < 0) {
        if (writable)
            fchmod(fd, st->st_mode & 07777);
        return result;
    }
    path_of(known, path);
    if (fstatat(objects->folder, path, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
        now.st_ino == st->st_ino && now.st_dev == st->st_dev && now.st_size == st->st_size &&
        now.st_mtim.tv_sec == st->st_mtim.tv_sec && now.st_mtim.tv_nsec == st->st_mtim.tv_nsec) {
        note(objects, &now, known);
        return 0;
    }
    /* It changed at the last moment, or was another file by then: the content decides. */
    return there(objects, known) ? 0 : -EBADMSG;
}

/* Makes an object of the file by copying it. */
static int take_by_copy(struct objects *objects, int folder, const char *name, int fd,
                        digest known)
{
    struct stat st;
    digest value;
    if (fstat(fd, &st) < 0)
        return -errno;
    int result = objects_put_fd(objects, fd, &st, &value);
    if (result < 0)
        return result;
    if (!digest_equal(value, known))
        return -EBADMSG; /* it is there under its own digest, which does no harm */
    return unlinkat(folder, name, 0) < 0 ? -errno : 0;
}

int objects_take(struct objects *objects, int folder, const char *name, const struct stat *st,
                 const digest *known)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    struct stat now;
    int result = -EXDEV;
    if (fstat(fd, &now) < 0)
        result = -errno;
    else if (!S_ISREG(now.st_mode))
        result = -EINVAL;
    else if (now.st_ino != st->st_ino || now.st_dev != st->st_dev || !digest_same_state(&now, st))
        result = -EAGAIN;
    else if (there(objects, *known))
        result = unlinkat(folder, name, 0) < 0 ? -errno : 0;
    else if (now.st_nlink == 1 && now.st_dev == objects->device)
        result = take_by_rename(objects, folder, name, fd, &now, *known);
    if (result == -EXDEV)
        result = take_by_copy(objects, folder, name, fd, *known);
    close(fd);
    return result;
}
