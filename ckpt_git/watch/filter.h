/* The seccomp filter of a watched build, and how a program comes under it. */
#ifndef CKPT_FILTER_H
#define CKPT_FILTER_H

#include <linux/audit.h>

#if defined __x86_64__
#define MACHINE AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define MACHINE AUDIT_ARCH_AARCH64
#else
#error "this machine's calls are not known here"
#endif

/* Put this process and all that it starts under the filter; gives the listener's descriptor, or
 * -errno. seccomp_unotify(2). */
int filter_install(void);

#endif
