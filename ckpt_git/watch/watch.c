/* What the kernel tells of the watched programs, call by call: seccomp_unotify(2).
 *
 * Each call is noted, then let go on. What will change a file is noted before it does: what the
 * file was is known then. Nothing here is done in place of a program but one thing: a command that
 * is known is answered from memory, by having the kernel execute another program in its place.
 */

#define _GNU_SOURCE
#include "watch.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "answer.h"
#include "filter.h"
#include "listen.h"
#include "processes.h"
#include "seen.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

static int listener = -1;
static uint64_t change_count; /* of all paths: whether a listing may be another one now */

/* --- paths of a call ------------------------------------------------------------------------ */

static const char *folder_of(struct process *process)
{
    if (process->folder == NULL) {
        char link[32], text[4096];
        snprintf(link, sizeof link, "/proc/%d/cwd", process->id);
        ssize_t length = readlink(link, text, sizeof text);
        if (length <= 0)
            return NULL;
        process->folder = take_text(text, (size_t)length);
    }
    return process->folder;
}

static int descriptor_path(struct process *process, int descriptor, char *into, size_t room)
{
    char link[48];
    snprintf(link, sizeof link, "/proc/%d/fd/%d", process->id, descriptor);
    ssize_t length = readlink(link, into, room - 1);
    if (length <= 0)
        return -1;
    into[length] = '\0';
    return into[0] == '/' ? 0 : -1;
}

/* What a name of the process' own stands for, by proc(5): its folder, its root, what it has open.
 * `rest` is what comes after it; NULL where it is no such name. */
static const char *own_name(struct process *process, const char *text, char *into, size_t room,
                            const char **rest)
{
    char own[32];
    snprintf(own, sizeof own, "/proc/%d/", process->id);
    const char *at = NULL;
    if (strncmp(text, "/proc/self/", 11) == 0)
        at = text + 11;
    else if (strncmp(text, own, strlen(own)) == 0)
        at = text + strlen(own);
    else if (strncmp(text, "/dev/fd/", 8) == 0)
        at = text + 5;
    if (at == NULL)
        return NULL;
    if (strncmp(at, "cwd", 3) == 0 && (at[3] == '/' || at[3] == '\0')) {
        *rest = at + 3;
        return folder_of(process);
    }
    if (strncmp(at, "root/", 5) == 0) {
        *rest = at + 4;
        return "";
    }
    if (strncmp(at, "fd/", 3) == 0 && at[3] >= '0' && at[3] <= '9') {
        char *end;
        long number = strtol(at + 3, &end, 10);
        *rest = end;
        return descriptor_path(process, (int)number, into, room) == 0 ? into : NULL;
    }
    return NULL;
}

/* An absolute path, in memory that is used again; NULL where it can't be known. */
static const char *absolute(struct process *process, int folder, const char *text)
{
    static char whole[3 * 4096];
    char base[4096];
    if (text == NULL)
        return NULL;
    if (text[0] == '/') {
        const char *rest, *own = own_name(process, text, base, sizeof base, &rest);
        if (own != NULL)
            snprintf(whole, sizeof whole, "%s%s", own, rest);
        else
            snprintf(whole, sizeof whole, "%s", text);
        return whole;
    }
    const char *above = base;
    if (folder == AT_FDCWD)
        above = folder_of(process);
    else if (descriptor_path(process, folder, base, sizeof base) != 0)
        return NULL;
    if (above == NULL)
        return NULL;
    snprintf(whole, sizeof whole, "%s/%s", above[1] == '\0' ? "" : above, text);
    return whole;
}

static void went_through(struct path *link, void *data)
{
    step_saw(data, link, path_current(link), SAW_LINK, 1);
}

static struct path *resolve(struct process *process, int folder, const char *text, int follow)
{
    const char *whole = absolute(process, folder, text);
    if (whole == NULL)
        return NULL;
    return path_resolve(whole, follow, went_through, process->step);
}

/* --- what was read -------------------------------------------------------------------------- */

static int stat_mask(const struct step *step)
{
    return SAW_DATE | (step->counts_sizes == 2 ? SAW_STAT : step->counts_sizes == 1 ? SAW_SIZE_CLASS : SAW_EXISTS);
}

/* What goes through a named pipe, a socket or a device below the build's folder isn't seen. */
static void look_for_stream(struct step *step, struct path *path, int mask)
{
    if (path->zone != ZONE_TRACKED || !(mask & SAW_CONTENT) ||
        path_state(path, 1)->kind != KIND_OTHER)
        return;
    for (; step != NULL; step = step->parent)
        step_unfit(step, "it speaks through %s", path->text);
}

static void saw_now(struct process *process, struct path *path, int mask, int nofollow)
{
    if (path == NULL || path->zone == ZONE_KERNEL)
        return;
    path_state(path, !nofollow);
    look_for_stream(process->step, path, mask);
    step_saw(process->step, path, path_current(path), mask, nofollow);
}

static void saw(struct process *process, int folder, const char *text, int mask, int nofollow)
{
    if (text == NULL || *text == '\0')
        return;
    struct path *path = resolve(process, folder, text, !nofollow);
    if (path == NULL)
        step_incomplete(process->step, "a path could not be found out");
    else
        saw_now(process, path, mask, nofollow);
}

static int mask_of_record(const struct step *step, uint8_t kind)
{
    switch (kind) {
    case SEEN_READ:
        return SAW_CONTENT | SAW_EXISTS; /* fstat(2) may follow */
    case SEEN_STAT:
    case SEEN_LSTAT:
        return stat_mask(step);
    case SEEN_LINK:
        return SAW_LINK;
    default:
        return SAW_EXISTS;
    }
}

static void take_record(struct process *process, const struct seen_record *record, const char *text)
{
    struct step *step = process->step;
    int nofollow = record->kind == SEEN_LSTAT || record->kind == SEEN_LINK ||
                   record->kind == SEEN_NO_LINK || record->kind == SEEN_LMISSING;
    struct path *path = path_resolve(text, !nofollow, went_through, step);
    if (path->zone == ZONE_KERNEL)
        return;
    int mask = mask_of_record(step, record->kind);
    path_state(path, !nofollow);
    look_for_stream(step, path, mask);
    if (path->zone != ZONE_TRACKED || path->count == 1) {
        step_saw(step, path, path_current(path), mask, nofollow);
        return;
    }
    struct version *version = path_version_at(path, record->after);
    uint32_t first = version_number(path, path_version_at(path, record->before));
    uint32_t number = version_number(path, version);
    int is_missing = record->kind == SEEN_MISSING || record->kind == SEEN_LMISSING;
    if (first != number) { /* it changed meanwhile: what was found says which one it was */
        if (is_missing == (path->versions[first].state.kind == KIND_ABSENT))
            number = first;
    }
    step_saw(step, path, &path->versions[number], mask, nofollow);
    /* The same again, later, isn't noted again: it may have been another one by then. */
    for (uint32_t later = number + 1; later < path->count; later++)
        if ((path->versions[later].state.kind == KIND_ABSENT) == is_missing)
            step_saw(step, path, &path->versions[later], mask, nofollow);
}

