/* A system call past libc: for programs that have none, and for those that stand before its own. */
#ifndef CKPT_KERNEL_CALL_H
#define CKPT_KERNEL_CALL_H

#include <stdint.h>

/* Its result, or minus the error. The sixth argument must not stay in its register: a call that
 * comes after it, and has fewer arguments, would seem to be noted, too (notes.h). */
static long kernel_call(long number, long a, long b, long c, long d, long e, uint64_t f)
{
#if defined __x86_64__
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register uint64_t r9 __asm__("r9") = f;
    __asm__ volatile("syscall\n\txorl %%r9d, %%r9d"
                     : "=a"(result), "+r"(r9)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
#elif defined __aarch64__
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register uint64_t x5 __asm__("x5") = f;
    __asm__ volatile("svc 0\n\tmov x5, xzr"
                     : "+r"(x0), "+r"(x5)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
                     : "memory");
    return x0;
#else
#error "this machine's calls are not known here"
#endif
}

#endif
