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

#include "shared/answer.h"
#include "shared/kernel_call.h"
#include "shared/notes.h"

#define AT_FDCWD (-100)
#define AT_REMOVEDIR 0x200
#define UTIME_OMIT ((1l << 30) - 2l)

#define NOTED_CALL(number, a, b, c, d)                                                            \
    kernel_call((number), (long)(a), (long)(b), (long)(c), (long)(d), 0, NOTED + (number))

static _Alignas(16) char batch[ANSWER_ROOM];
static char piece[1 << 16];

static void end(int code)
{
    for (;;)
        kernel_call(__NR_exit_group, code, 0, 0, 0, 0, 0);
}

static int write_all(int to, const char *bytes, unsigned long length)
{
    while (length > 0) {
        long done = NOTED_CALL(__NR_write, to, bytes, length, 0);
        if (done == -4 || done == -11) { /* EINTR, EAGAIN */
            kernel_call(__NR_sched_yield, 0, 0, 0, 0, 0, 0);
            continue;
        }
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
        if (got == -4) /* EINTR */
            continue;
        if (got <= 0)
            return (int)got;
        int done = write_all(to, piece, (unsigned long)got);
        if (done != 0)
            return done;
    }
}

static int64_t last_date;  /* of the last file that was made */
static int64_t last_given; /* the newest date that a file was given beyond the kernel's clock */

static void set_date(int file, int64_t date)
{
    long seconds = date / 1000000000, rest = date % 1000000000;
    if (rest < 0) { /* before 1970 */
        seconds--;
        rest += 1000000000;
    }
    long times[4] = {0, UTIME_OMIT, seconds, rest};
    NOTED_CALL(__NR_utimensat, file, 0, times, 0);
}

static int64_t date_of(int file)
{
    struct stat found;
    if (NOTED_CALL(__NR_fstat, file, &found, 0, 0) != 0)
        return 0;
    return (int64_t)found.st_mtime * 1000000000 + (int64_t)found.st_mtime_nsec;
}

/* Linux 6.13 and newer give a file that somebody just asked for its date a finer one. */
static void date_now(int file, int64_t newest)
{
    date_of(file);
    NOTED_CALL(__NR_utimensat, file, 0, 0, 0);
    int64_t date = date_of(file);
    if (newest < last_date)
        newest = last_date;
    if (date <= newest) {
        date = last_given = newest + 1;
        set_date(file, date);
    }
    last_date = date;
}

static void give_date(int file, const struct act *act)
{
    switch (act->mtime) {
    case DATE_NOW:
        date_now(file, act->newest);
        break;
    case DATE_AS_BEFORE:
        set_date(file, last_date);
        break;
    default:
        set_date(file, act->mtime);
        last_date = act->mtime;
    }
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
    long mode = NOTED_CALL(__NR_fchmod, to, act->mode, 0, 0);
    give_date(to, act);
    NOTED_CALL(__NR_close, to, 0, 0, 0);
    if (act->what == DO_COPY)
        NOTED_CALL(__NR_close, from, 0, 0, 0);
    return done < 0 ? done : (int)mode;
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
    case DO_MODE:
        return (int)NOTED_CALL(__NR_fchmodat, AT_FDCWD, path, act->mode, 0);
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
    case DO_PRINT:
        return write_all(act->mode, data, act->length);
    default:
        return 0;
    }
}

static long ask(void)
{
    return kernel_call(__NR_openat, REQUEST_ANSWER, (long)batch, sizeof batch, last_given, 0,
                       REQUEST);
}

__attribute__((used)) static void answer(void)
{
    for (;;) {
        long got = ask();
        if (got < 0)
            end(ANSWERING_FAILED);
        const struct act *act = (const struct act *)batch;
        for (;;) {
            if (act->what == DO_EXIT) {
                if (last_given != 0)
                    ask(); /* there is no answer: it is to be told of the date */
                end(act->mode);
            }
            if (carry_out(act, (int)got) < 0)
                end(ANSWERING_FAILED);
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
