/* Executes programs in a way that lets the watcher answer in their place: part of the library.
 *
 * To answer, the watcher writes another program's path over the one that execve(2) is given. A
 * child of vfork(2) shares its parent's memory, and the parent goes on as soon as the program
 * runs: what was written over has to be memory that nobody looks at again. So the path is copied
 * to the stack of the call that executes it, behind a mark by which the watcher knows it.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/preload.h"
#include "shared/notes.h"

struct place {
    uint64_t mark[2];
    char path[PLACE_ROOM];
};

extern char **environ;

/* Whether the path fits. The compiler must not think that nobody reads the marks. */
static int put(struct place *place, const char *path)
{
    size_t length = path == NULL ? PLACE_ROOM : strlen(path);
    if (length >= PLACE_ROOM)
        return 0;
    place->mark[0] = PLACE_MARK_1;
    place->mark[1] = PLACE_MARK_2;
    memcpy(place->path, path, length + 1);
    __asm__ volatile("" : : "r"(place) : "memory");
    return 1;
}

static int execute(const char *path, char *const arguments[], char *const environment[])
{
    struct place place;
    int done;
    do /* it waits for the watcher, and a signal may end that: restart.c */
        done = (int)syscall(SYS_execve, put(&place, path) ? place.path : path, arguments,
                            environment);
    while (done < 0 && errno == EINTR);
    __asm__ volatile("" : : "r"(&place) : "memory");
    int error = errno;
    if (error != ENOENT && error != ENOTDIR && error != EACCES) /* what is missing, it can see */
        syscall(SYS_openat, REQUEST_FAILED, 0, 0, 0, 0, REQUEST);
    errno = error;
    return done;
}

/* A file that is no program is run by the shell: POSIX, exec. */
static int execute_by_shell(const char *path, char *const arguments[], char *const environment[])
{
    size_t count = 0;
    while (arguments[count] != NULL)
        count++;
    if (count > INT_MAX - 2) {
        errno = E2BIG;
        return -1;
    }
    char *more[count + 2];
    more[0] = (char *)"/bin/sh";
    more[1] = (char *)(size_t)path;
    if (count > 1)
        memcpy(more + 2, arguments + 1, count * sizeof *more);
    else
        more[2 - (count == 0)] = NULL;
    if (count <= 1) {
        char *few[] = {more[0], more[1], NULL};
        return execute("/bin/sh", few, environment);
    }
    return execute("/bin/sh", more, environment);
}

/* The search of execvp(3), with its errors. */
static int search(const char *name, char *const arguments[], char *const environment[])
{
    char whole[PATH_MAX + NAME_MAX + 2];
    int refused = 0;
    if (name == NULL || *name == '\0') {
        errno = ENOENT;
        return -1;
    }
    if (strchr(name, '/') != NULL) {
        int done = execute(name, arguments, environment);
        return errno == ENOEXEC ? execute_by_shell(name, arguments, environment) : done;
    }
    const char *path = getenv("PATH");
    if (path == NULL)
        path = "/bin:/usr/bin"; /* confstr(3), _CS_PATH */
    size_t length = strlen(name);
    if (length > NAME_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    for (;; path++) {
        size_t part = strcspn(path, ":");
        if (part <= PATH_MAX) {
            memcpy(whole, path, part);
            whole[part] = '/';
            memcpy(whole + part + (part > 0), name, length + 1);
            execute(whole, arguments, environment);
            if (errno == ENOEXEC)
                execute_by_shell(whole, arguments, environment);
            switch (errno) {
            case EACCES:
                refused = 1;
                break;
            case ENOENT:
            case ESTALE:
            case ENOTDIR:
            case ENODEV:
            case ETIMEDOUT:
                break;
            default:
                return -1;
            }
        }
        path += part;
        if (*path == '\0')
            break;
    }
    if (refused)
        errno = EACCES;
    return -1;
}

EXPORT int execve(const char *path, char *const arguments[], char *const environment[])
{
    return execute(path, arguments, environment);
}

EXPORT int execv(const char *path, char *const arguments[])
{
    return execute(path, arguments, environ);
}

EXPORT int execvpe(const char *name, char *const arguments[], char *const environment[])
{
    return search(name, arguments, environment);
}

EXPORT int execvp(const char *name, char *const arguments[])
{
    return search(name, arguments, environ);
}

static size_t count_of(va_list rest)
{
    size_t count = 1;
    while (va_arg(rest, char *) != NULL)
        count++;
    return count;
}

#define COLLECT(first)                                                                            \
    va_list rest_;                                                                                \
    va_start(rest_, first);                                                                       \
    size_t count_ = count_of(rest_);                                                              \
    va_end(rest_);                                                                                \
    char *arguments[count_ + 1];                                                                  \
    arguments[0] = (char *)(size_t)(first);                                                       \
    va_start(rest_, first);                                                                       \
    for (size_t i_ = 1; i_ <= count_; i_++)                                                       \
        arguments[i_] = va_arg(rest_, char *)

EXPORT int execl(const char *path, const char *first, ...)
{
    COLLECT(first);
    va_end(rest_);
    return execute(path, arguments, environ);
}

EXPORT int execlp(const char *name, const char *first, ...)
{
    COLLECT(first);
    va_end(rest_);
    return search(name, arguments, environ);
}

EXPORT int execle(const char *path, const char *first, ...)
{
    COLLECT(first);
    char **environment = va_arg(rest_, char **);
    va_end(rest_);
    return execute(path, arguments, environment);
}

EXPORT int posix_spawn(pid_t *id, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, char *const arguments[],
                       char *const environment[])
{
    struct place place;
    int done = REAL(posix_spawn)(id, put(&place, path) ? place.path : path, actions, attributes,
                                 arguments, environment);
    __asm__ volatile("" : : "r"(&place) : "memory");
    return done;
}

/* The first program of that name on PATH; NULL where libc had better say what is wrong, or where it
 * searches folders that another one is to be gone into for. */
static const char *find(const char *name, char *whole, size_t room)
{
    const char *path = getenv("PATH");
    if (path == NULL || name == NULL || *name == '\0' || strchr(name, '/') != NULL)
        return NULL;
    for (;; path++) {
        size_t part = strcspn(path, ":");
        struct stat found;
        if (*path != '/' || part + strlen(name) + 2 > room)
            return NULL;
        memcpy(whole, path, part);
        whole[part] = '/';
        strcpy(whole + part + (part > 0), name);
        if (access(whole, X_OK) == 0 && stat(whole, &found) == 0 && S_ISREG(found.st_mode))
            return whole;
        path += part;
        if (*path == '\0')
            return NULL;
    }
}

EXPORT int posix_spawnp(pid_t *id, const char *name, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const arguments[],
                        char *const environment[])
{
    char whole[PLACE_ROOM];
    const char *found = find(name, whole, sizeof whole);
    if (found != NULL)
        return posix_spawn(id, found, actions, attributes, arguments, environment);
    struct place place;
    int done = REAL(posix_spawnp)(id, put(&place, name) ? place.path : name, actions, attributes,
                                  arguments, environment);
    __asm__ volatile("" : : "r"(&place) : "memory");
    return done;
}
