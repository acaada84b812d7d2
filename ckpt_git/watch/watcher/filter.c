/* The seccomp filter: which calls the watcher is told of, seccomp(2), seccomp_unotify(2).
 *
 * It tells of all that names a file, of what is written to descriptors 1 and 2, of programs that
 * begin and processes that end, and of what makes a build's world another one. Everything else
 * passes without a further look: the kernel keeps in a bitmap which calls do.
 */

#define _GNU_SOURCE
#include "watcher/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shared/notes.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* Told of, unless the caller notes them itself. */
static const int noted_calls[] = {
    SYS_openat,    SYS_openat2,    SYS_newfstatat, SYS_statx,      SYS_faccessat,
    SYS_faccessat2, SYS_readlinkat, SYS_mkdirat,   SYS_mknodat,    SYS_unlinkat,
    SYS_renameat2, SYS_linkat,     SYS_symlinkat,  SYS_truncate,   SYS_fchmod,
    SYS_fchmodat,  SYS_fchmodat2,  SYS_fchown,     SYS_fchownat,   SYS_utimensat,
    SYS_renameat,
#ifdef SYS_open
    SYS_open,      SYS_creat,      SYS_stat,       SYS_lstat,      SYS_access,
    SYS_readlink,  SYS_mkdir,      SYS_mknod,      SYS_rmdir,      SYS_unlink,
    SYS_rename,    SYS_link,       SYS_symlink,    SYS_chmod,      SYS_chown,
    SYS_lchown,    SYS_utime,      SYS_utimes,     SYS_futimesat,
#endif
};

static const int other_calls[] = {
    SYS_execve,      SYS_execveat,     SYS_exit_group,    SYS_getdents64,      SYS_chdir,
    SYS_fchdir,      SYS_umask,        SYS_chroot,        SYS_pivot_root,      SYS_mount,
    SYS_move_mount,  SYS_setns,        SYS_unshare,       SYS_connect,         SYS_bind,
    SYS_seccomp,     SYS_setxattr,     SYS_lsetxattr,     SYS_fsetxattr,       SYS_removexattr,
    SYS_lremovexattr, SYS_fremovexattr, SYS_setxattrat,   SYS_removexattrat,   SYS_file_setattr,
    SYS_getxattr,    SYS_lgetxattr,    SYS_listxattr,     SYS_llistxattr,      SYS_statfs,
    SYS_clock_nanosleep, SYS_shmget,   SYS_msgget,        SYS_semget,          SYS_mq_open,
    SYS_open_by_handle_at, SYS_getrandom, SYS_kill,       SYS_rt_sigqueueinfo, SYS_pidfd_send_signal,
    SYS_personality,
#ifdef SYS_getdents
    SYS_getdents,
#endif
};

/* Told of where the descriptor that is written to, or copied, is 1 or 2. */
static const struct {
    int number, argument;
} writes[] = {
    {SYS_write, 0},    {SYS_writev, 0},  {SYS_pwrite64, 0}, {SYS_pwritev, 0}, {SYS_pwritev2, 0},
    {SYS_sendfile, 0}, {SYS_splice, 2},  {SYS_tee, 1},      {SYS_vmsplice, 0},
    {SYS_copy_file_range, 2},            {SYS_sendmsg, 0},  {SYS_ftruncate, 0},
    {SYS_lseek, 0},    {SYS_dup, 0},     {SYS_dup3, 0},
#ifdef SYS_dup2
    {SYS_dup2, 0},
#endif
};

enum { ROOM = 1024 };
static struct sock_filter program[ROOM];
static unsigned short length;

static void put(uint16_t code, uint8_t yes, uint8_t no, uint32_t value)
{
    if (length < ROOM)
        program[length++] = (struct sock_filter){code, yes, no, value};
}

#define LOAD(field) put(BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offsetof(struct seccomp_data, field))
#define LOAD_AT(offset) put(BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)(offset))
#define RETURN(value) put(BPF_RET | BPF_K, 0, 0, (value))
#define IF_EQUAL(value, yes, no) put(BPF_JMP | BPF_JEQ | BPF_K, (yes), (no), (uint32_t)(value))
#define IF_SET(value, yes, no) put(BPF_JMP | BPF_JSET | BPF_K, (yes), (no), (uint32_t)(value))
#define LOW(argument) (offsetof(struct seccomp_data, args) + 8 * (size_t)(argument))

