#include "tally/words.h"

#include "tally/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void words_add(struct words *words, const char *bytes, size_t length)
{
    if (words->count == words->capacity) {
        words->capacity = words->capacity ? words->capacity * 2 : 16;
        words->items = tally_resize(words->items, words->capacity, sizeof *words->items);
    }
    char *copy = tally_resize(NULL, length + 1, 1);
    memcpy(copy, bytes, length);
    copy[length] = '\0';
    words->items[words->count++] = copy;
}

void words_read(struct words *words, FILE *stream)
{
    struct text word = {0};
    int c;
    while ((c = getc(stream)) != EOF) {
        if (!isspace(c)) {
            char byte = (char)c;
            text_add(&word, &byte, 1);
        } else if (word.length) {
            words_add(words, word.bytes, word.length);
            word.length = 0;
        }
    }
    if (word.length)
        words_add(words, word.bytes, word.length);
    text_free(&word);
}

void words_free(struct words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->items[i]);
    free(words->items);
    *words = (struct words){0};
}
