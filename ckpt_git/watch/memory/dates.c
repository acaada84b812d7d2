/* Dates, which count as an order: what was newer has to be newer, and what was given another file's
 * date has to have the same. Two files may also have one date as they were made in one tick of the
 * clock. In another build the later one may be newer, and must not be older.
 *
 * Two files that commands made beside each other, as a make with several jobs has it, come in any
 * order. Of each file it is known in whose running that was: of the outermost command that ran
 * beside others, and of the innermost one. Where two files' windows overlap, nothing is known of
 * their order, and nothing asked.
 */

#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "memory/remember.h"
#include "shared/util.h"

enum { MOST_PAIRED = 4096 };

void makers(const struct step *writer, const struct step **outer, const struct step **inner)
{
    *outer = *inner = NULL;
    for (; writer != NULL && writer->parent != NULL; writer = writer->parent)
        if (writer->parent->is_parallel) {
            if (*inner == NULL)
                *inner = writer;
            *outer = writer;
        }
}

static int64_t began(void)
{
    static int64_t date;
    if (date == 0)
        date = date_of_moment(the_root_step->began);
    return date;
}

const struct version *version_of_date(const struct version *version)
{
    while (version->left != NULL)
        version = version->left;
    return version;
}

/* Whether it is from when its writer ran, not one that it was given. */
int is_date_of_running(const struct version *version, int64_t date)
{
    const struct step *writer = version->writer;
    int64_t end = writer->has_ended ? date_of_moment(writer->ended) : date_now();
    return date >= date_of_moment(version->since) - TICK && date <= end + TICK;
}

uint8_t date_kind(const struct path *path, uint32_t version, const struct state *state)
{
    if (path->zone != ZONE_TRACKED || state->kind != KIND_FILE)
        return DATE_ANY;
    if (path_origin((struct path *)(uintptr_t)path, version) == 0)
        return DATE_OF_SOURCE;
    if (state->is_foretold)
        return DATE_OF_MADE;
    return state->mtime < began() - TICK || state->mtime > date_now() + TICK ? DATE_GIVEN
                                                                            : DATE_OF_MADE;
}

struct made {
    const struct path *path;
    int64_t then, now, made;
    struct memory_window outer_then, inner_then, outer_now, inner_now;
    uint8_t is_parallel_then, is_parallel_now, is_dated;
};

static struct memory_window window_of(const struct step *step)
{
    return (struct memory_window){
        date_of_moment(step->began),
        step->has_ended ? date_of_moment(step->ended) : INT64_MAX,
    };
}

static void look_at_now(struct made *made, struct path *path)
{
    const struct state *state = path_state(path, 0);
    const struct version *version = version_of_date(path_current(path));
    const struct step *outer, *inner;
    made->path = path;
    made->now = state->is_foretold ? date_now() : state->mtime;
    makers(version->writer, &outer, &inner);
    made->is_parallel_now = outer != NULL && (state->is_foretold ||
                                              is_date_of_running(version, state->mtime));
    if (made->is_parallel_now) {
        made->outer_now = window_of(outer);
        made->inner_now = window_of(inner);
    }
}

/* Of one date, those that were given it come first. */
static int by_then(const void *one, const void *other)
{
    const struct made *a = one, *b = other;
    if (a->then != b->then)
        return a->then < b->then ? -1 : 1;
    if (a->is_dated != b->is_dated)
        return b->is_dated - a->is_dated;
    return a->made < b->made ? -1 : a->made > b->made;
}

static int overlap(const struct memory_window *one, const struct memory_window *other)
{
    int is_same = one->low == other->low && one->high == other->high;
    return !is_same && one->low <= other->high && other->low <= one->high;
}

static int is_firm(const struct made *one, const struct made *other)
{
    if (one->is_parallel_then && other->is_parallel_then &&
        (overlap(&one->outer_then, &other->outer_then) ||
         overlap(&one->inner_then, &other->inner_then)))
        return 0;
    return !(one->is_parallel_now && other->is_parallel_now &&
             (overlap(&one->outer_now, &other->outer_now) ||
              overlap(&one->inner_now, &other->inner_now)));
}

/* Of two, in the order of `by_then`. */
static int is_otherwise(const struct made *one, const struct made *other)
{
    if (one->then < other->then)
        return one->now >= other->now;
    return one->is_dated ? one->now != other->now : one->now > other->now;
}

/* As a rule all are in order: of those that were older, none is as new now. */
static int are_all_in_order(const struct made *made, size_t count)
{
    int64_t newest = INT64_MIN, last = INT64_MIN;
    for (size_t begin = 0, i = 0; i < count; i++) {
        if (made[i].then != made[begin].then) {
            last = newest;
            begin = i;
        }
        if (made[i].now <= last || is_otherwise(&made[begin], &made[i]) ||
            (i > begin && is_otherwise(&made[i - 1], &made[i])))
            return 0;
        if (made[i].now > newest)
            newest = made[i].now;
    }
    return 1;
}

static int is_in_order(const struct made *made, size_t count, const char **why)
{
    if (are_all_in_order(made, count))
        return 1;
    for (size_t i = 0; i < count && count <= MOST_PAIRED; i++)
        for (size_t n = i + 1; n < count; n++)
            if (is_otherwise(&made[i], &made[n]) && is_firm(&made[i], &made[n])) {
                *why = compose("%s (it %s %s)", made[i].path->text,
                               made[i].is_dated ? "had the date of" : "was older than",
                               made[n].path->text);
                return 0;
            }
    if (count > MOST_PAIRED)
        *why = "the order of many files is another one";
    return count <= MOST_PAIRED;
}

int memory_is_in_order(struct memory *memory, const struct memory_entry *entry, const char **why)
{
    static struct made *made;
    static size_t room;
    size_t count = 0;
    for (uint32_t n = 0; n < entry->observed; n++) {
        uint32_t number = memory->rows[entry->row + n];
        const struct memory_observation *observed = &memory->observations[number];
        if (observed->date != DATE_OF_MADE && observed->date != DATE_GIVEN)
            continue;
        made = grow(made, &room, count, sizeof *made);
        struct made *one = &made[count++];
        memset(one, 0, sizeof *one);
        one->then = observed->mtime;
        one->made = observed->made;
        one->is_dated = observed->is_dated;
        one->is_parallel_then = observed->outer != 0 && observed->inner != 0;
        if (one->is_parallel_then) {
            one->outer_then = memory->windows[observed->outer];
            one->inner_then = memory->windows[observed->inner];
        }
        look_at_now(one, memory->paths[number]);
    }
    if (count < 2)
        return 1;
    qsort(made, count, sizeof *made, by_then);
    return is_in_order(made, count, why);
}
