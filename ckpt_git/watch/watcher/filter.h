/* The seccomp filter of a watched build, and how a program comes under it. */
#ifndef CKPT_FILTER_H
#define CKPT_FILTER_H

#include <linux/audit.h>

#if defined __x86_64__
#define OWN_ABI AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define OWN_ABI AUDIT_ARCH_AARCH64
#else
#error "this machine's calls are not known here"
#endif

/* Calls that older headers don't have. */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#define SYS_removexattrat 466
#endif
#ifndef SYS_file_setattr
#define SYS_file_setattr 469
#endif
#ifndef SYS_move_mount
#define SYS_move_mount 429
#endif

/* Put this process and all that it starts under the filter; gives the listener's descriptor, or
 * -errno. seccomp_unotify(2). */
int filter_install(void);

#endif