/* Read what a program noted of itself. 0, or -1 where its memory can't be read. */
static int drain(struct process *process)
{
    if (process->buffer == 0)
        return 0;
    static struct {
        struct seen head;
    } copy;
    size_t head = offsetof(struct seen, records);
    if (read_memory(process->id, process->buffer, &copy.head, head) != 0 ||
        copy.head.magic != NOTED) {
        step_incomplete(process->step, "what it noted can't be read");
        process->buffer = 0;
        return -1;
    }
    struct process *owner = process;
    int keep = 0;
    uint32_t used = copy.head.used > SEEN_ROOM ? SEEN_ROOM : copy.head.used;
    if (copy.head.process != (uint32_t)process->id && process->parent != NULL &&
        process->parent->buffer == process->buffer && !process->parent->has_ended &&
        process->parent->step == process->step) {
        if (has_same_memory(process->id, process->parent->id))
            owner = process->parent; /* a child of vfork(2) */
        else
            keep = copy.head.inherited == 0; /* of a fork that the library wasn't told of */
    }
    if (owner->generation != copy.head.generation) {
        owner->generation = copy.head.generation;
        owner->drained = 0;
    }
    if (owner == process && copy.head.process == (uint32_t)process->id && !process->has_own) {
        process->has_own = 1; /* what its parent noted before the fork, the parent tells */
        process->drained = copy.head.inherited;
    }
    uint32_t at = owner->drained;
    if (used <= at)
        return 0;
    if (read_memory(process->id, process->buffer + head + at, copy.head.records + at, used - at) !=
        0) {
        step_incomplete(process->step, "what it noted can't be read");
        return -1;
    }
    while (at + sizeof(struct seen_record) < used) {
        struct seen_record record;
        memcpy(&record, copy.head.records + at, sizeof record);
        char text[8192];
        size_t length = record.length;
        if (length == 0 || length >= sizeof text || at + sizeof record + length > used) {
            step_incomplete(process->step, "what it noted is damaged");
            break;
        }
        memcpy(text, copy.head.records + at + sizeof record, length);
        text[length] = '\0';
        take_record(process, &record, text);
        at += (uint32_t)((sizeof record + length + 7) & ~(size_t)7);
    }
    if (!keep)
        owner->drained = used;
    if (owner != process) {
        process->generation = owner->generation;
        process->drained = owner->drained;
    }
    return 0;
}

/* --- what will change ----------------------------------------------------------------------- */

/* Keep what a file is before it changes, where somebody may need to know. */
static void capture(struct path *path, struct step *changer, int is_removal)
{
    struct version *version = path_current(path);
    struct state *state = &version->state;
    if (state->kind != KIND_FILE || (version->writer == NULL && state->has_digest) ||
        version->is_stored)
        return;
    struct step *writer = version->writer;
    int is_own = writer == changer && !version->is_observed;
    int is_scratch = is_removal && path->is_temporary && writer != NULL &&
                     step_is_within(writer, changer);
    if (is_own || is_scratch) {
        version->is_lost = 1;
        return;
    }
    if (path_digest(path, state, writer != NULL, &version->is_stored) != 0)
        version->is_lost = 1;
}

static uint32_t change_one(struct step *step, struct path *path, struct step *writer,
                           uint64_t moment)
{
    uint32_t before = version_number(path, path_current(path));
    path_change(path, writer, moment);
    step_changed(step, path, before, path->count - 1);
    change_count++;
    return path->count - 1;
}

enum { CHANGE_CONTENT = 1, CHANGE_AWAY = 2 };

/* `path` is about to change; a file's other names change with it, unless it is taken away. */
static int change(struct process *process, struct path *path, int how)
{
    struct step *step = process->step;
    if (path->zone == ZONE_KERNEL)
        return -1;
    if (path->zone == ZONE_SYSTEM) {
        if (settings.is_shut_in)
            saw_now(process, path, SAW_EXISTS, 0); /* it can't be written */
        else
            for (struct step *above = step; above != NULL; above = above->parent)
                step_unfit(above, "it writes outside of the build: %s", path->text);
        return -1;
    }
    uint64_t moment = now_ns();
    path_state(path, 0);
    capture(path, step, (how & CHANGE_AWAY) != 0);
    saw_now(process, path, how & CHANGE_CONTENT ? SAW_CONTENT | SAW_EXISTS : SAW_EXISTS, 0);
    if (path->twin != NULL && how & CHANGE_AWAY) {
        path_untwin(path);
    } else if (path->twin != NULL) {
        for (struct path *other = path->twin; other != path; other = other->twin) {
            path_state(other, 0);
            capture(other, step, 0);
            change_one(step, other, step, moment);
        }
    }
    change_one(step, path, step, moment);
    if (how & CHANGE_AWAY)
        step_effect(step, path)->is_new = 1;
    return 0;
}

static int is_there(struct path *path)
{
    return path_state(path, 0)->kind != KIND_ABSENT;
}

/* Whether a name can be made at `path`: the folder above is there. What is asked is noted. */
static int has_folder(struct process *process, struct path *path)
{
    if (path->zone != ZONE_TRACKED || path->parent == NULL)
        return path->zone == ZONE_TRACKED;
    saw_now(process, path->parent, SAW_EXISTS, 0);
    return path->parent->zone != ZONE_TRACKED ||
           path_state(path->parent, 1)->kind == KIND_FOLDER;
}

/* What is printed by way of a name of its output isn't followed. */
static void prints_by_name(struct process *process, const char *name)
{
    if (strncmp(name, "/dev/std", 8) != 0 && strstr(name, "/fd/") == NULL)
        return;
    const struct standard *own = process->step->standard;
    for (struct step *above = process->step; above != NULL; above = above->parent)
        for (int i = 1; i < 3; i++)
            if (above->standard[i].inode == own[1].inode || above->standard[i].inode == own[2].inode)
                step_unfit(above, "it prints in a way that is not followed");
}

