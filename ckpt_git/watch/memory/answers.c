/* What the program that answers in a command's place is told to do, one thing after the other. */

#define _GNU_SOURCE
#include "shared/answer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "memory/placeholders.h"
#include "memory/remember.h"
#include "shared/notes.h"
#include "shared/util.h"
#include "watcher/calls.h"

enum {
    SMALL = 8192,      /* bytes of a content that is told along with the rest */
    LARGEST = 3 * SMALL, /* bytes of one thing to do: two paths, and a content or an end of them */
};

int answering_failed;

static int64_t last_given; /* the newest date that an answer gave to a file */

static int64_t coarse_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void wait_for_clock(void)
{
    while (last_given != 0 && coarse_now() <= last_given) {
        struct timespec part = {.tv_nsec = 200000};
        nanosleep(&part, NULL);
    }
    last_given = 0;
}

int can_answer(struct memory *memory, uint32_t number)
{
    const struct memory_entry *entry = &memory->entries[number];
    for (uint32_t i = 0; i < entry->effects; i++) {
        const struct memory_effect *effect = &memory->effects[entry->effect + i];
        if (effect->kind == KIND_FILE && !effect->is_further_name && effect->size > 0 &&
            !objects_has(the_objects, effect->digest))
            return 0;
    }
    return 1;
}

/* What date a path has now, be it one that is made just now. */
static int64_t date_at(const char *text)
{
    struct path *path = path_at(text, strlen(text));
    struct state state = *path_state(path, 0);
    if (state.is_foretold)
        path_look(path, 0, &state);
    return state.kind == KIND_ABSENT ? DATE_NOW : state.mtime;
}

/* Before the command changes any of them. */
static int64_t *look_at_dates(const struct memory *memory, const struct memory_entry *entry)
{
    int64_t *dates = NULL;
    for (uint32_t i = 0; i < entry->effects; i++) {
        const struct memory_effect *effect = &memory->effects[entry->effect + i];
        if (effect->date != EFFECT_AS && effect->date != EFFECT_LEFT)
            continue;
        if (dates == NULL)
            dates = take(entry->effects * sizeof *dates);
        dates[i] = date_at(text_as_here(memory->texts + effect->target));
    }
    return dates;
}

void answers_begin(struct process *process, struct memory *memory, uint32_t entry)
{
    struct answering *answering = take(sizeof *answering);
    answering->memory = memory;
    answering->entry = entry;
    answering->dates = look_at_dates(memory, &memory->entries[entry]);
    process->answering = answering;
    notes_read_all();
    memory_answered(process->step, memory, entry, now_ns());
}

void answers_end(struct process *process)
{
    struct answering *answering = process->answering;
    if (!answering->is_told_all)
        answering_failed = 1;
    const struct memory_entry *entry = &answering->memory->entries[answering->entry];
    const struct descriptor *input = &process->step->standard[0];
    if (entry->input_end >= 0 && input->copy >= 0)
        descriptors_go_to(input, entry->input_end);
}

/* --- a batch --------------------------------------------------------------------------------- */

struct batch {
    _Alignas(16) char bytes[ANSWER_ROOM];
    size_t used, last;
    int content; /* a descriptor; -1: none */
};

static int has_room(const struct batch *batch)
{
    return batch->used + LARGEST <= sizeof batch->bytes;
}

static void put_act(struct batch *batch, struct act act, const char *path, const char *data)
{
    act.path_length = (uint32_t)strlen(path);
    size_t size = (sizeof act + act.path_length + 1 + act.length + 1 + 7) & ~(size_t)7;
    act.next = (uint32_t)size;
    char *at = batch->bytes + batch->used;
    memset(at, 0, size);
    memcpy(at, &act, sizeof act);
    memcpy(at + sizeof act, path, act.path_length);
    if (act.length > 0)
        memcpy(at + sizeof act + act.path_length + 1, data, act.length);
    batch->last = batch->used;
    batch->used += size;
}

static int64_t in_units(int64_t date, int64_t unit)
{
    return date == DATE_NOW || unit < 2 ? date : date - date % unit;
}

static int64_t date_of(const struct answering *answering, const struct memory_effect *effect)
{
    switch (effect->date) {
    case EFFECT_AS_BEFORE:
        return DATE_AS_BEFORE;
    case EFFECT_AT:
        return effect->mtime;
    case EFFECT_AS:
    case EFFECT_LEFT:
        return in_units(answering->dates[answering->effect], effect->mtime);
    default:
        return DATE_NOW;
    }
}

