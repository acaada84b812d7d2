/* What the watcher tells the program that answers in a command's place: answer.c.
 *
 * A batch is a row of these, each followed by its path, a NUL, and `length` bytes of data, a NUL;
 * the next one begins at a multiple of eight bytes. One DO_COPY of a batch takes its content from a
 * descriptor: the one that the request returned.
 *
 * A file that is made now has to be newer than all that was made before. Where the clock that the
 * kernel dates files by is too coarse for that, it is given a date of its own; the next request
 * tells the watcher of it, as its argument.
 */
#ifndef CKPT_ANSWER_H
#define CKPT_ANSWER_H

#include <stdint.h>

enum {
    ANSWER_ROOM = 1 << 15,
    ANSWERING_FAILED = 125, /* the exit code then: the build is done again without answers */
};

enum {
    DO_EXIT = 1,   /* end with `mode` */
    DO_FILE,       /* make a file of the data */
    DO_COPY,       /* make a file of what the descriptor has, `size` bytes */
    DO_FOLDER,
    DO_MODE,       /* give a folder its mode */
    DO_LINK,       /* a symbolic link: the data is its target */
    DO_NAME,       /* another name of the file that the data names */
    DO_REMOVE,
    DO_REMOVE_FOLDER,
    DO_PRINT,        /* write the data to descriptor `mode` */
    DO_MORE,       /* ask again */
};

/* Of a file: else nanoseconds since 1970. */
#define DATE_NOW INT64_MIN
#define DATE_AS_BEFORE (INT64_MIN + 1)

struct act {
    uint8_t what;
    uint8_t is_in_place; /* the file stays the same one: its other names change with it */
    uint16_t mode;
    uint32_t path_length;
    uint32_t length;
    uint32_t next; /* bytes from here to the next one; 0: there is none */
    uint64_t size;
    int64_t mtime;
    int64_t newest; /* a file that is made now has to be newer than that */
};

#endif
