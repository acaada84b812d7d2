#ifndef TALLY_BASE_H
#define TALLY_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ends the program with a message on the standard error and status 1. */
_Noreturn void tally_fail(const char *format, ...);

/* realloc that never returns NULL. */
void *tally_resize(void *memory, size_t count, size_t size);

#endif
