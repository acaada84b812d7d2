/* Does to its watcher whatever a program can: hostile KIND SEED.
 *
 *   notes   what it notes of itself is random, or cut short, or the buffer is
 *   calls   random calls, in several threads, with arguments that mean little or nothing
 *   execs   programs that are begun with paths, arguments and variables that can't be read
 *   forks   processes that are killed at any moment, and their children's children
 *
 * What it is about to do is in no way its own result: it always ends with 0.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/notes.h"

enum { PAGE = 4096 };

static _Thread_local uint64_t state;

static uint64_t any(void) /* Marsaglia, "Xorshift RNGs", 2003 */
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static uint64_t below(uint64_t most)
{
    return any() % most;
}

static char *edge; /* the last page before one that isn't there */

/* --- arguments that mean little ---------------------------------------------------------------- */

static const char *const names[] = {
    "a", "b", "x", "x/a", "x/../a", "./a", "", ".", "x/..", "/", "link", "x/link/a", "a/b", "nowhere/a",
    "/proc/self/exe", "/proc/self/fd/1", "/dev/null", "/dev/fd/0", "//", "x//", "\xff\xfe", "a\nb",
    "/proc/self/root/etc/passwd", "/proc/self/cwd/a",
};

static char *a_text(void)
{
    static _Thread_local char longest[3 * PAGE];
    size_t length;
    switch (below(8)) {
    case 0: /* without an end, before a page that isn't there */
        length = below(64) + 1;
        memset(edge + PAGE - length, 'e', length);
        return edge + PAGE - length;
    case 1:
        length = below(sizeof longest);
        for (size_t i = 0; i < length; i++)
            longest[i] = below(20) == 0 ? '/' : (char)('a' + i % 3);
        longest[length] = '\0';
        return longest;
    case 2:
        return edge + PAGE;
    case 3:
        return (char *)(uintptr_t)any();
    default:
        return (char *)(uintptr_t)names[below(sizeof names / sizeof *names)];
    }
}

static long an_argument(void)
{
    static _Thread_local char room[PAGE];
    switch (below(8)) {
    case 0:
        return AT_FDCWD;
    case 1:
        return (long)below(20) - 2;
    case 2:
        return (long)room;
    case 3:
        return (long)any();
    case 4:
        return 1l << below(64);
    default:
        return (long)a_text();
    }
}

static long a_sixth(long number)
{
    switch (below(6)) {
    case 0:
        return (long)REQUEST;
    case 1:
        return (long)NOTED + number;
    default:
        return an_argument();
    }
}

/* --- calls -------------------------------------------------------------------------------------- */

/* None that waits for somebody, kills others, or takes its own memory away. */
static const int calls[] = {
    SYS_openat,    SYS_openat2,   SYS_newfstatat, SYS_statx,     SYS_faccessat, SYS_readlinkat,
    SYS_mkdirat,   SYS_unlinkat,  SYS_renameat2,  SYS_linkat,    SYS_symlinkat, SYS_truncate,
    SYS_fchmod,    SYS_fchmodat,  SYS_fchown,     SYS_fchownat,  SYS_utimensat, SYS_getdents64,
    SYS_chdir,     SYS_fchdir,    SYS_umask,      SYS_setxattr,  SYS_fsetxattr, SYS_getxattr,
    SYS_statfs,    SYS_getrandom, SYS_write,      SYS_writev,    SYS_pwrite64,  SYS_sendfile,
    SYS_splice,    SYS_tee,       SYS_vmsplice,   SYS_copy_file_range,          SYS_ftruncate,
    SYS_lseek,     SYS_dup,       SYS_dup3,       SYS_fcntl,     SYS_execve,    SYS_execveat,
    SYS_setns,     SYS_unshare,   SYS_chroot,     SYS_seccomp,   SYS_clone3,    SYS_io_uring_setup,
    SYS_connect,   SYS_bind,      SYS_sendto,     SYS_shmget,    SYS_msgget,    SYS_semget,
};

static void *call_at_random(void *seed)
{
    state = (uint64_t)(uintptr_t)seed;
    for (int i = 0; i < 2000; i++) {
        long number = calls[below(sizeof calls / sizeof *calls)];
        int first = number == SYS_write || number == SYS_fcntl ? 3 : 0; /* not to block on input */
        long a = an_argument();
        if (first && (a < 0 || a > 2))
            a = 1;
        syscall(number, a, an_argument(), an_argument(), an_argument(), an_argument(),
                a_sixth(number));
        if (below(200) == 0)
            fchdir(open(".", O_RDONLY));
    }
    return NULL;
}

static void do_calls(void)
{
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, call_at_random, (void *)(uintptr_t)(any() | 1));
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
}

/* --- notes -------------------------------------------------------------------------------------- */

