/* What this build's commands made of what they saw, written down. */

#define _GNU_SOURCE
#include "memory/remember.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "memory/packed.h"
#include "memory/placeholders.h"
#include "shared/answer.h"
#include "shared/util.h"
#include "watcher/calls.h"

enum { NONE = UINT32_MAX };

uint32_t commands_ran, commands_answered;

/* --- what a command saw ---------------------------------------------------------------------- */

static void give_date(struct memory_observation *observed, const struct observation *item,
                      const struct state *state)
{
    const struct path *path = item->path;
    observed->date = date_kind(path, item->version, state);
    if (observed->date != DATE_OF_MADE && observed->date != DATE_GIVEN)
        return;
    const struct version *version = version_of_date(&path->versions[item->version]);
    observed->mtime = state->mtime;
    observed->made = date_of_moment(version->since);
    observed->is_dated = version->is_dated;
    const struct step *outer, *inner;
    makers(version->writer, &outer, &inner);
    if (outer == NULL || !outer->has_ended || !inner->has_ended ||
        !is_date_of_running(version, state->mtime))
        return;
    observed->outer = put_window(date_of_moment(outer->began), date_of_moment(outer->ended));
    observed->inner = put_window(date_of_moment(inner->began), date_of_moment(inner->ended));
}

/* Whether its writer went on, or another one began, before all of it was surely read. */
static int was_written_meanwhile(const struct step *step, const struct observation *item)
{
    const struct path *path = item->path;
    if (path->zone != ZONE_TRACKED || !(item->mask & (SAW_CONTENT | SAW_STAT)) ||
        item->version + 1 >= path->count)
        return 0;
    const struct version *next = &path->versions[item->version + 1];
    return next->since > step->began && (!step->has_ended || next->since < step->ended) &&
           !step_is_within(next->writer, step);
}

static void fill(struct memory_observation *observed, const struct observation *item,
                 const struct state *state)
{
    int mask = item->mask;
    memset(observed, 0, sizeof *observed);
    observed->path = put_text(item->path->text);
    observed->mask = item->mask;
    observed->kind = state->kind;
    observed->is_nofollow = item->is_nofollow;
    observed->names = item->names;
    if (state->kind == KIND_FILE || state->kind == KIND_FOLDER)
        observed->mode = state->mode;
    int is_kept_otherwise = state->kind == KIND_FILE && state->has_names == HAS_NAMES;
    if (state->kind == KIND_LINK)
        observed->digest = digest_of_target(state);
    if (state->kind == KIND_FILE && mask & SAW_CONTENT)
        observed->digest = is_kept_otherwise ? state->kept_digest : state->digest;
    if (state->kind != KIND_FILE)
        return;
    if (mask & (SAW_CONTENT | SAW_STAT))
        observed->size = is_kept_otherwise ? state->kept_size : state->size;
    else if (mask & SAW_SIZE_CLASS)
        observed->size = state->size != 0;
    if (mask & (SAW_DATE | SAW_CONTENT)) /* fstat(2) of an open file gives it */
        give_date(observed, item, state);
}

static const char *write_seen(struct step *step)
{
    for (uint32_t i = 0; i < step->observations.count; i++) {
        const struct observation *item = &step->observations.items[i];
        const struct state *state = state_of(item->path, item->version, item->is_nofollow,
                                             (item->mask & SAW_CONTENT) != 0, 0);
        if (state == NULL)
            return not_kept(item->path);
        if (was_written_meanwhile(step, item))
            return compose("%s was written to while it was read", item->path->text);
        struct memory_observation observed;
        fill(&observed, item, state);
        uint32_t number = put_observation(&observed);
        append(&out_rows, &number, sizeof number);
    }
    return NULL;
}

static const char *last_name(const struct path *path)
{
    return strrchr(path->text, '/') + 1;
}

/* What a folder held when the command began: what it listed, less what it had made itself by
 * then, and with what it had removed. */
static const char *unlist_own(struct step *step, const struct listing *listing, uint64_t sum[2])
{
    struct path *child = listing->folder->zone == ZONE_TRACKED ? listing->folder->children : NULL;
    for (; child != NULL; child = child->sibling) {
        struct effect *effect = step_effect(step, child);
        uint32_t number = version_at(child, listing->moment);
        if (effect == NULL || number <= effect->before)
            continue;
        struct state *state = state_of(child, number, 1, 0, 0);
        struct state *before = state_of(child, effect->before, 1, 0, 0);
        if (state == NULL || before == NULL)
            return not_kept(child);
        if (state->kind != KIND_ABSENT)
            add_name(sum, last_name(child), state->kind, -1);
        if (before->kind != KIND_ABSENT)
            add_name(sum, last_name(child), before->kind, 1);
    }
    return NULL;
}

