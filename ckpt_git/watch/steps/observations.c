/* What steps see, do and say, and what that makes of the command around them. */

#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "shared/util.h"
#include "steps/steps.h"

enum { MOST_PRINTED = 1 << 22 }; /* bytes that one command may print and still be remembered */

/* --- what they see -------------------------------------------------------------------------- */

static uint32_t hash_of(const struct path *path, uint32_t version, int nofollow)
{
    return (path->hash ^ (version * 0x9e3779b9u) ^ (nofollow ? 0x55555555u : 0)) * 0x85ebca6bu;
}

static struct observation *set_add(struct set *set, struct path *path, uint32_t version,
                                   int nofollow)
{
    if (index_is_full(&set->index, set->count)) {
        index_resize(&set->index, set->count);
        for (uint32_t i = 0; i < set->count; i++) {
            const struct observation *item = &set->items[i];
            index_put(&set->index, hash_of(item->path, item->version, item->is_nofollow), i);
        }
    }
    uint32_t hash = hash_of(path, version, nofollow);
    for (uint32_t at = hash, slot; (slot = index_slot(&set->index, at)) != 0; at++) {
        struct observation *item = &set->items[slot - 1];
        if (item->path == path && item->version == version && item->is_nofollow == nofollow)
            return item;
    }
    index_put(&set->index, hash, set->count);
    set->items = grow(set->items, &set->room, set->count, sizeof *set->items);
    struct observation *item = &set->items[set->count++];
    *item = (struct observation){
        .path = path, .version = version, .is_nofollow = (uint8_t)nofollow};
    return item;
}

/* What a command made itself, it didn't find. */
static void add(struct step *step, const struct observation *observed)
{
    const struct step *writer = observed->path->versions[observed->version].writer;
    if (writer != NULL && step_is_within(writer, step))
        return;
    struct observation *item = set_add(&step->observations, observed->path, observed->version,
                                       observed->is_nofollow);
    if (item->names != observed->names && item->mask & SAW_STAT && observed->mask & SAW_STAT)
        step_uncacheable(step, "the names of %s changed meanwhile", observed->path->text);
    item->mask |= observed->mask;
    if (observed->mask & (SAW_STAT | SAW_DATE))
        item->names = observed->names;
}

static void add_to_all(struct step *step, const struct observation *observed)
{
    do
        add(step, observed);
    while (step->has_ended && (step = step->parent) != NULL);
}

/* A file that its writer may go on to write to is looked at once more when its reader ends: what was
 * written meanwhile begins a version, and who read while one began isn't remembered. */
static void note_growing(struct step *step, const struct observation *observed)
{
    step->growing =
        grow(step->growing, &step->growing_room, step->growing_count, sizeof *step->growing);
    step->growing[step->growing_count++] = *observed;
}

void step_check_growing(struct step *step)
{
    for (size_t i = 0; i < step->growing_count; i++) {
        const struct observation *observed = &step->growing[i];
        if (observed->version + 1 < observed->path->count)
            continue;
        if (observed->mask & SAW_CONTENT)
            path_content(observed->path);
        else
            path_state(observed->path, 0);
    }
    free(step->growing);
    step->growing = NULL;
    step->growing_count = step->growing_room = 0;
}

void step_saw(struct step *step, struct path *path, uint32_t number, int mask, int nofollow)
{
    if (path->zone == ZONE_KERNEL || mask == 0)
        return;
    struct observation observed = {
        .path = path, .version = number, .mask = (uint8_t)mask, .is_nofollow = (uint8_t)nofollow};
    if (path->is_shared)
        step_uncacheable_above(step, NULL, "it looks at what was written outside of the build");
    if (path->zone == ZONE_TRACKED) {
        observed.is_nofollow = 0; /* the path is where it leads already */
        struct step *writer = path->versions[number].writer;
        if (writer != step)
            path->versions[number].is_observed = 1;
        if (number + 1 == path->count &&
            (writer != step || path->versions[number].is_removal)) {
            if (mask & SAW_CONTENT && !version_is_settled(path_current(path)))
                path_content(path);
            else
                path_state(path, 0);
            number = path->count - 1;
            path->versions[number].is_observed |= writer != step;
        }
        observed.version = path_origin(path, number);
        if (mask & SAW_CONTENT)
            reads_database(step, path, observed.version);
        observed.names = mask & (SAW_STAT | SAW_DATE) ? path_names(path) : 0;
        if (writer != step && writer != NULL && mask & (SAW_CONTENT | SAW_STAT) &&
            !version_is_settled(&path->versions[number]) && !writer->is_answered) {
            struct observation growing = observed;
            growing.version = number;
            note_growing(step, &growing);
        }
    }
    add_to_all(step, &observed);
}

void step_listed(struct step *step, struct path *folder, uint64_t moment, const uint64_t sum[2])
{
    do {
        step->listings =
            grow(step->listings, &step->listing_room, step->listing_count, sizeof *step->listings);
        step->listings[step->listing_count++] =
            (struct listing){.folder = folder, .moment = moment, .sum = {sum[0], sum[1]}};
    } while (step->has_ended && (step = step->parent) != NULL);
}

