/* Notes what a build's processes do with the files below the build's folder.
 *
 * Compiled once on the user's machine and preloaded (ld.so(8), LD_PRELOAD) into the programs of a
 * build. It has to change nothing: it prints nothing, keeps errno, allocates nothing, holds no
 * descriptor and no lock. What it notes goes into a file of shared memory, the arena, which lies
 * beside this library: a store to memory, which outlives a process that is killed. arena.py makes
 * the arena and reads it.
 *
 *   arena   a page with `struct arena`, then blocks of whole pages, each with a `struct block`
 *   block   records of one program: two bytes of length, one of kind, then bytes
 *
 * A program that forks goes on writing to its block from both processes: room is taken by one
 * atomic addition. One that executes another begins a new step.
 *
 * A wrapper calls the function that it stands for, then notes how that went. libc's calls to
 * itself don't come by here, so that whatever opens files inside of libc has a wrapper of its own.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define VARIABLE "LD_PRELOAD="

/* Kinds of records. */
enum {
    READ = 'r',    /* opened for reading, or executed */
    SEEN = 's',    /* asked about, and it is there */
    MISSED = 'm',  /* looked for in vain */
    LISTED = 'd',  /* a folder whose names were read */
    WROTE = 'w',   /* opened for writing, made, or the target of a rename */
    REMOVED = 'u', /* removed or renamed */
    LINKED = 'k',  /* a symbolic link was made: its path, a NUL, its target */
    FORKED = 'f',  /* the id of a process that goes on with this program */
    PROGRAM = 'P', /* the path that was executed */
    ARGUMENTS = 'A',
    FOLDER = 'C',
    BLIND = 'b', /* a program was executed that can't be seen: its path, a NUL, why */
};

struct arena {
    char magic[8];
    _Atomic uint64_t next; /* where the next block goes; bytes from the arena's start */
    uint64_t ready;        /* below it the file has its blocks on disk already */
    uint32_t page;
    _Atomic uint32_t steps;
    _Atomic uint32_t lost; /* records for which there was no room */
    uint32_t root_length;
    char root[1024];       /* the build's folder, without a slash at its end */
    char interpreter[256]; /* the loader of this machine's programs: PT_INTERP of elf(5) */
};

struct block {
    uint32_t size;
    uint32_t step;
    uint32_t process;
    uint32_t parent;
    _Atomic uint32_t used; /* bytes from the block's start; beyond its size where it is full */
};

enum { RECORD_HEAD = 3, LONGEST = 16384, MORE = 16384, KNOWN = 4096 };

static struct arena *arena;
static struct block *_Atomic current;
static uint32_t step;
static pid_t process; /* whose cached folder `folder` is */
static char library[PATH_MAX];
static char folder[PATH_MAX];
static size_t folder_length; /* 0: not known */
static _Atomic uint64_t known[KNOWN]; /* digests of what was noted already */

/* --- the functions that are stood for ------------------------------------------------------ */

#ifdef __GLIBC__
int __open_2(const char *, int);
int __open64_2(const char *, int);
int __openat_2(int, const char *, int);
int __openat64_2(int, const char *, int);
int __xstat(int, const char *, struct stat *);
int __lxstat(int, const char *, struct stat *);
int __fxstatat(int, int, const char *, struct stat *, int);
int __xstat64(int, const char *, struct stat64 *);
int __lxstat64(int, const char *, struct stat64 *);
int __fxstatat64(int, int, const char *, struct stat64 *, int);
char *__realpath_chk(const char *, char *, size_t);
ssize_t __readlink_chk(const char *, char *, size_t, size_t);
ssize_t __readlinkat_chk(int, const char *, char *, size_t, size_t);
#define OF_GLIBC(X)                                                                               \
    X(open64) X(openat64) X(creat64) X(__open_2) X(__open64_2) X(__openat_2) X(__openat64_2)      \
    X(fopen64) X(freopen64) X(stat64) X(lstat64) X(fstatat64) X(__xstat) X(__lxstat)              \
    X(__fxstatat) X(__xstat64) X(__lxstat64) X(__fxstatat64) X(scandir64) X(glob64) X(truncate64) \
    X(mkstemp64) X(mkostemp64) X(mkstemps64) X(mkostemps64) X(__realpath_chk) X(__readlink_chk)   \
    X(__readlinkat_chk) X(canonicalize_file_name) X(renameat2)
#else
#define OF_GLIBC(X)
#endif

#define FUNCTIONS(X)                                                                              \
    X(open) X(openat) X(creat) X(fopen) X(freopen) X(opendir) X(fdopendir) X(scandir) X(glob)     \
    X(stat) X(lstat) X(fstatat) X(statx) X(access) X(faccessat) X(euidaccess) X(eaccess)          \
    X(readlink) X(readlinkat) X(realpath) X(rename) X(renameat) X(unlink) X(unlinkat) X(remove)   \
    X(link) X(linkat) X(symlink) X(symlinkat) X(truncate) X(mkstemp) X(mkostemp) X(mkstemps)      \
    X(mkostemps) X(chdir) X(fchdir) X(execve) X(execvpe) X(fexecve) X(posix_spawn)                \
    X(posix_spawnp) X(posix_spawn_file_actions_addopen) OF_GLIBC(X)

