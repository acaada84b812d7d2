/* What a command did, as it can be done again: the files that it made, with their dates and
 * names, and what it took away. */

#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "memory/packed.h"
#include "memory/placeholders.h"
#include "memory/remember.h"
#include "shared/util.h"

const char *not_kept(const struct path *path)
{
    return compose("%s was changed before it could be kept", path->text);
}

struct state *state_of(struct path *path, uint32_t number, int nofollow, int digested, int stored)
{
    if (path->zone != ZONE_TRACKED) {
        struct state *state = (struct state *)(uintptr_t)path_state(path, !nofollow);
        uint8_t is_stored = 1;
        if (digested && state->kind == KIND_FILE && path_digest(path, state, 0, &is_stored) != 0)
            return NULL;
        return state;
    }
    if (number + 1 == path->count)
        path_state(path, 0);
    struct version *version = &path->versions[number];
    int is_now = number + 1 == path->count;
    if (version->state.kind == KIND_UNKNOWN || (version->state.is_foretold && !is_now && !stored))
        return version->state.kind == KIND_UNKNOWN ? NULL : &version->state;
    if (!digested || version->state.kind != KIND_FILE)
        return &version->state;
    if (is_now && path_digest(path, &version->state, stored, &version->is_stored) != 0)
        return NULL;
    return version->state.has_digest && (!stored || version->is_stored) ? &version->state : NULL;
}

/* One thing to do. */
struct made {
    const struct effect *effect;
    struct path *path;
    const struct state *state;
    uint8_t rank; /* 0: take away; 1: folders; 2: all else; 3: modes of folders */
    uint8_t was_there;
    uint8_t kind_before;
};

static struct made *all;
static size_t count, room;

static void add(const struct effect *effect, const struct state *state, int rank, int kind_before)
{
    all = grow(all, &room, count, sizeof *all);
    all[count++] = (struct made){.effect = effect,
                                 .path = effect->path,
                                 .state = state,
                                 .rank = (uint8_t)rank,
                                 .kind_before = (uint8_t)kind_before};
}

/* Taking away and setting modes begins with the deepest names, making folders with the outermost;
 * files come in the order of their dates. */
static int in_order(const void *one, const void *other)
{
    const struct made *a = one, *b = other;
    if (a->rank != b->rank)
        return a->rank - b->rank;
    if (a->rank == 0 || a->rank == 3)
        return strcmp(b->path->text, a->path->text);
    if (a->rank == 2 && a->state->mtime != b->state->mtime)
        return a->state->mtime < b->state->mtime ? -1 : 1;
    return strcmp(a->path->text, b->path->text);
}

static int is_others(const struct step *step, const struct path *path, uint32_t number)
{
    const struct step *writer = path->versions[number].writer;
    return writer == NULL || !step_is_within(writer, step);
}

static const char *add_effect(struct step *step, const struct effect *effect)
{
    struct path *path = effect->path;
    if (effect->after + 1 == path->count)
        path_state(path, 0);
    if (path_origin(path, effect->after) <= effect->before)
        return NULL;
    for (uint32_t number = effect->before + 1; number <= effect->after; number++)
        if (is_others(step, path, number) && path_origin(path, number) > effect->before)
            return compose("another command wrote %s meanwhile", path->text);
    const struct state *before = state_of(path, effect->before, 1, 0, 0);
    const struct state *after = state_of(path, effect->after, 1, 1, 1);
    if (before == NULL || after == NULL)
        return not_kept(path);
    if (after->kind == KIND_OTHER)
        return "it makes what is neither file, folder nor link";
    if (before->kind == KIND_OTHER)
        return "it takes away what is neither file, folder nor link";
    int is_other_kind = after->kind != before->kind;
    if (before->kind != KIND_ABSENT && is_other_kind)
        add(effect, before, 0, before->kind);
    if (after->kind == KIND_ABSENT)
        return NULL;
    int kind_before = is_other_kind ? KIND_ABSENT : before->kind;
    if (after->kind != KIND_FOLDER)
        add(effect, after, 2, kind_before);
    else if (is_other_kind)
        add(effect, after, 1, kind_before);
    if (after->kind == KIND_FOLDER && (!is_other_kind || (after->mode & 0700) != 0700))
        add(effect, after, 3, KIND_FOLDER);
    return NULL;
}