static void note_at_random(struct note_buffer *shared)
{
    uint32_t used = 0;
    while (used + 64 < NOTE_ROOM && below(100) != 0) {
        struct note record = {.before = any(), .after = any()};
        record.length = below(10) == 0 ? (uint16_t)any() : (uint16_t)(below(30) + 1);
        record.kind = below(10) == 0 ? (uint8_t)any() : (uint8_t)"rslekmMnx"[below(9)];
        char *at = shared->records + used, *path = at + sizeof record;
        size_t room = NOTE_ROOM - used - sizeof record;
        size_t size = record.length < room ? record.length : room;
        memcpy(at, &record, sizeof record);
        for (size_t i = 0; i < size; i++)
            path[i] = below(9) == 0 ? (char)any() : "/a.x"[below(4)];
        used += (uint32_t)(sizeof record + size + 7) & ~7u;
    }
    switch (below(4)) {
    case 0:
        shared->used = (uint32_t)any();
        break;
    case 1:
        shared->used = used - (uint32_t)below(24);
        break;
    default:
        shared->used = used;
    }
    shared->epoch = (uint32_t)any();
    if (below(4) == 0)
        memset(shared->roots, 'r', sizeof shared->roots);
}

static void do_notes(void)
{
    for (int i = 0; i < 50; i++) {
        long file = syscall(SYS_openat, 1L, 0L, 0L, 0L, 0L, REQUEST);
        if (file < 0)
            return;
        struct note_buffer *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED,
                                          (int)file, 0);
        if (below(8) == 0 && ftruncate((int)file, (off_t)below(sizeof *shared)) == 0) {
            syscall(SYS_openat, 2L, 0L, 0L, 0L, 0L, REQUEST);
            return; /* it would meet a SIGBUS itself */
        }
        if (shared == MAP_FAILED)
            return;
        note_at_random(shared);
        if (below(2) == 0)
            syscall(SYS_openat, 2L, 0L, 0L, 0L, 0L, REQUEST);
        if (below(2) == 0)
            syscall(SYS_openat, (long)below(6), (long)shared, (long)any(), (long)any(), 0L,
                    REQUEST);
        close((int)file);
    }
}

/* --- programs ------------------------------------------------------------------------------------ */

static char **a_row(void)
{
    static char *rows[2][300];
    static int last;
    char **row = rows[last = !last];
    size_t count = below(300);
    for (size_t i = 0; i < count; i++)
        row[i] = below(3) == 0 ? a_text() : (char *)"A=b";
    row[count] = NULL;
    switch (below(6)) {
    case 0:
        return NULL;
    case 1:
        return (char **)(uintptr_t)any();
    case 2: /* runs into a page that isn't there */
        for (int i = 0; i < PAGE / 8; i++)
            ((char **)(void *)edge)[i] = (char *)"";
        return (char **)(void *)(edge + below(PAGE));
    default:
        return row;
    }
}

static void do_execs(void)
{
    for (int i = 0; i < 100; i++) {
        pid_t child = below(2) == 0 ? fork() : vfork();
        if (child == 0) {
            static const char *const programs[] = {"/bin/true", "script", "a", "x", "nowhere"};
            const char *path = below(4) == 0 ? a_text() : programs[below(5)];
            if (below(4) == 0)
                syscall(SYS_execveat, an_argument(), path, a_row(), a_row(), an_argument());
            syscall(SYS_execve, path, a_row(), a_row());
            _exit(0);
        }
        if (child > 0)
            waitpid(child, NULL, 0);
    }
}

/* --- processes ----------------------------------------------------------------------------------- */

static void multiply(int depth)
{
    for (int i = 0; i < 3; i++) {
        pid_t child = fork();
        if (child == 0) {
            state += (uint64_t)i + 1;
            any();
            if (depth > 0)
                multiply(depth - 1);
            for (int n = 0; n < 20; n++) {
                struct stat found;
                stat(names[below(sizeof names / sizeof *names)], &found);
            }
            if (below(3) == 0)
                execl("/bin/true", "true", NULL);
            if (below(3) == 0)
                raise(SIGKILL);
            _exit(0);
        }
        if (child > 0 && below(2) == 0) {
            sched_yield();
            kill(child, SIGKILL);
        }
        if (child > 0 && below(3) != 0)
            waitpid(child, NULL, 0);
    }
}

int main(int count, char **arguments)
{
    if (count != 3)
        return 64;
    state = strtoull(arguments[2], NULL, 10) * 2654435761u + 88172645463325252u;
    edge = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(edge + PAGE, PAGE);
    pid_t child = fork(); /* whatever it comes to: it may end in any way, and print anything */
    if (child == 0) {
        int nothing = open("/dev/null", O_RDWR);
        dup2(nothing, 1);
        dup2(nothing, 2);
        alarm(20);
        for (const char *kind = arguments[1];; ) {
            if (strcmp(kind, "calls") == 0)
                do_calls();
            else if (strcmp(kind, "notes") == 0)
                do_notes();
            else if (strcmp(kind, "execs") == 0)
                do_execs();
            else
                multiply(3);
            _exit(0);
        }
    }
    waitpid(child, NULL, 0);
    return 0;
}
