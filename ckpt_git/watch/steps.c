/* Steps: what each program of a build saw and did, and what that makes of the command around it. */

#define _GNU_SOURCE
#include "watch.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_SAID = 1 << 18 }; /* bytes that one command may print and still be remembered */

struct step *the_root_step;
uint32_t the_step_count;

struct step *step_begin(struct step *parent, int process)
{
    struct step *step = take(sizeof *step);
    step->number = the_step_count++;
    step->parent = parent;
    step->process = process;
    step->code = -1;
    step->began = now_ns();
    if (parent != NULL) {
        if (parent->last == NULL)
            parent->first = step;
        else
            parent->last->next = step;
        parent->last = step;
    }
    return step;
}

int step_is_within(const struct step *step, const struct step *above)
{
    while (step != NULL && step->number > above->number)
        step = step->parent;
    return step == above;
}

static void say_once(const char **reason, const char *format, va_list rest)
{
    if (*reason != NULL)
        return;
    char text[1024];
    int length = vsnprintf(text, sizeof text, format, rest);
    *reason = take_text(text, length < (int)sizeof text ? (size_t)length : sizeof text - 1);
}

void step_unfit(struct step *step, const char *format, ...)
{
    va_list rest;
    va_start(rest, format);
    say_once(&step->unfit, format, rest);
    va_end(rest);
}

/* What was not seen whole can't be remembered, nor can what it is a part of. */
void step_incomplete(struct step *step, const char *format, ...)
{
    for (struct step *above = step; above != NULL; above = above->parent) {
        va_list rest;
        va_start(rest, format);
        say_once(&above->incomplete, format, rest);
        va_end(rest);
    }
}

/* --- what it saw ---------------------------------------------------------------------------- */

static uint32_t slot_of(const struct path *path, uint32_t version, int nofollow)
{
    return (path->hash ^ (version * 0x9e3779b9u) ^ (nofollow ? 0x55555555u : 0)) * 0x85ebca6bu;
}

static struct observation *set_add(struct set *set, struct path *path, uint32_t version,
                                   int nofollow)
{
    if (set->mask == 0 || set->count * 2 >= set->mask) {
        uint32_t size = 64;
        while (size <= set->count * 2 + 2)
            size *= 2;
        free(set->slots);
        set->slots = calloc(size, sizeof *set->slots);
        if (set->slots == NULL)
            abort();
        set->mask = size - 1;
        for (uint32_t i = 0; i < set->count; i++) {
            struct observation *item = &set->items[i];
            uint32_t at = slot_of(item->path, item->version, item->is_nofollow);
            while (set->slots[at & set->mask] != 0)
                at++;
            set->slots[at & set->mask] = i + 1;
        }
    }
    uint32_t at = slot_of(path, version, nofollow);
    for (uint32_t index; (index = set->slots[at & set->mask]) != 0; at++) {
        struct observation *item = &set->items[index - 1];
        if (item->path == path && item->version == version && item->is_nofollow == nofollow)
            return item;
    }
    set->items = grow(set->items, &set->room, set->count, sizeof *set->items);
    set->slots[at & set->mask] = set->count + 1;
    struct observation *item = &set->items[set->count++];
    *item = (struct observation){
        .path = path, .version = version, .is_nofollow = (uint8_t)nofollow};
    return item;
}

static void add(struct step *step, struct path *path, uint32_t number, int mask, int nofollow)
{
    const struct version *version = &path->versions[number];
    if (version->writer != NULL && step_is_within(version->writer, step))
        return;
    set_add(&step->seen, path, number, nofollow)->mask |= (uint8_t)mask;
}

void step_saw(struct step *step, struct path *path, struct version *version, int mask,
              int nofollow)
{
    if (path->zone == ZONE_KERNEL)
        return;
    uint32_t number = version_number(path, version);
    if (path->zone == ZONE_TRACKED) {
        nofollow = 0; /* the path is where it leads already */
        struct step *writer = version->writer;
        if (writer != step)
            version->is_observed = 1;
        if (writer != NULL && !writer->has_ended && !writer->is_answered &&
            !step_is_within(writer, step) && number + 1 == path->count) {
            /* It is still being written, as far as is known: what is there now counts. */
            path_state(path, 0);
            version = path_current(path);
            number = version_number(path, version);
            version->is_observed = 1;
            if (mask & SAW_CONTENT)
                path_digest(path, &version->state, 0, &version->is_stored);
        }
    }
    struct step *above = step;
    do
        add(above, path, number, mask, nofollow);
    while (above->has_ended && (above = above->parent) != NULL);
}

