/* The descriptors that a program begins with: they are a part of what it is given, and what is
 * used of them a part of what it does. */

#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "memory/placeholders.h"
#include "shared/util.h"
#include "watcher/calls.h"

/* --- make's job server: the GNU make manual, "POSIX Jobserver" ------------------------------- */

static const char *job_servers[16]; /* FIFOs */
static size_t job_server_count;

int is_job_server(const char *path)
{
    for (size_t i = 0; i < job_server_count; i++)
        if (strcmp(job_servers[i], path) == 0)
            return 1;
    return 0;
}

/* `jobs` is what MAKEFLAGS has of it: --jobserver-auth=R,W or --jobserver-auth=fifo:PATH. */
static int is_of_jobs(const char *jobs, int number)
{
    const char *value = jobs == NULL ? NULL : strchr(jobs, '=');
    int reads, writes;
    return value != NULL && sscanf(value, "=%d,%d", &reads, &writes) == 2 &&
           (number == reads || number == writes);
}

static void know_jobs(const char *jobs)
{
    const char *fifo = jobs == NULL ? NULL : strstr(jobs, "=fifo:");
    if (fifo == NULL || is_job_server(fifo + 6) ||
        job_server_count == sizeof job_servers / sizeof job_servers[0])
        return;
    job_servers[job_server_count++] = take_text(fifo + 6, strlen(fifo + 6));
}

/* --- what a program begins with ------------------------------------------------------------- */

static void look_at(struct process *process, struct descriptor *own)
{
    char link[48];
    struct stat found;
    snprintf(link, sizeof link, "/proc/%d/fd/%d", process->id, own->number);
    own->copy = -1;
    own->kind = '-';
    if (stat(link, &found) != 0)
        return;
    own->device = found.st_dev;
    own->inode = S_ISCHR(found.st_mode) ? found.st_rdev : found.st_ino;
    own->size = (uint64_t)found.st_size;
    own->kind = S_ISREG(found.st_mode)                               ? 'f'
                : S_ISDIR(found.st_mode)                             ? 'd'
                : S_ISCHR(found.st_mode)                             ? 'c'
                : S_ISFIFO(found.st_mode) || S_ISSOCK(found.st_mode) ? 'p'
                                                                     : 'x';
    if (own->kind == 'd' || own->kind == 'f')
        own->path = descriptor_path(process, own->number);
}

static void keep_place(struct process *process, struct descriptor *own)
{
    own->copy = copy_descriptor(process, own->number);
    off_t place = own->copy < 0 ? 0 : lseek(own->copy, 0, SEEK_CUR);
    own->offset = place < 0 ? 0 : (uint64_t)place;
    own->printed = printed_to(own->device, own->inode);
}

static int copy_content(int from, int to, int other, char *bytes, int size)
{
    fcntl(to, F_SETPIPE_SZ, fcntl(from, F_GETPIPE_SZ));
    return tee(from, to, (size_t)size, SPLICE_F_NONBLOCK) == size &&
           read(other, bytes, (size_t)size) == size;
}

/* What a pipe holds, without taking it out: 0, or -1. */
static int look_into(int pipe, int size, struct descriptor *input)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return -1;
    char *bytes = zeroed((size_t)size, 1);
    int is_copied = copy_content(pipe, ends[1], ends[0], bytes, size);
    if (is_copied) {
        size_t length;
        const char *kept = bytes_as_kept(bytes, (size_t)size, &length);
        input->held = digest_of(kept, length);
        input->holds_name = (uint8_t)has_name(bytes, (size_t)size);
    }
    free(bytes);
    close(ends[0]);
    close(ends[1]);
    return is_copied ? 0 : -1;
}

/* A pipe that has no name, and that nobody writes to any more, holds all that will come: a shell's
 * here-document. Where that is nothing, it is as good as none: GNU make's "bad stdin". */
