/* Memories of earlier builds, and what they know. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory/placeholders.h"
#include "memory/remember.h"
#include "shared/settings.h"
#include "shared/util.h"
#include "watcher/calls.h"

enum { MOST_MEMORIES = 64, HOLDS = 1, FAILS = 2 };

static struct memory *memories[MOST_MEMORIES];
static int memory_count;

struct memory *memory_number(int number)
{
    return number < memory_count ? memories[number] : NULL;
}

/* --- opening -------------------------------------------------------------------------------- */

static uint64_t size_of(const struct memory_header *header)
{
    return sizeof *header +
           (uint64_t)header->entries * (sizeof(struct memory_entry) + sizeof(uint32_t)) +
           (uint64_t)header->rows * sizeof(uint32_t) +
           (uint64_t)header->observations * sizeof(struct memory_observation) +
           (uint64_t)header->windows * sizeof(struct memory_window) +
           (uint64_t)header->effects * sizeof(struct memory_effect) +
           (uint64_t)header->prints * sizeof(struct memory_print) + header->texts;
}

/* The texts are last, so that nothing before them depends on their size. */
static int is_sound(const struct memory *memory)
{
    const struct memory_header *header = memory->header;
    if (header->texts == 0 || memory->texts[header->texts - 1] != '\0')
        return 0;
    for (uint32_t i = 0; i < header->entries; i++) {
        const struct memory_entry *entry = &memory->entries[i];
        if (memory->by_key[i] >= header->entries || entry->below >= header->entries - i ||
            entry->program >= header->texts || entry->folder >= header->texts ||
            entry->reason >= header->texts || entry->arguments > header->texts ||
            entry->arguments_size > header->texts - entry->arguments ||
            entry->row > header->rows || entry->observed > header->rows - entry->row ||
            entry->effect > header->effects || entry->effects > header->effects - entry->effect ||
            entry->print > header->prints || entry->prints > header->prints - entry->print)
            return 0;
    }
    for (uint32_t i = 0; i < header->rows; i++)
        if (memory->rows[i] >= header->observations)
            return 0;
    for (uint32_t i = 0; i < header->observations; i++)
        if (memory->observations[i].path >= header->texts ||
            memory->observations[i].outer > header->windows ||
            memory->observations[i].inner > header->windows)
            return 0;
    for (uint32_t i = 0; i < header->effects; i++)
        if (memory->effects[i].path >= header->texts || memory->effects[i].target >= header->texts)
            return 0;
    for (uint32_t i = 0; i < header->prints; i++)
        if (memory->prints[i].text > header->texts || memory->prints[i].descriptor > INT16_MAX ||
            memory->prints[i].length > header->texts - memory->prints[i].text)
            return 0;
    return 1;
}

static const struct memory_header *map(const char *name, size_t *size)
{
    int file = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK); /* a FIFO would wait */
    struct stat found;
    void *mapped = MAP_FAILED;
    if (file >= 0 && fstat(file, &found) == 0 && S_ISREG(found.st_mode) &&
        (size_t)found.st_size >= sizeof(struct memory_header)) {
        *size = (size_t)found.st_size;
        mapped = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, file, 0);
    }
    if (file >= 0)
        close(file);
    return mapped == MAP_FAILED ? NULL : mapped;
}