static void opens(struct process *process, int folder, const char *text, uint64_t flags)
{
    int access = (int)(flags & O_ACCMODE), nofollow = (flags & O_NOFOLLOW) != 0;
    if (flags & O_PATH) {
        saw(process, folder, text, SAW_EXISTS, nofollow);
        return;
    }
    if (access == O_RDONLY && !(flags & (O_CREAT | O_TRUNC)) && (flags & O_TMPFILE) != O_TMPFILE) {
        saw(process, folder, text, flags & O_DIRECTORY ? SAW_EXISTS : SAW_CONTENT | SAW_EXISTS, nofollow);
        return;
    }
    drain(process);
    int exclusive = (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
    struct path *path = resolve(process, folder, text, !nofollow && !exclusive);
    if (path == NULL) {
        step_incomplete(process->step, "a path could not be found out");
        return;
    }
    if (path->zone == ZONE_KERNEL) {
        prints_by_name(process, path->text);
        return;
    }
    if ((flags & O_TMPFILE) == O_TMPFILE) {
        saw_now(process, path, SAW_EXISTS, 0);
        return;
    }
    const struct state *state = path_state(path, 1);
    if (state->kind == KIND_ABSENT) {
        if ((flags & O_CREAT) && has_folder(process, path))
            change(process, path, 0);
        else
            saw_now(process, path, SAW_EXISTS, 0);
    } else if (exclusive || state->kind == KIND_FOLDER || state->kind == KIND_LINK) {
        saw_now(process, path, SAW_EXISTS, 0);
    } else if (state->kind == KIND_OTHER && path->zone == ZONE_TRACKED) {
        for (struct step *above = process->step; above != NULL; above = above->parent)
            step_unfit(above, "it speaks through %s", path->text);
    } else {
        change(process, path, flags & O_TRUNC ? 0 : CHANGE_CONTENT);
    }
}

static void removes(struct process *process, int folder, const char *text)
{
    drain(process);
    struct path *path = resolve(process, folder, text, 0);
    if (path == NULL)
        step_incomplete(process->step, "a path could not be found out");
    else if (path->zone == ZONE_KERNEL || !is_there(path))
        saw_now(process, path, SAW_EXISTS, 1);
    else
        change(process, path, CHANGE_AWAY);
}

static void makes(struct process *process, int folder, const char *text, const char *target)
{
    drain(process);
    struct path *path = resolve(process, folder, text, 0);
    if (path == NULL)
        step_incomplete(process->step, "a path could not be found out");
    else if (path->zone != ZONE_TRACKED || is_there(path) || !has_folder(process, path))
        saw_now(process, path, SAW_EXISTS, 1);
    else if (change(process, path, 0) == 0 && target != NULL)
        path_made_link(path);
}

static void alters(struct process *process, struct path *path)
{
    drain(process);
    if (path == NULL || path->zone == ZONE_KERNEL)
        return;
    if (path->zone != ZONE_TRACKED || !is_there(path)) {
        if (path->zone == ZONE_SYSTEM && !settings.is_shut_in)
            change(process, path, 0);
        else
            saw_now(process, path, SAW_EXISTS, 0);
        return;
    }
    int is_file = path_state(path, 0)->kind == KIND_FILE;
    change(process, path, is_file ? CHANGE_CONTENT : 0);
}

static struct path *of_descriptor(struct process *process, int descriptor)
{
    char text[4096];
    if (descriptor_path(process, descriptor, text, sizeof text) != 0)
        return NULL;
    return path_resolve(text, 0, NULL, NULL);
}

struct move {
    struct process *process;
    struct path *from, *to;
    uint64_t moment;
};

static void move_one(struct path *path, struct path *to, struct move *move)
{
    struct state state = *path_state(path, 0);
    struct step *step = move->process->step;
    if (state.kind == KIND_ABSENT || to->zone != ZONE_TRACKED)
        return;
    capture(path, step, 0);
    struct version *version = path_current(path);
    if (version->state.kind == KIND_FILE && !version->state.has_digest)
        path_digest(path, &version->state, version->writer != NULL, &version->is_stored);
    step_saw(step, path, version, state.kind == KIND_FILE ? SAW_CONTENT | SAW_EXISTS : SAW_EXISTS,
             1);
    state = version->state;
    uint8_t is_stored = version->is_stored;
    change_one(step, path, step, move->moment);
    path_current(path)->state.kind = KIND_ABSENT;
    step_effect(step, path)->is_new = 1;
    path_state(to, 0);
    if (to->twin != NULL)
        path_untwin(to);
    capture(to, step, 1);
    step_saw(step, to, path_current(to), SAW_EXISTS, 1);
    change_one(step, to, step, move->moment);
    step_effect(step, to)->is_new = 1;
    struct version *made = path_current(to);
    made->is_stored = is_stored;
    if (state.has_digest && state.kind == KIND_FILE) {
        made->state.digest = state.digest; /* the rest is looked up when it has happened */
        made->state.has_digest = 1;
    }
    if (path->twin != NULL) {
        path_twin(path, to);
        path_untwin(path);
    }
    path_moved_link(path, to, state.kind == KIND_LINK);
}

static void move_below(struct path *path, void *data)
{
    struct move *move = data;
    char text[8192];
    snprintf(text, sizeof text, "%s%s", move->to->text, path->text + move->from->length);
    move_one(path, path_at(text, strlen(text)), move);
}

/* All names below a folder, so that they are known when it moves. */
static void look_below(struct path *folder)
{
    struct path **left = NULL;
    size_t room = 0, count = 0;
    left = grow(left, &room, count, sizeof *left);
    left[count++] = folder;
    while (count > 0) {
        struct path *at = left[--count];
        int file = path_open(at, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        DIR *names = file < 0 ? NULL : fdopendir(file);
        if (names == NULL) {
            if (file >= 0)
                close(file);
            continue;
        }
        for (struct dirent *name; (name = readdir(names)) != NULL;) {
            if (strcmp(name->d_name, ".") == 0 || strcmp(name->d_name, "..") == 0)
                continue;
            struct path *child = path_child(at, name->d_name);
            if (path_state(child, 0)->kind == KIND_FOLDER) {
                left = grow(left, &room, count, sizeof *left);
                left[count++] = child;
            }
        }
        closedir(names);
    }
    free(left);
}

static void renames(struct process *process, int from_folder, const char *from_text, int folder,
                    const char *text, uint64_t flags)
{
    drain(process);
    struct path *from = resolve(process, from_folder, from_text, 0);
    char *kept = text == NULL ? NULL : strdup(text);
    struct path *to = resolve(process, folder, kept, 0);
    free(kept);
    if (from == NULL || to == NULL) {
        step_incomplete(process->step, "a path could not be found out");
        return;
    }
    if (from->zone != ZONE_TRACKED || to->zone != ZONE_TRACKED || !is_there(from) ||
        !has_folder(process, to) || (flags & 1 && is_there(to)) || from == to) {
        saw_now(process, from, SAW_EXISTS, 1);
        saw_now(process, to, SAW_EXISTS, 1);
        if (!settings.is_shut_in && to->zone == ZONE_SYSTEM)
            change(process, to, 0);
        return;
    }
    if (flags & 2) { /* RENAME_EXCHANGE */
        step_unfit(process->step, "it exchanges two names");
        step_incomplete(process->step, "two names were exchanged");
        return;
    }
    struct move move = {process, from, to, now_ns()};
    if (path_state(from, 0)->kind == KIND_FOLDER) {
        look_below(from);
        paths_each_below(from, move_below, &move);
    }
    move_one(from, to, &move);
}

static void links(struct process *process, int from_folder, const char *from_text, int folder,
                  const char *text, uint64_t flags)
{
    drain(process);
    struct path *from = NULL;
    if (from_text != NULL && *from_text == '\0')
        from = of_descriptor(process, from_folder);
    else
        from = resolve(process, from_folder, from_text, (flags & AT_SYMLINK_FOLLOW) != 0);
    char *kept = text == NULL ? NULL : strdup(text);
    struct path *to = resolve(process, folder, kept, 0);
    free(kept);
    if (to == NULL) {
        step_incomplete(process->step, "a path could not be found out");
        return;
    }
    if (to->zone != ZONE_TRACKED || is_there(to) || !has_folder(process, to)) {
        saw_now(process, to, SAW_EXISTS, 1);
        return;
    }
    if (from == NULL || from->zone == ZONE_KERNEL) { /* a file without a name gets one */
        change(process, to, 0);
        return;
    }
    if (from->zone != ZONE_TRACKED || !is_there(from)) {
        saw_now(process, from, SAW_EXISTS, 1);
        return;
    }
    struct version *version = path_current(from);
    path_digest(from, &version->state, 0, &version->is_stored);
    saw_now(process, from, SAW_CONTENT | SAW_EXISTS, 0);
    change(process, to, 0);
    path_twin(from, to);
}

/* --- what is listed and printed ------------------------------------------------------------- */

static int kind_of_entry(struct path *folder, const struct dirent *name)
{
    switch (name->d_type) {
    case DT_REG:
        return KIND_FILE;
    case DT_DIR:
        return KIND_FOLDER;
    case DT_LNK:
        return KIND_LINK;
    case DT_UNKNOWN: {
        struct state state;
        path_look(path_child(folder, name->d_name), 0, &state);
        return state.kind;
    }
    default:
        return KIND_OTHER;
    }
}

int list_folder(struct path *folder, uint64_t sum[2])
{
    sum[0] = sum[1] = 0;
    int file = path_open(folder, O_RDONLY | O_DIRECTORY);
    DIR *names = file < 0 ? NULL : fdopendir(file);
    if (names == NULL) {
        if (file >= 0)
            close(file);
        return -1;
    }
    for (struct dirent *name; (name = readdir(names)) != NULL;) {
        if (strcmp(name->d_name, ".") == 0 || strcmp(name->d_name, "..") == 0)
            continue;
        char text[300];
        text[0] = '/';
        snprintf(text + 1, sizeof text - 1, "%s", name->d_name);
        struct path short_one = {.text = text, .length = (uint32_t)strlen(text)};
        digest one = name_digest(&short_one, kind_of_entry(folder, name));
        uint64_t parts[2];
        memcpy(parts, one.bytes, sizeof parts);
        sum[0] += parts[0];
        sum[1] += parts[1];
    }
    closedir(names);
    return 0;
}

static void lists(struct process *process, int descriptor)
{
    drain(process);
    struct path *folder = of_descriptor(process, descriptor);
    if (folder == NULL || folder->zone == ZONE_KERNEL)
        return;
    if (process->listed == folder && process->listed_at == change_count)
        return;
    uint64_t sum[2];
    if (list_folder(folder, sum) != 0)
        return;
    process->listed = folder;
    process->listed_at = change_count;
    step_listed(process->step, folder, now_ns(), sum);
}

static int descriptor_flags(int process, int descriptor, uint64_t *offset)
{
    char path[48], text[512];
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", process, descriptor);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -1;
    ssize_t got = read(file, text, sizeof text - 1);
    close(file);
    if (got <= 0)
        return -1;
    text[got] = '\0';
    const char *at = strstr(text, "flags:"), *position = strstr(text, "pos:");
    if (offset != NULL)
        *offset = position == NULL ? 0 : strtoull(position + 4, NULL, 10);
    return at == NULL ? -1 : (int)strtol(at + 6, NULL, 8);
}

static void says(struct process *process, int descriptor, const char *bytes, size_t length)
{
    char link[48];
    struct stat to;
    snprintf(link, sizeof link, "/proc/%d/fd/%d", process->id, descriptor);
    if (stat(link, &to) != 0 || S_ISCHR(to.st_mode))
        return;
    if (!process->is_checked && !S_ISREG(to.st_mode)) {
        process->is_checked = 1;
        int flags = descriptor_flags(process->id, descriptor, NULL);
        process->is_hasty = flags >= 0 && flags & O_NONBLOCK; /* what is written may not arrive */
    }
    step_said(process->step, &(struct said){.device = to.st_dev,
                                            .inode = to.st_ino,
                                            .length = (uint32_t)length,
                                            .bytes = process->is_hasty ? NULL : bytes});
}

static void writes(struct process *process, const struct seccomp_data *call)
{
    static char bytes[1 << 20];
    drain(process);
    process->wrote_last = 1;
    uint64_t size = call->args[2];
    switch (call->nr) {
    case SYS_write:
        for (uint64_t done = 0; done < size;) {
            size_t part = size - done < sizeof bytes ? (size_t)(size - done) : sizeof bytes;
            if (read_memory(process->id, call->args[1] + done, bytes, part) != 0)
                break;
            says(process, (int)call->args[0], bytes, part);
            done += part;
        }
        break;
    case SYS_writev: {
        struct iovec parts[64];
        size_t count = size < 64 ? (size_t)size : 64;
        if (read_memory(process->id, call->args[1], parts, count * sizeof *parts) != 0)
            break;
        size_t length = 0;
        for (size_t i = 0; i < count; i++) {
            size_t part = parts[i].iov_len;
            if (length + part > sizeof bytes ||
                (part > 0 && read_memory(process->id, (uint64_t)(uintptr_t)parts[i].iov_base,
                                         bytes + length, part) != 0)) {
                says(process, (int)call->args[0], NULL, 0);
                return;
            }
            length += part;
        }
        if (size > 64)
            says(process, (int)call->args[0], NULL, 0);
        else
            says(process, (int)call->args[0], bytes, length);
        break;
    }
    case SYS_splice:
    case SYS_copy_file_range:
        says(process, (int)call->args[2], NULL, 0);
        break;
    case SYS_tee:
        says(process, (int)call->args[1], NULL, 0);
        break;
    default:
        says(process, (int)call->args[0], NULL, 0);
    }
}

/* --- programs that begin -------------------------------------------------------------------- */

/* What a program of the system asks of a file's size: nothing (0), whether it is empty (1), or as
 * much as any other may (2). Without this, each edit of a source that `test -f`, make or Meson
 * looks at would have it run again. GNU make and Ninja have no question about sizes; shells have
 * `test -s`; Meson has fs.size(), which is the one that would go unseen. */
static int sizes_that_count(const struct path *program)
{
    static const char *const none[] = {"make", "gmake", "ninja", "samu"};
    static const char *const emptiness[] = {"sh", "dash", "bash", "meson"};
    const char *name = strrchr(program->text, '/');
    name = name == NULL ? program->text : name + 1;
    if (program->zone != ZONE_SYSTEM)
        return 2;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        if (strcmp(name, none[i]) == 0)
            return 0;
    for (size_t i = 0; i < sizeof emptiness / sizeof emptiness[0]; i++)
        if (strcmp(name, emptiness[i]) == 0)
            return 1;
    return 2;
}

enum { RUNS = 0, RUNS_UNSEEN = 1, NO_PROGRAM = 2, RUNS_OTHERWISE = 3 };

struct program {
    int what; /* RUNS_UNSEEN: the library must not be loaded into it */
    struct path *interpreter;
    const char *incomplete;
};

static int is_sanitized(int file, const Elf64_Phdr *headers, size_t count)
{
    static const char *const names[] = {"libasan.so", "libtsan.so",  "libhwasan.so", "liblsan.so",
                                        "__asan_init", "__tsan_init", "__msan_init"};
    Elf64_Addr table = 0;
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        if (headers[i].p_type != PT_DYNAMIC)
            continue;
        Elf64_Dyn entries[64];
        ssize_t got = pread(file, entries, sizeof entries, (off_t)headers[i].p_offset);
        for (ssize_t k = 0; got > 0 && k < got / (ssize_t)sizeof entries[0]; k++) {
            if (entries[k].d_tag == DT_STRTAB)
                table = entries[k].d_un.d_ptr;
            if (entries[k].d_tag == DT_STRSZ)
                size = entries[k].d_un.d_val;
        }
    }
    for (size_t i = 0; i < count; i++) {
        const Elf64_Phdr *header = &headers[i];
        if (header->p_type != PT_LOAD || table < header->p_vaddr || size > 1 << 24 ||
            table >= header->p_vaddr + header->p_filesz)
            continue;
        char *text = malloc(size + 1);
        if (text == NULL)
            return 0;
        ssize_t got = pread(file, text, size, (off_t)(header->p_offset + table - header->p_vaddr));
        int found = 0;
        for (size_t n = 0; got > 0 && n < sizeof names / sizeof names[0]; n++)
            found |= memmem(text, (size_t)got, names[n], strlen(names[n])) != NULL;
        free(text);
        return found;
    }
    return 0;
}

/* The loader of the C library that our library is for, wherever it lies: elf(5), PT_INTERP. */
#if defined __x86_64__
#define LOADER "ld-linux-x86-64.so.2"
#else
#define LOADER "ld-linux-aarch64.so.1"
#endif

static int is_our_loader(const char *path)
{
    const char *name = strrchr(path, '/');
    return strcmp(name == NULL ? path : name + 1, LOADER) == 0;
}

static void look_at_elf(int file, const char *head, size_t size, struct path *path,
                        struct program *program)
{
    const Elf64_Ehdr *elf = (const void *)head;
    if (size < sizeof *elf || elf->e_ident[EI_CLASS] != ELFCLASS64) {
        program->what = RUNS_UNSEEN;
        program->incomplete = "it ran under another ABI";
        return;
    }
    size_t count = elf->e_phnum;
    if (elf->e_phentsize != sizeof(Elf64_Phdr) || elf->e_phoff > size ||
        elf->e_phoff + count * sizeof(Elf64_Phdr) > size)
        return;
    const Elf64_Phdr *headers = (const void *)(head + elf->e_phoff);
    const char *loader = NULL;
    for (size_t i = 0; i < count; i++)
        if (headers[i].p_type == PT_INTERP && headers[i].p_filesz > 0 &&
            headers[i].p_offset < size && headers[i].p_filesz <= size - headers[i].p_offset &&
            head[headers[i].p_offset + headers[i].p_filesz - 1] == '\0')
            loader = head + headers[i].p_offset;
    if (loader == NULL)
        return;
    program->interpreter = path_at(loader, strlen(loader));
    if (!is_our_loader(loader))
        program->what = RUNS_UNSEEN;
    else if (strncmp(path->text, "/usr/", 5) != 0 && is_sanitized(file, headers, count))
        program->what = RUNS_UNSEEN;
}

/* What the kernel does with a program's file: execve(2). `argument` gets what follows `#!`. */
static struct program look_at(struct path *path)
{
    struct program program = {RUNS, NULL, NULL};
    _Alignas(16) char head[4097];
    int file = path_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (file < 0) {
        program.incomplete = "its program can't be read";
        return program;
    }
    ssize_t size = pread(file, head, sizeof head - 1, 0);
    head[size > 0 ? size : 0] = '\0';
    if (size >= 4 && memcmp(head, ELFMAG, SELFMAG) == 0) {
        look_at_elf(file, head, (size_t)size, path, &program);
    } else if (size > 2 && head[0] == '#' && head[1] == '!') {
        char *from = head + 2 + strspn(head + 2, " \t");
        from[strcspn(from, " \t\r\n")] = '\0';
        program.interpreter = from[0] == '/' ? path_resolve(from, 1, NULL, NULL) : NULL;
        program.what = RUNS_OTHERWISE;
    } else {
        program.what = NO_PROGRAM;
    }
    close(file);
    return program;
}

static void note_standard(struct process *process, struct step *step)
{
    for (int number = 0; number < 3; number++) {
        struct standard *standard = &step->standard[number];
        char link[48], text[4096];
        struct stat found;
        snprintf(link, sizeof link, "/proc/%d/fd/%d", process->id, number);
        if (stat(link, &found) != 0) {
            standard->kind = '-';
            continue;
        }
        standard->device = found.st_dev;
        standard->inode = found.st_ino;
        standard->kind = S_ISREG(found.st_mode)                                    ? 'f'
                         : S_ISFIFO(found.st_mode) || S_ISSOCK(found.st_mode)      ? 'p'
                         : S_ISCHR(found.st_mode) && found.st_rdev == 0x103        ? 'n'
                                                                                   : 't';
        if (standard->kind == 't')
            standard->offset = found.st_rdev;
        if (number > 0)
            continue;
        if (standard->kind == 'f') {
            descriptor_flags(process->id, 0, &standard->offset);
            if (descriptor_path(process, 0, text, sizeof text) == 0)
                standard->path = path_resolve(text, 0, NULL, NULL);
            if (standard->path == NULL || standard->path->zone == ZONE_KERNEL)
                step_unfit(step, "its input has no name");
        } else if (standard->kind == 'p') {
            /* A pipe that nobody writes to any more is as good as none: GNU make's "bad stdin". */
            int own = (int)syscall(SYS_pidfd_open, process->id, 0);
            int copy = own < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, own, 0, 0);
            struct pollfd state = {.fd = copy, .events = POLLIN};
            if (copy >= 0 && S_ISFIFO(found.st_mode) && poll(&state, 1, 0) == 1 &&
                state.revents == POLLHUP)
                standard->kind = 'n';
            else
                step_unfit(step, "it is fed by a pipe");
            if (copy >= 0)
                close(copy);
            if (own >= 0)
                close(own);
        }
    }
}