void step_listed(struct step *step, struct path *folder, uint64_t moment, const uint64_t sum[2])
{
    step->listings =
        grow(step->listings, &step->listing_room, step->listing_count, sizeof *step->listings);
    step->listings[step->listing_count++] =
        (struct listing){.folder = folder, .moment = moment, .sum = {sum[0], sum[1]}};
}

/* --- what it did ---------------------------------------------------------------------------- */

static struct effect *effect_of(struct step *step, struct path *path, int make)
{
    if (step->effect_mask == 0 || step->effect_count * 2 >= step->effect_mask) {
        uint32_t size = 16;
        while (size <= step->effect_count * 2 + 2)
            size *= 2;
        free(step->effect_slots);
        step->effect_slots = calloc(size, sizeof *step->effect_slots);
        if (step->effect_slots == NULL)
            abort();
        step->effect_mask = size - 1;
        for (uint32_t i = 0; i < step->effect_count; i++) {
            uint32_t at = step->effects[i].path->hash;
            while (step->effect_slots[at & step->effect_mask] != 0)
                at++;
            step->effect_slots[at & step->effect_mask] = i + 1;
        }
    }
    uint32_t at = path->hash;
    for (uint32_t index; (index = step->effect_slots[at & step->effect_mask]) != 0; at++)
        if (step->effects[index - 1].path == path)
            return &step->effects[index - 1];
    if (!make)
        return NULL;
    step->effects =
        grow(step->effects, &step->effect_room, step->effect_count, sizeof *step->effects);
    step->effect_slots[at & step->effect_mask] = (uint32_t)step->effect_count + 1;
    struct effect *made = &step->effects[step->effect_count++];
    *made = (struct effect){.path = path, .before = UINT32_MAX};
    return made;
}

struct effect *step_changed(struct step *step, struct path *path, uint32_t before, uint32_t after)
{
    struct effect *effect = NULL;
    struct step *above = step;
    do {
        effect = effect_of(above, path, 1);
        if (before < effect->before)
            effect->before = before;
        if (after > effect->after)
            effect->after = after;
    } while (above->has_ended && (above = above->parent) != NULL);
    return effect;
}

struct effect *step_effect(struct step *step, struct path *path)
{
    return step->effect_count == 0 ? NULL : effect_of(step, path, 0);
}

static int is_standard(const struct step *step, const struct said *said)
{
    for (int i = 1; i < 3; i++)
        if (step->standard[i].device == said->device && step->standard[i].inode == said->inode)
            return i;
    return 0;
}

/* Each command whose descriptor it is has printed it, whichever of its programs did. */
void step_said(struct step *step, const struct said *said)
{
    const char *kept = NULL;
    for (; step != NULL; step = step->parent) {
        int descriptor = is_standard(step, said);
        if (descriptor == 0)
            continue; /* into a file or a pipe of its own */
        step->said_bytes += said->length;
        if (said->bytes == NULL)
            step_unfit(step, "it prints in a way that is not followed");
        if (step->said_bytes > MOST_SAID)
            step_unfit(step, "it prints more than %d KB", MOST_SAID >> 10);
        if (step->unfit != NULL)
            continue;
        if (kept == NULL)
            kept = take_text(said->bytes, said->length);
        step->said = grow(step->said, &step->said_room, step->said_count, sizeof *step->said);
        step->said[step->said_count] = *said;
        step->said[step->said_count].bytes = kept;
        step->said[step->said_count++].descriptor = (uint8_t)descriptor;
    }
}

/* --- its end -------------------------------------------------------------------------------- */

static void merge(struct step *step)
{
    struct step *parent = step->parent;
    for (uint32_t i = 0; i < step->seen.count; i++) {
        const struct observation *item = &step->seen.items[i];
        add(parent, item->path, item->version, item->mask, item->is_nofollow);
    }
    for (size_t i = 0; i < step->listing_count; i++)
        step_listed(parent, step->listings[i].folder, step->listings[i].moment,
                    step->listings[i].sum);
    for (size_t i = 0; i < step->effect_count; i++)
        step_changed(parent, step->effects[i].path, step->effects[i].before,
                     step->effects[i].after)
            ->is_new |= step->effects[i].is_new;
}

void step_end(struct step *step, int code, uint64_t moment)
{
    if (step->has_ended)
        return;
    step->has_ended = 1;
    step->ended = moment;
    step->code = code;
    if (step->parent != NULL)
        merge(step);
    free(step->seen.slots);
    free(step->effect_slots);
    step->seen.slots = step->effect_slots = NULL;
    step->seen.mask = step->effect_mask = 0;
}