struct memory *memory_open(const char *file, const char *name)
{
    size_t size = 0;
    const struct memory_header *header = memory_count == MOST_MEMORIES ? NULL : map(file, &size);
    if (header == NULL)
        return NULL;
    struct memory *memory = take(sizeof *memory);
    memory->name = take_text(name, strlen(name));
    memory->header = header;
    memory->entries = (const void *)(header + 1);
    memory->observations = (const void *)(memory->entries + header->entries);
    memory->windows = (const struct memory_window *)(const void *)(memory->observations +
                                                                   header->observations) -
                      1;
    memory->effects = (const void *)(memory->windows + 1 + header->windows);
    memory->by_key = (const void *)(memory->effects + header->effects);
    memory->rows = memory->by_key + header->entries;
    memory->prints = (const void *)(memory->rows + header->rows);
    memory->texts = (const void *)(memory->prints + header->prints);
    size_t begin = offsetof(struct memory_header, order);
    if (memcmp(header->magic, MEMORY_MAGIC, 8) != 0 || header->order != 0x01020304 ||
        size_of(header) != size ||
        !digest_equal(digest_of((const char *)header + begin, size - begin), header->digest) ||
        !is_sound(memory)) {
        munmap((void *)(uintptr_t)header, size);
        return NULL;
    }
    memory->paths = zeroed(header->observations, sizeof *memory->paths);
    memory->checked = zeroed(header->observations, sizeof *memory->checked);
    memories[memory_count++] = memory;
    return memory;
}

/* --- asking --------------------------------------------------------------------------------- */

static int listing_is_same(struct path *folder, const struct memory_observation *observed)
{
    uint64_t sum[2], wanted[2];
    if (list_folder(folder, sum) != 0)
        return 0;
    memcpy(wanted, observed->digest.bytes, sizeof wanted);
    return sum[0] == wanted[0] && sum[1] == wanted[1];
}

static int is_as_seen(struct path *path, const struct memory_observation *observed)
{
    const struct state *state = path_state(path, !observed->is_nofollow);
    if (state->kind != observed->kind)
        return 0;
    switch (state->kind) {
    case KIND_LINK:
        return state->has_digest && digest_equal(digest_of_target(state), observed->digest);
    case KIND_FOLDER:
        return state->mode == observed->mode;
    case KIND_FILE:
        break;
    default:
        return 1;
    }
    if (state->mode != observed->mode)
        return 0;
    if (observed->date != DATE_ANY) {
        if (date_kind(path, path->count - 1, state) != observed->date ||
            (observed->date == DATE_GIVEN && state->mtime != observed->mtime))
            return 0;
    }
    int may_have_names = path->zone == ZONE_TRACKED && are_there_placeholders();
    if (observed->mask & (SAW_STAT | SAW_CONTENT) && state->size != observed->size &&
        !(may_have_names && observed->mask & SAW_CONTENT))
        return 0;
    if (observed->mask & SAW_SIZE_CLASS && (state->size == 0) != (observed->size == 0))
        return 0;
    if (!(observed->mask & SAW_CONTENT))
        return 1;
    if (path->zone == ZONE_TRACKED)
        state = &path_content(path)->state;
    else
        path_digest(path, (struct state *)(uintptr_t)state, 0, &(uint8_t){1});
    if (state->has_names == HAS_NAMES)
        return state->kept_size == observed->size &&
               digest_equal(state->kept_digest, observed->digest);
    return state->has_digest && state->size == observed->size &&
           digest_equal(state->digest, observed->digest);
}

/* A path of which a folder is a link now leads elsewhere than it did: paths are kept as they lead. */
static int goes_through_link(const struct path *path)
{
    for (const struct path *above = path->parent; above != NULL; above = above->parent)
        if (above->is_link)
            return 1;
    return 0;
}

static int is_steady(struct path *path)
{
    return path->zone != ZONE_TRACKED || version_is_settled(path_current(path));
}

/* Whether observation `number` is as it was: looked up once, and again when its path changed. */
static int holds(struct memory *memory, uint32_t number)
{
    const struct memory_observation *observed = &memory->observations[number];
    struct path *path = memory->paths[number];
    if (path == NULL) {
        const char *text = text_as_here(memory->texts + observed->path);
        path = memory->paths[number] = path_at(text, strlen(text));
    }
    if (goes_through_link(path))
        return 0;
    int is_listing = observed->mask == 0;
    uint32_t version = is_listing && path->zone == ZONE_TRACKED ? changes_count() : path->count;
    if (memory->checked[number].holds == 0 || memory->checked[number].version != version ||
        !is_steady(path)) {
        int is_same = is_listing ? listing_is_same(path, observed) : is_as_seen(path, observed);
        memory->checked[number].holds = is_same ? HOLDS : FAILS;
        memory->checked[number].version = version;
    }
    if (observed->mask & (SAW_STAT | SAW_DATE) && path_names(path) != observed->names)
        return 0;
    return memory->checked[number].holds == HOLDS;
}

