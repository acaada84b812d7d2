/* Which call is what: its arguments are those of its manual page. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>

#include "shared/settings.h"
#include "watcher/calls.h"
#include "watcher/filter.h"

/* --- other processes ------------------------------------------------------------------------- */

/* Nobody is at a socket whose file isn't there: nscd(8), for one. */
static void connects(struct process *process, uint64_t address, uint64_t length, int is_own)
{
    struct sockaddr_un name;
    size_t size = length < sizeof name ? (size_t)length : sizeof name;
    memset(&name, 0, sizeof name);
    if (size < 2 || peek(process, address, &name, size) != 0)
        return;
    char text[sizeof name.sun_path + 1] = {0};
    memcpy(text, name.sun_path, sizeof name.sun_path);
    struct path *path = NULL;
    process->step->fails_by_chance |= is_own; /* another program may have that address */
    if (name.sun_family == AF_UNIX && text[0] != '\0') {
        if (is_own) {
            makes(process, AT_FDCWD, text, 0);
            return;
        }
        path = named_path(process, AT_FDCWD, text, 1);
        saw_path(process, path, SAW_EXISTS, 0);
        if (path != NULL && path_state(path, 1)->kind == KIND_ABSENT)
            return;
    }
    if (is_own || (name.sun_family != AF_UNIX && name.sun_family != AF_INET &&
                   name.sun_family != AF_INET6 && name.sun_family != AF_VSOCK))
        return;
    step_uncacheable_above(process->step, path != NULL && path->zone == ZONE_TRACKED ? path : NULL,
                           "it talks to another process");
    if (!settings.is_shut_in) /* it may write to the build's folder, and nobody watches it */
        step_incomplete(process->step, "it talked to a process that isn't of this build");
}

/* A process that is known to the build by that number; NULL: none. */
static const struct process *process_named(int64_t number)
{
    for (const struct process *process = the_processes; process != NULL; process = process->all) {
        char text[4096], *at;
        int inner = -1, length;
        if (read_proc(process->id, "status", text, sizeof text) > 0 &&
            (at = strstr(text, "\nNSpid:")) != NULL)
            for (at += 7; sscanf(at, " %d%n", &inner, &length) == 1 && at[length] != '\n';)
                at += length;
        if (inner == number)
            return process;
    }
    return NULL;
}

/* A signal goes to whoever has that number now, which in another build is another process: what
 * holds both of them does the same again. */
static void signals(struct process *process, int64_t number)
{
    const struct process *other = number > 1 ? process_named(number) : NULL;
    for (struct step *step = process->step; step != NULL; step = step->parent)
        if (other == NULL || !step_is_within(other->step, step))
            step_uncacheable(step, "it sends a signal to another command");
}

static void goes_elsewhere(struct process *process, const char *why)
{
    process->is_elsewhere = 1;
    step_incomplete(process->step, "%s", why);
}

static void enters_namespace(struct process *process, uint64_t flags)
{
    if (flags & (CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID))
        goes_elsewhere(process, "it entered another namespace");
}

/* Time has to pass where somebody else may count on it. */
static void waits(struct process *process, uint64_t flags, uint64_t address)
{
    struct timespec time;
    if (peek(process, address, &time, sizeof time) == 0 &&
        (flags & TIMER_ABSTIME || time.tv_sec > 0 || time.tv_nsec >= 1000000))
        process->step->waits = process->step->fails_by_chance = 1;
}

/* --- attributes ------------------------------------------------------------------------------ */

/* Whether utimensat(2) gives its content another date than now. */
static int gives_date(struct process *process, uint64_t address)
{
    struct timespec times[2];
    return address != 0 && peek(process, address, times, sizeof times) == 0 &&
           times[1].tv_nsec != UTIME_NOW;
}

