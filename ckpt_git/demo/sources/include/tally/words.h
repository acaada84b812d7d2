#ifndef TALLY_WORDS_H
#define TALLY_WORDS_H

#include "tally/base.h"

#include <stdio.h>

/* The words of a text, in order; each is a string of its own. */
struct words {
    char **items;
    size_t count;
    size_t capacity;
};

void words_add(struct words *words, const char *bytes, size_t length);
void words_read(struct words *words, FILE *stream);
void words_free(struct words *words);

#endif