/* Descriptors beyond 2 that a program gets from its parent: what goes through them isn't seen. */
static void note_inherited(struct process *process, struct step *step, const char *jobs)
{
    char folder[32];
    snprintf(folder, sizeof folder, "/proc/%d/fd", process->id);
    DIR *names = opendir(folder);
    if (names == NULL)
        return;
    for (struct dirent *name; (name = readdir(names)) != NULL;) {
        int number = atoi(name->d_name);
        if (number < 3)
            continue;
        int flags = descriptor_flags(process->id, number, NULL);
        if (flags < 0 || flags & O_CLOEXEC || flags & O_PATH)
            continue;
        char link[48];
        struct stat found;
        snprintf(link, sizeof link, "/proc/%d/fd/%d", process->id, number);
        if (stat(link, &found) != 0 || (S_ISCHR(found.st_mode) && found.st_rdev == 0x103))
            continue;
        int is_stream = S_ISFIFO(found.st_mode) || S_ISSOCK(found.st_mode);
        char written[16];
        snprintf(written, sizeof written, "%d", number);
        if (is_stream && jobs != NULL && strstr(jobs, written) != NULL)
            continue; /* make's job server */
        step_unfit(step, "it is given descriptor %d, %s", number,
                   is_stream ? "a pipe" : S_ISDIR(found.st_mode) ? "a folder" : "a file");
    }
    closedir(names);
}