/* A list of rights that says no more than the mode: cp -p and others set it. */
static int is_mode(struct process *process, const __u64 *args)
{
    const char *name = peek_text(process, args[1]);
    return name != NULL && strcmp(name, "system.posix_acl_access") == 0 && args[3] == 28;
}

static void sets_attribute(struct process *process, struct path *path, const __u64 *args,
                           int is_removal)
{
    if (!is_removal && !is_mode(process, args))
        step_uncacheable_above(process->step, NULL, "it sets extended attributes");
    alters(process, path);
}

/* --- all of them ------------------------------------------------------------------------------ */

static uint64_t flags_of_how(struct process *process, uint64_t address)
{
    struct open_how how;
    return peek(process, address, &how, sizeof how) == 0 ? how.flags : O_PATH;
}

/* A path, or where there is none, a descriptor's. */
static struct path *path_or_descriptor(struct process *process, int folder, const char *text,
                                       int follow)
{
    return text == NULL || *text == '\0' ? descriptor_path(process, folder)
                                         : named_path(process, folder, text, follow);
}

static struct path *named(struct process *process, int folder, const char *text, int follow)
{
    return text == NULL || *text == '\0' ? NULL : named_path(process, folder, text, follow);
}

#define TEXT(number) peek_text(process, args[number])
#define FD(number) ((int)args[number])
#define FOLLOWS(number) (!(args[number] & AT_SYMLINK_NOFOLLOW))

static int take_old_call(struct process *process, const struct seccomp_data *call)
{
#ifdef SYS_open
    const __u64 *args = call->args;
    switch (call->nr) {
    case SYS_open:
        opens(process, AT_FDCWD, TEXT(0), args[1]);
        break;
    case SYS_creat:
        opens(process, AT_FDCWD, TEXT(0), O_CREAT | O_TRUNC | O_WRONLY);
        break;
    case SYS_stat:
        saw(process, AT_FDCWD, TEXT(0), stat_mask(process->step), 0);
        break;
    case SYS_lstat:
        saw(process, AT_FDCWD, TEXT(0), stat_mask(process->step), 1);
        break;
    case SYS_access:
        saw(process, AT_FDCWD, TEXT(0), SAW_EXISTS, 0);
        break;
    case SYS_readlink:
        saw(process, AT_FDCWD, TEXT(0), SAW_LINK | SAW_EXISTS, 1);
        break;
    case SYS_mkdir:
    case SYS_mknod:
        makes(process, AT_FDCWD, TEXT(0), 0);
        break;
    case SYS_rmdir:
        removes_folder(process, AT_FDCWD, TEXT(0));
        break;
    case SYS_unlink:
        removes(process, AT_FDCWD, TEXT(0));
        break;
    case SYS_rename:
        renames(process, AT_FDCWD, TEXT(0), AT_FDCWD, TEXT(1), 0);
        break;
    case SYS_link:
        links(process, AT_FDCWD, TEXT(0), AT_FDCWD, TEXT(1), 0);
        break;
    case SYS_symlink:
        makes(process, AT_FDCWD, TEXT(1), 1);
        break;
    case SYS_chmod:
        alters(process, named(process, AT_FDCWD, TEXT(0), 1));
        break;
    case SYS_utime:
    case SYS_utimes:
        dates(process, named(process, AT_FDCWD, TEXT(0), 1), args[1] != 0);
        break;
    case SYS_chown:
    case SYS_lchown:
        owns(process, named(process, AT_FDCWD, TEXT(0), call->nr == SYS_chown), args[1], args[2]);
        break;
    case SYS_futimesat:
        dates(process, path_or_descriptor(process, FD(0), TEXT(1), 1),
              args[2] != 0);
        break;
    case SYS_getdents:
        lists(process, FD(0));
        break;
    default:
        return 0;
    }
    return 1;
#else
    (void)process;
    (void)call;
    return 0;
#endif
}