static void look_at_pipe(struct process *process, struct descriptor *input)
{
    char link[48], name[16] = "";
    snprintf(link, sizeof link, "/proc/%d/fd/0", process->id);
    struct pollfd state = {.fd = copy_descriptor(process, 0), .events = POLLIN};
    struct stat found;
    int size = 0;
    if (state.fd >= 0 && fstat(state.fd, &found) == 0 && S_ISFIFO(found.st_mode) &&
        poll(&state, 1, 0) == 1 && state.revents & POLLHUP) {
        if (!(state.revents & POLLIN)) {
            input->kind = 'n';
        } else if (readlink(link, name, 6) == 6 && memcmp(name, "pipe:[", 6) == 0 &&
                   ioctl(state.fd, FIONREAD, &size) == 0 && size > 0 &&
                   look_into(state.fd, size, input) == 0) {
            input->kind = 'h';
            input->size = (uint64_t)size;
            input->copy = state.fd;
            return;
        }
    }
    if (state.fd >= 0)
        close(state.fd);
}

/* What is typed or shown there is another program's doing: tty(4), pts(4), by their numbers. */
static int is_terminal(const struct descriptor *own)
{
    unsigned number = own->kind == 'c' ? major(own->inode) : 0;
    return number == 4 || number == 5 || (number >= 136 && number < 144);
}

static void look_at_input(struct process *process, struct step *step)
{
    struct descriptor *input = &step->standard[0];
    switch (input->kind) {
    case 'f':
        keep_place(process, input);
        if (input->path == NULL || input->path->zone == ZONE_KERNEL || input->copy < 0)
            step_uncacheable(step, "its input has no name");
        else if ((fcntl(input->copy, F_GETFL) & O_ACCMODE) != O_RDONLY)
            step_uncacheable(step, "its input can be written to");
        break;
    case 'p':
        look_at_pipe(process, input);
        if (input->kind == 'p')
            step_uncacheable(step, "it is fed by a pipe");
        break;
    case 'c':
        if (input->inode == 0x103) /* /dev/null */
            input->kind = 'n';
        break;
    case '-':
        break;
    default:
        step_uncacheable(step, "its input is no file");
    }
}

/* The flags of a descriptor, close-on-exec as O_CLOEXEC; -1: it isn't there. */
static int flags_of(const struct process *process, int number)
{
    char name[32], text[512];
    snprintf(name, sizeof name, "fdinfo/%d", number);
    if (read_proc(process->id, name, text, sizeof text) <= 0)
        return -1;
    const char *at = strstr(text, "flags:");
    return at == NULL ? -1 : (int)strtol(at + 6, NULL, 8);
}

static void inherits(struct process *process, struct step *step, int number, const char *jobs)
{
    int flags = flags_of(process, number);
    if (flags < 0 || flags & O_CLOEXEC)
        return;
    struct descriptor own = {.number = number, .is_written = (flags & O_ACCMODE) != O_RDONLY};
    look_at(process, &own);
    if (own.kind == 'p' && is_of_jobs(jobs, number))
        return;
    if ((own.kind == 'd' || own.kind == 'f') &&
        (own.path == NULL || own.path->zone == ZONE_KERNEL))
        step_uncacheable(step, "it is given descriptor %d, a file without a name", number);
    else if (own.kind == 'x' || own.kind == '-' || is_terminal(&own))
        step_uncacheable(step, "it is given descriptor %d", number);
    else if (own.kind == 'p' && (flags & O_ACCMODE) != O_WRONLY)
        step_uncacheable(
            step, "it is given descriptor %d, from which it can read what others write", number);
    else if (own.kind == 'f' && (flags & O_ACCMODE) == O_RDWR)
        step_uncacheable(step, "it is given descriptor %d, a file to read and write", number);
    if (own.kind == 'f' && !(flags & O_PATH))
        keep_place(process, &own);
    step->inherited =
        grow(step->inherited, &step->inherited_room, step->inherited_count, sizeof own);
    step->inherited[step->inherited_count++] = own;
}

