/* Digests of file contents.
 *
 * A digest is BLAKE2b (RFC 7693) with 16 bytes of output and no key. Python's
 * hashlib.blake2b(data, digest_size=16) gives the same.
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

#endif