/* Variables that differ from run to run and that no program's result hangs on. */
static int is_passing(const char *variable)
{
    return strncmp(variable, "_=", 2) == 0 || strncmp(variable, "LD_PRELOAD=", 11) == 0 ||
           strncmp(variable, "MAKE_TERMOUT=", 13) == 0 ||
           strncmp(variable, "MAKE_TERMERR=", 13) == 0;
}

/* MAKEFLAGS without make's job server and number of jobs: the GNU make manual, "POSIX Jobserver". */
static size_t without_jobs(const char *variable, char *into, size_t room)
{
    size_t length = 0;
    while (*variable != '\0' && length + 1 < room) {
        if (variable[0] == ' ' && variable[1] == '-') {
            size_t part = 1 + strcspn(variable + 1, " ");
            if (strncmp(variable + 1, "--jobserver", 11) == 0 ||
                (variable[2] == 'j' && strspn(variable + 3, "0123456789") == part - 3)) {
                variable += part;
                continue;
            }
        }
        into[length++] = *variable++;
    }
    into[length] = '\0';
    return length;
}

static void add_to_sum(uint64_t sum[2], const char *text, size_t length)
{
    digest one = digest_of(text, length);
    uint64_t parts[2];
    memcpy(parts, one.bytes, sizeof parts);
    sum[0] += parts[0];
    sum[1] += parts[1];
}

struct surroundings {
    uint64_t sum[2];
    char jobs[256];      /* how make's job server is named, empty: there is none */
    uint64_t preloading; /* address of the LD_PRELOAD entry */
};

static void look_around(int process, uint64_t variables, struct surroundings *found)
{
    memset(found, 0, sizeof *found);
    for (size_t i = 0; variables != 0 && i < 1 << 16; i++) {
        uint64_t address = 0;
        if (read_memory(process, variables + 8 * i, &address, sizeof address) != 0 || address == 0)
            break;
        const char *text = read_text(process, address);
        if (text == NULL)
            break;
        if (strncmp(text, "LD_PRELOAD=", 11) == 0)
            found->preloading = address;
        if (is_passing(text))
            continue;
        if (strncmp(text, "MAKEFLAGS=", 10) == 0 || strncmp(text, "MFLAGS=", 7) == 0) {
            const char *jobs = strstr(text, "--jobserver");
            if (jobs != NULL)
                snprintf(found->jobs, sizeof found->jobs, "%.*s", (int)strcspn(jobs, " "), jobs);
            char shorter[8192];
            size_t length = without_jobs(text, shorter, sizeof shorter);
            add_to_sum(found->sum, shorter, length);
            continue;
        }
        add_to_sum(found->sum, text, strlen(text));
    }
}

static void note_arguments(int process, uint64_t arguments, struct step *step)
{
    static char *text;
    static size_t room;
    size_t length = 0;
    for (size_t i = 0; arguments != 0 && i < 1 << 20; i++) {
        uint64_t address = 0;
        if (read_memory(process, arguments + 8 * i, &address, sizeof address) != 0 || address == 0)
            break;
        const char *one = read_text(process, address);
        if (one == NULL)
            break;
        size_t size = strlen(one) + 1;
        if (length + size > room) {
            room = (length + size) * 2;
            text = realloc(text, room);
            if (text == NULL)
                abort();
        }
        memcpy(text + length, one, size);
        length += size;
    }
    step->arguments = take_text(length == 0 ? "" : text, length);
    step->arguments_size = (uint32_t)length;
}

