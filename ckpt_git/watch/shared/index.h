/* An index of items that somebody else keeps in an array: from an item's hash to its number. */
#ifndef CKPT_INDEX_H
#define CKPT_INDEX_H

#include <stdint.h>

struct index {
    uint32_t *slots; /* open addressing: the number of an item and one; 0: none */
    uint32_t mask;
};

/* Whether one more than `count` items need `index_resize`, and a new `index_put` for each. */
int index_is_full(const struct index *index, uint32_t count);
void index_resize(struct index *index, uint32_t count); /* it is empty then */
void index_put(struct index *index, uint32_t hash, uint32_t number);
void index_free(struct index *index);

/* What the slot holds that `at` leads to. An item is in that of its hash, or in one of those behind
 * it, before the first that holds none. */
static inline uint32_t index_slot(const struct index *index, uint32_t at)
{
    return index->slots[at & index->mask];
}

#endif
