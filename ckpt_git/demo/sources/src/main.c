#include "tally/kinds.h"
#include "tally/summary.h"
#include "tally/words.h"

#include <string.h>

int main(int argc, char **argv)
{
    if (argc < 2)
        tally_fail("usage: tally TYPE [NUMBER...]");
    const struct kind *kind = kind_find(argv[1]);
    if (!kind)
        tally_fail("no type %s", argv[1]);
    struct words words = {0};
    for (int i = 2; i < argc; i++)
        words_add(&words, argv[i], strlen(argv[i]));
    if (argc == 2)
        words_read(&words, stdin);
    struct summary summary = {0};
    kind->summarise(&words, &summary);
    summary_print(&summary);
    words_free(&words);
    return 0;
}