/* Where the sixth argument is NOTED and the call's number, it passes, else it is told of. */
static void put_noted(int number)
{
    LOAD_AT(LOW(5));
    IF_EQUAL((uint32_t)NOTED + (uint32_t)number, 0, 3);
    LOAD_AT(LOW(5) + 4);
    IF_EQUAL((uint32_t)(NOTED >> 32), 0, 1);
    RETURN(SECCOMP_RET_ALLOW);
    RETURN(SECCOMP_RET_USER_NOTIF);
}

int filter_install(void)
{
    length = 0;
    LOAD(arch);
    IF_EQUAL(OWN_ABI, 1, 0);
    RETURN(SECCOMP_RET_USER_NOTIF); /* another ABI: what it does isn't understood, and said so */
    LOAD(nr);
#ifdef __x86_64__
    put(BPF_JMP | BPF_JGE | BPF_K, 0, 1, 0x40000000);
    RETURN(SECCOMP_RET_ERRNO | ENOSYS); /* x32 */
#endif
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
        IF_EQUAL(writes[i].number, 0, 8);
        LOAD_AT(LOW(writes[i].argument));
        IF_EQUAL(1, 1, 0);
        IF_EQUAL(2, 0, 4);
        LOAD_AT(LOW(5));
        IF_EQUAL((uint32_t)NOTED + (uint32_t)writes[i].number, 1, 0);
        RETURN(SECCOMP_RET_USER_NOTIF);
        RETURN(SECCOMP_RET_ALLOW);
        RETURN(SECCOMP_RET_ALLOW);
    }
    for (size_t i = 0; i < sizeof noted_calls / sizeof noted_calls[0]; i++) {
        IF_EQUAL(noted_calls[i], 0, 6);
        put_noted(noted_calls[i]);
    }
    for (size_t i = 0; i < sizeof other_calls / sizeof other_calls[0]; i++) {
        IF_EQUAL(other_calls[i], 0, 1);
        RETURN(SECCOMP_RET_USER_NOTIF);
    }
    /* A program that is told of ENOSYS falls back: on clone(2), whose flags can be seen here, and
     * on calls for each file. */
    IF_EQUAL(SYS_clone3, 0, 1);
    RETURN(SECCOMP_RET_ERRNO | ENOSYS);
    IF_EQUAL(SYS_io_uring_setup, 0, 1);
    RETURN(SECCOMP_RET_ERRNO | ENOSYS);
    /* A fork must not wait for the watcher: a signal would end it, which no program expects. */
    IF_EQUAL(SYS_clone, 0, 4);
    LOAD_AT(LOW(0));
    IF_SET(CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID, 0, 1);
    RETURN(SECCOMP_RET_USER_NOTIF);
    RETURN(SECCOMP_RET_ALLOW);
    /* Copies of descriptors 1 and 2, and locks that aren't waited for. */
    IF_EQUAL(SYS_fcntl, 0, 10);
    LOAD_AT(LOW(1));
    IF_EQUAL(F_SETLK, 6, 0);
    IF_EQUAL(F_OFD_SETLK, 5, 0);
    IF_EQUAL(F_DUPFD, 1, 0);
    IF_EQUAL(F_DUPFD_CLOEXEC, 0, 4);
    LOAD_AT(LOW(0));
    IF_EQUAL(1, 1, 0);
    IF_EQUAL(2, 0, 1);
    RETURN(SECCOMP_RET_USER_NOTIF);
    RETURN(SECCOMP_RET_ALLOW);
    IF_EQUAL(SYS_flock, 0, 4);
    LOAD_AT(LOW(1));
    IF_SET(LOCK_NB, 0, 1);
    RETURN(SECCOMP_RET_USER_NOTIF);
    RETURN(SECCOMP_RET_ALLOW);
    /* To an address, or to descriptor 1 or 2. */
    IF_EQUAL(SYS_sendto, 0, 7);
    LOAD_AT(LOW(4));
    IF_EQUAL(0, 0, 4);
    LOAD_AT(LOW(0));
    IF_EQUAL(1, 2, 0);
    IF_EQUAL(2, 1, 0);
    RETURN(SECCOMP_RET_ALLOW);
    RETURN(SECCOMP_RET_USER_NOTIF);
    RETURN(SECCOMP_RET_ALLOW);
    if (length >= ROOM)
        return -E2BIG;
    struct sock_fprog whole = {.len = length, .filter = program};
    if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -errno;
    long listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                            SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
                            &whole);
    if (listener < 0 && errno == EINVAL) /* before Linux 5.19 */
        listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                           &whole);
    if (listener < 0 && errno == EACCES && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                           &whole);
    return listener < 0 ? -errno : (int)listener;
}
