/* What the preloaded library and the watcher agree on.
 *
 * A seccomp filter has the kernel notify the watcher of every call that names a file. A call whose
 * sixth argument, which none of these calls has, is NOTED plus its own number is let through at
 * once (what is left in the argument's register by another call is no such thing): the library made
 * it, and noted what came of it in a buffer that it shares with the watcher. So a program without
 * the library, or a call past it, is seen all the same, only slower; and what a program noted is
 * known still when it was killed.
 */
#ifndef CKPT_NOTES_H
#define CKPT_NOTES_H

#include <linux/limits.h>
#include <stdint.h>

#define NOTED 0x636b7074736565ULL    /* with its number: the sixth argument of a noted call */
#define REQUEST 0x636b7074617368ULL  /* that of a call by which a program speaks to the watcher */

/* Requests: openat(kind, address, size, argument, 0, REQUEST). */
enum {
    REQUEST_BUFFER = 1, /* gives the descriptor of a note_buffer, all for the caller's process */
    REQUEST_EMPTY = 2,  /* it is full: the watcher reads and empties it before the call returns */
    REQUEST_ANSWER = 3, /* of answer.c: what is to be done next */
    REQUEST_FAILED = 4, /* the program that was to be executed isn't */
};

/* What came of looking at a file. */
enum note_kind {
    NOTE_READ = 'r',   /* opened for reading */
    NOTE_STAT = 's',   /* asked for kind, size, mode and dates; a link was followed */
    NOTE_LSTAT = 'l',  /* the same of a link itself */
    NOTE_EXISTS = 'e', /* asked whether it is there, and may be read or executed */
    NOTE_LINK = 'k',   /* the target of a link was read */
    NOTE_NO_LINK = 'n', /* it is there, and no link: EINVAL of readlink(2) */
    NOTE_MISSING = 'm', /* ENOENT or ENOTDIR, a link was followed */
    NOTE_LMISSING = 'M', /* the same, of the name itself */
    NOTE_REFUSED = 'x', /* any other error */
};

/* One record: this, then `length` bytes of an absolute path, without a NUL; the next one begins at
 * a multiple of eight bytes. */
struct note {
    uint64_t before, after; /* CLOCK_MONOTONIC in nanoseconds, around the call */
    uint16_t length;
    uint8_t kind;
    uint8_t unused[5];
};

enum { NOTE_ROOM = 1 << 16, NOTE_ROOTS = 4096, NOTE_LONGEST = PATH_MAX - 1 };

/* The buffer. The same look at the same path needs no second record, unless something of the build
 * was changed in between: the watcher raises `epoch` before. `roots` are the folders in which that
 * can be: paths with a NUL each, and an empty one. */
struct note_buffer {
    uint32_t used; /* bytes of `records`: raised when a record is whole */
    uint32_t epoch;
    char roots[NOTE_ROOTS];
    char records[NOTE_ROOM];
};

/* Where the library puts the path of a program that it executes: sixteen bytes of mark, then the
 * path, in a room of its own that is not looked at again. */
#define PLACE_MARK_1 0x9d3c5be1f06a7442ULL
#define PLACE_MARK_2 0x27e8a1cc54b0f913ULL
enum { PLACE_ROOM = 512 };

#endif
