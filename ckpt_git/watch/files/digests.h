/* A file of digests, so that a file that has not changed is hashed once: by device, inode, size,
 * mtime and ctime. It is read whole, and written anew beside itself when something was added. Of
 * two processes that save at once the last one wins; the other's digests are taken again later. */
#ifndef CKPT_DIGESTS_H
#define CKPT_DIGESTS_H

#include "shared/digest.h"

struct digests;

/* The file `name` in the directory `folder`, which stays open. A file that is missing, damaged or
 * of another version counts as empty. */
struct digests *digests_open(int folder, const char *name);

/* The digest of a file in the state `st`; NULL: it isn't known. */
const digest *digests_find(const struct digests *digests, const struct stat *st);

/* The file in the state `st` has the digest `value`. `moment` is date_now of when hashing began.
 * What changed shortly before may change again without another ctime: the kernel dates files by
 * its tick, of up to 10 ms. Such a digest is not saved. */
void digests_add(struct digests *digests, const struct stat *st, digest value, int64_t moment);

/* 0, or -errno of open(2), write(2) or rename(2). */
int digests_save(struct digests *digests);

#endif
