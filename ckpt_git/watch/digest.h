/* Digests of file contents, and a memory of them that all processes share.
 *
 * A digest is BLAKE2b (RFC 7693) with 16 bytes of output and no key. Python's
 * hashlib.blake2b(data, digest_size=16) gives the same.
 *
 * Nothing here is for two threads at once: a struct belongs to one thread at a time.
 */
#ifndef CKPT_DIGEST_H
#define CKPT_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

typedef struct {
    uint8_t bytes[16];
} digest;

/* A digest that is being taken of bytes that come bit by bit. */
struct hashing {
    uint64_t state[8];
    uint64_t count; /* bytes that are in `state` */
    size_t used;    /* bytes that wait in `block` */
    uint8_t block[128];
};

/* Begins: no bytes yet. RFC 7693, section 3.3. */
void digest_begin(struct hashing *hashing);

/* Adds `size` bytes. How they are cut into calls makes no difference. */
void digest_add(struct hashing *hashing, const void *bytes, size_t size);

/* Ends, and gives the digest. `hashing` has to begin again before it is used again. */
digest digest_end(struct hashing *hashing);

/* The digest of `size` bytes. */
digest digest_of(const void *bytes, size_t size);

bool digest_equal(digest a, digest b);

/* Writes 32 lower-case hex digits and a NUL. */
void digest_hex(digest value, char hex[33]);

/* Reads what digest_hex wrote. False when `hex` is anything but 32 lower-case hex digits and a
 * NUL; `out` is left alone then. */
bool digest_from_hex(const char *hex, digest *out);

/* Whether two looks at a file saw the same size, mtime and ctime (to the nanosecond, stat(2)). */
bool digest_same_state(const struct stat *a, const struct stat *b);

/* The digest of the whole file behind `fd`, wherever its offset is; the offset stays as it is. It
 * is read in chunks of 256 KiB.
 * `st` is what fstat(2) said before. Returns 0, or -errno: -EAGAIN when the file is not, or did
 * not stay, as `st` has it (a file of /proc never is: its size says nothing), -EINVAL when it is
 * no regular file, -ENOMEM, and what pread(2) and fstat(2) give.
 *
 * Bytes that are stored through a shared mapping (mmap(2)) may change the content long after they
 * changed the ctime. Nothing here sees that: hash a file when those who map it are done. */
int digest_of_file(int fd, const struct stat *st, digest *out);

/* Now, in nanoseconds since 1970 (CLOCK_REALTIME, the clock that file dates come from). */
int64_t digest_moment(void);

/* Whether a file in the state `st` may still change without its ctime changing, seen at `moment`
 * (nanoseconds, as digest_moment gives it). So it is when the ctime is less than 20 ms before the
 * moment, or after it: the kernel dates files by its tick, which lasts up to 10 ms. */
bool digest_racy(const struct stat *st, int64_t moment);

/* The digests of files by device, inode, size, mtime and ctime, from one file that all processes
 * add to. Of each inode the last state is kept.
 *
 * A cache may be NULL in all that follows: it then knows nothing and keeps nothing. */
struct digest_cache;

enum {
    DIGEST_STABLE = 1, /* nobody writes to the file any more: the caller knows */
};

/* Reads the file `name` in the directory `folder` (a descriptor or AT_FDCWD; it may be closed
 * afterwards). A file that is missing, cannot be read, or is of another version counts as empty,
 * and a record that is torn or damaged as missing. NULL only without memory. */
struct digest_cache *digest_cache_open(int folder, const char *name);

/* The digest of a file in the state `st`, or NULL when it is not known. It is good until the next
 * call with this cache. */
const digest *digest_cache_find(const struct digest_cache *cache, const struct stat *st);

/* Remembers that the file in the state `st` has the digest `value`. `hashed` is the moment, in
 * nanoseconds, at which hashing began: call digest_moment before it. When the file was racy at
 * that moment (digest_racy) the digest is dropped or, with DIGEST_STABLE in `flags`, kept for this
 * process but not saved; a `hashed` of 0 always counts so. Without memory it does nothing. */
void digest_cache_add(struct digest_cache *cache, const struct stat *st, digest value,
                      int64_t hashed, unsigned flags);

/* Appends what was added since the last save, in one write(2) to a file opened with O_APPEND, so
 * that several processes may do so at once. A file that is longer than four times what is live in
 * it, or than 64 MB, is written anew instead, and put in its place by rename(2); of more than
 * 32 MB the newest 32 MB stay. Waits for others for 0.1 s at most, and never syncs. Returns 0, or
 * -errno of open(2), write(2) or rename(2): what was added then stays to be saved the next time. */
int digest_cache_save(struct digest_cache *cache);

/* Forgets all. What was not saved is lost. */
void digest_cache_close(struct digest_cache *cache);

#endif