static int is_own_folder(struct step *step, struct path *folder)
{
    struct effect *own = folder->zone == ZONE_TRACKED ? step_effect(step, folder) : NULL;
    const struct state *before = own == NULL ? NULL : state_of(folder, own->before, 1, 0, 0);
    return before != NULL && before->kind == KIND_ABSENT;
}

static const char *write_listings(struct step *step)
{
    for (size_t i = 0; i < step->listing_count; i++) {
        const struct listing *listing = &step->listings[i];
        uint64_t sum[2] = {listing->sum[0], listing->sum[1]};
        if (is_own_folder(step, listing->folder))
            continue; /* what is in it is, too */
        const char *why = unlist_own(step, listing, sum);
        if (why != NULL)
            return why;
        struct memory_observation observed;
        memset(&observed, 0, sizeof observed);
        observed.path = put_text(listing->folder->text);
        observed.kind = KIND_FOLDER;
        memcpy(observed.digest.bytes, sum, sizeof sum);
        uint32_t number = put_observation(&observed);
        append(&out_rows, &number, sizeof number);
    }
    return NULL;
}

static int says_name(const struct step *step)
{
    for (size_t i = 0; i < step->print_count; i++)
        if (has_made_up_name(step->prints[i].bytes, step->prints[i].length) ||
            has_piece_of_name(step->prints[i].bytes, step->prints[i].length))
            return 1;
    return 0;
}

static void write_prints(struct step *step, struct hashing *result)
{
    for (size_t i = 0; i < step->print_count;) {
        struct memory_print print = {.descriptor = step->prints[i].descriptor};
        put_text("");
        print.text = (uint32_t)out_texts.size;
        for (; i < step->print_count && step->prints[i].descriptor == print.descriptor; i++) {
            append(&out_texts, step->prints[i].bytes, step->prints[i].length);
            print.length += step->prints[i].length;
        }
        size_t length;
        const char *kept = bytes_as_kept(out_texts.bytes + print.text, print.length, &length);
        if (length == print.length)
            memmove(out_texts.bytes + print.text, kept, length);
        digest_add(result, out_texts.bytes + print.text, print.length);
        append(&out_texts, "", 1);
        append(&out_prints, &print, sizeof print);
    }
}

/* --- commands -------------------------------------------------------------------------------- */

static struct memory_entry *entry_at(size_t offset)
{
    return (struct memory_entry *)(void *)(out_entries.bytes + offset);
}

static int is_same_observation(const struct memory *memory, const struct memory_observation *one,
                               struct memory_observation other)
{
    if (strcmp(memory->texts + one->path, out_texts.bytes + other.path) != 0)
        return 0;
    other.path = one->path;
    return memcmp(one, &other, offsetof(struct memory_observation, mtime)) == 0;
}

static int is_same_run(const struct memory *memory, const struct memory_entry *found,
                       const struct memory_entry *made)
{
    if ((found->reason != 0 && !(found->flags & ENTRY_VARIES)) || found->observed != made->observed)
        return 0;
    for (uint32_t n = 0; n < found->observed; n++) {
        uint32_t number;
        struct memory_observation other;
        memcpy(&number, out_rows.bytes + (made->row + n) * sizeof number, sizeof number);
        memcpy(&other, out_observations.bytes + number * sizeof other, sizeof other);
        if (!is_same_observation(memory, &memory->observations[memory->rows[found->row + n]],
                                 other))
            return 0;
    }
    return 1;
}

/* Whether an earlier run of the same command on the same inputs came to something else. */
static int varies(const struct memory_entry *made)
{
    struct memory *memory;
    for (int m = 0; (memory = memory_number(m)) != NULL; m++) {
        const struct memory_entry *found;
        for (uint32_t at = 0; (found = memory_next_of_key(memory, &made->key, &at)) != NULL;)
            if (is_same_run(memory, found, made))
                return (found->flags & ENTRY_VARIES) || !digest_equal(found->result, made->result);
    }
    return 0;
}

/* A failure is a result like any other where a command around it went on from it to a success, as
 * `grep -q` in a script and a probe of configure. What a build breaks off with is tried each time.
 * Nor is one known that needn't come again. */
