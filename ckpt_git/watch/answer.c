/* Runs in the place of a command that is answered from memory.
 *
 * The watcher had the kernel execute this instead. It asks the watcher what to do (a call with
 * REQUEST as its sixth argument), makes the files that the command would have made, prints what it
 * would have printed, and ends as it would have ended: all of that with the rights of the build.
 * It has no C library, so that it starts in a few microseconds. Its own calls carry NOTED: the
 * watcher knows what they do.
 */

#include <asm/fcntl.h>
#include <asm/stat.h>
#include <asm/unistd.h>
#include <linux/fs.h>
#include <stddef.h>

#include "answer.h"
#include "seen.h"

#define AT_FDCWD (-100)
#define AT_REMOVEDIR 0x200
#define AT_SYMLINK_NOFOLLOW 0x100
#define PAST 125 /* exit code where answering failed: the build is done again without answers */

static long call(long number, long a, long b, long c, long d, long e, long f)
{
#if defined __x86_64__
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#elif defined __aarch64__
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
#else
#error "this machine's calls are not known here"
#endif
}

#define NOTED_CALL(number, a, b, c, d)                                                            \
    call((number), (long)(a), (long)(b), (long)(c), (long)(d), 0, (long)(NOTED + (number)))

static _Alignas(16) char batch[ANSWER_ROOM];
static char piece[1 << 16];

static void end(int code)
{
    for (;;)
        call(__NR_exit_group, code, 0, 0, 0, 0, 0);
}

static int write_all(int to, const char *bytes, unsigned long length)
{
    while (length > 0) {
        long done = NOTED_CALL(__NR_write, to, bytes, length, 0);
        if (done < 0)
            return (int)done;
        bytes += done;
        length -= (unsigned long)done;
    }
    return 0;
}

static int copy(int from, int to, uint64_t size)
{
    if (size == 0 || NOTED_CALL(__NR_ioctl, to, FICLONE, from, 0) == 0)
        return 0;
    for (;;) {
        long got = NOTED_CALL(__NR_read, from, piece, sizeof piece, 0);
        if (got <= 0)
            return (int)got;
        int done = write_all(to, piece, (unsigned long)got);
        if (done != 0)
            return done;
    }
}

static void set_date(const char *path, int64_t date)
{
    if (date == 0)
        return;
    long times[4] = {date / 1000000000, date % 1000000000, date / 1000000000, date % 1000000000};
    NOTED_CALL(__NR_utimensat, AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}

static int make_file(const struct act *act, const char *path, const char *data, int from)
{
    long flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | (act->is_in_place ? O_TRUNC : O_EXCL);
    if (!act->is_in_place)
        NOTED_CALL(__NR_unlinkat, AT_FDCWD, path, 0, 0);
    int to = (int)NOTED_CALL(__NR_openat, AT_FDCWD, path, flags, 0600);
    if (to < 0 && act->is_in_place) {
        NOTED_CALL(__NR_fchmodat, AT_FDCWD, path, 0600, 0);
        to = (int)NOTED_CALL(__NR_openat, AT_FDCWD, path, flags, 0600);
    }
    if (to < 0)
        return to;
    int done = act->what == DO_FILE ? write_all(to, data, act->length) : copy(from, to, act->size);
    NOTED_CALL(__NR_fchmod, to, act->mode, 0, 0);
    NOTED_CALL(__NR_close, to, 0, 0, 0);
    if (act->what == DO_COPY)
        NOTED_CALL(__NR_close, from, 0, 0, 0);
    set_date(path, act->mtime);
    return done;
}

static int make_folder(const struct act *act, const char *path)
{
    long done = NOTED_CALL(__NR_mkdirat, AT_FDCWD, path, 0700, 0);
    if (done != 0 && done != -17) /* EEXIST */
        return (int)done;
    return (int)NOTED_CALL(__NR_fchmodat, AT_FDCWD, path, act->mode, 0);
}

static int carry_out(const struct act *act, int from)
{
    const char *path = (const char *)(act + 1);
    const char *data = path + act->path_length + 1;
    switch (act->what) {
    case DO_FILE:
    case DO_COPY:
        return make_file(act, path, data, from);
    case DO_FOLDER:
        return make_folder(act, path);
    case DO_LINK:
        NOTED_CALL(__NR_unlinkat, AT_FDCWD, path, 0, 0);
        return (int)NOTED_CALL(__NR_symlinkat, data, AT_FDCWD, path, 0);
    case DO_NAME:
        NOTED_CALL(__NR_unlinkat, AT_FDCWD, path, 0, 0);
        return (int)NOTED_CALL(__NR_linkat, AT_FDCWD, data, AT_FDCWD, path);
    case DO_REMOVE:
        return (int)NOTED_CALL(__NR_unlinkat, AT_FDCWD, path, 0, 0);
    case DO_REMOVE_FOLDER:
        return (int)NOTED_CALL(__NR_unlinkat, AT_FDCWD, path, AT_REMOVEDIR, 0);
    case DO_SAY:
        return write_all(act->mode, data, act->length);
    default:
        return 0;
    }
}

__attribute__((used)) static void answer(void)
{
    for (;;) {
        long got = call(__NR_openat, REQUEST_ANSWER, (long)batch, sizeof batch, 0, 0, (long)REQUEST);
        if (got < 0)
            end(PAST);
        const struct act *act = (const struct act *)batch;
        for (;;) {
            if (act->what == DO_EXIT)
                end(act->mode);
            int done = carry_out(act, (int)got);
            if (done == -32) /* EPIPE: nobody reads any more */
                end(PAST);
            if (done < 0)
                end(PAST);
            if (act->next == 0)
                break;
            act = (const struct act *)((const char *)act + act->next);
        }
    }
}

#if defined __x86_64__
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tand $-16, %rsp\n\tcall answer\n");
#elif defined __aarch64__
__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x30, #0\n\tbl answer\n");
#endif