static int is_one_file(const struct state *one, const struct state *other)
{
    return one->kind == KIND_FILE && other->kind == KIND_FILE && one->inode != 0 &&
           one->inode == other->inode && one->device == other->device;
}

static int is_in_place(const struct made *made)
{
    return made->kind_before == KIND_FILE && !made->effect->is_new;
}

/* Another name of the same file that was made before, or of which the content is written. */
static const struct made *earlier_name(const struct made *made)
{
    if (!made->path->had_twin)
        return NULL;
    for (const struct made *other = all; other < all + count; other++) {
        if (other == made || other->rank != 2 || !is_one_file(made->state, other->state))
            continue;
        if (is_in_place(other) && !is_in_place(made))
            return other;
        if (is_in_place(other) == is_in_place(made) && other < made)
            return other;
    }
    return NULL;
}

/* What is written through another name that was there before needs no writing. */
static int is_written_by_another(const struct made *made)
{
    if (!made->path->had_twin || !is_in_place(made) || made->state->kind != KIND_FILE)
        return 0;
    for (const struct made *other = all; other < all + count; other++)
        if (other != made && other->rank == 2 && is_one_file(made->state, other->state) &&
            is_in_place(other) &&
            (other->effect->is_direct > made->effect->is_direct ||
             (other->effect->is_direct == made->effect->is_direct && other < made)))
            return 1;
    return 0;
}

static int is_name_before(const struct step *step, const struct path *other,
                          const struct made *made)
{
    return is_one_file(&other->versions[version_at(other, step->ended)].state, made->state);
}

/* A name that the file had before the command began. */
static struct path *name_before(struct step *step, const struct made *made)
{
    if (!made->path->had_twin)
        return NULL;
    for (uint32_t i = 0; i < step->observations.count; i++) {
        struct path *other = step->observations.items[i].path;
        if (other == made->path || other->zone != ZONE_TRACKED || step_effect(step, other) != NULL)
            continue;
        if (is_name_before(step, other, made))
            return other;
    }
    struct path *other = made->path->twin;
    for (; other != NULL && other != made->path; other = other->twin)
        if (step_effect(step, other) == NULL && is_name_before(step, other, made))
            return other;
    return NULL;
}

static int is_copy_of(const struct made *made, const struct path *path, const struct state *state)
{
    if (state->has_digest && made->state->has_digest)
        return digest_equal(state->digest, made->state->digest);
    return state->size == made->state->size &&
           strcmp(strrchr(path->text, '/'), strrchr(made->path->text, '/')) == 0;
}

/* Of which path the date is, where it is one of this build: its own, where that stayed. Some programs
 * give it in whole seconds, or in parts of one, `unit` nanoseconds: several files may have that date,
 * and it is taken for a copy's. */
static struct path *date_of(struct step *step, const struct made *made, int64_t unit)
{
    for (uint32_t i = 0; i < step->observations.count; i++) {
        const struct observation *observed = &step->observations.items[i];
        const struct state *state = &observed->path->versions[observed->version].state;
        if (observed->path->zone == ZONE_TRACKED && state->kind == KIND_FILE &&
            state->mtime - state->mtime % unit == made->state->mtime &&
            (unit == 1 || is_copy_of(made, observed->path, state)))
            return observed->path;
    }
    return NULL;
}

static struct path *find_date(struct step *step, const struct made *made, int64_t *unit)
{
    struct path *path = NULL;
    for (*unit = 1; path == NULL && *unit <= 1000000000 && made->state->mtime % *unit == 0;
         *unit *= 1000)
        path = date_of(step, made, *unit);
    *unit /= 1000;
    return path;
}

static int64_t date_before; /* of the file that is made before */