const char *memory_differs(struct memory *memory)
{
    for (uint32_t i = 0; i < memory->header->observations; i++)
        if (!holds(memory, i))
            return memory->texts + memory->observations[i].path;
    return NULL;
}

void memories_named(const char *placeholder)
{
    for (int m = 0; m < memory_count; m++)
        for (uint32_t i = 0; i < memories[m]->header->observations; i++)
            if (strstr(memories[m]->texts + memories[m]->observations[i].path, placeholder) != NULL) {
                memories[m]->paths[i] = NULL;
                memories[m]->checked[i].holds = 0;
            }
}

static int compare_keys(const digest *one, const digest *other)
{
    return memcmp(one->bytes, other->bytes, sizeof one->bytes);
}

const struct memory_entry *memory_next_of_key(const struct memory *memory, const digest *key,
                                              uint32_t *at)
{
    if (*at == 0) { /* the first one */
        uint32_t low = 0, high = memory->header->entries;
        while (low < high) {
            uint32_t middle = low + (high - low) / 2;
            if (compare_keys(&memory->entries[memory->by_key[middle]].key, key) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        *at = low;
    }
    if (*at >= memory->header->entries)
        return NULL;
    const struct memory_entry *entry = &memory->entries[memory->by_key[(*at)++]];
    return compare_keys(&entry->key, key) == 0 ? entry : NULL;
}

static const char *describe(const struct memory *memory, uint32_t number)
{
    const struct memory_observation *observed = &memory->observations[number];
    return compose("%s%s", memory->texts + observed->path,
                   observed->mask == 0                ? " (its names)"
                   : observed->kind == KIND_ABSENT    ? " (it was not there)"
                                                  : "");
}

/* Whether all is as the entry's command saw it; else `why`. */
static int is_known(struct memory *memory, const struct memory_entry *entry, const char **why)
{
    for (uint32_t n = 0; n < entry->observed; n++) {
        uint32_t number = memory->rows[entry->row + n];
        if (!holds(memory, number)) {
            *why = describe(memory, number);
            return 0;
        }
    }
    return memory_is_in_order(memory, entry, why);
}

/* Whether only those run that began the step's process. */
static int runs_alone(const struct step *step)
{
    const struct process *own = the_processes;
    uint32_t above = 0, all = 0;
    while (own != NULL && own->id != step->process)
        own = own->all;
    for (; own != NULL; own = own->parent)
        above += !own->has_ended;
    for (own = the_processes; own != NULL; own = own->all)
        all++;
    return above == all;
}

/* Whether something goes on that an ended command left running: what comes next may wait for it. */
static int is_left_running(void)
{
    for (const struct process *process = the_processes; process != NULL; process = process->all)
        if (process->step->has_ended)
            return 1;
    return 0;
}

/* Whether another run of the same command, on the same inputs, came to something else. */
static int is_contradicted(const struct memory_entry *found, int from, const digest *key)
{
    for (int m = from; m < memory_count; m++) {
        const struct memory_entry *entry;
        for (uint32_t at = 0; (entry = memory_next_of_key(memories[m], key, &at)) != NULL;) {
            const char *why;
            int varies = (entry->flags & ENTRY_VARIES) != 0;
            if ((varies || entry->reason == 0) &&
                (varies || !digest_equal(entry->result, found->result)) &&
                is_known(memories[m], entry, &why))
                return 1;
        }
    }
    return 0;
}

/* How often each command was answered in this build, by its key. */
static struct answered {
    digest key;
    uint32_t times; /* 0: the slot is free */
} *answered;
static size_t answered_count, answered_slots;

static struct answered *slot_of(const digest *key)
{
    uint64_t at;
    memcpy(&at, key->bytes, sizeof at);
    while (answered[at & (answered_slots - 1)].times > 0 &&
           !digest_equal(answered[at & (answered_slots - 1)].key, *key))
        at++;
    return &answered[at & (answered_slots - 1)];
}

static void make_slots(size_t slots)
{
    struct answered *old = answered;
    size_t count = answered_slots;
    answered = zeroed(slots, sizeof *answered);
    answered_slots = slots;
    for (size_t i = 0; i < count; i++)
        if (old[i].times > 0)
            *slot_of(&old[i].key) = old[i];
    free(old);
}

static void count_answer(const digest *key)
{
    if (answered_count * 2 >= answered_slots)
        make_slots(answered_slots == 0 ? 1024 : answered_slots * 2);
    struct answered *slot = slot_of(key);
    answered_count += slot->times == 0;
    slot->key = *key;
    slot->times++;
}

/* A command that ran once is answered once: what it makes of the clock, or of random bytes, would else
 * be the same twice in one build. */
static int has_more_answers(const struct memory *memory, const digest *key)
{
    uint32_t times = answered_slots == 0 ? 0 : slot_of(key)->times, known = 0;
    for (uint32_t at = 0; known <= times && memory_next_of_key(memory, key, &at) != NULL;)
        known++;
    return known > times;
}

int memory_find(struct step *step, struct memory **memory, uint32_t *number)
{
    if (is_left_running()) {
        step->missed_by = "an ended command left something running";
        return 0;
    }
    const char *why = NULL;
    for (int m = 0; m < memory_count; m++) {
        struct memory *asked = memories[m];
        const struct memory_entry *entry;
        for (uint32_t at = 0; (entry = memory_next_of_key(asked, &step->key, &at)) != NULL;) {
            const char *missed = NULL;
            if (entry->reason != 0 && !(entry->flags & ENTRY_VARIES)) {
                missed = asked->texts + entry->reason;
            } else if (entry->flags & ENTRY_LEAVES_DATABASE && !settings.puts_databases) {
                missed = "it leaves a database of dates that is read again";
            } else if (!has_more_answers(asked, &step->key)) {
                missed = "it ran fewer times then";
            } else if (is_known(asked, entry, &missed)) {
                if (entry->flags & ENTRY_VARIES || is_contradicted(entry, m, &step->key)) {
                    step->missed_by = "it gives another result each time";
                    return 0;
                }
                if (entry->flags & ENTRY_WAITS && !runs_alone(step)) {
                    step->missed_by = "time has to pass for others";
                    return 0;
                }
                *memory = asked;
                *number = (uint32_t)(entry - asked->entries);
                return 1;
            }
            if (why == NULL)
                why = missed;
        }
    }
    step->missed_by = why == NULL ? "no such command was known" : why;
    return 0;
}

/* --- having answered ------------------------------------------------------------------------- */

/* Of each effect that is left a date: the version that has it, before any of them is done. */
static const struct version **look_at_left(const struct memory *memory,
                                           const struct memory_entry *entry)
{
    const struct version **all = NULL;
    for (uint32_t i = 0; i < entry->effects; i++) {
        const struct memory_effect *effect = &memory->effects[entry->effect + i];
        if (effect->date != EFFECT_LEFT)
            continue;
        if (all == NULL)
            all = take(entry->effects * sizeof *all);
        const char *text = text_as_here(memory->texts + effect->target);
        struct version *left = take(sizeof *left);
        *left = *path_current(path_at(text, strlen(text)));
        all[i] = left;
    }
    return all;
}

static void foretell(struct step *step, struct path *path, const struct memory *memory,
                     const struct memory_effect *effect, const struct version *left,
                     uint64_t moment)
{
    uint32_t before = path->count - 1;
    struct version *version = path_change(path, step, moment);
    struct state *state = &version->state;
    state->is_foretold = 1;
    state->kind = effect->kind;
    state->mode = effect->kind == KIND_ABSENT ? 0 : (uint16_t)effect->mode;
    state->size = effect->size;
    state->digest = effect->digest;
    state->has_digest = effect->kind == KIND_LINK || (effect->kind == KIND_FILE && !effect->has_names);
    state->has_names = effect->has_names;
    state->database = effect->is_database ? DATABASE_PUT_BACK : NO_DATABASE;
    state->target = effect->kind == KIND_LINK ? text_as_here(memory->texts + effect->target) : NULL;
    if (state->target != NULL)
        state->digest = digest_of(state->target, strlen(state->target));
    version->is_stored = 1;
    version->is_dated = effect->date == EFFECT_AT || effect->date == EFFECT_AS;
    version->left = left;
    struct effect *done = step_changed(step, path, before, path->count - 1);
    done->is_new |= !effect->is_in_place;
    done->is_direct = 1;
    path_set_link(path, effect->kind == KIND_LINK);
    meets(step, path);
}

static void answer_effect(struct step *step, const struct memory *memory,
                          const struct memory_effect *effect, const struct version *left,
                          uint64_t moment)
{
    const char *text = text_as_here(memory->texts + effect->path);
    struct path *path = path_at(text, strlen(text));
    if (path->zone != ZONE_TRACKED)
        return;
    capture(path, step, effect->kind == KIND_ABSENT);
    if (!effect->is_in_place)
        path_untwin(path);
    else if (path->twin != NULL)
        for (struct path *other = path->twin; other != path; other = other->twin) {
            capture(other, step, 0);
            foretell(step, other, memory, effect, left, moment);
        }
    foretell(step, path, memory, effect, left, moment);
    if (effect->is_further_name) {
        const char *target = text_as_here(memory->texts + effect->target);
        path_twin(path_at(target, strlen(target)), path);
    }
}

static const struct descriptor *descriptor_of(const struct step *step, int number)
{
    for (size_t i = 0; i < step->inherited_count; i++)
        if (step->inherited[i].number == number)
            return &step->inherited[i];
    return &step->standard[number < 3 ? number : 1];
}

/* What is printed keeps its length: nothing is where only made-up names have placeholders. */
static const char *print_as_here(const struct memory *memory, const struct memory_print *print)
{
    size_t length;
    const char *kept = memory->texts + print->text;
    const char *here = bytes_as_here(kept, print->length, &length);
    return memcmp(here, kept, print->length) == 0 ? kept : take_text(here, print->length);
}

void memory_answered(struct step *step, struct memory *memory, uint32_t number, uint64_t moment)
{
    const struct memory_entry *entry = &memory->entries[number];
    step->is_answered = 1;
    step->waits = (entry->flags & ENTRY_WAITS) != 0;
    step->fails_by_chance = (entry->flags & ENTRY_FAILS_BY_CHANCE) != 0;
    step->answered_from = memory;
    step->answered_entry = number;
    for (uint32_t i = number; i <= number + entry->below; i++)
        count_answer(&memory->entries[i].key);
    for (uint32_t i = 0; i < entry->observed; i++) {
        uint32_t row = memory->rows[entry->row + i];
        const struct memory_observation *observed = &memory->observations[row];
        struct path *path = memory->paths[row];
        uint64_t sum[2];
        memcpy(sum, observed->digest.bytes, sizeof sum);
        if (observed->mask == 0)
            step_listed(step, path, moment - 1, sum);
        else
            step_saw(step, path, path->count - 1, observed->mask, observed->is_nofollow);
    }
    const struct version **left = look_at_left(memory, entry);
    for (uint32_t i = 0; i < entry->effects; i++)
        answer_effect(step, memory, &memory->effects[entry->effect + i],
                      left == NULL ? NULL : left[i], moment);
    for (uint32_t i = 0; i < entry->prints; i++) {
        const struct memory_print *print = &memory->prints[entry->print + i];
        const struct descriptor *own = descriptor_of(step, (int)print->descriptor);
        step_printed(step, (struct print){.device = own->device,
                                          .inode = own->inode,
                                          .length = print->length,
                                          .bytes = print_as_here(memory, print)});
    }
}
