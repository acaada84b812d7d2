#define _GNU_SOURCE
#include <stdlib.h>

#include "shared/index.h"
#include "shared/util.h"

enum { FEWEST_SLOTS = 16 };

int index_is_full(const struct index *index, uint32_t count)
{
    return index->mask == 0 || count * 2 >= index->mask;
}

void index_resize(struct index *index, uint32_t count)
{
    uint32_t size = FEWEST_SLOTS;
    while (size <= count * 2 + 2)
        size *= 2;
    free(index->slots);
    index->slots = zeroed(size, sizeof *index->slots);
    index->mask = size - 1;
}

void index_put(struct index *index, uint32_t hash, uint32_t number)
{
    uint32_t at = hash;
    while (index_slot(index, at) != 0)
        at++;
    index->slots[at & index->mask] = number + 1;
}

void index_free(struct index *index)
{
    free(index->slots);
    *index = (struct index){0};
}
