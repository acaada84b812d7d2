/* File contents by their digest, in a folder that many processes share.
 *
 * The content whose digest is abcdef… is the file ab/cdef…, of mode 0444. It is written under
 * another name and renamed when it is whole, so what is there under its name is whole. Nothing is
 * synced: after a crash of the machine an object may be cut short, and objects_get sees that.
 *
 * Beside the objects are `digests`, a cache of digests (digest.h); `swept`, whose date says when
 * the folder was last swept; and tmp-PID-N, which are files that process PID is writing.
 *
 * Functions that return an int return 0 or -errno, unless said otherwise. A struct objects belongs
 * to one thread at a time.
 */
#ifndef CKPT_OBJECTS_H
#define CKPT_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "digest.h"

struct objects;

/* Opens the store in the directory `folder` (a descriptor or AT_FDCWD; it may be closed
 * afterwards). At most once a day it also removes what processes that are gone left half-written
 * more than an hour ago. NULL with errno of open(2) or ENOMEM. */
struct objects *objects_open(int folder);

/* Saves the cache of digests, and closes. */
void objects_close(struct objects *objects);

/* The cache of digests in the store, for digests of other files as well. It may be NULL, which
 * digest.h allows; it ends with objects_close. A process that runs for long saves it at times. */
struct digest_cache *objects_digests(struct objects *objects);

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
 * right. `st` is what fstat(2) said of it. On success `out` is its digest. -EAGAIN when the file
 * is not, or did not stay, as `st` has it; -EINVAL when it is no regular file; -ENOSPC and others
 * of open(2), read(2), write(2) and rename(2). A failure leaves nothing behind.
 *
 * It holds for mapped files what digest_of_file says of them. */
int objects_put_fd(struct objects *objects, int source_fd, const struct stat *st, digest *out);

/* The same for `size` bytes of memory. */
int objects_put_bytes(struct objects *objects, const void *bytes, size_t size, digest *out);

/* Makes an object of a file that nobody writes to or needs any more: the file `name` in `folder`
 * in the state `st`, whose digest is `known`. When this returns 0 the name is gone. The file is
 * renamed; or copied as objects_put_fd does when it has other names too, is on another file
 * system or belongs to another user. -EAGAIN when it is not in the state `st`. -EBADMSG when it
 * was seen to have another content than `known` says; a file that was changed while it was renamed
 * is lost then. Else as objects_put_fd; the file stays. */
int objects_take(struct objects *objects, int folder, const char *name, const struct stat *st,
                 const digest *known);

#endif