/* Linux 6.2 and newer tell how many there are as the size of their folder: proc_pid_fd(5). */
static int has_no_others(const char *folder, const struct step *step)
{
    struct stat found;
    int count = 0;
    for (int i = 0; i < 3; i++)
        count += step->standard[i].kind != '-';
    return count > 0 && stat(folder, &found) == 0 && found.st_size == count;
}

static int by_number(const void *one, const void *other)
{
    const struct descriptor *a = one, *b = other;
    return a->number - b->number;
}

void descriptors_begin(struct process *process, struct step *step, const char *jobs)
{
    know_jobs(jobs);
    for (int i = 0; i < 3; i++)
        look_at(process, &step->standard[i]);
    look_at_input(process, step);
    for (int i = 0; i < 3; i++)
        if (is_terminal(&step->standard[i]))
            step_uncacheable(step, "it talks to a terminal");
    char folder[32];
    snprintf(folder, sizeof folder, "/proc/%d/fd", process->id);
    if (has_no_others(folder, step))
        return;
    DIR *names = opendir(folder);
    if (names == NULL)
        step_uncacheable(step, "what descriptors it is given isn't known");
    for (struct dirent *name; names != NULL && (name = readdir(names)) != NULL;)
        if (name->d_name[0] != '.' && atoi(name->d_name) > 2)
            inherits(process, step, atoi(name->d_name), jobs);
    if (names != NULL)
        closedir(names);
    if (step->inherited_count > 1)
        qsort(step->inherited, step->inherited_count, sizeof *step->inherited, by_number);
}

/* The process has the same pipe there still. */
static int is_still(struct process *process, const struct descriptor *own)
{
    struct descriptor now = {.number = own->number};
    look_at(process, &now);
    return now.kind == own->kind && now.device == own->device && now.inode == own->inode;
}

/* Has a pipe of ours stand for one of the process', by both its numbers: 0, or -1. */
static int begin_relay(struct process *process, struct descriptor *own, struct descriptor *other)
{
    int end = -1, to = process_shares_files(process) ? -1 : copy_descriptor(process, own->number);
    struct stat found;
    if (to >= 0)
        own->relay = relay_begin(to, &end);
    int is_replaced = own->relay != NULL && fstat(end, &found) == 0 &&
                      replace_descriptor(own->number, end) == 0;
    if (is_replaced) {
        own->outer_device = own->device;
        own->outer_inode = own->inode;
        own->device = found.st_dev;
        own->inode = found.st_ino;
        printed_to(own->device, own->inode);
    }
    if (is_replaced && other != NULL) {
        int number = other->number;
        is_replaced = replace_descriptor(number, end) == 0;
        *other = *own;
        other->number = number;
        other->is_checked = 1; /* with the first one */
    }
    if (end >= 0)
        close(end);
    return is_replaced ? 0 : -1;
}

void descriptors_replace(struct process *process, struct step *step)
{
    for (size_t i = 0; i < step->inherited_count && step->uncacheable == NULL; i++) {
        struct descriptor *own = &step->inherited[i];
        if (own->kind == 'p' && begin_relay(process, own, NULL) != 0)
            step_uncacheable(step, "it is given descriptor %d, a pipe", own->number);
    }
}

int descriptors_count(struct process *process, int number, const struct stat *found)
{
    struct step *step = process->step;
    struct descriptor *own = &step->standard[number], *other = &step->standard[3 - number];
    if (!process->is_first || step->process != process->id || step->live > 1 ||
        own->device != found->st_dev || own->inode != found->st_ino)
        return 0;
    if (own->relay != NULL || own->copy >= 0)
        return 1;
    if (own->kind == 'f') {
        own->is_written = 1;
        own->size = (uint64_t)found->st_size;
        keep_place(process, own);
        return own->copy >= 0;
    }
    /* Of what comes by two pipes into one, the order would be lost. */
    int is_same = other->device == own->device && other->inode == own->inode;
    return own->kind == 'p' && (!is_same || is_still(process, other)) &&
           begin_relay(process, own, is_same ? other : NULL) == 0;
}

/* --- what it used of it --------------------------------------------------------------------- */

