/* What the parts of the preloaded library share: ld.so(8), LD_PRELOAD. */
#ifndef CKPT_PRELOAD_H
#define CKPT_PRELOAD_H

#include <dlfcn.h>

#define EXPORT __attribute__((visibility("default")))

/* The function that is stood for: the next one of that name. */
#define REAL(name)                                                                                \
    ({                                                                                            \
        static __typeof__(name) *real_;                                                           \
        if (real_ == NULL)                                                                        \
            real_ = (__typeof__(real_))dlsym(RTLD_NEXT, #name);                                   \
        real_;                                                                                    \
    })

#endif
