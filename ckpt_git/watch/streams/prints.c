/* What programs print: it is a part of what a command comes to, and printed again.
 *
 * The kernel tells of writes to descriptors 1 and 2. What copies from one descriptor to another in
 * the kernel is refused, as on a file system that can't do it, and programs read and write then.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shared/util.h"
#include "watcher/calls.h"

enum { MOST_PARTS = 1024, PIECE = 1 << 20 };

/* Files and pipes of which somebody asked how much is printed to them. */
static struct {
    uint64_t device, inode, bytes;
} *files;
static size_t file_count, file_room;

static size_t file_number(uint64_t device, uint64_t inode)
{
    size_t i = 0;
    while (i < file_count && (files[i].device != device || files[i].inode != inode))
        i++;
    return i;
}

static void count_printed(const struct stat *to, uint64_t bytes)
{
    size_t number = file_number(to->st_dev, to->st_ino);
    if (number < file_count)
        files[number].bytes += bytes;
}

uint64_t printed_to(uint64_t device, uint64_t inode)
{
    size_t number = file_number(device, inode);
    if (number < file_count)
        return files[number].bytes;
    files = grow(files, &file_room, file_count, sizeof *files);
    files[file_count].device = device;
    files[file_count].inode = inode;
    files[file_count++].bytes = 0;
    return 0;
}

void printed_forget(uint64_t device, uint64_t inode)
{
    size_t number = file_number(device, inode);
    if (number < file_count)
        files[number] = files[--file_count];
}

static int look_at_descriptor(struct process *process, int descriptor, struct stat *found)
{
    char link[48];
    snprintf(link, sizeof link, "/proc/%d/fd/%d", process->id, descriptor);
    return stat(link, found);
}

static int prints_to(const struct process *process, const struct stat *to)
{
    return !S_ISCHR(to->st_mode) && step_prints_to(process->step, to->st_dev, to->st_ino);
}

static void cannot_follow(struct process *process, const struct stat *to)
{
    step_printed(process->step, (struct print){.device = to->st_dev, .inode = to->st_ino});
}

/* A pipe of which the reader is slow takes a part, where it was told not to wait. */
static void check_waiting(struct process *process, int descriptor, const struct stat *to)
{
    if (process->is_checked || S_ISREG(to->st_mode))
        return;
    process->is_checked = 1;
    int copy = copy_descriptor(process, descriptor);
    int flags = copy < 0 ? -1 : fcntl(copy, F_GETFL);
    if (flags < 0 || flags & O_NONBLOCK)
        cannot_follow(process, to);
    if (copy >= 0)
        close(copy);
}

static void note_print(struct process *process, const struct stat *to, uint64_t address,
                       size_t length)
{
    static char bytes[PIECE];
    struct print print = {.device = to->st_dev, .inode = to->st_ino};
    while (length > 0) {
        size_t part = length < sizeof bytes ? length : sizeof bytes;
        print.length = (uint32_t)part;
        print.bytes = bytes;
        if (peek(process, address, bytes, part) != 0)
            return; /* EFAULT */
        step_printed(process->step, print);
        address += part;
        length -= part;
    }
}

static int writes_parts(struct process *process, const struct stat *to, uint64_t address,
                        uint64_t count)
{
    struct iovec parts[MOST_PARTS];
    if (count > MOST_PARTS ||
        peek(process, address, parts, (size_t)count * sizeof *parts) != 0)
        return 0; /* EINVAL, EFAULT */
    for (size_t i = 0; i < count; i++) {
        count_printed(to, parts[i].iov_len);
        note_print(process, to, (uint64_t)(uintptr_t)parts[i].iov_base, parts[i].iov_len);
    }
    return 0;
}

int writes(struct process *process, const struct seccomp_data *call)
{
    const __u64 *args = call->args;
    int descriptor = call->nr == SYS_splice || call->nr == SYS_copy_file_range ? (int)args[2]
                     : call->nr == SYS_tee                                     ? (int)args[1]
                                                                               : (int)args[0];
    struct stat to;
    relays_pass_on(); /* what was written before comes before */
    if (look_at_descriptor(process, descriptor, &to) != 0)
        return 0;
    if (call->nr == SYS_write)
        count_printed(&to, args[2]);
    if (!prints_to(process, &to))
        return 0;
    notes_read(process);
    check_waiting(process, descriptor, &to);
    switch (call->nr) {
    case SYS_write:
        note_print(process, &to, args[1], args[2]);
        break;
    case SYS_writev:
        return writes_parts(process, &to, args[1], args[2]);
    case SYS_copy_file_range:
        return -EXDEV;
    case SYS_splice:
    case SYS_tee:
    case SYS_vmsplice:
    case SYS_sendfile:
        return -EINVAL;
    case SYS_lseek:
        if (S_ISREG(to.st_mode) && ((int)args[2] != SEEK_CUR || args[1] != 0))
            cannot_follow(process, &to);
        break;
    default: /* to a place in a file, or to a socket */
        cannot_follow(process, &to);
    }
    return 0;
}

void prints_by(struct process *process, int descriptor)
{
    struct stat to;
    if (descriptor < 0 || look_at_descriptor(process, descriptor, &to) != 0 ||
        !prints_to(process, &to))
        return;
    /* A shell makes it its descriptor 1 or 2. Of a file it has a place of its own then. */
    if (!process->step->is_shell || S_ISREG(to.st_mode))
        cannot_follow(process, &to);
}

/* dup(2) of descriptors 1 and 2. A shell puts the copy back, and never writes to it. */
void copies_descriptor(struct process *process, const struct seccomp_data *call)
{
    if (process->step->is_shell)
        return;
    int to = call->nr == SYS_dup || call->nr == SYS_fcntl ? -1 : (int)call->args[1];
    struct stat found;
    if (to == 1 || to == 2 ||
        look_at_descriptor(process, (int)call->args[0], &found) != 0 ||
        !prints_to(process, &found) ||
        descriptors_count(process, (int)call->args[0], &found))
        return;
    cannot_follow(process, &found);
}
