/* Makes it cheap to watch a build: preloaded (ld.so(8), LD_PRELOAD) into each of its programs.
 *
 * Without this library the kernel asks the watcher before every call that names a file. With it,
 * calls that only look at files are let through at once, and are noted here: see notes.h. A call
 * that isn't stood for here, or can't be noted exactly, is left to libc, and so goes to the
 * watcher.
 *
 * Nothing is ever lost: one takes the buffer, and makes sure that a record fits, before the call
 * is made as a noted one. Who can't have the buffer leaves the call to libc: another thread may
 * have it, or a signal came while this one had it, or it was never given back. A child of fork(2)
 * finds its memory of the buffer wiped, and asks for one of its own.
 *
 * It prints nothing, keeps errno, allocates nothing, and holds no descriptor.
 */

#define _GNU_SOURCE
#undef _FORTIFY_SOURCE /* has other functions under the same names */
#include "preload/preload.h"
#include "shared/kernel_call.h"
#include "shared/notes.h"

#if defined __LP64__ && (defined __x86_64__ || defined __aarch64__)
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LEFT LONG_MIN /* in the place of a result: the call is left to libc */

enum {
    MOST = sizeof(struct note) + PATH_MAX + 8, /* bytes of the largest record */
    KNOWN = 4096,
    KNOWN_OF_BUILD = 1024,
    FEW = 2, /* looks of a child that may be about to execute something */
    PROBES = 8,
    SPINS = 100,
    LINKS = 40, /* glibc and the kernel follow as many */
};

static struct note_buffer *buffer; /* shared with the watcher */

/* Of this process alone: what a child of fork(2) finds is zeroes. */
static struct own {
    _Atomic int is_ready; /* the buffer is there; -1: it can't be had */
    _Atomic int is_taken; /* the buffer */
    int looks;            /* before there was one */
    uint32_t epoch;
    uint16_t known[KNOWN]; /* where a record is, by its digest: 1 + offset / 8; 0: none */
    uint16_t known_of_build[KNOWN_OF_BUILD]; /* the same of paths that the build may change */
} *own;
static _Atomic int is_watched; /* 0: everything is left to libc */

/* --- the kernel ----------------------------------------------------------------------------- */

#ifdef __x86_64__
#define RELAX "pause"
enum { STAT_VERSION = 1 }; /* of __xstat */
#else
#define RELAX "yield"
enum { STAT_VERSION = 0 };
#endif

/* A result as libc gives it. */
static long answer(long result)
{
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}

/* Stand for a function of libc: return `result`, or what libc says where that is LEFT. */
#define STANDS_FOR(type, name, parameters, arguments, result)                                     \
    EXPORT type name parameters                                                                   \
    {                                                                                             \
        long result_ = (result);                                                                  \
        return result_ == LEFT ? REAL(name) arguments : (type)answer(result_);                    \
    }

static long request(int kind)
{
    long result;
    do
        result = kernel_call(SYS_openat, kind, 0, 0, 0, 0, REQUEST);
    while (result == -EINTR);
    return result;
}

/* --- this process --------------------------------------------------------------------------- */

static int take(void)
{
    for (int i = 0; i < SPINS; i++) {
        if (!atomic_load_explicit(&own->is_taken, memory_order_relaxed) &&
            !atomic_exchange_explicit(&own->is_taken, 1, memory_order_acquire))
            return 1;
        __asm__ volatile(RELAX);
    }
    return 0;
}

static void give_back(void)
{
    atomic_store_explicit(&own->is_taken, 0, memory_order_release);
}