#define DECLARE(name) static __typeof__(name) *real_##name;
FUNCTIONS(DECLARE)

static void begin(void);

static void *sought(void *found, const char *name)
{
    return found != NULL ? found : dlsym(RTLD_NEXT, name);
}

/* The function itself; found late where another library's constructor calls before ours ran. */
#define CALL(name)                                                                                \
    (UNLIKELY(real_##name == NULL)                                                                \
         ? (begin(), (__typeof__(real_##name))sought((void *)real_##name, #name))                 \
         : real_##name)

/* --- records ------------------------------------------------------------------------------- */

static void lose(void)
{
    if (arena != NULL)
        atomic_fetch_add_explicit(&arena->lost, 1, memory_order_relaxed);
}

/* A file of ours, opened past all wrappers. */
static int open_beside(const char *name)
{
    char path[PATH_MAX];
    size_t length = strlen(library);
    while (length > 0 && library[length - 1] != '/')
        length--;
    if (length + strlen(name) >= sizeof path)
        return -1;
    memcpy(path, library, length);
    strcpy(path + length, name);
    return (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
}

/* A block with room for at least `least` bytes, or NULL. Where the file has no blocks on disk
 * for it yet, it gets them now: a store to a page that the disk has no room for would end us. */
static struct block *new_block(size_t least)
{
    uint64_t page = arena->page;
    uint64_t size = (sizeof(struct block) + least + page - 1) / page * page;
    uint64_t at = atomic_fetch_add(&arena->next, size);
    int file = open_beside("arena");
    if (file < 0)
        return NULL;
    struct block *made = MAP_FAILED;
    if (at + size <= arena->ready || fallocate(file, 0, (off_t)at, (off_t)size) == 0)
        made = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, (off_t)at);
    close(file);
    if (made == MAP_FAILED)
        return NULL;
    made->step = step;
    made->process = (uint32_t)getpid();
    made->parent = (uint32_t)getppid();
    atomic_store(&made->used, sizeof(struct block));
    made->size = (uint32_t)size;
    return made;
}

static void append(char kind, const char *text, size_t length, const char *more, size_t further)
{
    size_t size = RECORD_HEAD + length + further;
    if (arena == NULL)
        return;
    if (size > LONGEST) {
        lose();
        return;
    }
    for (;;) {
        struct block *block = atomic_load(&current);
        if (block == NULL)
            return;
        uint32_t at = atomic_fetch_add(&block->used, (uint32_t)size);
        if (at + size <= block->size) {
            char *record = (char *)block + at;
            memcpy(record + RECORD_HEAD, text, length);
            if (further > 0)
                memcpy(record + RECORD_HEAD + length, more, further);
            record[2] = kind;
            uint16_t whole = (uint16_t)size;
            atomic_signal_fence(memory_order_release);
            memcpy(record, &whole, sizeof whole);
            return;
        }
        struct block *next = new_block(size > MORE / 2 ? size : MORE - sizeof(struct block));
        if (next == NULL) {
            lose();
            return;
        }
        /* Another thread may have been quicker: then ours stays empty. */
        atomic_compare_exchange_strong(&current, &block, next);
    }
}

/* Whether this is noted for the first time. Full or not: to note it twice does no harm. */
static int is_new(char kind, const char *path, size_t length)
{
    uint64_t digest = 14695981039346656037u ^ (unsigned char)kind; /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        digest = (digest ^ (unsigned char)path[i]) * 1099511628211u;
    digest |= 1;
    for (size_t i = 0; i < 8; i++) {
        _Atomic uint64_t *slot = &known[((digest >> 20) + i) % KNOWN];
        uint64_t held = atomic_load_explicit(slot, memory_order_relaxed);
        if (held == digest)
            return 0;
        if (held == 0) {
            atomic_store_explicit(slot, digest, memory_order_relaxed);
            return 1;
        }
    }
    return 1;
}

/* --- paths --------------------------------------------------------------------------------- */

static int is_below_root(const char *path, size_t length)
{
    size_t root = arena->root_length;
    return length >= root && memcmp(path, arena->root, root) == 0 &&
           (length == root || path[root] == '/');
}

/* The folder that a relative path is relative to, into `into`; its length, 0 where not known. A
 * child of vfork(2) shares our memory but not our folder. */
static size_t base_of(int dir, char *into)
{
    if (dir == AT_FDCWD) {
        int own = (pid_t)syscall(SYS_getpid) == process;
        if (own && folder_length > 0) {
            memcpy(into, folder, folder_length);
            return folder_length;
        }
        long length = syscall(SYS_getcwd, into, PATH_MAX);
        if (length <= 1 || into[0] != '/')
            return 0;
        if (own) {
            memcpy(folder, into, (size_t)length);
            folder_length = (size_t)length - 1;
        }
        return (size_t)length - 1;
    }
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
    long length = syscall(SYS_readlinkat, AT_FDCWD, link, into, PATH_MAX - 1);
    return length > 0 && into[0] == '/' ? (size_t)length : 0;
}

/* `path` without `.`, `..` and doubled slashes, into `into`; its length, 0 where not known. */
static size_t resolve(int dir, const char *path, char *into)
{
    size_t length = 0;
    if (*path != '/' && (length = base_of(dir, into)) == 0)
        return 0;
    while (*path != '\0') {
        while (*path == '/')
            path++;
        size_t part = 0;
        while (path[part] != '\0' && path[part] != '/')
            part++;
        if (part == 2 && path[0] == '.' && path[1] == '.') {
            while (length > 0 && into[--length] != '/')
                ;
        } else if (part > 0 && !(part == 1 && path[0] == '.')) {
            if (length + part + 2 > PATH_MAX)
                return 0;
            into[length++] = '/';
            memcpy(into + length, path, part);
            length += part;
        }
        path += part;
    }
    return length;
}

static int may_be_below_root(const char *path)
{
    if (*path != '/' || strstr(path, "/..") != NULL || path[1] == '/')
        return 1;
    size_t root = arena->root_length;
    return strncmp(path, arena->root, root) == 0;
}

static void note_all(char kind, int dir, const char *path, const char *more)
{
    int error = errno;
    if (arena != NULL && path != NULL && may_be_below_root(path)) {
        char whole[PATH_MAX];
        size_t length = resolve(dir, path, whole);
        size_t root = arena->root_length + 1;
        if (length > root && is_below_root(whole, length) &&
            (more != NULL || is_new(kind, whole, length))) {
            size_t further = more == NULL ? 0 : strlen(more) + 1;
            if (more != NULL)
                whole[length++] = '\0';
            append(kind, whole + root, length - root, more, further == 0 ? 0 : further - 1);
        }
    }
    errno = error;
}

static void note(char kind, int dir, const char *path)
{
    note_all(kind, dir, path, NULL);
}

static int is_missing(void)
{
    return errno == ENOENT || errno == ENOTDIR;
}

/* --- this program -------------------------------------------------------------------------- */

static void forked(void)
{
    process = getpid();
    uint32_t id = (uint32_t)process;
    append(FORKED, (const char *)&id, sizeof id, NULL, 0);
}

static int is_loaded_here(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    (void)data;
    if (info->dlpi_name != NULL && strchr(info->dlpi_name, '/') != NULL)
        note(READ, AT_FDCWD, info->dlpi_name);
    return 0;
}

/* Find the functions that we stand for, and our place in the arena. Nothing else is done: another
 * library's constructor may be running. */
static void begin(void)
{
    static _Atomic int began;
    if (atomic_exchange(&began, 1))
        return;
    int error = errno;
#define FIND(name) real_##name = (__typeof__(real_##name))dlsym(RTLD_NEXT, #name);
    FUNCTIONS(FIND)
    Dl_info found;
    if (dladdr((void *)begin, &found) != 0 && found.dli_fname[0] == '/' &&
        strlen(found.dli_fname) < sizeof library) {
        strcpy(library, found.dli_fname);
        int file = open_beside("arena");
        void *made = MAP_FAILED;
        if (file >= 0) {
            made = mmap(NULL, sizeof *arena, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
            close(file);
        }
        if (made != MAP_FAILED) {
            process = getpid();
            arena = made;
            step = atomic_fetch_add(&arena->steps, 1);
            struct block *first = new_block(arena->page / 2);
            if (first == NULL)
                lose();
            atomic_store(&current, first);
        }
    }
    errno = error;
}

/* All arguments, each with a NUL at its end; what is too long is told by its digest. */
static void note_arguments(int count, char **arguments)
{
    char text[LONGEST / 2];
    size_t length = 0;
    uint64_t rest = 14695981039346656037u;
    int whole = 1;
    for (int i = 0; i < count; i++) {
        size_t size = strlen(arguments[i]) + 1;
        if (whole && length + size + 32 < sizeof text) {
            memcpy(text + length, arguments[i], size);
            length += size;
            continue;
        }
        whole = 0;
        for (size_t k = 0; k < size; k++)
            rest = (rest ^ (unsigned char)arguments[i][k]) * 1099511628211u;
    }
    if (!whole)
        length += (size_t)snprintf(text + length, 32, "...%016llx", (unsigned long long)rest) + 1;
    append(ARGUMENTS, text, length, NULL, 0);
}

__attribute__((constructor)) static void start(int count, char **arguments, char **environment)
{
    (void)environment;
    int error = errno;
    begin();
    if (arena != NULL && atomic_load(&current) != NULL) {
        char here[PATH_MAX];
        const char *program = (const char *)getauxval(AT_EXECFN);
        if (program == NULL)
            program = "";
        append(PROGRAM, program, strlen(program), NULL, 0);
#ifdef __GLIBC__ /* it hands them to constructors */
        note_arguments(count, arguments);
#else
        (void)count;
        (void)arguments;
        static char line[LONGEST / 2];
        int file = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
        long size = file < 0 ? -1 : syscall(SYS_read, file, line, sizeof line);
        if (file >= 0)
            close(file);
        if (size > 0)
            append(ARGUMENTS, line, (size_t)size, NULL, 0);
#endif
        size_t length = base_of(AT_FDCWD, here);
        append(FOLDER, here, length, NULL, 0);
        note(READ, AT_FDCWD, program);
        dl_iterate_phdr(is_loaded_here, NULL);
        pthread_atfork(NULL, NULL, forked);
    }
    errno = error;
}

/* --- opening ------------------------------------------------------------------------------- */

static int opened(int file, int dir, const char *path, int flags)
{
    if (file < 0) {
        if (is_missing() && (flags & O_CREAT) == 0)
            note(MISSED, dir, path);
        return file;
    }
    int mode = flags & O_ACCMODE;
    if (flags & O_PATH)
        note(SEEN, dir, path);
    else if (mode == O_RDONLY || (mode == O_RDWR && (flags & (O_TRUNC | O_EXCL)) == 0))
        note(READ, dir, path);
    if (mode != O_RDONLY && (flags & O_PATH) == 0 && (flags & O_TMPFILE) != O_TMPFILE)
        note(WROTE, dir, path);
    return file;
}

static mode_t mode_of(int flags, va_list rest)
{
    return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(rest, mode_t) : 0;
}

#define OPEN(name)                                                                                \
    EXPORT int name(const char *path, int flags, ...)                                             \
    {                                                                                             \
        va_list rest;                                                                             \
        va_start(rest, flags);                                                                    \
        mode_t mode = mode_of(flags, rest);                                                       \
        va_end(rest);                                                                             \
        return opened(CALL(name)(path, flags, mode), AT_FDCWD, path, flags);                      \
    }
#define OPENAT(name)                                                                              \
    EXPORT int name(int dir, const char *path, int flags, ...)                                    \
    {                                                                                             \
        va_list rest;                                                                             \
        va_start(rest, flags);                                                                    \
        mode_t mode = mode_of(flags, rest);                                                       \
        va_end(rest);                                                                             \
        return opened(CALL(name)(dir, path, flags, mode), dir, path, flags);                      \
    }
#define CREAT(name)                                                                               \
    EXPORT int name(const char *path, mode_t mode)                                                \
    {                                                                                             \
        return opened(CALL(name)(path, mode), AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC);      \
    }

OPEN(open)
OPENAT(openat)
CREAT(creat)

static FILE *streamed(FILE *file, const char *path, const char *mode)
{
    int both = strchr(mode, '+') != NULL;
    if (file == NULL) {
        if (is_missing() && *mode == 'r')
            note(MISSED, AT_FDCWD, path);
        return file;
    }
    if (*mode == 'r' || (*mode == 'a' && both))
        note(READ, AT_FDCWD, path);
    if (*mode != 'r' || both)
        note(WROTE, AT_FDCWD, path);
    return file;
}

#define FOPEN(name)                                                                               \
    EXPORT FILE *name(const char *path, const char *mode)                                         \
    {                                                                                             \
        return streamed(CALL(name)(path, mode), path, mode);                                      \
    }
#define FREOPEN(name)                                                                             \
    EXPORT FILE *name(const char *path, const char *mode, FILE *file)                             \
    {                                                                                             \
        FILE *again = CALL(name)(path, mode, file);                                               \
        return path == NULL ? again : streamed(again, path, mode);                                \
    }

FOPEN(fopen)
FREOPEN(freopen)

static int made_temporary(int file, const char *path)
{
    if (file >= 0)
        note(WROTE, AT_FDCWD, path);
    return file;
}

#define MKSTEMP(name)                                                                             \
    EXPORT int name(char *path) { return made_temporary(CALL(name)(path), path); }
#define MKSTEMP_WITH(name)                                                                        \
    EXPORT int name(char *path, int number)                                                       \
    {                                                                                             \
        return made_temporary(CALL(name)(path, number), path);                                    \
    }
#define MKOSTEMPS(name)                                                                           \
    EXPORT int name(char *path, int suffix, int flags)                                            \
    {                                                                                             \
        return made_temporary(CALL(name)(path, suffix, flags), path);                             \
    }

MKSTEMP(mkstemp)
MKSTEMP_WITH(mkostemp)
MKSTEMP_WITH(mkstemps)
MKOSTEMPS(mkostemps)

/* --- listing ------------------------------------------------------------------------------- */

static void listed(int done, int dir, const char *path)
{
    if (done)
        note(LISTED, dir, path);
    else if (is_missing())
        note(MISSED, dir, path);
}

EXPORT DIR *opendir(const char *path)
{
    DIR *opened_dir = CALL(opendir)(path);
    listed(opened_dir != NULL, AT_FDCWD, path);
    return opened_dir;
}

EXPORT DIR *fdopendir(int file)
{
    DIR *opened_dir = CALL(fdopendir)(file);
    if (opened_dir != NULL)
        note(LISTED, file, ".");
    return opened_dir;
}

#define SCANDIR(name, entry)                                                                      \
    EXPORT int name(const char *path, struct entry ***names, int (*filter)(const struct entry *), \
                    int (*compare)(const struct entry **, const struct entry **))                 \
    {                                                                                             \
        int count = CALL(name)(path, names, filter, compare);                                     \
        listed(count >= 0, AT_FDCWD, path);                                                       \
        return count;                                                                             \
    }

SCANDIR(scandir, dirent)

/* The folders that a pattern's first part with a wildcard and the paths found lie in. */
static void globbed(const char *pattern, int flags, char **paths, size_t count)
{
    char path[PATH_MAX];
    size_t wild = strcspn(pattern, "*?[");
    if ((flags & GLOB_ALTDIRFUNC) != 0 || pattern[wild] == '\0' || wild >= sizeof path)
        return;
    memcpy(path, pattern, wild);
    while (wild > 0 && path[wild - 1] != '/')
        wild--;
    path[wild] = '\0';
    note(LISTED, AT_FDCWD, wild == 0 ? "." : path);
    for (size_t i = 0; i < count; i++) {
        const char *slash = strrchr(paths[i], '/');
        if (slash != NULL && (size_t)(slash - paths[i]) < sizeof path && slash != paths[i]) {
            memcpy(path, paths[i], (size_t)(slash - paths[i]));
            path[slash - paths[i]] = '\0';
            note(LISTED, AT_FDCWD, path);
        }
    }
}

#define GLOB(name, type)                                                                          \
    EXPORT int name(const char *pattern, int flags, int (*failed)(const char *, int),             \
                    type *found)                                                                  \
    {                                                                                             \
        int code = CALL(name)(pattern, flags, failed, found);                                     \
        globbed(pattern, flags, code == 0 ? found->gl_pathv : NULL,                               \
                code == 0 ? found->gl_pathc : 0);                                                 \
        return code;                                                                              \
    }

GLOB(glob, glob_t)

/* --- asking -------------------------------------------------------------------------------- */

static int asked(int code, int dir, const char *path)
{
    if (path != NULL && *path != '\0') {
        if (code >= 0)
            note(SEEN, dir, path);
        else if (is_missing())
            note(MISSED, dir, path);
    }
    return code;
}

#define STAT(name, type)                                                                          \
    EXPORT int name(const char *path, struct type *into)                                          \
    {                                                                                             \
        return asked(CALL(name)(path, into), AT_FDCWD, path);                                     \
    }
#define FSTATAT(name, type)                                                                       \
    EXPORT int name(int dir, const char *path, struct type *into, int flags)                      \
    {                                                                                             \
        return asked(CALL(name)(dir, path, into, flags), dir, path);                              \
    }
#define XSTAT(name, type)                                                                         \
    EXPORT int name(int version, const char *path, struct type *into)                             \
    {                                                                                             \
        return asked(CALL(name)(version, path, into), AT_FDCWD, path);                            \
    }
#define FXSTATAT(name, type)                                                                      \
    EXPORT int name(int version, int dir, const char *path, struct type *into, int flags)         \
    {                                                                                             \
        return asked(CALL(name)(version, dir, path, into, flags), dir, path);                     \
    }
#define ACCESS(name)                                                                              \
    EXPORT int name(const char *path, int mode)                                                   \
    {                                                                                             \
        return asked(CALL(name)(path, mode), AT_FDCWD, path);                                     \
    }

STAT(stat, stat)
STAT(lstat, stat)
FSTATAT(fstatat, stat)
ACCESS(access)
ACCESS(euidaccess)
ACCESS(eaccess)

EXPORT int statx(int dir, const char *path, int flags, unsigned mask, struct statx *into)
{
    return asked(CALL(statx)(dir, path, flags, mask, into), dir, path);
}

EXPORT int faccessat(int dir, const char *path, int mode, int flags)
{
    return asked(CALL(faccessat)(dir, path, mode, flags), dir, path);
}

static ssize_t followed(ssize_t length, int dir, const char *path)
{
    if (length >= 0)
        note(READ, dir, path);
    else if (is_missing())
        note(MISSED, dir, path);
    return length;
}

EXPORT ssize_t readlink(const char *path, char *into, size_t size)
{
    return followed(CALL(readlink)(path, into, size), AT_FDCWD, path);
}

EXPORT ssize_t readlinkat(int dir, const char *path, char *into, size_t size)
{
    return followed(CALL(readlinkat)(dir, path, into, size), dir, path);
}

EXPORT char *realpath(const char *path, char *into)
{
    char *found = CALL(realpath)(path, into);
    asked(found == NULL ? -1 : 0, AT_FDCWD, path);
    return found;
}

/* --- changing ------------------------------------------------------------------------------ */

static int removed(int code, int dir, const char *path)
{
    if (code == 0)
        note(REMOVED, dir, path);
    return code;
}

static int renamed(int code, int from_dir, const char *from, int dir, const char *path)
{
    if (code == 0) {
        note(READ, from_dir, from);
        note(REMOVED, from_dir, from);
        note(WROTE, dir, path);
    }
    return code;
}

static int linked(int code, int from_dir, const char *from, int dir, const char *path)
{
    if (code == 0) {
        note(READ, from_dir, from);
        note(WROTE, dir, path);
    }
    return code;
}

static int pointed(int code, const char *target, int dir, const char *path)
{
    if (code == 0) {
        note(WROTE, dir, path);
        note_all(LINKED, dir, path, target);
    }
    return code;
}

EXPORT int unlink(const char *path) { return removed(CALL(unlink)(path), AT_FDCWD, path); }
EXPORT int remove(const char *path) { return removed(CALL(remove)(path), AT_FDCWD, path); }

EXPORT int unlinkat(int dir, const char *path, int flags)
{
    return removed(CALL(unlinkat)(dir, path, flags), dir, path);
}

EXPORT int rename(const char *from, const char *path)
{
    return renamed(CALL(rename)(from, path), AT_FDCWD, from, AT_FDCWD, path);
}

EXPORT int renameat(int from_dir, const char *from, int dir, const char *path)
{
    return renamed(CALL(renameat)(from_dir, from, dir, path), from_dir, from, dir, path);
}

EXPORT int link(const char *from, const char *path)
{
    return linked(CALL(link)(from, path), AT_FDCWD, from, AT_FDCWD, path);
}

EXPORT int linkat(int from_dir, const char *from, int dir, const char *path, int flags)
{
    return linked(CALL(linkat)(from_dir, from, dir, path, flags), from_dir, from, dir, path);
}

EXPORT int symlink(const char *target, const char *path)
{
    return pointed(CALL(symlink)(target, path), target, AT_FDCWD, path);
}

EXPORT int symlinkat(const char *target, int dir, const char *path)
{
    return pointed(CALL(symlinkat)(target, dir, path), target, dir, path);
}

#define TRUNCATE(name, type)                                                                      \
    EXPORT int name(const char *path, type length)                                                \
    {                                                                                             \
        int code = CALL(name)(path, length);                                                      \
        if (code == 0)                                                                            \
            note(WROTE, AT_FDCWD, path);                                                          \
        return code;                                                                              \
    }

TRUNCATE(truncate, off_t)

EXPORT int chdir(const char *path)
{
    folder_length = 0;
    return CALL(chdir)(path);
}

EXPORT int fchdir(int dir)
{
    folder_length = 0;
    return CALL(fchdir)(dir);
}

/* --- what glibc has twice ------------------------------------------------------------------ */

#ifdef __GLIBC__
OPEN(open64)
OPENAT(openat64)
CREAT(creat64)
FOPEN(fopen64)
FREOPEN(freopen64)
STAT(stat64, stat64)
STAT(lstat64, stat64)
FSTATAT(fstatat64, stat64)
XSTAT(__xstat, stat)
XSTAT(__lxstat, stat)
FXSTATAT(__fxstatat, stat)
XSTAT(__xstat64, stat64)
XSTAT(__lxstat64, stat64)
FXSTATAT(__fxstatat64, stat64)
SCANDIR(scandir64, dirent64)
GLOB(glob64, glob64_t)
TRUNCATE(truncate64, off64_t)
MKSTEMP(mkstemp64)
MKSTEMP_WITH(mkostemp64)
MKSTEMP_WITH(mkstemps64)
MKOSTEMPS(mkostemps64)

#define OPEN_2(name)                                                                              \
    EXPORT int name(const char *path, int flags)                                                  \
    {                                                                                             \
        return opened(CALL(name)(path, flags), AT_FDCWD, path, flags);                            \
    }
#define OPENAT_2(name)                                                                            \
    EXPORT int name(int dir, const char *path, int flags)                                         \
    {                                                                                             \
        return opened(CALL(name)(dir, path, flags), dir, path, flags);                            \
    }

OPEN_2(__open_2)
OPEN_2(__open64_2)
OPENAT_2(__openat_2)
OPENAT_2(__openat64_2)

EXPORT int renameat2(int from_dir, const char *from, int dir, const char *path, unsigned flags)
{
    return renamed(CALL(renameat2)(from_dir, from, dir, path, flags), from_dir, from, dir, path);
}

EXPORT char *canonicalize_file_name(const char *path)
{
    char *found = CALL(canonicalize_file_name)(path);
    asked(found == NULL ? -1 : 0, AT_FDCWD, path);
    return found;
}

EXPORT char *__realpath_chk(const char *path, char *into, size_t room)
{
    char *found = CALL(__realpath_chk)(path, into, room);
    asked(found == NULL ? -1 : 0, AT_FDCWD, path);
    return found;
}

EXPORT ssize_t __readlink_chk(const char *path, char *into, size_t size, size_t room)
{
    return followed(CALL(__readlink_chk)(path, into, size, room), AT_FDCWD, path);
}

EXPORT ssize_t __readlinkat_chk(int dir, const char *path, char *into, size_t size, size_t room)
{
    return followed(CALL(__readlinkat_chk)(dir, path, into, size, room), dir, path);
}
#endif

/* --- executing ----------------------------------------------------------------------------- */

/* What a program needs: nothing, to be noted as blind, or not to be preloaded at all. */
enum { SEES = 0, IS_BLIND = 1, NOT_HERE = 2 };

struct look {
    int what;
    const char *why;
};

static int is_of_the_system(const char *path)
{
    return strncmp(path, "/usr/", 5) == 0 || strncmp(path, "/bin/", 5) == 0 ||
           strncmp(path, "/sbin/", 6) == 0 || strncmp(path, "/lib", 4) == 0;
}

/* Whether a program was linked with a sanitizer: it has to come first in its process, and ends
 * the process where it doesn't. Told by the names in its dynamic string table: elf(5). */
static int is_sanitized(int file, const ElfW(Phdr) *headers, size_t count)
{
    static const char *const names[] = {"libasan.so", "libtsan.so", "libhwasan.so", "liblsan.so",
                                        "__asan_init", "__tsan_init", "__msan_init"};
    ElfW(Addr) table = 0;
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        if (headers[i].p_type != PT_DYNAMIC)
            continue;
        ElfW(Dyn) entries[64];
        ssize_t got = pread(file, entries, sizeof entries, (off_t)headers[i].p_offset);
        for (ssize_t k = 0; got > 0 && k < got / (ssize_t)sizeof entries[0]; k++) {
            if (entries[k].d_tag == DT_STRTAB)
                table = entries[k].d_un.d_ptr;
            if (entries[k].d_tag == DT_STRSZ)
                size = entries[k].d_un.d_val;
        }
    }
    for (size_t i = 0; i < count; i++) {
        const ElfW(Phdr) *header = &headers[i];
        if (header->p_type != PT_LOAD || table < header->p_vaddr ||
            table >= header->p_vaddr + header->p_filesz)
            continue;
        off_t at = (off_t)(header->p_offset + (table - header->p_vaddr));
        char text[2048];
        size_t kept = 0;
        for (size_t done = 0; done < size;) {
            size_t wanted = size - done < sizeof text - kept ? size - done : sizeof text - kept;
            ssize_t got = pread(file, text + kept, wanted, at + (off_t)done);
            if (got <= 0)
                return 0;
            done += (size_t)got;
            size_t held = kept + (size_t)got;
            for (size_t n = 0; n < sizeof names / sizeof names[0]; n++)
                if (memmem(text, held, names[n], strlen(names[n])) != NULL)
                    return 1;
            kept = held < 16 ? held : 16; /* a name may lie across the border */
            memmove(text, text + held - kept, kept);
        }
    }
    return 0;
}

static struct look look_at_elf(int file, const char *path, const char *head, size_t size)
{
    const ElfW(Ehdr) *elf = (const void *)head;
    const ElfW(Ehdr) *own = (const void *)getauxval(AT_SYSINFO_EHDR);
    struct look other = {NOT_HERE, "it is of another kind than this machine's programs"};
    if (size < sizeof *elf || elf->e_ident[EI_CLASS] != (sizeof(void *) == 8 ? 2 : 1))
        return other;
    if (own != NULL && elf->e_machine != own->e_machine)
        return other;
    size_t count = elf->e_phnum;
    if (elf->e_phentsize != sizeof(ElfW(Phdr)) || elf->e_phoff > size ||
        elf->e_phoff + count * sizeof(ElfW(Phdr)) > size)
        return other;
    const ElfW(Phdr) *headers = (const void *)(head + elf->e_phoff);
    const char *loader = NULL;
    int by_go = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = headers[i].p_offset, length = headers[i].p_filesz;
        if (at > size || length > size - at)
            continue;
        if (headers[i].p_type == PT_INTERP && length > 0 && head[at + length - 1] == '\0')
            loader = head + at;
        if (headers[i].p_type == PT_NOTE && length >= 16 && memcmp(head + at + 12, "Go\0", 4) == 0)
            by_go = 1;
    }
    if (loader == NULL)
        return (struct look){IS_BLIND, "it is linked statically"};
    if (arena->interpreter[0] != '\0' && strcmp(loader, arena->interpreter) != 0)
        return (struct look){NOT_HERE, "it is for another C library"};
    if (by_go)
        return (struct look){IS_BLIND, "it is a Go program, which calls the kernel itself"};
    if (!is_of_the_system(path) && is_sanitized(file, headers, count))
        return (struct look){NOT_HERE, "it has a sanitizer, which has to be loaded first"};
    return (struct look){SEES, NULL};
}

static struct look look_at(const char *path, int depth)
{
    struct look unknown = {SEES, NULL};
    _Alignas(16) char head[4096];
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        struct look hidden = {IS_BLIND, "it can't be read"};
        return errno == EACCES && syscall(SYS_faccessat, AT_FDCWD, path, X_OK) == 0 ? hidden
                                                                                   : unknown;
    }
    ssize_t size = pread(file, head, sizeof head, 0);
    if (size >= 4 && memcmp(head, ELFMAG, SELFMAG) == 0) {
        unknown = look_at_elf(file, path, head, (size_t)size);
    } else if (size > 2 && head[0] == '#' && head[1] == '!' && depth < 4) {
        char *from = head + 2, *end = head + (size < 256 ? size : 256);
        while (from < end && (*from == ' ' || *from == '\t'))
            from++;
        char *to = from;
        while (to < end && *to != ' ' && *to != '\t' && *to != '\n' && *to != '\r')
            to++;
        if (to < head + size) {
            *to = '\0';
            close(file);
            return look_at(from, depth + 1);
        }
    }
    close(file);
    return unknown;
}

/* What to do for a program that is about to be executed; a blind one is noted with its reason. */
static int what_of(const char *path)
{
    int error = errno;
    struct look found = look_at(path, 0);
    if (found.what != SEES)
        append(BLIND, path, strlen(path) + 1, found.why, strlen(found.why));
    errno = error;
    return found.what;
}

/* An environment with us in it, or without, built in `entries` and `text` where it has to be
 * another one than `given`. A build may clean its environment before it runs a program. */
static char *const *with_us(char *const *given, int what, char **entries, size_t room, char *text)
{
    static char *const nothing[] = {NULL};
    if (given == NULL)
        given = nothing;
    size_t count = 0, at = SIZE_MAX;
    for (; given[count] != NULL; count++)
        if (strncmp(given[count], VARIABLE, sizeof VARIABLE - 1) == 0)
            at = count;
    const char *others = at == SIZE_MAX ? "" : given[at] + sizeof VARIABLE - 1;
    size_t own = strlen(library);
    int have = strncmp(others, library, own) == 0 && (others[own] == '\0' || others[own] == ':');
    if (have == (what != NOT_HERE) || count + 2 > room || strlen(others) > PATH_MAX || own == 0)
        return given;
    memcpy(entries, given, (count + 1) * sizeof *entries);
    if (what == NOT_HERE) {
        const char *rest = others + own + (others[own] == ':');
        if (*rest == '\0') {
            memmove(entries + at, entries + at + 1, (count - at) * sizeof *entries);
            return entries;
        }
        strcpy(stpcpy(text, VARIABLE), rest);
        entries[at] = text;
        return entries;
    }
    char *end = stpcpy(stpcpy(text, VARIABLE), library);
    if (*others != '\0')
        strcpy(stpcpy(end, ":"), others);
    if (at == SIZE_MAX) {
        at = count;
        entries[count + 1] = NULL;
    }
    entries[at] = text;
    return entries;
}

/* Where a program is found by its name: execvp(3). */
static const char *find(const char *name, char *into)
{
    const char *path = getenv("PATH");
    if (name == NULL || *name == '\0' || strchr(name, '/') != NULL)
        return name;
    if (path == NULL)
        path = "/bin:/usr/bin";
    size_t length = strlen(name);
    while (path != NULL) {
        size_t part = strcspn(path, ":");
        if (part + length + 2 < PATH_MAX) {
            memcpy(into, path, part);
            into[part] = '/';
            strcpy(into + part + (part > 0), name);
            if (syscall(SYS_faccessat, AT_FDCWD, into, X_OK) == 0)
                return into;
            note(MISSED, AT_FDCWD, into);
        }
        path = path[part] == ':' ? path + part + 1 : NULL;
    }
    return NULL;
}

#define ROOM 1024 /* entries of an environment that is added to; a larger one stays as it is */
#define SURROUNDINGS(path, environment)                                                           \
    char *entries_[ROOM];                                                                         \
    char text_[2 * PATH_MAX + sizeof VARIABLE];                                                   \
    const char *path_ = (path);                                                                   \
    int what_ = arena == NULL || path_ == NULL ? SEES : what_of(path_);                           \
    char *const *env_ = arena == NULL ? (environment)                                             \
                                      : with_us((environment), what_, entries_, ROOM, text_)

static int execute(const char *path, char *const arguments[], char *const environment[])
{
    begin();
    SURROUNDINGS(path, environment);
    int code = CALL(execve)(path, arguments, env_);
    asked(code, AT_FDCWD, path);
    return code;
}

static int execute_by_name(const char *name, char *const arguments[], char *const environment[])
{
    char found[PATH_MAX];
    begin();
    SURROUNDINGS(find(name, found), environment);
    return CALL(execvpe)(name, arguments, env_);
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
    return execute_by_name(name, arguments, environment);
}

EXPORT int execvp(const char *name, char *const arguments[])
{
    return execute_by_name(name, arguments, environ);
}

EXPORT int fexecve(int file, char *const arguments[], char *const environment[])
{
    char link[32];
    begin();
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    SURROUNDINGS(link, environment);
    return CALL(fexecve)(file, arguments, env_);
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
    arguments[0] = (char *)(first);                                                               \
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
    return execute_by_name(name, arguments, environ);
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
    begin();
    SURROUNDINGS(path, environment);
    return CALL(posix_spawn)(id, path, actions, attributes, arguments, env_);
}

EXPORT int posix_spawnp(pid_t *id, const char *name, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const arguments[],
                        char *const environment[])
{
    char found[PATH_MAX];
    begin();
    SURROUNDINGS(find(name, found), environment);
    return CALL(posix_spawnp)(id, name, actions, attributes, arguments, env_);
}

EXPORT int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t *actions, int file,
                                            const char *path, int flags, mode_t mode)
{
    int code = CALL(posix_spawn_file_actions_addopen)(actions, file, path, flags, mode);
    if (code == 0)
        opened(0, AT_FDCWD, path, flags);
    return code;
}