static int take_look(struct process *process, const struct seccomp_data *call)
{
    const __u64 *args = call->args;
    switch (call->nr) {
    case SYS_newfstatat:
        saw(process, FD(0), TEXT(1), stat_mask(process->step), !FOLLOWS(3));
        break;
    case SYS_statx:
        saw(process, FD(0), TEXT(1), stat_mask(process->step), !FOLLOWS(2));
        break;
    case SYS_faccessat:
        saw(process, FD(0), TEXT(1), SAW_EXISTS, 0);
        break;
    case SYS_faccessat2:
        saw(process, FD(0), TEXT(1), SAW_EXISTS, !FOLLOWS(3));
        break;
    case SYS_readlinkat:
        saw(process, FD(0), TEXT(1), SAW_LINK | SAW_EXISTS, 1);
        break;
    case SYS_getxattr:
    case SYS_listxattr:
    case SYS_statfs:
        saw(process, AT_FDCWD, TEXT(0), SAW_EXISTS, 0);
        break;
    case SYS_lgetxattr:
    case SYS_llistxattr:
        saw(process, AT_FDCWD, TEXT(0), SAW_EXISTS, 1);
        break;
    case SYS_getdents64:
        lists(process, FD(0));
        break;
    case SYS_chdir:
        saw(process, AT_FDCWD, TEXT(0), SAW_EXISTS, 0);
        process->folder = NULL;
        break;
    case SYS_fchdir:
        process->folder = NULL;
        break;
    default:
        return 0;
    }
    return 1;
}

static int take_change(struct process *process, const struct seccomp_data *call)
{
    const __u64 *args = call->args;
    switch (call->nr) {
    case SYS_mkdirat:
    case SYS_mknodat:
        makes(process, FD(0), TEXT(1), 0);
        break;
    case SYS_unlinkat:
        (args[2] & AT_REMOVEDIR ? removes_folder : removes)(process, FD(0), TEXT(1));
        break;
    case SYS_renameat:
    case SYS_renameat2:
        renames(process, FD(0), TEXT(1), FD(2), TEXT(3), call->nr == SYS_renameat2 ? args[4] : 0);
        break;
    case SYS_linkat:
        links(process, FD(0), TEXT(1), FD(2), TEXT(3), args[4]);
        break;
    case SYS_symlinkat:
        makes(process, FD(1), TEXT(2), 1);
        break;
    case SYS_truncate:
        dates(process, named(process, AT_FDCWD, TEXT(0), 1), 0);
        break;
    case SYS_fchmod:
        alters(process, descriptor_path(process, FD(0)));
        break;
    case SYS_fchmodat:
        alters(process, named(process, FD(0), TEXT(1), 1));
        break;
    case SYS_fchmodat2:
        alters(process, path_or_descriptor(process, FD(0), TEXT(1), FOLLOWS(3)));
        break;
    case SYS_fchown:
        owns(process, descriptor_path(process, FD(0)), args[1], args[2]);
        break;
    case SYS_fchownat:
        owns(process, path_or_descriptor(process, FD(0), TEXT(1), FOLLOWS(4)), args[2], args[3]);
        break;
    case SYS_utimensat:
        dates(process, path_or_descriptor(process, FD(0), TEXT(1), FOLLOWS(3)),
              gives_date(process, args[2]));
        break;
    case SYS_setxattr:
    case SYS_lsetxattr:
        sets_attribute(process, named(process, AT_FDCWD, TEXT(0), call->nr == SYS_setxattr), args,
                       0);
        break;
    case SYS_fsetxattr:
        sets_attribute(process, descriptor_path(process, FD(0)), args, 0);
        break;
    case SYS_removexattr:
    case SYS_lremovexattr:
        sets_attribute(process, named(process, AT_FDCWD, TEXT(0), call->nr == SYS_removexattr),
                       args, 1);
        break;
    case SYS_fremovexattr:
        sets_attribute(process, descriptor_path(process, FD(0)), args, 1);
        break;
    case SYS_setxattrat:
    case SYS_removexattrat:
    case SYS_file_setattr:
        step_uncacheable_above(process->step, NULL, "it sets extended attributes");
        alters(process, path_or_descriptor(process, FD(0), TEXT(1), FOLLOWS(2)));
        break;
    default:
        return 0;
    }
    return 1;
}