/* 1: it is put there; 0: it has to wait for the next batch; -1: its content is gone or damaged. */
static int put_content(struct batch *batch, struct act act, const char *path,
                       const struct memory_effect *effect)
{
    char bytes[SMALL];
    act.what = DO_FILE;
    if (effect->size == 0) {
        put_act(batch, act, path, NULL);
        return 1;
    }
    if (batch->content >= 0 && effect->size > sizeof bytes)
        return 0;
    int file = objects_get(the_objects, effect->digest, (off_t)effect->size);
    if (file < 0)
        return -1;
    if (effect->size > sizeof bytes) {
        act.what = DO_COPY;
        if (effect->has_names) {
            int here = file_as_here(file, effect->size);
            close(file);
            file = here;
        }
        if (file < 0)
            return -1;
        batch->content = file;
        put_act(batch, act, path, NULL);
        return 1;
    }
    ssize_t got = pread(file, bytes, sizeof bytes, 0);
    close(file);
    if (got != (ssize_t)effect->size)
        return -1;
    const char *content = bytes;
    size_t length = (size_t)got;
    if (effect->has_names)
        content = bytes_as_here(bytes, length, &length);
    act.length = (uint32_t)length;
    put_act(batch, act, path, content);
    return 1;
}

static int put_effect(struct batch *batch, const struct answering *answering,
                      const struct memory_effect *effect)
{
    const struct memory *memory = answering->memory;
    const char *path = text_as_here(memory->texts + effect->path);
    const char *target = text_as_here(memory->texts + effect->target);
    struct act act = {.is_in_place = effect->is_in_place, .mode = (uint16_t)effect->mode};
    switch (effect->kind) {
    case KIND_ABSENT:
        act.what = effect->mode == KIND_FOLDER ? DO_REMOVE_FOLDER : DO_REMOVE;
        break;
    case KIND_FOLDER:
        act.what = effect->is_in_place ? DO_MODE : DO_FOLDER;
        break;
    case KIND_FILE:
        if (!effect->is_further_name) {
            int64_t now = coarse_now();
            act.size = effect->size;
            act.mtime = date_of(answering, effect);
            act.newest = now > last_given ? now : last_given;
            return put_content(batch, act, path, effect);
        }
        act.what = DO_NAME;
        break;
    default:
        act.what = DO_LINK;
    }
    if (act.what == DO_NAME || act.what == DO_LINK)
        act.length = (uint32_t)strlen(target);
    put_act(batch, act, path, target);
    return 1;
}

static void put_said(struct batch *batch, struct answering *answering)
{
    const struct memory *memory = answering->memory;
    const struct memory_entry *entry = &memory->entries[answering->entry];
    while (answering->print < entry->prints && has_room(batch)) {
        const struct memory_print *print = &memory->prints[entry->print + answering->print];
        uint32_t left = print->length - answering->printed_bytes;
        size_t length;
        const char *text = bytes_as_here(memory->texts + print->text, print->length, &length);
        uint32_t part = left < SMALL ? left : SMALL;
        put_act(batch,
                (struct act){.what = DO_PRINT, .mode = (uint16_t)print->descriptor, .length = part}, "",
                text + answering->printed_bytes);
        answering->printed_bytes += part;
        if (answering->printed_bytes == print->length) {
            answering->printed_bytes = 0;
            answering->print++;
        }
    }
}

/* 0, or -1 where the content of a file is gone or damaged. */
static int fill(struct batch *batch, struct answering *answering)
{
    const struct memory *memory = answering->memory;
    const struct memory_entry *entry = &memory->entries[answering->entry];
    batch->used = batch->last = 0;
    batch->content = -1;
    while (answering->effect < entry->effects && has_room(batch)) {
        int done = put_effect(batch, answering, &memory->effects[entry->effect + answering->effect]);
        if (done < 0)
            return -1;
        if (done == 0)
            break;
        answering->effect++;
    }
    if (answering->effect == entry->effects)
        put_said(batch, answering);
    if (answering->effect == entry->effects && answering->print == entry->prints &&
        has_room(batch)) {
        put_act(batch, (struct act){.what = DO_EXIT, .mode = (uint16_t)entry->code}, "", NULL);
        answering->is_told_all = 1;
    }
    ((struct act *)(void *)(batch->bytes + batch->last))->next = 0;
    return 0;
}

void answers_go_on(struct process *process, const struct seccomp_data *call)
{
    static struct batch batch;
    int64_t given = (int64_t)call->args[3];
    if (process->answering != NULL && given > last_given)
        last_given = given;
    if (process->answering == NULL || process->answering->is_told_all) {
        reply(0, -ENOSYS);
        return;
    }
    if (fill(&batch, process->answering) != 0 || !call_is_valid() ||
        poke(process, call->args[1], batch.bytes, batch.used) != 0) {
        if (batch.content >= 0)
            close(batch.content);
        answering_failed = 1;
        reply(0, -EIO);
    } else if (batch.content >= 0) {
        reply_descriptor(batch.content, O_CLOEXEC);
        close(batch.content);
    } else {
        reply(0, 0);
    }
}