static const char *why_no_failure(const struct step *step)
{
    const struct step *above = step->parent;
    while (above != NULL && (above == the_root_step || above->code != 0))
        above = above->parent;
    if (above == NULL || step->code == ANSWERING_FAILED)
        return "it failed";
    return step->fails_by_chance ? "it failed, and may have done so by chance" : NULL;
}

const char *why_not(const struct step *step)
{
    if (step->incomplete != NULL)
        return step->incomplete;
    if (step->uncacheable != NULL)
        return step->uncacheable;
    if (!step->has_ended || step->code < 0)
        return "it did not end by itself";
    return step->code != 0 ? why_no_failure(step) : NULL;
}

static int leaves_database(const struct memory_entry *entry)
{
    const struct memory_effect *effects = (const void *)out_effects.bytes;
    for (uint32_t n = 0; n < entry->effects; n++)
        if (effects[entry->effect + n].is_database)
            return 1;
    return 0;
}

static size_t write_entry(struct step *step)
{
    struct memory_entry entry;
    memset(&entry, 0, sizeof entry);
    entry.key = step->key;
    entry.program = put_text(step->program);
    entry.folder = put_text(step->folder);
    size_t size;
    const char *arguments = bytes_as_kept(step->arguments, step->arguments_size, &size);
    entry.arguments_size = (uint32_t)size;
    entry.arguments = put_bytes(arguments, size);
    entry.nanoseconds = step->has_ended ? step->ended - step->began : 0;
    entry.input_end = step->input_end;
    entry.code = step->code > 0 ? (uint32_t)step->code : 0;
    entry.row = count_of(&out_rows, sizeof(uint32_t));
    entry.effect = count_of(&out_effects, sizeof(struct memory_effect));
    entry.print = count_of(&out_prints, sizeof(struct memory_print));
    struct hashing result;
    digest_begin(&result);
    digest_add(&result, &entry.code, sizeof entry.code);
    const char *why = why_not(step), *unknown = write_seen(step);
    if (why == NULL)
        why = unknown;
    if (why == NULL)
        why = write_listings(step);
    if (why == NULL && says_name(step))
        why = "it prints a name that varies";
    if (why == NULL && may_print_packed_name(step))
        why = "it may print a name that varies, compressed";
    size_t effects = out_effects.size;
    if (why == NULL)
        why = write_effects(step, &result);
    if (why == NULL)
        write_prints(step, &result);
    else
        out_effects.size = effects;
    entry.observed = count_of(&out_rows, sizeof(uint32_t)) - entry.row;
    entry.effects = count_of(&out_effects, sizeof(struct memory_effect)) - entry.effect;
    entry.prints = count_of(&out_prints, sizeof(struct memory_print)) - entry.print;
    entry.result = digest_end(&result);
    entry.flags = ENTRY_ANSWERS;
    if (why == NULL && varies(&entry)) {
        why = "it gives another result each time";
        entry.flags = ENTRY_VARIES;
    } else if (why != NULL) {
        entry.flags = step->incomplete != NULL ? ENTRY_INCOMPLETE : 0;
    }
    if (step->waits)
        entry.flags |= ENTRY_WAITS;
    if (step->fails_by_chance)
        entry.flags |= ENTRY_FAILS_BY_CHANCE;
    if (leaves_database(&entry))
        entry.flags |= ENTRY_LEAVES_DATABASE;
    entry.reason = why == NULL ? 0 : put_text(why);
    step->not_remembered = why;
    return append(&out_entries, &entry, sizeof entry);
}

/* --- what was answered is known still -------------------------------------------------------- */

static uint32_t *nowhere(size_t size)
{
    uint32_t *moved = zeroed(size + 1, sizeof *moved);
    memset(moved, 0xff, (size + 1) * sizeof *moved);
    return moved;
}

static uint32_t move_text(struct memory *memory, uint32_t text)
{
    if (memory->text_moved[text] == NONE)
        memory->text_moved[text] = put_text(memory->texts + text);
    return memory->text_moved[text];
}

static uint32_t move_window(struct memory *memory, uint32_t window)
{
    if (window != 0 && memory->window_moved[window] == NONE)
        memory->window_moved[window] =
            put_window(memory->windows[window].low, memory->windows[window].high);
    return window == 0 ? 0 : memory->window_moved[window];
}

static uint32_t move_observation(struct memory *memory, uint32_t number)
{
    uint32_t *moved = &memory->observation_moved[number];
    if (*moved == NONE) {
        struct memory_observation observed = memory->observations[number];
        observed.path = move_text(memory, observed.path);
        observed.outer = move_window(memory, observed.outer);
        observed.inner = move_window(memory, observed.inner);
        *moved = put_observation(&observed);
    }
    return *moved;
}