int was_refused;

/* What makes a build's world another one, or speaks to one that nobody watches. */
static int take_rest(struct process *process, const struct seccomp_data *call)
{
    const __u64 *args = call->args;
    switch (call->nr) {
    case SYS_personality:
        process->has_personality = 1;
        return 0;
    case SYS_umask:
        process->mask = (unsigned)args[0] & 0777;
        break;
    case SYS_clone:
        enters_namespace(process, args[0]);
        break;
    case SYS_chroot:
    case SYS_pivot_root:
        goes_elsewhere(process, "it entered another root");
        break;
    case SYS_mount:
    case SYS_move_mount:
        goes_elsewhere(process, "it mounted something");
        break;
    case SYS_setns:
        goes_elsewhere(process, "it entered another namespace");
        break;
    case SYS_unshare:
        if (args[0] & (CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_FS))
            goes_elsewhere(process, "it entered another namespace");
        break;
    case SYS_open_by_handle_at:
        step_incomplete(process->step, "it opened a file without a name");
        break;
    case SYS_seccomp:
        if (args[0] == SECCOMP_SET_MODE_FILTER && args[1] & SECCOMP_FILTER_FLAG_NEW_LISTENER) {
            step_incomplete(process->step, "it brought a listener of its own");
            was_refused = 1; /* EBUSY: the kernel allows one */
        }
        break;
    case SYS_clock_nanosleep:
        waits(process, args[1], args[2]);
        break;
    case SYS_connect:
        connects(process, args[1], args[2], 0);
        break;
    case SYS_bind:
        connects(process, args[1], args[2], 1);
        break;
    case SYS_shmget:
    case SYS_msgget:
    case SYS_semget:
        if (args[0] != IPC_PRIVATE)
            step_uncacheable_above(process->step, NULL, "it shares memory or messages");
        break;
    case SYS_kill:
    case SYS_rt_sigqueueinfo:
        signals(process, (int)args[0]);
        break;
    case SYS_pidfd_send_signal:
        signals(process, -1);
        break;
    case SYS_mq_open:
        step_uncacheable_above(process->step, NULL, "it shares memory or messages");
        break;
    default:
        return 0;
    }
    return 1;
}

int take_call(struct process *process, const struct seccomp_data *call)
{
    const __u64 *args = call->args;
    switch (call->nr) {
    case SYS_openat:
        opens(process, FD(0), TEXT(1), args[2]);
        return 0;
    case SYS_openat2:
        opens(process, FD(0), TEXT(1), flags_of_how(process, args[2]));
        return 0;
    case SYS_execve:
        return begins(process, AT_FDCWD, args[0], args[1], args[2]);
    case SYS_execveat:
        return begins(process, FD(0), args[1], args[2], args[3]);
    case SYS_flock:
        process->step->fails_by_chance = 1;
        return 0;
    case SYS_fcntl:
        if (args[1] == F_SETLK || args[1] == F_OFD_SETLK)
            process->step->fails_by_chance = 1;
        else
            copies_descriptor(process, call);
        return 0;
    case SYS_dup:
#ifdef SYS_dup2
    case SYS_dup2:
#endif
    case SYS_dup3:
        copies_descriptor(process, call);
        return 0;
    case SYS_sendto:
        if (args[4] != 0 && FD(0) != 1 && FD(0) != 2) {
            connects(process, args[4], args[5], 0);
            return 0;
        }
        return writes(process, call);
    default:
        if (take_look(process, call) || take_change(process, call) ||
            take_rest(process, call) || take_old_call(process, call))
            return 0;
        return writes(process, call);
    }
}
