/* Names of temporary files and folders, made of random bytes alone: mkdtemp(3), mkstemp(3).
 *
 * The C library also takes the clock and addresses for them, so that they would be others in each
 * build, and what is done below them never the same command: random.c. */

#define _GNU_SOURCE
#undef _FORTIFY_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "preload/preload.h"

enum { LETTERS = 6, TURNS = 10000 };

static int make_folder(const char *path, int flags)
{
    (void)flags;
    return mkdir(path, 0700);
}

static int make_file(const char *path, int flags)
{
    return open(path, flags, 0600);
}

/* Makes something under a name that nothing has; what `make` gives, or -1. */
static int make_new(char *template, int suffix, int (*make)(const char *path, int flags), int flags)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    size_t length = strlen(template);
    if (suffix < 0 || length < LETTERS + (size_t)suffix ||
        strncmp(template + length - LETTERS - (size_t)suffix, "XXXXXX", LETTERS) != 0) {
        errno = EINVAL;
        return -1;
    }
    char *name = template + length - LETTERS - (size_t)suffix;
    int error = errno;
    for (int turn = 0; turn < TURNS; turn++) {
        unsigned char bytes[LETTERS];
        ssize_t got;
        do
            got = getrandom(bytes, sizeof bytes, 0);
        while (got < 0 && errno == EINTR);
        if (got != sizeof bytes)
            return -1;
        for (int i = 0; i < LETTERS; i++)
            name[i] = letters[bytes[i] % (sizeof letters - 1)];
        int made = make(template, flags);
        if (made >= 0)
            errno = error;
        if (made >= 0 || errno != EEXIST)
            return made;
    }
    return -1;
}

EXPORT char *mkdtemp(char *template)
{
    return make_new(template, 0, make_folder, 0) == 0 ? template : NULL;
}

/* O_RDWR alone, whatever the caller says of it: mkostemp(3). */
static int make_temporary(char *template, int suffix, int flags)
{
    return make_new(template, suffix, make_file,
                    (flags & ~O_ACCMODE) | O_RDWR | O_CREAT | O_EXCL);
}

#define MAKES(name, parameters, suffix, flags)                                                    \
    EXPORT int name parameters                                                                    \
    {                                                                                             \
        return make_temporary(template, suffix, flags);                                           \
    }

MAKES(mkstemp, (char *template), 0, 0)
MAKES(mkstemp64, (char *template), 0, 0)
MAKES(mkostemp, (char *template, int flags), 0, flags)
MAKES(mkostemp64, (char *template, int flags), 0, flags)
MAKES(mkstemps, (char *template, int suffix), suffix, 0)
MAKES(mkstemps64, (char *template, int suffix), suffix, 0)
MAKES(mkostemps, (char *template, int suffix, int flags), suffix, flags)
MAKES(mkostemps64, (char *template, int suffix, int flags), suffix, flags)