/* --- what they do --------------------------------------------------------------------------- */

static struct effect *effect_of(struct step *step, struct path *path, int make)
{
    uint32_t count = (uint32_t)step->effect_count;
    if (index_is_full(&step->effect_index, count)) {
        index_resize(&step->effect_index, count);
        for (uint32_t i = 0; i < count; i++)
            index_put(&step->effect_index, step->effects[i].path->hash, i);
    }
    for (uint32_t at = path->hash, slot; (slot = index_slot(&step->effect_index, at)) != 0; at++)
        if (step->effects[slot - 1].path == path)
            return &step->effects[slot - 1];
    if (!make)
        return NULL;
    index_put(&step->effect_index, path->hash, count);
    step->effects =
        grow(step->effects, &step->effect_room, step->effect_count, sizeof *step->effects);
    struct effect *made = &step->effects[step->effect_count++];
    *made = (struct effect){.path = path, .before = UINT32_MAX};
    return made;
}

/* Of the step itself; what is around it, and has ended before, has changed it as well. */
struct effect *step_changed(struct step *step, struct path *path, uint32_t before, uint32_t after)
{
    struct effect *own = NULL;
    for (struct step *above = step; above != NULL; above = above->parent) {
        struct effect *effect = effect_of(above, path, 1);
        if (before < effect->before)
            effect->before = before;
        if (after > effect->after)
            effect->after = after;
        if (own == NULL)
            own = effect;
        if (!above->has_ended)
            break;
    }
    return own;
}

struct effect *step_effect(struct step *step, struct path *path)
{
    return step->effect_count == 0 ? NULL : effect_of(step, path, 0);
}

/* --- what they say -------------------------------------------------------------------------- */

static int leads_to(const struct descriptor *own, uint64_t device, uint64_t inode)
{
    return (own->kind == 'f' || own->kind == 'p') && own->device == device && own->inode == inode;
}

const struct descriptor *step_descriptor(const struct step *step, uint64_t device, uint64_t inode)
{
    for (int i = 1; i < 3; i++)
        if (leads_to(&step->standard[i], device, inode))
            return &step->standard[i];
    for (size_t i = 0; i < step->inherited_count; i++)
        if (step->inherited[i].is_written && leads_to(&step->inherited[i], device, inode))
            return &step->inherited[i];
    return NULL;
}

/* A command whose output can't be told again says so; it says nothing more then. */
static void give_up(struct step *step)
{
    if (step->printed_bytes > MOST_PRINTED)
        step_uncacheable(step, "it prints more than %d MB", MOST_PRINTED >> 20);
    else
        step_uncacheable(step, "it prints in a way that is not followed");
    step->cannot_replay = 1;
    free(step->prints);
    step->prints = NULL;
    step->print_count = step->print_room = 0;
}

/* Commands around it that lead elsewhere don't hide it from those further out. */
void step_printed(struct step *step, struct print print)
{
    const char *kept = NULL;
    for (; step != NULL; step = step->parent) {
        const struct descriptor *own = step_descriptor(step, print.device, print.inode);
        if (own == NULL)
            continue;
        step->printed_bytes += print.length;
        if (!step->cannot_replay && (print.bytes == NULL || step->printed_bytes > MOST_PRINTED))
            give_up(step);
        if (!step->cannot_replay) {
            if (kept == NULL)
                kept = take_text(print.bytes, print.length);
            step->prints =
                grow(step->prints, &step->print_room, step->print_count, sizeof *step->prints);
            step->prints[step->print_count] = print;
            step->prints[step->print_count].bytes = kept;
            step->prints[step->print_count++].descriptor = (uint16_t)own->number;
        }
        if (own->relay != NULL) { /* our pipe stands for another one */
            print.device = own->outer_device;
            print.inode = own->outer_inode;
        }
    }
}

int step_prints_to(const struct step *step, uint64_t device, uint64_t inode)
{
    for (; step != NULL; step = step->parent)
        if (step_descriptor(step, device, inode) != NULL)
            return 1;
    return 0;
}

/* --- what that makes of the command around them ---------------------------------------------- */

void step_merge(struct step *step)
{
    struct step *parent = step->parent;
    parent->waits |= step->waits;
    parent->fails_by_chance |= step->fails_by_chance;
    for (uint32_t i = 0; i < step->observations.count; i++)
        add_to_all(parent, &step->observations.items[i]);
    for (size_t i = 0; i < step->listing_count; i++)
        step_listed(parent, step->listings[i].folder, step->listings[i].moment,
                    step->listings[i].sum);
    for (size_t i = 0; i < step->effect_count; i++) {
        struct effect *effect = &step->effects[i];
        struct effect own = *effect;
        effect = step_changed(parent, own.path, own.before, own.after);
        effect->is_new |= own.is_new;
        effect->is_direct |= own.is_direct;
    }
}