static void set_key(struct process *process, struct step *step, const struct surroundings *around)
{
    struct hashing hashing;
    const char *folder = folder_of(process);
    digest_begin(&hashing);
    digest_add(&hashing, step->program, strlen(step->program) + 1);
    digest_add(&hashing, step->arguments, step->arguments_size);
    if (folder != NULL)
        digest_add(&hashing, folder, strlen(folder) + 1);
    digest_add(&hashing, around->sum, sizeof around->sum);
    digest_add(&hashing, &process->mask, sizeof process->mask);
    const struct standard *out = &step->standard[1], *error = &step->standard[2];
    uint8_t is_one = out->device == error->device && out->inode == error->inode;
    digest_add(&hashing, &is_one, 1);
    for (int i = 0; i < 3; i++) {
        const struct standard *standard = &step->standard[i];
        uint8_t kind = standard->kind;
        if (i > 0 && kind == 'f')
            kind = 'p';
        digest_add(&hashing, &kind, 1);
        if (kind == 't')
            digest_add(&hashing, &standard->offset, sizeof standard->offset);
        if (i == 0 && standard->path != NULL) {
            digest_add(&hashing, standard->path->text, standard->path->length);
            digest_add(&hashing, &standard->offset, sizeof standard->offset);
        }
    }
    step->key = digest_end(&hashing);
    step->folder = folder == NULL ? "/" : folder;
}

/* Have the kernel execute another program: its path is written over the one it was asked for. That
 * has to be memory that nobody looks at again: a place of the library's, or a forked process' own. */
static int put_in_place(struct process *process, uint64_t address, const char *old, const char *new)
{
    size_t length = strlen(new) + 1;
    uint64_t mark[2] = {0, 0};
    int is_place = read_memory(process->id, address - sizeof mark, mark, sizeof mark) == 0 &&
                   mark[0] == PLACE_MARK_1 && mark[1] == PLACE_MARK_2;
    if (length > (is_place ? PLACE_ROOM : strlen(old) + 1))
        return -1;
    if (!is_place && (process->parent == NULL || process->parent->has_ended ||
                      has_same_memory(process->id, process->parent->id)))
        return -1;
    return write_memory(process->id, address, new, length);
}

static void begins(struct process *process, int folder, uint64_t path_address,
                   uint64_t arguments, uint64_t variables)
{
    int id = process->id;
    char given[4096];
    const char *text = read_text(id, path_address);
    snprintf(given, sizeof given, "%s", text == NULL ? "" : text);
    drain(process);
    struct path *path = given[0] == '\0' ? of_descriptor(process, folder)
                                         : resolve(process, folder, given, 1);
    if (path == NULL) {
        step_incomplete(process->step, "a program could not be found out");
        return;
    }
    const struct state *state = path_state(path, 1);
    if (state->kind != KIND_FILE || (state->mode & 0111) == 0) {
        saw_now(process, path, SAW_EXISTS, 0);
        return;
    }
    struct program program = look_at(path);
    if (program.what == NO_PROGRAM) {
        saw_now(process, path, SAW_CONTENT, 0);
        return;
    }
    struct step *step = step_begin(process->step, id);
    const char *whole = absolute(process, folder, given);
    step->program = take_text(whole == NULL ? path->text : whole,
                              strlen(whole == NULL ? path->text : whole));
    step->executed = path;
    step->counts_sizes = (uint8_t)sizes_that_count(path);
    if (path->zone == ZONE_SYSTEM && path->length > 6 &&
        strcmp(path->text + path->length - 6, "/sleep") == 0)
        step_unfit(step, "what it does is to take its time");
    note_arguments(id, arguments, step);
    struct surroundings around;
    look_around(id, variables, &around);
    note_standard(process, step);
    note_inherited(process, step, around.jobs[0] == '\0' ? NULL : around.jobs);
    set_key(process, step, &around);
    struct step *before = process->step;
    int was_first = process->is_first;
    process_enter(process, step);
    process->is_first = 1;
    saw_now(process, path, SAW_CONTENT | SAW_EXISTS, 0);
    resolve(process, folder, given, 1); /* once more: the links on the way are this step's, too */
    if (step->standard[0].path != NULL)
        saw_now(process, step->standard[0].path, SAW_CONTENT, 0);
    for (int depth = 0; program.interpreter != NULL && depth < 5; depth++) {
        int is_script = program.what == RUNS_OTHERWISE;
        struct path *next = program.interpreter;
        saw_now(process, next, SAW_CONTENT | SAW_EXISTS, 0);
        if (depth == 0 && is_script && step->counts_sizes == 2)
            step->counts_sizes = (uint8_t)sizes_that_count(next);
        if (!is_script)
            break;
        program = look_at(next);
    }
    (void)before;
    (void)was_first;
    if (program.incomplete != NULL)
        step_incomplete(step, "%s: %s", path->text, program.incomplete);
    process->buffer = 0;
    process->generation = process->drained = 0;
    process->has_own = 0;
    process->wrote_last = process->is_checked = 0;
    struct memory *memory;
    uint32_t entry;
    if (settings.answers && settings.answer != NULL && step->unfit == NULL &&
        step->incomplete == NULL && memory_find(step, &memory, &entry) &&
        put_in_place(process, path_address, given, settings.answer) == 0) {
        process->memory = memory;
        process->entry = entry;
        process->at = process->said_at = 0;
        memory_answered(step, memory, entry, now_ns());
        return;
    }
    /* A parent whose memory this is loses the library with it: that is slower, and no less seen. */
    if (program.what == RUNS_UNSEEN && around.preloading != 0)
        write_memory(id, around.preloading, "LD_PRELOAD=", sizeof "LD_PRELOAD=");
}

/* What it read of its standard input is gone for whoever reads on there: an answer takes nothing. */
static void look_at_input(struct process *process)
{
    struct step *step = process->step;
    uint64_t offset = 0;
    if (!process->is_first || step->standard[0].kind != 'f' || step->is_answered)
        return;
    if (descriptor_flags(process->id, 0, &offset) < 0 || offset != step->standard[0].offset)
        step_unfit(step, "it moves on in its standard input");
}

static void ends(struct process *process)
{
    drain(process);
    look_at_input(process);
    process_register_children(process);
}

static void has_ended(struct process *process, int code)
{
    uint64_t moment = now_ns();
    int id = process->id;
    struct step *step = process->step;
    process_end(process);
    if (!process->is_first)
        return;
    while (step != NULL && step->process == id && !step->has_ended) {
        if (step->live > 0 && is_alive_within(step)) {
            step_unfit(step, "it left a process running");
            settings.answers = 0; /* what comes next may wait for what that one does */
        }
        step_end(step, code, moment);
        step = step->parent;
    }
}

/* --- answering ------------------------------------------------------------------------------ */

static char *put_act(char *at, struct act act, const char *path, const char *data)
{
    act.path_length = (uint32_t)strlen(path);
    size_t size = sizeof act + act.path_length + 1 + act.length + 1;
    act.next = (uint32_t)((size + 7) & ~(size_t)7);
    memcpy(at, &act, sizeof act);
    memcpy(at + sizeof act, path, act.path_length + 1);
    if (act.length > 0)
        memcpy(at + sizeof act + act.path_length + 1, data, act.length);
    at[size - 1] = '\0';
    return at + act.next;
}

/* Tell the answering program what to do next; gives the descriptor of a file that it has to copy,
 * -1 where there is none, -2 where an object is gone or damaged. */
