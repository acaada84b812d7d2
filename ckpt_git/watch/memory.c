/* The memory of a build: what its commands made of what they saw, written and asked. memory.h has
 * its form. */

#define _GNU_SOURCE
#include "memory.h"
#include "listen.h"
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MOST_MEMORIES = 64, NONE = UINT32_MAX, HOLDS = 1, FAILS = 2, OPEN_FOLDER = 0700 };

struct memory {
    const char *name;
    const struct memory_header *header;
    const struct memory_entry *entries;
    const uint32_t *by_key;
    const uint32_t *rows;
    const struct memory_observation *observations;
    const struct memory_effect *effects;
    const struct memory_said *says;
    const char *texts;
    struct path **paths;       /* of each observation, when it was looked at */
    struct { uint32_t version; uint8_t holds; } *checked;
    uint32_t *text_moved, *observation_moved; /* where they are in the memory that is written */
    uint32_t answered;         /* commands */
};

static struct memory *memories[MOST_MEMORIES];
static int memory_count;

/* --- opening -------------------------------------------------------------------------------- */

static size_t size_of(const struct memory_header *header)
{
    return sizeof *header + header->entries * (sizeof(struct memory_entry) + sizeof(uint32_t)) +
           header->rows * sizeof(uint32_t) +
           header->observations * sizeof(struct memory_observation) +
           header->effects * sizeof(struct memory_effect) +
           header->says * sizeof(struct memory_said) + header->texts;
}

/* Whether all numbers in it lead to something in it. */
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
            entry->row > header->rows || entry->seen > header->rows - entry->row ||
            entry->dates > header->rows - entry->row - entry->seen ||
            entry->effect > header->effects || entry->effects > header->effects - entry->effect ||
            entry->say > header->says || entry->says > header->says - entry->say)
            return 0;
    }
    for (uint32_t i = 0; i < header->rows; i++)
        if (memory->rows[i] >= header->observations)
            return 0;
    for (uint32_t i = 0; i < header->observations; i++)
        if (memory->observations[i].path >= header->texts)
            return 0;
    for (uint32_t i = 0; i < header->effects; i++)
        if (memory->effects[i].path >= header->texts || memory->effects[i].target >= header->texts)
            return 0;
    for (uint32_t i = 0; i < header->says; i++)
        if (memory->says[i].text > header->texts ||
            memory->says[i].length > header->texts - memory->says[i].text)
            return 0;
    return 1;
}

