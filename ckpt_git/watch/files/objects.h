/* File contents by their digest, in a folder that many processes share.
 *
 * The content whose digest is abcdef… is the file ab/cdef…, of mode 0444. It is written under
 * another name and renamed when it is whole, so what is there under its name is whole. Nothing is
 * synced: after a crash of the machine an object may be cut short, and objects_get sees that.
 *
 * Beside the objects are `digests` (digests.h), and tmp-PID-N, which are files that process PID is
 * writing.
 *
 * Functions that return an int return 0 or -errno, unless said otherwise.
 */
#ifndef CKPT_OBJECTS_H
#define CKPT_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "files/digests.h"

struct objects;

/* Opens the store in `folder`. NULL with errno of open(2). */
struct objects *objects_open(const char *folder);

/* The digests that are known, for those of other files as well. */
struct digests *objects_digests(struct objects *objects);

/* Has a pack's contents answer for objects that are not in the folder: 0, or -1 where it is none.
 *
 * A pack is one file that has many contents: struct pack_head, its entries, then the contents. */
int objects_add_pack(struct objects *objects, const char *file);

/* Writes a pack of the objects whose digests and sizes are given. 0, or -errno. */
struct packed {
    digest digest;
    uint64_t offset, size;
};
int objects_write_pack(struct objects *objects, const char *file, struct packed *all, size_t count);

/* Whether there is such an object. It is not looked into. */
bool objects_has(struct objects *objects, digest value);

/* Opens an object of `size` bytes, for reading from its beginning. What is opened is a regular
 * file of that size and that content: it was hashed in the state it is in, now or, as the cache
 * of digests knows, before. Returns a descriptor, or -1 with errno: EBADMSG when it is not so,
 * and then it was removed, unless the object is right and only `size` is not; ENOENT when there is
 * none; EAGAIN when others kept changing it; else what openat(2) and read(2) give, and the object
 * stays. */
int objects_get(struct objects *objects, digest value, off_t size);

/* Puts the content of a regular file there, from its beginning to its end, unless it is there and
 * right: 1 then. `st` is what fstat(2) said of it. On success `out` is its digest. -EAGAIN when the file
 * did not stay as `st` has it; -EINVAL when it is no regular file; -ENOSPC and others of open(2),
 * read(2), write(2) and rename(2). A failure leaves nothing behind.
 *
 * It holds for mapped files what digest_of_file says of them. */
int objects_put(struct objects *objects, int source, const struct stat *st, digest *out);

#endif
