#ifndef TALLY_KINDS_H
#define TALLY_KINDS_H

#include "tally/base.h"

struct summary;
struct words;

/* One type that a column can be held as. */
struct kind {
    const char *name;
    void (*summarise)(const struct words *words, struct summary *summary);
};

/* NULL where there is no kind of that name. */
const struct kind *kind_find(const char *name);

#endif