struct memory *memory_open(const char *file_name, const char *name)
{
    int file = open(file_name, O_RDONLY | O_CLOEXEC);
    struct stat found;
    if (file < 0 || fstat(file, &found) != 0 || memory_count == MOST_MEMORIES) {
        if (file >= 0)
            close(file);
        return NULL;
    }
    const struct memory_header *header = MAP_FAILED;
    if ((size_t)found.st_size >= sizeof *header)
        header = mmap(NULL, (size_t)found.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    if (header == MAP_FAILED)
        return NULL;
    digest whole = digest_of((const char *)header + offsetof(struct memory_header, order),
                             (size_t)found.st_size - offsetof(struct memory_header, order));
    if (memcmp(header->magic, MEMORY_MAGIC, 8) != 0 || header->order != 0x01020304 ||
        !digest_equal(whole, header->digest) || size_of(header) != (size_t)found.st_size) {
        munmap((void *)(uintptr_t)header, (size_t)found.st_size);
        return NULL;
    }
    struct memory *memory = take(sizeof *memory);
    memory->name = take_text(name, strlen(name));
    memory->header = header;
    memory->entries = (const void *)(header + 1);
    memory->by_key = (const void *)(memory->entries + header->entries);
    memory->rows = memory->by_key + header->entries;
    memory->observations = (const void *)(memory->rows + header->rows);
    memory->effects = (const void *)(memory->observations + header->observations);
    memory->says = (const void *)(memory->effects + header->effects);
    memory->texts = (const void *)(memory->says + header->says);
    if (!is_sound(memory))
        return NULL;
    memories[memory_count++] = memory;
    return memory;
}

/* --- asking --------------------------------------------------------------------------------- */

static int listing_holds(struct path *folder, const struct memory_observation *seen)
{
    uint64_t sum[2], wanted[2];
    if (list_folder(folder, sum) != 0)
        return 0;
    memcpy(wanted, seen->digest.bytes, sizeof wanted);
    return sum[0] == wanted[0] && sum[1] == wanted[1];
}

static int is_as_seen(struct path *path, const struct memory_observation *seen)
{
    if (seen->mask == 0)
        return listing_holds(path, seen);
    struct state *state = (struct state *)(uintptr_t)path_state(path, !seen->is_nofollow);
    if (state->kind != seen->kind)
        return 0;
    if (state->kind == KIND_ABSENT || state->kind == KIND_OTHER)
        return 1;
    if (state->kind == KIND_LINK)
        return state->has_digest && digest_equal(state->digest, seen->digest);
    if (seen->mask & (SAW_STAT | SAW_SIZE_CLASS | SAW_EXISTS)) {
        if (state->mode != seen->mode)
            return 0;
        if (seen->date == DATE_OF_SOURCE && path->count > 1)
            return 0;
        if (seen->date == DATE_OF_MADE && path->count == 1)
            return 0;
    }
    if (state->kind != KIND_FILE)
        return 1;
    if (seen->mask & SAW_STAT && state->size != seen->size)
        return 0;
    if (seen->mask & SAW_SIZE_CLASS && (state->size == 0) != (seen->size == 0))
        return 0;
    if (!(seen->mask & SAW_CONTENT))
        return 1;
    if (state->size != seen->size)
        return 0;
    uint8_t is_stored = 1;
    return path_digest(path, state, 0, &is_stored) == 0 &&
           digest_equal(state->digest, seen->digest);
}

/* Whether observation `number` is as it was: looked up once, and again when its path changed. */
static int holds(struct memory *memory, uint32_t number)
{
    const struct memory_observation *seen = &memory->observations[number];
    if (memory->paths == NULL) {
        memory->paths = calloc(memory->header->observations, sizeof *memory->paths);
        memory->checked = calloc(memory->header->observations, sizeof *memory->checked);
        if (memory->paths == NULL || memory->checked == NULL)
            abort();
    }
    struct path *path = memory->paths[number];
    if (path == NULL) {
        const char *text = memory->texts + seen->path;
        path = memory->paths[number] = path_at(text, strlen(text));
    }
    if (seen->mask == 0 && path->zone == ZONE_TRACKED)
        return listing_holds(path, seen); /* its names come and go */
    if (path->zone == ZONE_TRACKED)
        path_state(path, 0); /* one that is still being written may have become another version */
    if (memory->checked[number].holds == 0 || memory->checked[number].version != path->count) {
        int is_same = is_as_seen(path, seen);
        memory->checked[number].holds = is_same ? HOLDS : FAILS;
        memory->checked[number].version = path->count;
    }
    return memory->checked[number].holds == HOLDS;
}

static int compare_keys(const digest *one, const digest *other)
{
    return memcmp(one->bytes, other->bytes, sizeof one->bytes);
}

static uint32_t first_of_key(const struct memory *memory, const digest *key)
{
    uint32_t low = 0, high = memory->header->entries;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare_keys(&memory->entries[memory->by_key[middle]].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const char *describe(const struct memory *memory, uint32_t number)
{
    const struct memory_observation *seen = &memory->observations[number];
    char text[4200];
    snprintf(text, sizeof text, "%s%s", memory->texts + seen->path,
             seen->mask == 0 ? " (its names)" : seen->kind == KIND_ABSENT ? " (it was not there)" : "");
    return take_text(text, strlen(text));
}

/* Of the files whose dates a command asked for, the first that isn't as new as the one before it:
 * then `test -nt` may say another thing. NONE: they are in the order in which they were. */
static uint32_t first_out_of_order(struct memory *memory, const struct memory_entry *entry)
{
    int64_t before = INT64_MIN;
    for (uint32_t i = 0; i < entry->dates; i++) {
        uint32_t number = memory->rows[entry->row + entry->seen + i];
        struct path *path = memory->paths[number];
        struct state *state = (struct state *)(uintptr_t)path_state(path, 0);
        if (state->mtime == 0) { /* it was answered: its date is known now that it is there */
            struct state now;
            path_look(path, 0, &now);
            state->mtime = now.mtime;
        }
        if (state->mtime < before)
            return number;
        before = state->mtime;
    }
    return NONE;
}

int memory_find(struct step *step, struct memory **memory, uint32_t *entry)
{
    for (int m = 0; m < memory_count; m++) {
        struct memory *asked = memories[m];
        for (uint32_t i = first_of_key(asked, &step->key); i < asked->header->entries; i++) {
            const struct memory_entry *found = &asked->entries[asked->by_key[i]];
            if (compare_keys(&found->key, &step->key) != 0)
                break;
            if (found->reason != 0 && !(found->flags & ENTRY_VARIES)) {
                if (step->missed_by == NULL)
                    step->missed_by = asked->texts + found->reason;
                continue;
            }
            uint32_t n = 0;
            while (n < found->seen && holds(asked, asked->rows[found->row + n]))
                n++;
            if (n < found->seen) {
                if (step->missed_by == NULL)
                    step->missed_by = describe(asked, asked->rows[found->row + n]);
                continue;
            }
            if ((n = first_out_of_order(asked, found)) != NONE) {
                if (step->missed_by == NULL)
                    step->missed_by = describe(asked, n);
                continue;
            }
            if (found->flags & ENTRY_VARIES) {
                step->missed_by = "it gives another result each time";
                return 0;
            }
            *memory = asked;
            *entry = asked->by_key[i];
            return 1;
        }
    }
    if (step->missed_by == NULL)
        step->missed_by = "no such command was known";
    return 0;
}

uint32_t memory_effects(struct memory *memory, uint32_t entry)
{
    return memory->entries[entry].effects;
}

struct remembered_effect memory_effect(struct memory *memory, uint32_t entry, uint32_t number)
{
    const struct memory_effect *effect = &memory->effects[memory->entries[entry].effect + number];
    return (struct remembered_effect){
        .path = memory->texts + effect->path,
        .kind = effect->kind,
        .is_in_place = effect->is_in_place,
        .mode = (uint16_t)effect->mode,
        .size = effect->size,
        .mtime = effect->mtime,
        .digest = effect->digest,
        .target = memory->texts + effect->target,
        .is_further_name = effect->is_further_name,
    };
}

uint32_t memory_said(struct memory *memory, uint32_t entry)
{
    return memory->entries[entry].says;
}

struct said memory_say(struct memory *memory, uint32_t entry, uint32_t number)
{
    const struct memory_said *said = &memory->says[memory->entries[entry].say + number];
    return (struct said){.length = said->length,
                         .descriptor = (uint8_t)said->descriptor,
                         .bytes = memory->texts + said->text};
}

void memory_answered(struct step *step, struct memory *memory, uint32_t number, uint64_t moment)
{
    const struct memory_entry *entry = &memory->entries[number];
    step->is_answered = 1;
    step->answered_from = memory;
    step->answered_entry = number;
    for (uint32_t i = 0; i < entry->seen; i++) {
        uint32_t row = memory->rows[entry->row + i];
        const struct memory_observation *seen = &memory->observations[row];
        struct path *path = memory->paths[row];
        if (seen->mask != 0) {
            step_saw(step, path, path_current(path), seen->mask, seen->is_nofollow);
            continue;
        }
        uint64_t sum[2];
        memcpy(sum, seen->digest.bytes, sizeof sum);
        step_listed(step, path, moment - 1, sum);
    }
    for (uint32_t i = 0; i < entry->effects; i++) {
        struct remembered_effect effect = memory_effect(memory, number, i);
        struct path *path = path_at(effect.path, strlen(effect.path));
        if (path->zone != ZONE_TRACKED)
            continue;
        path_state(path, 0);
        if (path->twin != NULL && !effect.is_in_place)
            path_untwin(path);
        uint32_t before = version_number(path, path_current(path));
        struct version *version = path_change(path, step, moment);
        version->state.kind = effect.kind;
        version->state.mode = effect.kind == KIND_ABSENT ? 0 : effect.mode;
        version->state.size = effect.size;
        version->state.digest = effect.digest;
        version->state.has_digest = effect.kind == KIND_FILE || effect.kind == KIND_LINK;
        version->state.target = effect.kind == KIND_LINK ? effect.target : NULL;
        version->is_stored = 1;
        struct effect *done = step_changed(step, path, before, path->count - 1);
        done->is_new |= !effect.is_in_place;
        path_moved_link(path, path, effect.kind == KIND_LINK);
        if (effect.is_further_name)
            path_twin(path_at(effect.target, strlen(effect.target)), path);
    }
    for (uint32_t i = 0; i < entry->says; i++) {
        struct said said = memory_say(memory, number, i);
        const struct standard *standard = &step->standard[said.descriptor < 3 ? said.descriptor : 1];
        said.device = standard->device;
        said.inode = standard->inode;
        step_said(step, &said);
    }
}

/* --- writing -------------------------------------------------------------------------------- */

struct buffer {
    char *bytes;
    size_t room, size;
};

static struct buffer out_entries, out_rows, out_observations, out_effects, out_says, out_texts;

static size_t append(struct buffer *buffer, const void *bytes, size_t size)
{
    if (buffer->size + size > buffer->room) {
        buffer->room = (buffer->size + size) * 2;
        buffer->bytes = realloc(buffer->bytes, buffer->room);
        if (buffer->bytes == NULL)
            abort();
    }
    memcpy(buffer->bytes + buffer->size, bytes, size);
    buffer->size += size;
    return buffer->size - size;
}

/* Texts and observations are written once: found again by what they are. */
static struct {
    uint32_t *slots;
    uint32_t mask, count;
} known_texts, known_observations;

static void rehash(uint32_t **slots, uint32_t *mask, uint32_t count,
                   uint64_t (*hash)(uint32_t value))
{
    if (*slots != NULL && count * 2 < *mask)
        return;
    uint32_t size = *slots == NULL ? 1 << 12 : (*mask + 1) * 2;
    uint32_t *larger = calloc(size, sizeof *larger);
    if (larger == NULL)
        abort();
    for (uint32_t i = 0; *slots != NULL && i <= *mask; i++) {
        uint32_t value = (*slots)[i];
        if (value == 0)
            continue;
        uint32_t at = (uint32_t)hash(value);
        while (larger[at & (size - 1)] != 0)
            at++;
        larger[at & (size - 1)] = value;
    }
    free(*slots);
    *slots = larger;
    *mask = size - 1;
}

static uint64_t hash_of_text(uint32_t value)
{
    const char *text = out_texts.bytes + value;
    return hash_bytes(text, strlen(text));
}

static uint64_t hash_of_observation(uint32_t value)
{
    return hash_bytes(out_observations.bytes + (value - 1) * sizeof(struct memory_observation),
                      sizeof(struct memory_observation));
}

static uint32_t put_text(const char *text)
{
    if (out_texts.size == 0)
        append(&out_texts, "", 1); /* 0 is the empty text */
    size_t length = strlen(text);
    if (length == 0)
        return 0;
    rehash(&known_texts.slots, &known_texts.mask, known_texts.count, hash_of_text);
    uint32_t at = (uint32_t)hash_bytes(text, length);
    for (uint32_t value; (value = known_texts.slots[at & known_texts.mask]) != 0; at++)
        if (strcmp(out_texts.bytes + value, text) == 0)
            return value;
    uint32_t value = (uint32_t)append(&out_texts, text, length + 1);
    known_texts.slots[at & known_texts.mask] = value;
    known_texts.count++;
    return value;
}

static uint32_t put_bytes(const char *bytes, size_t size)
{
    put_text("");
    uint32_t at = (uint32_t)append(&out_texts, bytes, size);
    append(&out_texts, "", 1);
    return at;
}

static uint32_t put_observation(const struct memory_observation *seen)
{
    rehash(&known_observations.slots, &known_observations.mask, known_observations.count,
           hash_of_observation);
    uint32_t at = (uint32_t)hash_bytes(seen, sizeof *seen);
    for (uint32_t value; (value = known_observations.slots[at & known_observations.mask]) != 0; at++)
        if (memcmp(out_observations.bytes + (value - 1) * sizeof *seen, seen, sizeof *seen) == 0)
            return value - 1;
    append(&out_observations, seen, sizeof *seen);
    known_observations.slots[at & known_observations.mask] = ++known_observations.count;
    return known_observations.count - 1;
}

static int64_t to_date; /* CLOCK_REALTIME less CLOCK_MONOTONIC, nanoseconds */

static const char *not_kept(struct path *path)
{
    char text[4200];
    snprintf(text, sizeof text, "%s was changed before it could be kept", path->text);
    return take_text(text, strlen(text));
}

/* The state of a version, a digest included where `digested`; NULL where it isn't known any more. */
static struct state *state_of(struct path *path, uint32_t number, int nofollow, int digested,
                              int stored)
{
    if (path->zone != ZONE_TRACKED) {
        struct state *state =
            (struct state *)(uintptr_t)path_state(path, !nofollow);
        uint8_t is_stored = 1;
        if (digested && state->kind == KIND_FILE && path_digest(path, state, 0, &is_stored) != 0)
            return NULL;
        return state;
    }
    struct version *version = &path->versions[number];
    if (number + 1 == path->count) {
        path_state(path, 0);
        version = &path->versions[number];
        if (digested && version->state.kind == KIND_FILE &&
            path_digest(path, &version->state, stored, &version->is_stored) != 0)
            return NULL;
        return &version->state;
    }
    if (version->state.kind == KIND_UNKNOWN)
        return NULL;
    if (digested && version->state.kind == KIND_FILE &&
        (!version->state.has_digest || (stored && !version->is_stored)))
        return NULL;
    return &version->state;
}

struct dated {
    int64_t mtime;
    uint32_t number;
};

static struct dated *dated;
static size_t dated_count, dated_room;

static int in_order_of_dates(const void *one, const void *other)
{
    const struct dated *a = one, *b = other;
    return a->mtime < b->mtime ? -1 : a->mtime > b->mtime;
}

static void write_dates(struct memory_entry *entry)
{
    qsort(dated, dated_count, sizeof *dated, in_order_of_dates);
    for (size_t i = 0; i < dated_count; i++)
        append(&out_rows, &dated[i].number, sizeof dated[i].number);
    entry->dates = (uint32_t)dated_count;
}

static const char *write_seen(struct step *step)
{
    dated_count = 0;
    for (uint32_t i = 0; i < step->seen.count; i++) {
        struct observation *item = &step->seen.items[i];
        int digested = (item->mask & SAW_CONTENT) != 0;
        struct state *state =
            state_of(item->path, item->version, item->is_nofollow, digested, 0);
        if (state == NULL)
            return not_kept(item->path);
        struct memory_observation seen;
        memset(&seen, 0, sizeof seen);
        seen.path = put_text(item->path->text);
        seen.mask = item->mask;
        seen.kind = state->kind;
        seen.is_nofollow = item->is_nofollow;
        if (state->kind == KIND_FILE || state->kind == KIND_FOLDER) {
            if (item->mask & ~(SAW_CONTENT | SAW_LINK))
                seen.mode = state->mode;
            if (state->kind == KIND_FILE && item->path->zone == ZONE_TRACKED &&
                item->mask & ~(SAW_CONTENT | SAW_LINK))
                seen.date = item->version == 0 ? DATE_OF_SOURCE : DATE_OF_MADE;
        }
        if (state->kind == KIND_FILE && item->mask & (SAW_CONTENT | SAW_STAT))
            seen.size = state->size;
        else if (state->kind == KIND_FILE && item->mask & SAW_SIZE_CLASS)
            seen.size = state->size != 0;
        if (state->kind == KIND_LINK || (state->kind == KIND_FILE && digested))
            seen.digest = state->digest;
        uint32_t number = put_observation(&seen);
        append(&out_rows, &number, sizeof number);
        if (seen.date == DATE_ANY || !(item->mask & SAW_DATE))
            continue;
        if (state->mtime == 0 && item->version + 1 == item->path->count) {
            struct state now;
            path_look(item->path, 0, &now);
            state->mtime = now.mtime;
        }
        dated = grow(dated, &dated_room, dated_count, sizeof *dated);
        dated[dated_count++] = (struct dated){state->mtime, number};
    }
    return NULL;
}

static void add_name(uint64_t sum[2], struct path *path, int kind, int sign)
{
    digest one = name_digest(path, kind);
    uint64_t parts[2];
    memcpy(parts, one.bytes, sizeof parts);
    sum[0] += sign > 0 ? parts[0] : -parts[0];
    sum[1] += sign > 0 ? parts[1] : -parts[1];
}

/* What a folder held when the command began: what it listed, less what it had made itself by
 * then, and with what it had removed. */
static const char *write_listings(struct step *step)
{
    for (size_t i = 0; i < step->listing_count; i++) {
        struct listing *listing = &step->listings[i];
        uint64_t sum[2] = {listing->sum[0], listing->sum[1]};
        struct path *child = listing->folder->zone == ZONE_TRACKED ? listing->folder->children : NULL;
        for (; child != NULL; child = child->sibling) {
            struct effect *effect = step_effect(step, child);
            if (effect == NULL)
                continue;
            struct version *version = path_version_at(child, listing->moment);
            uint32_t number = version_number(child, version);
            if (number <= effect->before)
                continue;
            struct state *state = state_of(child, number, 1, 0, 0);
            struct state *before = state_of(child, effect->before, 1, 0, 0);
            if (state == NULL || before == NULL)
                return not_kept(child);
            if (state->kind != KIND_ABSENT)
                add_name(sum, child, state->kind, -1);
            if (before->kind != KIND_ABSENT)
                add_name(sum, child, before->kind, 1);
        }
        if (listing->folder->zone == ZONE_TRACKED) {
            struct effect *own = step_effect(step, listing->folder);
            if (own != NULL) {
                struct state *before = state_of(listing->folder, own->before, 1, 0, 0);
                if (before != NULL && before->kind == KIND_ABSENT)
                    continue; /* a folder of its own: what is in it is, too */
            }
        }
        struct memory_observation seen;
        memset(&seen, 0, sizeof seen);
        seen.path = put_text(listing->folder->text);
        seen.kind = KIND_FOLDER;
        memcpy(seen.digest.bytes, sum, sizeof sum);
        uint32_t number = put_observation(&seen);
        append(&out_rows, &number, sizeof number);
    }
    return NULL;
}

struct made {
    struct effect *effect;
    struct state state;
};

static int rank(const struct made *made)
{
    return made->state.kind == KIND_ABSENT ? 0 : made->state.kind == KIND_FOLDER ? 1 : 2;
}

/* What goes first: deepest names first; then folders, the outer ones first; then the rest, in the
 * order of their dates. */
static int in_order_of_making(const void *one, const void *other)
{
    const struct made *a = one, *b = other;
    if (rank(a) != rank(b))
        return rank(a) - rank(b);
    if (rank(a) == 0)
        return strcmp(b->effect->path->text, a->effect->path->text);
    if (rank(a) == 1)
        return strcmp(a->effect->path->text, b->effect->path->text);
    if (a->state.mtime != b->state.mtime)
        return a->state.mtime < b->state.mtime ? -1 : 1;
    return strcmp(a->effect->path->text, b->effect->path->text);
}

static int is_other_name(const struct made *made, const struct made *earlier)
{
    return made->state.kind == KIND_FILE && earlier->state.kind == KIND_FILE &&
           made->state.links > 1 && made->state.inode == earlier->state.inode &&
           made->state.device == earlier->state.device;
}

/* A name that the file of `made` had before the command began. */
static struct path *name_before(struct step *step, struct made *made)
{
    struct path *path = made->effect->path;
    if (path->twin == NULL || made->state.links < 2)
        return NULL;
    for (struct path *other = path->twin; other != path; other = other->twin) {
        struct state state;
        path_look(other, 0, &state);
        if (step_effect(step, other) == NULL && state.inode == made->state.inode &&
            state.device == made->state.device)
            return other;
    }
    return NULL;
}

static void put_effect(const struct memory_effect *made, struct hashing *result)
{
    const char *path = out_texts.bytes + made->path;
    append(&out_effects, made, sizeof *made);
    digest_add(result, path, strlen(path) + 1);
    digest_add(result, &made->kind, sizeof made->kind);
    digest_add(result, &made->mode, sizeof made->mode);
    digest_add(result, &made->digest, sizeof made->digest);
}

static const char *write_effects(struct step *step, struct hashing *result)
{
    struct made *all = calloc(step->effect_count + 1, sizeof *all);
    size_t count = 0;
    const char *why = NULL;
    for (size_t i = 0; i < step->effect_count && why == NULL; i++) {
        struct effect *effect = &step->effects[i];
        struct path *path = effect->path;
        for (uint32_t n = effect->before + 1; n <= effect->after; n++)
            if (path->versions[n].writer == NULL || !step_is_within(path->versions[n].writer, step))
                why = "another command wrote the same file meanwhile";
        struct state *before = state_of(path, effect->before, 1, 0, 0);
        if (why == NULL && before == NULL)
            why = not_kept(path);
        if (why != NULL)
            break;
        struct state *after = state_of(path, effect->after, 1, 0, 0);
        if (after == NULL) {
            why = not_kept(path);
            break;
        }
        if (after->kind == KIND_ABSENT && before->kind == KIND_ABSENT)
            continue;
        if (after->kind == KIND_FILE)
            after = state_of(path, effect->after, 1, 1, 1);
        if (after == NULL)
            why = not_kept(path);
        else if (after->kind == KIND_OTHER)
            why = "it makes what is neither file, folder nor link";
        else if (after->kind != before->kind && after->kind != KIND_ABSENT &&
                 before->kind != KIND_ABSENT)
            why = "it makes one kind of file another";
        if (why != NULL)
            break;
        all[count].effect = effect;
        all[count].state = *after;
        if (effect->after + 1 == path->count && after->kind == KIND_FILE) {
            struct state now; /* of what was answered, names and dates aren't known yet */
            path_look(path, 0, &now);
            all[count].state.links = now.links;
            all[count].state.inode = now.inode;
            all[count].state.device = now.device;
            all[count].state.mtime = now.mtime;
            all[count].state.mode = now.mode;
        }
        count++;
    }
    if (why != NULL) {
        free(all);
        return why;
    }
    qsort(all, count, sizeof *all, in_order_of_making);
    int64_t from = (int64_t)step->began + to_date - 50000000;
    int64_t to = (int64_t)step->ended + to_date + 50000000;
    for (size_t i = 0; i < count; i++) {
        struct effect *effect = all[i].effect;
        struct state *state = &all[i].state;
        struct state *before = state_of(effect->path, effect->before, 1, 0, 0);
        struct memory_effect made;
        memset(&made, 0, sizeof made);
        made.path = put_text(effect->path->text);
        made.kind = state->kind;
        made.mode = state->kind == KIND_FOLDER ? state->mode | OPEN_FOLDER : state->mode;
        made.is_in_place = state->kind == KIND_FILE && before->kind == KIND_FILE && !effect->is_new;
        if (state->kind == KIND_ABSENT)
            made.mode = before->kind;
        if (state->kind == KIND_LINK) {
            made.target = put_text(state->target == NULL ? "" : state->target);
            made.digest = state->digest;
        }
        if (state->kind == KIND_FILE) {
            made.digest = state->digest;
            made.size = state->size;
            if (state->mtime < from || state->mtime > to)
                made.mtime = state->mtime;
            size_t earlier = i;
            while (earlier > 0 && !is_other_name(&all[i], &all[earlier - 1]))
                earlier--;
            struct path *old_name = earlier == 0 ? name_before(step, &all[i]) : NULL;
            if (earlier > 0 || old_name != NULL) {
                if (made.is_in_place && earlier > 0)
                    continue; /* it changes with the other */
                if (!made.is_in_place) {
                    made.is_further_name = 1;
                    made.target = put_text(earlier > 0 ? all[earlier - 1].effect->path->text
                                                       : old_name->text);
                }
            }
        }
        put_effect(&made, result);
    }
    /* A folder is closed when all that lies in it is there, the innermost first. */
    for (size_t i = count; i-- > 0;)
        if (all[i].state.kind == KIND_FOLDER && (all[i].state.mode & OPEN_FOLDER) != OPEN_FOLDER) {
            struct memory_effect made;
            memset(&made, 0, sizeof made);
            made.path = put_text(all[i].effect->path->text);
            made.kind = KIND_FOLDER;
            made.mode = all[i].state.mode;
            put_effect(&made, result);
        }
    free(all);
    return NULL;
}

static void write_says(struct step *step, struct hashing *result)
{
    for (size_t i = 0; i < step->said_count;) {
        struct memory_said said = {.descriptor = step->said[i].descriptor};
        put_text("");
        said.text = (uint32_t)out_texts.size;
        for (; i < step->said_count && step->said[i].descriptor == said.descriptor; i++) {
            append(&out_texts, step->said[i].bytes, step->said[i].length);
            said.length += step->said[i].length;
        }
        digest_add(result, out_texts.bytes + said.text, said.length);
        append(&out_texts, "", 1);
        append(&out_says, &said, sizeof said);
    }
}

static struct memory_entry *entry_at(size_t offset)
{
    return (struct memory_entry *)(void *)(out_entries.bytes + offset);
}

static uint32_t count_of(const struct buffer *buffer, size_t size)
{
    return (uint32_t)(buffer->size / size);
}

/* Whether an earlier run of the same command on the same inputs came to something else. */
static int varies(const struct memory_entry *made)
{
    for (int m = 0; m < memory_count; m++) {
        struct memory *asked = memories[m];
        for (uint32_t i = first_of_key(asked, &made->key); i < asked->header->entries; i++) {
            const struct memory_entry *found = &asked->entries[asked->by_key[i]];
            if (compare_keys(&found->key, &made->key) != 0)
                break;
            if ((found->reason != 0 && !(found->flags & ENTRY_VARIES)) || found->seen != made->seen)
                continue;
            uint32_t n = 0;
            while (n < found->seen) {
                const struct memory_observation *one =
                    &asked->observations[asked->rows[found->row + n]];
                uint32_t number;
                memcpy(&number, out_rows.bytes + (made->row + n) * sizeof number, sizeof number);
                struct memory_observation other;
                memcpy(&other, out_observations.bytes + number * sizeof other, sizeof other);
                if (strcmp(asked->texts + one->path, out_texts.bytes + other.path) != 0)
                    break;
                other.path = one->path;
                if (memcmp(&other, one, sizeof other) != 0)
                    break;
                n++;
            }
            if (n < found->seen)
                continue;
            return (found->flags & ENTRY_VARIES) || !digest_equal(found->result, made->result);
        }
    }
    return 0;
}

static const char *why_not(const struct step *step)
{
    if (step->incomplete != NULL)
        return step->incomplete;
    if (step->unfit != NULL)
        return step->unfit;
    if (!step->has_ended || step->code < 0)
        return "it did not end by itself";
    if (step->code != 0)
        return "it failed";
    return NULL;
}

static uint32_t ran_count, answered_count;

static size_t write_entry(struct step *step)
{
    struct memory_entry entry;
    memset(&entry, 0, sizeof entry);
    entry.key = step->key;
    entry.program = put_text(step->program);
    entry.folder = put_text(step->folder);
    entry.arguments_size = step->arguments_size;
    entry.arguments = put_bytes(step->arguments, step->arguments_size);
    entry.nanoseconds = step->has_ended ? step->ended - step->began : 0;
    entry.row = count_of(&out_rows, sizeof(uint32_t));
    entry.effect = count_of(&out_effects, sizeof(struct memory_effect));
    entry.say = count_of(&out_says, sizeof(struct memory_said));
    struct hashing result;
    digest_begin(&result);
    const char *why = why_not(step), *unknown = write_seen(step);
    if (why == NULL)
        why = unknown;
    if (why == NULL)
        why = write_listings(step);
    size_t effects = out_effects.size, says = out_says.size;
    if (why == NULL)
        why = write_effects(step, &result);
    if (why == NULL) {
        write_says(step, &result);
    } else {
        out_effects.size = effects;
        out_says.size = says;
    }
    entry.seen = count_of(&out_rows, sizeof(uint32_t)) - entry.row;
    write_dates(&entry);
    entry.effects = count_of(&out_effects, sizeof(struct memory_effect)) - entry.effect;
    entry.says = count_of(&out_says, sizeof(struct memory_said)) - entry.say;
    entry.result = digest_end(&result);
    entry.flags = ENTRY_ANSWERS;
    if (why == NULL && varies(&entry)) {
        why = "it gives another result each time";
        entry.flags = ENTRY_VARIES;
    } else if (why != NULL) {
        entry.flags = step->incomplete != NULL ? ENTRY_INCOMPLETE : 0;
    }
    entry.reason = why == NULL ? 0 : put_text(why);
    return append(&out_entries, &entry, sizeof entry);
}

static uint32_t move_text(struct memory *memory, uint32_t text)
{
    if (memory->text_moved == NULL) {
        memory->text_moved = malloc((size_t)memory->header->texts * sizeof(uint32_t));
        if (memory->text_moved == NULL)
            abort();
        memset(memory->text_moved, 0xff, (size_t)memory->header->texts * sizeof(uint32_t));
    }
    if (memory->text_moved[text] == NONE)
        memory->text_moved[text] = put_text(memory->texts + text);
    return memory->text_moved[text];
}

/* What was answered is known still: its entries go on, those of its own making included. */
static void move_entries(struct memory *memory, uint32_t first)
{
    uint32_t count = memory->entries[first].below + 1;
    if (memory->observation_moved == NULL) {
        size_t size = (size_t)memory->header->observations * sizeof(uint32_t);
        memory->observation_moved = malloc(size + 1);
        if (memory->observation_moved == NULL)
            abort();
        memset(memory->observation_moved, 0xff, size);
    }
    for (uint32_t i = first; i < first + count; i++) {
        const struct memory_entry *old = &memory->entries[i];
        struct memory_entry entry = *old;
        entry.program = move_text(memory, old->program);
        entry.folder = move_text(memory, old->folder);
        entry.reason = old->reason == 0 ? 0 : move_text(memory, old->reason);
        entry.arguments = put_bytes(memory->texts + old->arguments, old->arguments_size);
        entry.row = count_of(&out_rows, sizeof(uint32_t));
        for (uint32_t n = 0; n < old->seen + old->dates; n++) {
            uint32_t number = memory->rows[old->row + n];
            uint32_t *moved = &memory->observation_moved[number];
            if (*moved == NONE) {
                struct memory_observation seen = memory->observations[number];
                seen.path = move_text(memory, seen.path);
                *moved = put_observation(&seen);
            }
            append(&out_rows, moved, sizeof *moved);
        }
        entry.effect = count_of(&out_effects, sizeof(struct memory_effect));
        for (uint32_t n = 0; n < old->effects; n++) {
            struct memory_effect effect = memory->effects[old->effect + n];
            effect.path = move_text(memory, effect.path);
            effect.target = move_text(memory, effect.target);
            append(&out_effects, &effect, sizeof effect);
        }
        entry.say = count_of(&out_says, sizeof(struct memory_said));
        for (uint32_t n = 0; n < old->says; n++) {
            struct memory_said said = memory->says[old->say + n];
            said.text = put_bytes(memory->texts + said.text, said.length);
            append(&out_says, &said, sizeof said);
        }
        if (entry.below == 0) {
            answered_count++;
            memory->answered++;
        }
        append(&out_entries, &entry, sizeof entry);
    }
}

/* An entry that answers nothing is kept only where no command around it answers. What begins a
 * build is another command each time: it answers for nobody. */
static uint32_t write_command(struct step *step, int is_covered)
{
    uint32_t before = count_of(&out_entries, sizeof(struct memory_entry));
    if (step->is_answered) {
        if (!step->has_ended || step->code != 0)
            answering_failed = 1; /* it was killed, or couldn't do it all */
        move_entries(step->answered_from, step->answered_entry);
        return count_of(&out_entries, sizeof(struct memory_entry)) - before;
    }
    size_t rows = out_rows.size, offset = write_entry(step);
    int answers = entry_at(offset)->reason == 0;
    int is_kept = answers || !is_covered || entry_at(offset)->flags & ENTRY_VARIES;
    if (!is_kept) {
        out_entries.size = offset;
        out_rows.size = rows;
    }
    for (struct step *child = step->first; child != NULL; child = child->next)
        write_command(child, is_covered || (answers && step->parent != the_root_step));
    uint32_t written = count_of(&out_entries, sizeof(struct memory_entry)) - before;
    if (is_kept) {
        entry_at(offset)->below = written - 1;
        if (written == 1)
            ran_count++;
    }
    return written;
}

static int by_key(const void *one, const void *other)
{
    uint32_t a, b;
    memcpy(&a, one, sizeof a);
    memcpy(&b, other, sizeof b);
    int order = compare_keys(&entry_at(a * sizeof(struct memory_entry))->key,
                             &entry_at(b * sizeof(struct memory_entry))->key);
    return order != 0 ? order : a < b ? -1 : a > b;
}

static int write_file(int directory, const char *name, const struct buffer *whole);

int memory_write(int directory, const char *name)
{
    struct timespec date;
    clock_gettime(CLOCK_REALTIME, &date);
    to_date = (int64_t)date.tv_sec * 1000000000 + date.tv_nsec - (int64_t)now_ns();
    put_text("");
    for (struct step *child = the_root_step->first; child != NULL; child = child->next)
        write_command(child, 0);
    struct memory_header header;
    memset(&header, 0, sizeof header);
    memcpy(header.magic, MEMORY_MAGIC, sizeof header.magic);
    header.order = 0x01020304;
    header.entries = count_of(&out_entries, sizeof(struct memory_entry));
    header.rows = count_of(&out_rows, sizeof(uint32_t));
    header.observations = count_of(&out_observations, sizeof(struct memory_observation));
    header.effects = count_of(&out_effects, sizeof(struct memory_effect));
    header.says = count_of(&out_says, sizeof(struct memory_said));
    header.texts = (uint32_t)out_texts.size;
    uint32_t *order = malloc((header.entries + 1) * sizeof *order);
    if (order == NULL)
        abort();
    for (uint32_t i = 0; i < header.entries; i++)
        order[i] = i;
    qsort(order, header.entries, sizeof *order, by_key);
    struct buffer whole = {NULL, 0, 0};
    append(&whole, &header, sizeof header);
    append(&whole, out_entries.bytes, out_entries.size);
    append(&whole, order, header.entries * sizeof *order);
    append(&whole, out_rows.bytes, out_rows.size);
    append(&whole, out_observations.bytes, out_observations.size);
    append(&whole, out_effects.bytes, out_effects.size);
    append(&whole, out_says.bytes, out_says.size);
    append(&whole, out_texts.bytes, out_texts.size);
    size_t rest = offsetof(struct memory_header, order);
    header.digest = digest_of(whole.bytes + rest, whole.size - rest);
    memcpy(whole.bytes, &header, sizeof header);
    return write_file(directory, name, &whole);
}

/* --- the system ----------------------------------------------------------------------------- */

static const char **system_roots;
static size_t system_count, system_room;

void memory_add_system(const char *root)
{
    system_roots = grow(system_roots, &system_room, system_count, sizeof *system_roots);
    system_roots[system_count++] = root;
}

size_t memory_system_of(const char *path, size_t length)
{
    size_t longest = 0;
    for (size_t i = 0; i < system_count; i++) {
        size_t size = strlen(system_roots[i]);
        if (size > longest && length >= size && memcmp(path, system_roots[i], size) == 0 &&
            (length == size || path[size] == '/' || size == 1))
            longest = size;
    }
    return longest;
}

static int is_of_the_system(const char *path)
{
    return memory_system_of(path, strlen(path)) > 0;
}

/* Whether a link in the system leads to what a sandbox doesn't show, here where all can be seen. */
static int leads_out(const char *path)
{
    char real[PATH_MAX];
    return realpath(path, real) != NULL && !is_of_the_system(real);
}

static int in_order_of_paths(const void *one, const void *other)
{
    const struct memory_observation *a = one, *b = other;
    int order = strcmp(out_texts.bytes + a->path, out_texts.bytes + b->path);
    return order != 0 ? order : memcmp(&a->mask, &b->mask, sizeof *a - sizeof a->path);
}

static int write_file(int directory, const char *name, const struct buffer *whole)
{
    int file = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file < 0)
        return -errno;
    for (size_t done = 0; done < whole->size;) {
        ssize_t part = write(file, whole->bytes + done, whole->size - done);
        if (part < 0) {
            int error = -errno;
            close(file);
            unlinkat(directory, name, 0);
            return error;
        }
        done += (size_t)part;
    }
    return close(file) == 0 ? 0 : -errno;
}

/* A memory of no command: what this build saw of the system, the same bytes for the same. */
int memory_write_system(int directory, const char *name)
{
    uint32_t all = count_of(&out_observations, sizeof(struct memory_observation)), count = 0;
    struct memory_observation *seen = malloc((all + 1) * sizeof *seen);
    if (seen == NULL)
        abort();
    for (uint32_t i = 0; i < all; i++) {
        memcpy(&seen[count], out_observations.bytes + i * sizeof *seen, sizeof *seen);
        const char *path = out_texts.bytes + seen[count].path;
        if (path_at(path, strlen(path))->zone == ZONE_SYSTEM && is_of_the_system(path) &&
            (seen[count].kind == KIND_LINK || !leads_out(path)))
            count++;
    }
    qsort(seen, count, sizeof *seen, in_order_of_paths);
    struct buffer texts = {NULL, 0, 0}, whole = {NULL, 0, 0};
    append(&texts, "", 1);
    for (uint32_t i = 0; i < count; i++) {
        const char *path = out_texts.bytes + seen[i].path;
        seen[i].path = (uint32_t)append(&texts, path, strlen(path) + 1);
    }
    struct memory_header header;
    memset(&header, 0, sizeof header);
    memcpy(header.magic, MEMORY_MAGIC, sizeof header.magic);
    header.order = 0x01020304;
    header.observations = count;
    header.texts = (uint32_t)texts.size;
    append(&whole, &header, sizeof header);
    append(&whole, seen, count * sizeof *seen);
    append(&whole, texts.bytes, texts.size);
    size_t rest = offsetof(struct memory_header, order);
    header.digest = digest_of(whole.bytes + rest, whole.size - rest);
    memcpy(whole.bytes, &header, sizeof header);
    free(seen);
    return write_file(directory, name, &whole);
}

/* The first path of which something is not as it was seen; NULL: all is. */
const char *memory_differs(struct memory *memory)
{
    for (uint32_t i = 0; i < memory->header->observations; i++)
        if (!holds(memory, i))
            return memory->texts + memory->observations[i].path;
    return NULL;
}

/* --- what is told of it --------------------------------------------------------------------- */

static void put_json(FILE *to, const char *text, size_t length)
{
    fputc('"', to);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            fprintf(to, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            fprintf(to, "\\u%04x", c < 0x80 ? c : 0xdc00u + c); /* as os.fsdecode(3) does it */
        else
            fputc(c, to);
    }
    fputc('"', to);
}

static void put_pair(FILE *to, const char *name, const char *text)
{
    fprintf(to, ",\"%s\":", name);
    if (text == NULL)
        fputs("null", to);
    else
        put_json(to, text, strlen(text));
}

static void report_step(FILE *to, struct step *step, int *is_first)
{
    if (step->is_answered)
        return;
    fputs(*is_first ? "\n" : ",\n", to);
    *is_first = 0;
    fputs("{\"arguments\":[", to);
    for (uint32_t at = 0; at < step->arguments_size;) {
        size_t length = strlen(step->arguments + at);
        if (at > 0)
            fputc(',', to);
        put_json(to, step->arguments + at, length);
        at += (uint32_t)length + 1;
    }
    fprintf(to, "],\"number\":%u,\"parent\":%u,\"code\":%d,\"seconds\":%.6f", step->number,
            step->parent == NULL ? 0 : step->parent->number, step->code,
            step->has_ended ? (double)(step->ended - step->began) / 1e9 : 0.0);
    put_pair(to, "program", step->program);
    put_pair(to, "folder", step->folder);
    put_pair(to, "missed_by", step->missed_by);
    put_pair(to, "not_remembered", why_not(step));
    fputs(",\"made\":[", to);
    for (size_t i = 0, count = 0; i < step->effect_count; i++) {
        const struct path *path = step->effects[i].path;
        const struct version *version = &path->versions[step->effects[i].after];
        if (version->writer != step || version->state.kind != KIND_FILE)
            continue;
        if (count++ > 0)
            fputc(',', to);
        put_json(to, path->text, path->length);
    }
    fputs("]}", to);
    for (struct step *child = step->first; child != NULL; child = child->next)
        report_step(to, child, is_first);
}

void memory_report(FILE *to)
{
    fprintf(to, "{\"version\":1,\"ran\":%u,\"answered\":%u,\"failed\":%s", ran_count, answered_count,
            answering_failed ? "true" : "false");
    put_pair(to, "incomplete", the_root_step->incomplete);
    fprintf(to, ",\"stored\":%llu", (unsigned long long)paths_stored());
    fputs(",\"answered_by\":{", to);
    for (int m = 0, first = 1; m < memory_count; m++)
        if (memories[m]->answered > 0) {
            if (!first)
                fputc(',', to);
            first = 0;
            put_json(to, memories[m]->name, strlen(memories[m]->name));
            fprintf(to, ":%u", memories[m]->answered);
        }
    fputs("},\"steps\":[", to);
    int is_first = 1;
    for (struct step *child = the_root_step->first; child != NULL; child = child->next)
        report_step(to, child, &is_first);
    fputs("]}\n", to);
}
