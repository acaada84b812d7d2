#ifndef TALLY_TEXT_H
#define TALLY_TEXT_H

#include "tally/base.h"

/* A growing string; bytes[length] is always a NUL. */
struct text {
    char *bytes;
    size_t length;
    size_t capacity;
};

void text_add(struct text *text, const char *bytes, size_t length);
void text_addf(struct text *text, const char *format, ...);
void text_free(struct text *text);

#endif