static const char *give_date(struct step *step, const struct made *made,
                             struct memory_effect *effect)
{
    int64_t date = made->state->mtime;
    if (made->state->is_foretold)
        return not_kept(made->path);
    if (date == BEYOND_DATES)
        return compose("it gives %s a date that can't be kept", made->path->text);
    const struct version *version = &made->path->versions[made->effect->after];
    int64_t unit;
    int is_old = version->is_dated || version->left != NULL;
    struct path *path = is_old ? find_date(step, made, &unit) : NULL;
    if (path != NULL) {
        effect->date = version->is_dated ? EFFECT_AS : EFFECT_LEFT;
        effect->mtime = unit;
        effect->target = put_text(path->text);
    } else if (date >= date_of_moment(step->began) - TICK &&
               date <= date_of_moment(step->ended) + TICK) {
        effect->date = date == date_before ? EFFECT_AS_BEFORE : EFFECT_NOW;
    } else if (date < date_of_moment(step->began) &&
               date > date_of_moment(the_root_step->began) - TICK) {
        return compose("it gives %s a date that is not known", made->path->text);
    } else {
        effect->date = EFFECT_AT;
        effect->mtime = date;
    }
    date_before = date;
    return NULL;
}

static const char *fill_file(struct step *step, const struct made *made,
                             struct memory_effect *effect)
{
    const struct made *earlier = earlier_name(made);
    struct path *old = earlier == NULL ? name_before(step, made) : NULL;
    const struct state *state = made->state;
    if (state->has_names == NAMES_UNKNOWN ||
        (state->has_names == HAS_NAMES && state->kept_size != state->size &&
         state->kept_size > LARGEST_NAMED))
        return compose("a name that varies is in %s", made->path->text);
    if (may_have_packed_name(step, (struct state *)(uintptr_t)state))
        return compose("%s may have a name that varies, compressed", made->path->text);
    effect->is_database = state->database != NO_DATABASE;
    effect->has_names = state->has_names;
    effect->digest = state->has_names ? state->kept_digest : state->digest;
    effect->size = state->has_names ? state->kept_size : state->size;
    effect->is_in_place = (uint8_t)is_in_place(made);
    if (!effect->is_in_place && (earlier != NULL || old != NULL)) {
        effect->is_further_name = 1;
        effect->target = put_text(earlier != NULL ? earlier->path->text : old->text);
        return NULL;
    }
    return give_date(step, made, effect);
}

static void put_effect(const struct memory_effect *effect, const struct path *path,
                       struct hashing *result)
{
    append(&out_effects, effect, sizeof *effect);
    const char *text = text_as_kept(path->text);
    digest_add(result, text, strlen(text) + 1);
    digest_add(result, &effect->kind, sizeof effect->kind);
    digest_add(result, &effect->mode, sizeof effect->mode);
    if (!effect->is_database) /* it is another one each time */
        digest_add(result, &effect->digest, sizeof effect->digest);
}

static const char *write_one(struct step *step, const struct made *made, struct hashing *result)
{
    const char *why = NULL;
    struct memory_effect effect;
    memset(&effect, 0, sizeof effect);
    effect.path = put_text(made->path->text);
    effect.kind = made->rank == 0 ? KIND_ABSENT : made->state->kind;
    effect.mode = made->state->mode;
    switch (made->rank) {
    case 0:
        effect.mode = made->kind_before;
        break;
    case 1:
        effect.mode |= 0700; /* what is below it has to be made, too */
        break;
    case 3:
        effect.is_in_place = 1;
        break;
    default:
        if (made->state->kind == KIND_LINK) {
            const char *target = made->state->target == NULL ? "" : made->state->target;
            if (has_made_up_name(target, strlen(target)) ||
                has_piece_of_name(target, strlen(target)))
                why = compose("a name that varies is in %s", made->path->text);
            effect.target = put_text(target);
            effect.digest = digest_of_target(made->state);
        } else {
            why = fill_file(step, made, &effect);
        }
    }
    if (is_named_by(step, made->path))
        why = compose("it leaves %s, a name that varies", made->path->text);
    put_effect(&effect, made->path, result);
    return why;
}

const char *write_effects(struct step *step, struct hashing *result)
{
    const char *why = NULL;
    count = 0;
    date_before = INT64_MIN;
    for (size_t i = 0; i < step->effect_count && why == NULL; i++)
        why = add_effect(step, &step->effects[i]);
    if (count > 1)
        qsort(all, count, sizeof *all, in_order);
    for (size_t i = 0; i < count && why == NULL; i++)
        if (all[i].rank != 2 || !is_written_by_another(&all[i]))
            why = write_one(step, &all[i], result);
    return why;
}
