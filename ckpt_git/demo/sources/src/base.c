#include "tally/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void tally_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("tally: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

void *tally_resize(void *memory, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        tally_fail("%zu elements of %zu bytes are too many", count, size);
    void *grown = realloc(memory, count && size ? count * size : 1);
    if (!grown)
        tally_fail("no memory for %zu elements of %zu bytes", count, size);
    return grown;
}
