/* Calls that a signal ended are made again: part of the library.
 *
 * A call that waits for the watcher is ended by a signal, with EINTR where its handler was set
 * without SA_RESTART, sigaction(2). By themselves these calls never end so, and no program expects
 * it. What may wait by itself too, as open(2) of a FIFO, is left alone. */

#define _GNU_SOURCE
#undef _FORTIFY_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utime.h>

#include "preload/preload.h"

#define AGAIN_IF(type, name, parameters, arguments, waits)                                        \
    EXPORT type name parameters                                                                   \
    {                                                                                             \
        type done;                                                                                \
        do                                                                                        \
            done = REAL(name) arguments;                                                          \
        while (done < 0 && errno == EINTR && (waits));                                            \
        return done;                                                                              \
    }
#define AGAIN(name, parameters, arguments) AGAIN_IF(int, name, parameters, arguments, 1)

AGAIN(mkdir, (const char *path, mode_t mode), (path, mode))
AGAIN(mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode))
AGAIN(rmdir, (const char *path), (path))
AGAIN(unlink, (const char *path), (path))
AGAIN(unlinkat, (int dir, const char *path, int flags), (dir, path, flags))
AGAIN(remove, (const char *path), (path))
AGAIN(rename, (const char *from, const char *to), (from, to))
AGAIN(renameat, (int from_dir, const char *from, int dir, const char *to),
      (from_dir, from, dir, to))
AGAIN(renameat2, (int from_dir, const char *from, int dir, const char *to, unsigned flags),
      (from_dir, from, dir, to, flags))
AGAIN(link, (const char *from, const char *to), (from, to))
AGAIN(linkat, (int from_dir, const char *from, int dir, const char *to, int flags),
      (from_dir, from, dir, to, flags))
AGAIN(symlink, (const char *target, const char *path), (target, path))
AGAIN(symlinkat, (const char *target, int dir, const char *path), (target, dir, path))
AGAIN(chmod, (const char *path, mode_t mode), (path, mode))
AGAIN(fchmod, (int file, mode_t mode), (file, mode))
AGAIN(fchmodat, (int dir, const char *path, mode_t mode, int flags), (dir, path, mode, flags))
AGAIN(chown, (const char *path, uid_t owner, gid_t group), (path, owner, group))
AGAIN(lchown, (const char *path, uid_t owner, gid_t group), (path, owner, group))
AGAIN(fchown, (int file, uid_t owner, gid_t group), (file, owner, group))
AGAIN(fchownat, (int dir, const char *path, uid_t owner, gid_t group, int flags),
      (dir, path, owner, group, flags))
AGAIN(truncate, (const char *path, off_t size), (path, size))
AGAIN(utime, (const char *path, const struct utimbuf *times), (path, times))
AGAIN(utimes, (const char *path, const struct timeval times[2]), (path, times))
AGAIN(futimens, (int file, const struct timespec times[2]), (file, times))
AGAIN(utimensat, (int dir, const char *path, const struct timespec times[2], int flags),
      (dir, path, times, flags))
AGAIN(chdir, (const char *path), (path))
AGAIN(fchdir, (int file), (file))

/* The watcher is told of these where they are of descriptors 1 and 2. */
#define IS_TOLD (file == 1 || file == 2)
AGAIN_IF(ssize_t, write, (int file, const void *bytes, size_t size), (file, bytes, size), IS_TOLD)
AGAIN_IF(ssize_t, writev, (int file, const struct iovec *parts, int count), (file, parts, count),
         IS_TOLD)
AGAIN_IF(off_t, lseek, (int file, off_t offset, int whence), (file, offset, whence), IS_TOLD)
AGAIN_IF(off64_t, lseek64, (int file, off64_t offset, int whence), (file, offset, whence), IS_TOLD)
AGAIN_IF(int, ftruncate, (int file, off_t size), (file, size), IS_TOLD)
AGAIN_IF(int, dup, (int file), (file), IS_TOLD)
AGAIN_IF(int, dup2, (int file, int number), (file, number), IS_TOLD)
AGAIN_IF(int, dup3, (int file, int number, int flags), (file, number, flags), IS_TOLD)

#define CONTROLS(name)                                                                            \
    EXPORT int name(int file, int command, ...)                                                   \
    {                                                                                             \
        int done;                                                                                 \
        va_list rest;                                                                             \
        va_start(rest, command);                                                                  \
        void *argument = va_arg(rest, void *);                                                    \
        va_end(rest);                                                                             \
        do                                                                                        \
            done = REAL(name)(file, command, argument);                                           \
        while (done < 0 && errno == EINTR &&                                                      \
               (command == F_DUPFD || command == F_DUPFD_CLOEXEC));                               \
        return done;                                                                              \
    }

CONTROLS(fcntl)
CONTROLS(fcntl64)

/* An entry of a folder: the end of it is no error. */
#define READS(name, type)                                                                         \
    EXPORT type *name(DIR *folder)                                                                \
    {                                                                                             \
        int error = errno;                                                                        \
        type *entry;                                                                              \
        do {                                                                                      \
            errno = 0;                                                                            \
            entry = REAL(name)(folder);                                                           \
        } while (entry == NULL && errno == EINTR);                                                \
        if (errno == 0)                                                                           \
            errno = error;                                                                        \
        return entry;                                                                             \
    }

READS(readdir, struct dirent)
READS(readdir64, struct dirent64)

/* Who ends must not be told to go on: the C library crashes then. */
static void block_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
}

__attribute__((destructor)) static void end(void)
{
    block_signals();
}

EXPORT void _exit(int code)
{
    block_signals();
    REAL(_exit)(code);
    __builtin_unreachable();
}

EXPORT void _Exit(int code)
{
    _exit(code);
}