/* Nor can a command around it be remembered that was given the same. */
static void writes_unseen(struct step *step, const struct descriptor *own)
{
    step_uncacheable(step, "it writes to descriptor %d", own->number);
    step_printed(step, (struct print){.device = own->device, .inode = own->inode});
}

static void check_file(struct step *step, const struct descriptor *own)
{
    struct stat found;
    off_t place = lseek(own->copy, 0, SEEK_CUR);
    uint64_t printed = printed_to(own->device, own->inode) - own->printed;
    if (fstat(own->copy, &found) != 0 || place < 0)
        step_uncacheable(step, "it is given descriptor %d, a file that can't be looked at",
                         own->number);
    else if (!own->is_written && (uint64_t)place != own->offset)
        step_uncacheable(step, "it reads from descriptor %d", own->number);
    else if (own->is_written &&
             ((uint64_t)found.st_size != own->size + printed ||
              ((uint64_t)place != own->offset && (uint64_t)place != own->offset + printed &&
               place != found.st_size)))
        writes_unseen(step, own);
}

static void check(struct step *step, struct descriptor *own)
{
    if (own->relay != NULL && !own->is_checked) {
        own->is_checked = 1;
        if (relay_passed_on(own->relay) != printed_to(own->device, own->inode))
            writes_unseen(step, own);
        printed_forget(own->device, own->inode);
    }
    if (own->copy < 0)
        return;
    if (!step->is_answered)
        check_file(step, own);
    close(own->copy);
    own->copy = -1;
}

/* A copy of a descriptor that leads where `own` does, of the process or of one that began it; -1. */
static int copy_of_same(const struct descriptor *own, struct process *process)
{
    for (; process != NULL && !process->has_ended; process = process->parent)
        for (int number = 1; number < 3; number++) {
            struct stat found;
            int copy = copy_descriptor(process, number);
            if (copy >= 0 && fstat(copy, &found) == 0 && found.st_dev == own->device &&
                found.st_ino == own->inode)
                return copy;
            if (copy >= 0)
                close(copy);
        }
    return -1;
}

/* Where nobody reads any more what a command prints, it may have failed by that alone, and how soon
 * a reader ends is chance. Many close what they print to before they end. */
void descriptors_fail(struct process *process, struct step *step)
{
    for (int i = 1; i < 3 && step->printed_bytes > 0; i++) {
        const struct descriptor *own = &step->standard[i];
        if (own->kind != 'p')
            continue;
        struct pollfd state = {.fd = copy_of_same(own, process)};
        if (state.fd < 0 || (poll(&state, 1, 0) == 1 && state.revents & POLLERR))
            step->fails_by_chance = 1;
        if (state.fd >= 0)
            close(state.fd);
    }
}

/* Where its input is now: in a file, or how much of what a pipe held was taken out; -1: nobody knows. */
static off_t place_in(const struct descriptor *input)
{
    int left;
    if (input->kind == 'f')
        return lseek(input->copy, 0, SEEK_CUR);
    return ioctl(input->copy, FIONREAD, &left) == 0 ? (off_t)input->size - left : -1;
}

void descriptors_go_to(const struct descriptor *input, int64_t place)
{
    char bytes[4096];
    if (input->kind == 'f')
        lseek(input->copy, place, SEEK_SET);
    while (input->kind == 'h' && place > 0) {
        ssize_t got = read(input->copy, bytes,
                           place < (int64_t)sizeof bytes ? (size_t)place : sizeof bytes);
        if (got <= 0)
            break;
        place -= got;
    }
}

void descriptors_end(struct step *step)
{
    struct descriptor *input = &step->standard[0];
    if (input->copy >= 0) {
        off_t place = place_in(input);
        if (place >= 0 && (uint64_t)place != input->offset)
            step->input_end = place;
        close(input->copy);
        input->copy = -1;
    }
    for (int i = 1; i < 3; i++)
        check(step, &step->standard[i]);
    for (size_t i = 0; i < step->inherited_count; i++)
        check(step, &step->inherited[i]);
}
