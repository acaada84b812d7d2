/* The seccomp filter of a watched build, and how a program comes under it. */
#ifndef CKPT_FILTER_H
#define CKPT_FILTER_H

/* Put this process and all that it starts under the filter; gives the listener's descriptor, or
 * -errno. seccomp_unotify(2). */
int filter_install(void);

#endif