static void move_entry(struct memory *memory, const struct memory_entry *old)
{
    struct memory_entry entry = *old;
    entry.program = move_text(memory, old->program);
    entry.folder = move_text(memory, old->folder);
    entry.reason = move_text(memory, old->reason);
    entry.arguments = put_bytes(memory->texts + old->arguments, old->arguments_size);
    entry.row = count_of(&out_rows, sizeof(uint32_t));
    for (uint32_t n = 0; n < old->observed; n++) {
        uint32_t number = move_observation(memory, memory->rows[old->row + n]);
        append(&out_rows, &number, sizeof number);
    }
    entry.effect = count_of(&out_effects, sizeof(struct memory_effect));
    for (uint32_t n = 0; n < old->effects; n++) {
        struct memory_effect effect = memory->effects[old->effect + n];
        effect.path = move_text(memory, effect.path);
        effect.target = move_text(memory, effect.target);
        append(&out_effects, &effect, sizeof effect);
    }
    entry.print = count_of(&out_prints, sizeof(struct memory_print));
    for (uint32_t n = 0; n < old->prints; n++) {
        struct memory_print print = memory->prints[old->print + n];
        print.text = put_bytes(memory->texts + print.text, print.length);
        append(&out_prints, &print, sizeof print);
    }
    append(&out_entries, &entry, sizeof entry);
}

/* The entry that answered goes on, with those of its own making. */
static void move_entries(struct memory *memory, uint32_t first)
{
    if (memory->text_moved == NULL) {
        memory->text_moved = nowhere(memory->header->texts);
        memory->observation_moved = nowhere(memory->header->observations);
        memory->window_moved = nowhere(memory->header->windows);
        memory->text_moved[0] = 0;
    }
    for (uint32_t i = first; i <= first + memory->entries[first].below; i++) {
        if (memory->entries[i].below == 0) {
            commands_answered++;
            memory->answered++;
        }
        move_entry(memory, &memory->entries[i]);
    }
}

/* --- all of them ------------------------------------------------------------------------------ */

struct written {
    struct step *step;
    size_t offset; /* of its entry; SIZE_MAX: it isn't kept */
    uint32_t before;
    int is_covered;
    int has_run; /* a command of its own making, too */
};

static uint32_t entries(void)
{
    return count_of(&out_entries, sizeof(struct memory_entry));
}

static const struct memory_entry *memory_entry_of(const struct step *step)
{
    return &step->answered_from->entries[step->answered_entry];
}

/* An entry that answers nothing is kept only where no command around it answers. What begins a
 * build is another command each time: it answers for nobody. */
static struct written write_command(struct step *step, int is_covered)
{
    struct written written = {step, SIZE_MAX, entries(), is_covered, 0};
    if (step->is_answered) {
        if (!step->has_ended || step->code != (int)memory_entry_of(step)->code)
            answering_failed = 1; /* it was killed, or couldn't do it all */
        move_entries(step->answered_from, step->answered_entry);
        return written;
    }
    size_t rows = out_rows.size, offset = write_entry(step);
    int answers = entry_at(offset)->reason == 0;
    written.is_covered |= answers && step->parent != the_root_step;
    if (answers || !is_covered || entry_at(offset)->flags & ENTRY_VARIES) {
        written.offset = offset;
    } else {
        out_entries.size = offset;
        out_rows.size = rows;
    }
    return written;
}

static void finish(const struct written *written)
{
    if (written->offset == SIZE_MAX)
        return;
    uint32_t below = entries() - written->before - 1;
    entry_at(written->offset)->below = below;
    commands_ran += !written->has_run && (below == 0 || written->step->parent != the_root_step);
}

static void write_commands(void)
{
    struct written *stack = NULL;
    size_t depth = 0, room = 0;
    for (struct step *step = the_root_step->first; step != NULL; step = step_next(step, 1)) {
        while (depth > 0 && stack[depth - 1].step != step->parent)
            finish(&stack[--depth]);
        int is_covered = depth > 0 && stack[depth - 1].is_covered;
        stack = grow(stack, &room, depth, sizeof *stack);
        stack[depth] = write_command(step, is_covered);
        if (depth > 0 && stack[depth].offset != SIZE_MAX)
            stack[depth - 1].has_run = 1;
        depth++;
    }
    while (depth > 0)
        finish(&stack[--depth]);
    free(stack);
}