static int next_acts(struct process *process, char *batch)
{
    char *at = batch, *last = batch;
    char *limit = batch + ANSWER_ROOM - 2 * 4096 - sizeof(struct act) - 64;
    uint32_t effects = memory_effects(process->memory, process->entry);
    uint32_t says_count = memory_said(process->memory, process->entry);
    int content = -1;
    while (process->at < effects && at < limit) {
        struct remembered_effect effect =
            memory_effect(process->memory, process->entry, process->at);
        struct act act = {.is_in_place = effect.is_in_place,
                          .mode = effect.mode,
                          .size = effect.size,
                          .mtime = effect.mtime};
        const char *data = NULL;
        char text[8192];
        switch (effect.kind) {
        case KIND_ABSENT:
            act.what = effect.mode == KIND_FOLDER ? DO_REMOVE_FOLDER : DO_REMOVE;
            break;
        case KIND_FOLDER:
            act.what = DO_FOLDER;
            break;
        case KIND_LINK:
            act.what = DO_LINK;
            data = effect.target;
            act.length = (uint32_t)strlen(data);
            break;
        default: {
            if (effect.is_further_name) {
                act.what = DO_NAME;
                data = effect.target;
                act.length = (uint32_t)strlen(data);
                break;
            }
            if (content >= 0)
                goto full;
            int file = objects_get(the_objects, effect.digest, (off_t)effect.size);
            if (file < 0)
                return -2;
            if (effect.size < sizeof text) {
                ssize_t got = pread(file, text, sizeof text, 0);
                close(file);
                if (got != (ssize_t)effect.size)
                    return -2;
                act.what = DO_FILE;
                act.length = (uint32_t)got;
                data = text;
            } else {
                act.what = DO_COPY;
                content = file;
            }
        }
        }
        last = at;
        at = put_act(at, act, effect.path, data);
        process->at++;
    }
full:
    while (process->at == effects && process->said_at < says_count && at < limit) {
        struct said said = memory_say(process->memory, process->entry, process->said_at);
        uint32_t done = process->said_bytes, left = said.length - done;
        uint32_t part = left < 8000 ? left : 8000;
        struct act act = {.what = DO_SAY, .mode = said.descriptor, .length = part};
        last = at;
        at = put_act(at, act, "", said.bytes + done);
        process->said_bytes += part;
        if (process->said_bytes == said.length) {
            process->said_bytes = 0;
            process->said_at++;
        }
    }
    if (process->at == effects && process->said_at == says_count) {
        last = at;
        at = put_act(at, (struct act){.what = DO_EXIT}, "", NULL);
    } else if (at == batch) {
        last = at;
        at = put_act(at, (struct act){.what = DO_MORE}, "", NULL);
    }
    ((struct act *)last)->next = 0;
    process->batch_size = (uint32_t)(at - batch);
    return content;
}

/* --- one call after the other --------------------------------------------------------------- */

static struct seccomp_notif *request;
static struct seccomp_notif_resp *response;

static void reply(int64_t value, int error, uint32_t flags)
{
    memset(response, 0, sizeof *response);
    response->id = request->id;
    response->val = value;
    response->error = error;
    response->flags = flags;
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, response);
}