/* Whether the buffer is there now. The lock is held. */
static int share_buffer(void)
{
    long file = request(REQUEST_BUFFER);
    long at = -1;
    if (file >= 0) {
        at = kernel_call(SYS_mmap, 0, sizeof *buffer, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        kernel_call(SYS_close, file, 0, 0, 0, 0, 0);
    }
    if (at < 0 && at > -4096)
        return 0;
    if (buffer != NULL)
        kernel_call(SYS_munmap, (long)buffer, sizeof *buffer, 0, 0, 0, 0);
    buffer = (struct note_buffer *)at;
    return 1;
}

static void get_ready(void)
{
    if (!take())
        return;
    if (!atomic_load_explicit(&own->is_ready, memory_order_relaxed))
        atomic_store(&own->is_ready, share_buffer() ? 1 : -1);
    give_back();
}

/* Whether a library comes after us, which may stand for the same calls, and wouldn't be asked. */
static int is_followed(void)
{
    Dl_info ours;
    const char *list = getenv("LD_PRELOAD");
    if (list == NULL || dladdr(&buffer, &ours) == 0 || (list = strstr(list, ours.dli_fname)) == NULL)
        return 0;
    list += strlen(ours.dli_fname);
    return list[strspn(list, ": ")] != '\0';
}

/* Another library's constructor may look at a file before ours is called. */
__attribute__((constructor)) static void begin(void)
{
    static _Atomic int has_begun;
    if (atomic_load_explicit(&has_begun, memory_order_relaxed) || atomic_exchange(&has_begun, 1) ||
        is_followed())
        return;
    long at = kernel_call(SYS_mmap, 0, sizeof *own, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if ((at < 0 && at > -4096) ||
        kernel_call(SYS_madvise, at, sizeof *own, MADV_WIPEONFORK, 0, 0, 0) != 0)
        return;
    own = (struct own *)at;
    own->looks = FEW;
    get_ready();
    atomic_store(&is_watched, own->is_ready > 0);
}

static int can_note(void)
{
    if (!atomic_load_explicit(&is_watched, memory_order_relaxed)) {
        begin();
        if (!atomic_load_explicit(&is_watched, memory_order_relaxed))
            return 0;
    }
    if (!atomic_load_explicit(&own->is_ready, memory_order_relaxed)) {
        if (own->looks++ < FEW)
            return 0;
        get_ready();
    }
    return atomic_load_explicit(&own->is_ready, memory_order_relaxed) > 0;
}

/* --- paths ---------------------------------------------------------------------------------- */

/* The folder that a relative path is relative to, into `into`; its length, 0 where not known. It
 * isn't remembered: fts(3), another process or a child of vfork(2) may change it unseen. */
static size_t base_of(int dir, char *into)
{
    static const char deleted[] = " (deleted)";
    long length;
    if (dir == AT_FDCWD) {
        length = kernel_call(SYS_getcwd, (long)into, PATH_MAX, 0, 0, 0, 0) - 1;
    } else if (dir >= 0) {
        char link[32] = "/proc/self/fd/";
        size_t at = strlen(link);
        for (int rest = dir; (rest /= 10) > 0;)
            at++;
        for (int rest = dir; link[at] = (char)('0' + rest % 10), (rest /= 10) > 0;)
            at--;
        length = kernel_call(SYS_readlinkat, AT_FDCWD, (long)link, (long)into, PATH_MAX, 0,
                             NOTED + SYS_readlinkat);
        long tail = length - (long)strlen(deleted);
        if (tail > 0 && memcmp(into + tail, deleted, strlen(deleted)) == 0)
            return 0;
    } else {
        return 0;
    }
    return length > 0 && length < PATH_MAX && into[0] == '/' ? (size_t)length : 0;
}

/* `path` from the root on, without `.` and doubled slashes, into `into`; its length, 0 where not
 * known. `..` stays, as it may come after a link. So does a slash at the end: it asks for a
 * folder. */
static size_t resolve(int dir, const char *path, char *into)
{
    size_t length = 0;
    if (*path != '/' && (length = base_of(dir, into)) == 0)
        return 0;
    if (length == 1)
        length = 0; /* the root */
    size_t base = length;
    int asks_folder = 0;
    while (*path != '\0') {
        size_t part = 0;
        while (path[part] != '\0' && path[part] != '/')
            part++;
        int is_dot = part == 1 && *path == '.';
        if (part > 0 && !is_dot) {
            if (length + part + 2 > PATH_MAX)
                return 0;
            into[length++] = '/';
            memcpy(into + length, path, part);
            length += part;
        }
        path += part;
        asks_folder = is_dot || *path == '/';
        while (*path == '/')
            path++;
    }
    if (length == 0 || (asks_folder && length > base))
        into[length++] = '/';
    return length;
}

/* --- noting --------------------------------------------------------------------------------- */

/* Not by its name, which a library that fakes the time may have. */
static uint64_t now(void)
{
    struct timespec time;
    REAL(clock_gettime)(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* Where the next record goes, be it the largest; NULL: the watcher didn't make room. */
static struct note *room(void)
{
    if (buffer->used > NOTE_ROOM - MOST) {
        if (request(REQUEST_EMPTY) != 0) {
            atomic_store(&is_watched, 0);
            return NULL;
        }
        memset(own->known, 0, sizeof own->known);
        memset(own->known_of_build, 0, sizeof own->known_of_build);
    }
    return (struct note *)(void *)(buffer->records + buffer->used);
}

/* Where `..` comes after a link nobody knows here. */
static int may_be_of_build(const char *path, size_t length)
{
    for (const char *root = buffer->roots; *root != '\0'; root += strlen(root) + 1)
        if (length >= strlen(root) && memcmp(path, root, strlen(root)) == 0)
            return 1;
    return memmem(path, length, "/..", 3) != NULL;
}

/* Whether this process hasn't noted the same since the buffer was emptied, and nothing of it can
 * have changed since. To be asked when the call was made. */
static int is_new(const struct note *record, int kind, size_t length)
{
    const unsigned char *path = (const void *)(record + 1);
    uint16_t *known = own->known;
    uint32_t digest = 2166136261u ^ (unsigned)kind, slots = KNOWN; /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        digest = (digest ^ path[i]) * 16777619u;
    if (may_be_of_build((const char *)path, length)) {
        uint32_t epoch = __atomic_load_n(&buffer->epoch, __ATOMIC_ACQUIRE);
        known = own->known_of_build;
        slots = KNOWN_OF_BUILD;
        if (epoch != own->epoch)
            memset(known, 0, sizeof own->known_of_build);
        own->epoch = epoch;
    }
    for (uint32_t i = 0; i < PROBES; i++) {
        uint16_t *slot = &known[((digest >> 16 ^ digest) + i) % slots];
        if (*slot == 0) {
            *slot = (uint16_t)(1 + buffer->used / 8);
            return 1;
        }
        const struct note *other = (const void *)(buffer->records + 8 * (*slot - 1u));
        if (other->kind == kind && other->length == length &&
            memcmp(other + 1, path, length) == 0)
            return 0;
    }
    return 1;
}

/* What is noted of a result; 0: nothing; -1: libc is to make the call again. `missing` is what is
 * noted where nothing is there. */
static int outcome(long result, int kind, int missing)
{
    switch (result < 0 ? -result : 0) {
    case 0:
        return kind;
    case ENOENT:
    case ENOTDIR:
        return missing;
    case EINVAL:
        return kind == NOTE_LINK ? NOTE_NO_LINK : -1;
    case ENOSYS:
        return -1;
    case EINTR:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EFAULT:
    case EBADF:
        return 0;
    default:
        return NOTE_REFUSED;
    }
}

static int begins_with(const char *path, size_t length, const char *text)
{
    return length >= strlen(text) && memcmp(path, text, strlen(text)) == 0;
}

/* Make a call on a path as a noted one. */
static long look(int kind, int missing, long number, int dir, const char *path, long a, long b,
                 long c)
{
    if ((uintptr_t)path < 4096 || *path == '\0' || !can_note() || !take())
        return LEFT;
    long result = LEFT;
    struct note *record = room();
    char *whole = (char *)(record + 1);
    size_t length = record == NULL ? 0 : resolve(dir, path, whole);
    /* What is in /proc and /dev/fd depends on who asks. */
    if (length > 0 && !begins_with(whole, length, "/proc/") && !begins_with(whole, length, "/dev/")) {
        uint64_t before = now();
        result = kernel_call(number, dir, (long)path, a, b, c, NOTED + (uint64_t)number);
        int noted = outcome(result, kind, missing);
        if (noted > 0 && is_new(record, noted, length)) {
            *record = (struct note){before, now(), (uint16_t)length, (uint8_t)noted, {0}};
            uint32_t size = (uint32_t)(sizeof *record + length + 7) / 8 * 8;
            __atomic_store_n(&buffer->used, buffer->used + size, __ATOMIC_RELEASE);
        }
        if (noted < 0)
            result = LEFT;
    }
    give_back();
    return result;
}

/* --- opening -------------------------------------------------------------------------------- */

static long see_open(int dir, const char *path, int flags)
{
    int writes = O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
    int a_link = O_PATH | O_NOFOLLOW; /* opens a link itself */
    if ((flags & (O_ACCMODE | writes)) != O_RDONLY || (flags & a_link) == a_link)
        return LEFT;
    int missing = (flags & O_NOFOLLOW) != 0 ? NOTE_LMISSING : NOTE_MISSING;
    if ((flags & O_DIRECTORY) != 0)
        missing = -1; /* ENOTDIR is said of a file, too */
    return look((flags & O_PATH) != 0 ? NOTE_STAT : NOTE_READ, missing, SYS_openat, dir, path,
                flags, 0, 0);
}

/* Whether a call is to be made again that a signal ended while it waited for the watcher: restart.c.
 * Of itself opening waits for the other end of a FIFO alone, fifo(7). */
static int was_interrupted(int dir, const char *path)
{
    struct stat found;
    if (errno != EINTR)
        return 0;
    int is_fifo = REAL(fstatat)(dir, path, &found, 0) == 0 && S_ISFIFO(found.st_mode);
    errno = EINTR;
    return !is_fifo;
}

#define OPEN(name, dir, parameters, arguments)                                                    \
    EXPORT int name parameters                                                                    \
    {                                                                                             \
        mode_t mode = 0;                                                                          \
        if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) {                              \
            va_list rest;                                                                         \
            va_start(rest, flags);                                                                \
            mode = va_arg(rest, mode_t);                                                          \
            va_end(rest);                                                                         \
        }                                                                                         \
        long file = see_open(dir, path, flags);                                                   \
        if (file != LEFT)                                                                         \
            return (int)answer(file);                                                             \
        int opened;                                                                               \
        do                                                                                        \
            opened = REAL(name) arguments;                                                        \
        while (opened < 0 && was_interrupted(dir, path));                                         \
        return opened;                                                                            \
    }

/* The stream that was made of a descriptor; where there is none, without the descriptor. */
static void *made_of(long file, void *stream, int error)
{
    if (stream != NULL)
        errno = error;
    else
        kernel_call(SYS_close, file, 0, 0, 0, 0, 0);
    return stream;
}

static long see_stream(const char *path, const char *mode)
{
    size_t rest = *mode == 'r' ? strspn(mode + 1, "be") : 0;
    if (*mode != 'r' || mode[1 + rest] != '\0' || rest > 3)
        return LEFT;
    return see_open(AT_FDCWD, path, strchr(mode, 'e') != NULL ? O_CLOEXEC : 0);
}

#define STREAM(type, name, parameters, arguments, see, make)                                      \
    EXPORT type *name parameters                                                                  \
    {                                                                                             \
        int error = errno;                                                                        \
        long file = (see);                                                                        \
        type *stream = NULL;                                                                      \
        while (file == LEFT && (stream = REAL(name) arguments) == NULL &&                         \
               was_interrupted(AT_FDCWD, path))                                                   \
            ;                                                                                     \
        if (file == LEFT)                                                                         \
            return stream;                                                                        \
        return answer(file) < 0 ? NULL : made_of(file, make, error);                              \
    }

#define FOPEN(name)                                                                               \
    STREAM(FILE, name, (const char *path, const char *mode), (path, mode),                        \
           see_stream(path, mode), fdopen((int)file, mode))

/* --- asking --------------------------------------------------------------------------------- */

static long see_stat(long number, int dir, const char *path, int flags, long a, long b, long c)
{
    int is_of_link = (flags & AT_SYMLINK_NOFOLLOW) != 0;
    return look(is_of_link ? NOTE_LSTAT : NOTE_STAT, is_of_link ? NOTE_LMISSING : NOTE_MISSING,
                number, dir, path, a, b, c);
}

static long see_fstatat(int dir, const char *path, void *into, int flags)
{
    return see_stat(SYS_newfstatat, dir, path, flags, (long)into, flags, 0);
}

/* fstat(3) names no file, but some libc ask as fstatat(file, ""), of which the watcher is told. */
static long plain_fstat(int file, void *into)
{
    return can_note() ? kernel_call(SYS_fstat, file, (long)into, 0, 0, 0, 0) : LEFT;
}

static long see_access(int dir, const char *path, int mode)
{
    return look(NOTE_EXISTS, NOTE_MISSING, SYS_faccessat, dir, path, mode, 0, 0);
}

static long see_link(int dir, const char *path, char *into, size_t size)
{
    if (size == 0 || size > INT_MAX)
        return LEFT; /* EINVAL has another meaning then */
    return look(NOTE_LINK, NOTE_LMISSING, SYS_readlinkat, dir, path, (long)into, (long)size, 0);
}

/* realpath(3) into `whole`; 0, ENOENT (then `whole` ends with what is missing), or -1: libc has to
 * say what is wrong. What is still to go lies at the end of `rest`, so that the target of a link
 * can be put before it. */
static int resolve_links(const char *path, char *whole)
{
    char rest[PATH_MAX];
    size_t length = 0, size = path == NULL ? 0 : strnlen(path, PATH_MAX);
    if (size == 0 || size == PATH_MAX || !can_note() ||
        (*path != '/' && (length = base_of(AT_FDCWD, whole)) == 0))
        return -1;
    if (length == 1)
        length = 0; /* the root */
    char *next = rest + sizeof rest - 1 - size;
    memcpy(next, path, size + 1);
    for (int links = 0; next += strspn(next, "/"), *next != '\0';) {
        const char *name = next;
        size_t part = strcspn(next, "/"), above = length;
        next += part;
        if (part == 1 && name[0] == '.')
            continue;
        if (part == 2 && name[0] == '.' && name[1] == '.') {
            while (length > 0 && whole[--length] != '/')
                ;
            continue;
        }
        if (length + part + 3 > PATH_MAX)
            return -1;
        whole[length++] = '/';
        memcpy(whole + length, name, part);
        length += part;
        whole[length] = '\0';
        size_t space = (size_t)(next - rest);
        long target = see_link(AT_FDCWD, whole, rest, space);
        if (target == -ENOENT)
            return ENOENT;
        if (target == -EINVAL) {
            const char *after = next + strspn(next, "/");
            if (after == next || (*after != '\0' && *after != '.'))
                continue;
            memcpy(whole + length, "/", 2); /* it has to be a folder */
            if (see_access(AT_FDCWD, whole, F_OK) != 0)
                return -1;
        } else if (target <= 0 || (size_t)target == space || ++links > LINKS) {
            return -1;
        } else {
            next -= target;
            memmove(next, rest, (size_t)target);
            length = *next == '/' ? 0 : above;
        }
    }
    if (length == 0)
        whole[length++] = '/';
    whole[length] = '\0';
    return 0;
}

/* --- the functions -------------------------------------------------------------------------- */

#define FUNCTIONS(suffix)                                                                         \
    OPEN(open##suffix, AT_FDCWD, (const char *path, int flags, ...), (path, flags, mode))         \
    OPEN(openat##suffix, dir, (int dir, const char *path, int flags, ...),                        \
         (dir, path, flags, mode))                                                                \
    FOPEN(fopen##suffix)                                                                          \
    STANDS_FOR(int, stat##suffix, (const char *path, struct stat##suffix *into), (path, into),    \
               see_fstatat(AT_FDCWD, path, into, 0))                                              \
    STANDS_FOR(int, lstat##suffix, (const char *path, struct stat##suffix *into), (path, into),   \
               see_fstatat(AT_FDCWD, path, into, AT_SYMLINK_NOFOLLOW))                            \
    STANDS_FOR(int, fstatat##suffix,                                                              \
               (int dir, const char *path, struct stat##suffix *into, int flags),                 \
               (dir, path, into, flags), see_fstatat(dir, path, into, flags))                     \
    STANDS_FOR(int, fstat##suffix, (int file, struct stat##suffix *into), (file, into),           \
               plain_fstat(file, into))

#define ACCESS(name)                                                                              \
    STANDS_FOR(int, name, (const char *path, int mode), (path, mode),                             \
               see_access(AT_FDCWD, path, mode))

FUNCTIONS()
ACCESS(access)
STANDS_FOR(int, faccessat, (int dir, const char *path, int mode, int flags),
           (dir, path, mode, flags), flags == 0 ? see_access(dir, path, mode) : LEFT)
STANDS_FOR(ssize_t, readlink, (const char *path, char *into, size_t size), (path, into, size),
           see_link(AT_FDCWD, path, into, size))
STANDS_FOR(ssize_t, readlinkat, (int dir, const char *path, char *into, size_t size),
           (dir, path, into, size), see_link(dir, path, into, size))
#ifdef STATX_TYPE
STANDS_FOR(int, statx, (int dir, const char *path, int flags, unsigned mask, struct statx *into),
           (dir, path, flags, mask, into),
           see_stat(SYS_statx, dir, path, flags, flags, mask, (long)into))
#endif

STREAM(DIR, opendir, (const char *path), (path),
       see_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK),
       fdopendir((int)file))

EXPORT char *realpath(const char *path, char *into)
{
    char whole[PATH_MAX];
    int error = resolve_links(path, whole);
    if (error < 0)
        return REAL(realpath)(path, into);
    if (into != NULL)
        strcpy(into, whole); /* glibc does so without success, too */
    if (error > 0) {
        errno = error;
        return NULL;
    }
    return into != NULL ? into : strdup(whole);
}

#ifdef __GLIBC__
FUNCTIONS(64)
/* Nobody is preloaded into a program whose effective user isn't the real one: ld.so(8). */
ACCESS(eaccess)
ACCESS(euidaccess)

EXPORT char *canonicalize_file_name(const char *path)
{
    return realpath(path, NULL);
}

static long see_xstat(int version, int dir, const char *path, void *into, int flags)
{
    return version == STAT_VERSION ? see_fstatat(dir, path, into, flags) : LEFT;
}

/* No header has these: they are for _FORTIFY_SOURCE and for programs older than glibc 2.33. */
#define OLD_FUNCTIONS(suffix)                                                                     \
    STANDS_FOR(int, __open##suffix##_2, (const char *path, int flags), (path, flags),             \
               see_open(AT_FDCWD, path, flags))                                                   \
    STANDS_FOR(int, __openat##suffix##_2, (int dir, const char *path, int flags),                 \
               (dir, path, flags), see_open(dir, path, flags))                                    \
    STANDS_FOR(int, __xstat##suffix, (int version, const char *path, struct stat##suffix *into),  \
               (version, path, into), see_xstat(version, AT_FDCWD, path, into, 0))                \
    STANDS_FOR(int, __lxstat##suffix, (int version, const char *path, struct stat##suffix *into), \
               (version, path, into),                                                             \
               see_xstat(version, AT_FDCWD, path, into, AT_SYMLINK_NOFOLLOW))                     \
    STANDS_FOR(int, __fxstatat##suffix,                                                           \
               (int version, int dir, const char *path, struct stat##suffix *into, int flags),    \
               (version, dir, path, into, flags), see_xstat(version, dir, path, into, flags))     \
    STANDS_FOR(int, __fxstat##suffix, (int version, int file, struct stat##suffix *into),         \
               (version, file, into), version == STAT_VERSION ? plain_fstat(file, into) : LEFT)

OLD_FUNCTIONS()
OLD_FUNCTIONS(64)
STANDS_FOR(ssize_t, __readlink_chk, (const char *path, char *into, size_t size, size_t room),
           (path, into, size, room), size <= room ? see_link(AT_FDCWD, path, into, size) : LEFT)
STANDS_FOR(ssize_t, __readlinkat_chk,
           (int dir, const char *path, char *into, size_t size, size_t room),
           (dir, path, into, size, room), size <= room ? see_link(dir, path, into, size) : LEFT)

EXPORT char *__realpath_chk(const char *path, char *into, size_t room)
{
    return room >= PATH_MAX ? realpath(path, into) : REAL(__realpath_chk)(path, into, room);
}
#endif
#endif