static int by_key(const void *one, const void *other)
{
    uint32_t a, b;
    memcpy(&a, one, sizeof a);
    memcpy(&b, other, sizeof b);
    int order = memcmp(&entry_at(a * sizeof(struct memory_entry))->key,
                       &entry_at(b * sizeof(struct memory_entry))->key, sizeof(digest));
    return order != 0 ? order : a < b ? -1 : a > b;
}

int memory_write(int directory, const char *name)
{
    put_text("");
    write_commands();
    struct memory_header header;
    memset(&header, 0, sizeof header);
    header.entries = entries();
    header.rows = count_of(&out_rows, sizeof(uint32_t));
    header.observations = count_of(&out_observations, sizeof(struct memory_observation));
    header.windows = count_of(&out_windows, sizeof(struct memory_window));
    header.effects = count_of(&out_effects, sizeof(struct memory_effect));
    header.prints = count_of(&out_prints, sizeof(struct memory_print));
    header.texts = (uint32_t)out_texts.size;
    uint32_t *numbers = zeroed(header.entries, sizeof *numbers);
    for (uint32_t i = 0; i < header.entries; i++)
        numbers[i] = i;
    qsort(numbers, header.entries, sizeof *numbers, by_key);
    struct buffer order = {(char *)numbers, 0, header.entries * sizeof *numbers};
    const struct buffer *const parts[] = {&out_entries, &out_observations, &out_windows,
                                          &out_effects, &order,            &out_rows,
                                          &out_prints,    &out_texts};
    int error = write_memory_file(directory, name, &header, parts, sizeof parts / sizeof parts[0]);
    free(numbers);
    return error;
}

int memory_write_pack(const char *file)
{
    const struct memory_effect *effects = (const void *)out_effects.bytes;
    uint32_t all = count_of(&out_effects, sizeof *effects), count = 0;
    struct packed *contents = zeroed(all + 1, sizeof *contents);
    for (uint32_t i = 0; i < all; i++) {
        if (effects[i].kind != KIND_FILE || effects[i].is_further_name || effects[i].size == 0)
            continue;
        contents[count].digest = effects[i].digest;
        contents[count++].size = effects[i].size;
    }
    int error = objects_write_pack(the_objects, file, contents, count);
    free(contents);
    return error;
}

/* --- the system ------------------------------------------------------------------------------- */

/* Whether a link in the system leads to what a sandbox doesn't show, here where all can be seen. */
static int leads_out(const char *path)
{
    char real[PATH_MAX];
    return realpath(path, real) != NULL && system_folder_of(real) == 0;
}

static int is_of_the_system(const struct memory_observation *observed)
{
    const char *path = out_texts.bytes + observed->path;
    return system_folder_of(path) > 0 && path_at(path, strlen(path))->zone == ZONE_SYSTEM &&
           (observed->kind == KIND_LINK || !leads_out(path));
}

static int in_order_of_paths(const void *one, const void *other)
{
    const struct memory_observation *a = one, *b = other;
    int order = strcmp(out_texts.bytes + a->path, out_texts.bytes + b->path);
    return order != 0 ? order : memcmp(&a->mask, &b->mask, sizeof *a - sizeof a->path);
}

/* A memory of no command: what this build saw of the system, the same bytes for the same. */
int memory_write_system(int directory, const char *name)
{
    uint32_t all = count_of(&out_observations, sizeof(struct memory_observation)), count = 0;
    struct memory_observation *observed = zeroed(all, sizeof *observed);
    for (uint32_t i = 0; i < all; i++) {
        memcpy(&observed[count], out_observations.bytes + i * sizeof *observed, sizeof *observed);
        if (is_of_the_system(&observed[count]))
            count++;
    }
    qsort(observed, count, sizeof *observed, in_order_of_paths);
    struct buffer texts = {NULL, 0, 0};
    append(&texts, "", 1);
    for (uint32_t i = 0; i < count; i++) {
        const char *path = out_texts.bytes + observed[i].path;
        observed[i].path = (uint32_t)append(&texts, path, strlen(path) + 1);
    }
    struct memory_header header;
    memset(&header, 0, sizeof header);
    header.observations = count;
    header.texts = (uint32_t)texts.size;
    struct buffer observations = {(char *)observed, 0, count * sizeof *observed};
    const struct buffer *const parts[] = {&observations, &texts};
    int error = write_memory_file(directory, name, &header, parts, 2);
    free(observed);
    free(texts.bytes);
    return error;
}