static void go_on(void)
{
    reply(0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

static void requested(struct process *process, const struct seccomp_data *call)
{
    static _Alignas(16) char batch[ANSWER_ROOM];
    int what = (int)call->args[0];
    if (what == REQUEST_BUFFER) {
        process->buffer = call->args[1];
        process->generation = process->drained = 0;
        process->has_own = 1;
        reply(0, 0, 0);
    } else if (what == REQUEST_DRAIN) {
        reply(0, drain(process) == 0 ? 0 : -EIO, 0);
    } else if (what == REQUEST_ANSWER && process->memory != NULL) {
        int content = next_acts(process, batch);
        if (content == -2 ||
            write_memory(process->id, call->args[1], batch, process->batch_size) != 0) {
            answering_failed = 1;
            reply(0, -EIO, 0);
            return;
        }
        if (content < 0) {
            reply(0, 0, 0);
            return;
        }
        struct seccomp_notif_addfd add = {.id = request->id,
                                          .flags = SECCOMP_ADDFD_FLAG_SEND,
                                          .srcfd = (uint32_t)content,
                                          .newfd_flags = O_CLOEXEC};
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0)
            reply(0, -EIO, 0);
        close(content);
    } else {
        reply(0, -ENOSYS, 0);
    }
}

static void leaves_the_build(struct process *process, const char *what)
{
    step_incomplete(process->step, "it %s", what);
}

static void connects(struct process *process, const struct seccomp_data *call)
{
    struct sockaddr_un address;
    size_t size = call->args[2] < sizeof address ? (size_t)call->args[2] : sizeof address;
    memset(&address, 0, sizeof address);
    if (size < 2 || read_memory(process->id, call->args[1], &address, size) != 0)
        return;
    if (address.sun_family == AF_UNIX && address.sun_path[0] == '/') {
        char text[sizeof address.sun_path + 1] = {0};
        memcpy(text, address.sun_path, sizeof address.sun_path);
        struct path *path = resolve(process, AT_FDCWD, text, 1);
        if (path != NULL && path_state(path, 1)->kind == KIND_ABSENT) {
            saw_now(process, path, SAW_EXISTS, 0); /* nscd(8), for one: nobody is there */
            return;
        }
    }
    if (address.sun_family != AF_UNIX && address.sun_family != AF_INET &&
        address.sun_family != AF_INET6)
        return;
    for (struct step *above = process->step; above != NULL; above = above->parent)
        step_unfit(above, "it talks to another process");
    if (!settings.is_shut_in) /* who may write to the build's folder, and isn't watched */
        step_incomplete(process->step, "it talked to a process that isn't of this build");
}

static uint64_t flags_of_how(int process, uint64_t address)
{
    struct open_how how;
    return read_memory(process, address, &how, sizeof how) == 0 ? how.flags : 0;
}

/* Note one call, before it is carried out. The arguments are those of the call's manual page. */
static void take_call(struct process *process, const struct seccomp_data *call)
{
    const __u64 *args = call->args;
    int id = process->id;
#define TEXT(number) read_text(id, args[number])
#define FD(number) ((int)args[number])
    switch (call->nr) {
#ifdef SYS_open
    case SYS_open:
        opens(process, AT_FDCWD, TEXT(0), args[1]);
        break;
    case SYS_creat:
        opens(process, AT_FDCWD, TEXT(0), O_CREAT | O_TRUNC | O_WRONLY);
        break;
    case SYS_stat:
        saw(process, AT_FDCWD, TEXT(0), stat_mask(process->step), 0);
        break;
    case SYS_lstat:
        saw(process, AT_FDCWD, TEXT(0), stat_mask(process->step), 1);
        break;
    case SYS_access:
        saw(process, AT_FDCWD, TEXT(0), SAW_EXISTS, 0);
        break;
    case SYS_readlink:
        saw(process, AT_FDCWD, TEXT(0), SAW_LINK | SAW_EXISTS, 1);
        break;
    case SYS_mkdir:
    case SYS_mknod:
        makes(process, AT_FDCWD, TEXT(0), NULL);
        break;
    case SYS_rmdir:
    case SYS_unlink:
        removes(process, AT_FDCWD, TEXT(0));
        break;
    case SYS_rename: {
        char *from = strdup(TEXT(0) == NULL ? "" : TEXT(0));
        renames(process, AT_FDCWD, from, AT_FDCWD, TEXT(1), 0);
        free(from);
        break;
    }
    case SYS_link: {
        char *from = strdup(TEXT(0) == NULL ? "" : TEXT(0));
        links(process, AT_FDCWD, from, AT_FDCWD, TEXT(1), 0);
        free(from);
        break;
    }
    case SYS_symlink:
        makes(process, AT_FDCWD, TEXT(1), "");
        break;
    case SYS_chmod:
    case SYS_chown:
    case SYS_utime:
    case SYS_utimes:
        alters(process, resolve(process, AT_FDCWD, TEXT(0), 1));
        break;
    case SYS_lchown:
        alters(process, resolve(process, AT_FDCWD, TEXT(0), 0));
        break;
    case SYS_futimesat:
        alters(process, args[1] == 0 ? of_descriptor(process, FD(0))
                                     : resolve(process, FD(0), TEXT(1), 1));
        break;
#endif
    case SYS_openat:
        opens(process, FD(0), TEXT(1), args[2]);
        break;
    case SYS_openat2: {
        uint64_t flags = flags_of_how(id, args[2]);
        opens(process, FD(0), TEXT(1), flags);
        break;
    }
    case SYS_newfstatat:
        saw(process, FD(0), TEXT(1), stat_mask(process->step), (args[3] & AT_SYMLINK_NOFOLLOW) != 0);
        break;
    case SYS_statx:
        saw(process, FD(0), TEXT(1), stat_mask(process->step), (args[2] & AT_SYMLINK_NOFOLLOW) != 0);
        break;
    case SYS_faccessat:
        saw(process, FD(0), TEXT(1), SAW_EXISTS, 0);
        break;
    case SYS_faccessat2:
        saw(process, FD(0), TEXT(1), SAW_EXISTS, (args[3] & AT_SYMLINK_NOFOLLOW) != 0);
        break;
    case SYS_readlinkat:
        saw(process, FD(0), TEXT(1), SAW_LINK | SAW_EXISTS, 1);
        break;
    case SYS_getxattr:
        saw(process, AT_FDCWD, TEXT(0), SAW_EXISTS, 0);
        break;
    case SYS_lgetxattr:
        saw(process, AT_FDCWD, TEXT(0), SAW_EXISTS, 1);
        break;
    case SYS_mkdirat:
    case SYS_mknodat:
        makes(process, FD(0), TEXT(1), NULL);
        break;
    case SYS_unlinkat:
        removes(process, FD(0), TEXT(1));
        break;
    case SYS_renameat:
    case SYS_renameat2: {
        char *from = strdup(TEXT(1) == NULL ? "" : TEXT(1));
        renames(process, FD(0), from, FD(2), TEXT(3), call->nr == SYS_renameat2 ? args[4] : 0);
        free(from);
        break;
    }
    case SYS_linkat: {
        char *from = strdup(TEXT(1) == NULL ? "" : TEXT(1));
        links(process, FD(0), from, FD(2), TEXT(3), args[4]);
        free(from);
        break;
    }
    case SYS_symlinkat:
        makes(process, FD(1), TEXT(2), "");
        break;
    case SYS_truncate:
    case SYS_setxattr:
    case SYS_removexattr:
        alters(process, resolve(process, AT_FDCWD, TEXT(0), 1));
        break;
    case SYS_lsetxattr:
        alters(process, resolve(process, AT_FDCWD, TEXT(0), 0));
        break;
    case SYS_fchmod:
    case SYS_fchown:
    case SYS_fsetxattr:
        alters(process, of_descriptor(process, FD(0)));
        break;
    case SYS_fchmodat:
    case SYS_fchmodat2:
        alters(process, resolve(process, FD(0), TEXT(1),
                                call->nr == SYS_fchmodat || !(args[3] & AT_SYMLINK_NOFOLLOW)));
        break;
    case SYS_fchownat: {
        const char *text = TEXT(1);
        alters(process, text == NULL || *text == '\0'
                            ? of_descriptor(process, FD(0))
                            : resolve(process, FD(0), text, !(args[4] & AT_SYMLINK_NOFOLLOW)));
        break;
    }
    case SYS_utimensat: {
        const char *text = args[1] == 0 ? NULL : TEXT(1);
        alters(process, text == NULL || *text == '\0'
                            ? of_descriptor(process, FD(0))
                            : resolve(process, FD(0), text, !(args[3] & AT_SYMLINK_NOFOLLOW)));
        break;
    }
    case SYS_execve:
        begins(process, AT_FDCWD, args[0], args[1], args[2]);
        break;
    case SYS_execveat:
        begins(process, FD(0), args[1], args[2], args[3]);
        break;
    case SYS_getdents64:
#ifdef SYS_getdents
    case SYS_getdents:
#endif
        lists(process, FD(0));
        break;
    case SYS_chdir:
    case SYS_fchdir:
        if (call->nr == SYS_chdir)
            saw(process, AT_FDCWD, TEXT(0), SAW_EXISTS, 0);
        process->folder = NULL;
        break;
    case SYS_umask:
        process->mask = (unsigned)args[0] & 0777;
        break;
    case SYS_chroot:
    case SYS_pivot_root:
        leaves_the_build(process, "entered another root");
        break;
    case SYS_mount:
        leaves_the_build(process, "mounted something");
        break;
    case SYS_setns:
    case SYS_unshare:
    case SYS_clone:
        leaves_the_build(process, "entered another namespace");
        break;
    case SYS_seccomp:
        if (args[0] == SECCOMP_SET_MODE_FILTER && args[1] & SECCOMP_FILTER_FLAG_NEW_LISTENER)
            leaves_the_build(process, "brought a listener of its own");
        break;
    case SYS_connect:
        connects(process, call);
        break;
    case SYS_bind:
        break;
    default:
        writes(process, call);
    }
#undef TEXT
#undef FD
}

static void begin_watching(int thread)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/root", thread);
    paths_set_root(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
    /* Held until we end: what is mounted there is looked at once more when the build is over. */
    snprintf(path, sizeof path, "/proc/%d/ns/mnt", thread);
    open(path, O_RDONLY | O_CLOEXEC);
    for (size_t i = 0; i < settings.link_count; i++) {
        const char *link = settings.links[i];
        path_state(path_at(link, strlen(link)), 0);
    }
}

static void one_call(void)
{
    const struct seccomp_data *call = &request->data;
    forget_pages();
    if (paths_root() < 0)
        begin_watching((int)request->pid);
    struct process *process = process_of((int)request->pid);
    if (process == NULL) {
        go_on(); /* it is gone already */
        return;
    }
    process->wrote_last = 0;
    if (call->arch != MACHINE) {
        step_incomplete(process->step, "it called the kernel by another ABI");
        go_on();
        return;
    }
    if (call->args[5] == REQUEST && call->nr == SYS_openat) {
        requested(process, call);
        return;
    }
    if (call->nr == SYS_exit_group) {
        ends(process);
        go_on();
        has_ended(process, (int)call->args[0] & 0xff);
        return;
    }
    take_call(process, call);
    go_on();
}

int answering_failed;

void listen_to(int descriptor)
{
    listener = descriptor;
    struct seccomp_notif_sizes sizes;
    if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0)
        memset(&sizes, 0, sizeof sizes);
    size_t size = sizes.seccomp_notif > sizeof *request ? sizes.seccomp_notif : sizeof *request;
    request = take(size);
    response = take(sizes.seccomp_notif_resp > sizeof *response ? sizes.seccomp_notif_resp
                                                                : sizeof *response);
    /* Let the kernel put watcher and watched on one processor in turn: Linux 6.6. */
    ioctl(listener, SECCOMP_IOW(4, uint64_t), 1UL);
    for (;;) {
        struct pollfd state = {.fd = listener, .events = POLLIN};
        if (poll(&state, 1, -1) < 0 && errno != EINTR)
            break;
        if (state.revents & POLLHUP && !(state.revents & POLLIN))
            break;
        if (!(state.revents & POLLIN))
            continue;
        memset(request, 0, size);
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, request) != 0) {
            if (errno == EINTR || errno == ENOENT)
                continue;
            break;
        }
        one_call();
    }
}
