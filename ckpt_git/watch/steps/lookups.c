/* What programs look at: how a path that they name is found, and which version of it they saw. */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/notes.h"
#include "shared/util.h"
#include "watcher/calls.h"

/* --- names ---------------------------------------------------------------------------------- */

/* A link in /proc of the process, as the text that it leads to; NULL: to no path. */
static const char *proc_link(const struct process *process, const char *name)
{
    static char text[PATH_MAX];
    static const char deleted[] = " (deleted)";
    char link[PATH_MAX];
    int size = snprintf(link, sizeof link, "/proc/%d/%s", process->id, name);
    ssize_t length = size < (int)sizeof link ? readlink(link, text, sizeof text) : -1;
    if (length <= 0 || length == sizeof text || text[0] != '/')
        return NULL;
    text[length] = '\0';
    size_t tail = sizeof deleted - 1;
    if ((size_t)length > tail && strcmp(text + length - tail, deleted) == 0)
        return NULL;
    return text;
}

const char *folder_of(struct process *process)
{
    if (process->folder == NULL) {
        const char *text = proc_link(process, "cwd");
        process->folder = text == NULL ? NULL : take_text(text, strlen(text));
    }
    return process->folder;
}

static const char *descriptor_text(const struct process *process, int descriptor)
{
    char name[24];
    snprintf(name, sizeof name, "fd/%d", descriptor);
    return proc_link(process, name);
}

struct path *descriptor_path(struct process *process, int descriptor)
{
    const char *text = descriptor_text(process, descriptor);
    return text == NULL ? NULL : path_resolve(text, 0, NULL, NULL);
}

/* In memory that is used again; NULL where it can't be known. */
const char *absolute(struct process *process, int folder, const char *text)
{
    static char whole[2 * PATH_MAX + 1];
    if (text == NULL || strlen(text) >= PATH_MAX)
        return NULL;
    if (text[0] == '/')
        return strcpy(whole, text);
    const char *above = folder == AT_FDCWD ? folder_of(process) : descriptor_text(process, folder);
    if (above == NULL)
        return NULL;
    size_t length = above[1] == '\0' ? 0 : strlen(above);
    memcpy(whole, above, length);
    whole[length] = '/';
    strcpy(whole + length + 1, text);
    return strlen(whole) < PATH_MAX ? whole : NULL;
}

/* The process of which /proc has this folder, and what follows in `rest`; NULL: not its own. */
static struct process *whose(struct process *process, const char *path, const char **rest)
{
    static const char *const own[] = {"self/", "thread-self/"};
    if (strncmp(path, "/proc/", 6) != 0)
        return NULL;
    path += 6;
    for (size_t i = 0; i < 2; i++)
        if (strncmp(path, own[i], strlen(own[i])) == 0) {
            *rest = path + strlen(own[i]);
            return process;
        }
    char *end;
    long id = strtol(path, &end, 10);
    if (end == path || *end != '/')
        return NULL;
    *rest = end + 1;
    if (strncmp(*rest, "task/", 5) == 0 && strchr(*rest + 5, '/') != NULL)
        *rest = strchr(*rest + 5, '/') + 1;
    if (id == process->id)
        return process;
    struct process *other = the_processes;
    while (other != NULL && other->id != id)
        other = other->all;
    /* What it is told of another process isn't followed, but in a command that has both. */
    for (struct step *step = process->step; step != NULL; step = step->parent)
        if (other == NULL || !step_is_within(other->step, step))
            step_uncacheable(step, "it looks at another process");
    return other;
}

/* `path` with what leads through a process' descriptors in /dev changed to that in /proc. */
static const char *in_proc(const char *path, char *into, size_t room)
{
    static const char *const names[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
    for (int i = 0; i < 3; i++)
        if (strcmp(path, names[i]) == 0) {
            snprintf(into, room, "/proc/self/fd/%d", i);
            return into;
        }
    if (strncmp(path, "/dev/fd/", 8) != 0)
        return path;
    snprintf(into, room, "/proc/self/fd/%s", path + 8);
    return into;
}

int descriptor_named(struct process *process, const char *path)
{
    char text[PATH_MAX + 16], *end;
    const char *rest;
    if (whose(process, in_proc(path, text, sizeof text), &rest) != process ||
        strncmp(rest, "fd/", 3) != 0)
        return -1;
    long number = strtol(rest + 3, &end, 10);
    return end == rest + 3 || *end != '\0' ? -1 : (int)number;
}

/* Where a path leads that goes through a link of /proc; NULL: it stays in there. */
static const char *through_proc(struct process *process, const char *path, int follow)
{
    static char whole[2 * PATH_MAX];
    char text[PATH_MAX + 16];
    const char *rest;
    struct process *owner = whose(process, in_proc(path, text, sizeof text), &rest);
    if (owner == NULL)
        return NULL;
    size_t length = strcspn(rest, "/");
    if (strncmp(rest, "fd/", 3) == 0)
        length = 3 + strcspn(rest + 3, "/");
    else if (strncmp(rest, "cwd", length) != 0 && strncmp(rest, "root", length) != 0 &&
             strncmp(rest, "exe", length) != 0)
        return NULL;
    if (rest[length] == '\0' && !follow)
        return NULL;
    char name[32];
    if (length >= sizeof name)
        return NULL;
    memcpy(name, rest, length);
    name[length] = '\0';
    const char *target = proc_link(owner, name);
    if (target == NULL)
        return NULL;
    snprintf(whole, sizeof whole, "%s%s", target, rest + length);
    return whole;
}

static void went_through(struct path *link, void *data)
{
    step_saw(data, link, link->count - 1, SAW_LINK, 1);
}

static struct path *resolve(struct process *process, const char *whole, int follow)
{
    struct path *path = path_resolve(whole, follow, went_through, process->step);
    if (path == NULL || path->zone != ZONE_KERNEL)
        return path;
    const char *beyond = through_proc(process, path->text, follow);
    return beyond == NULL ? path : path_resolve(beyond, follow, went_through, process->step);
}

struct path *named_path(struct process *process, int folder, const char *text, int follow)
{
    if (text == NULL || *text == '\0' || strlen(text) >= PATH_MAX)
        return NULL; /* EFAULT, ENOENT, ENAMETOOLONG */
    const char *whole = absolute(process, folder, text);
    struct path *path = whole == NULL ? NULL : resolve(process, whole, follow);
    if (path == NULL)
        step_incomplete(process->step, "a path is too long, or leads from where nobody knows");
    return path;
}

/* --- what was seen -------------------------------------------------------------------------- */

int stat_mask(const struct step *step)
{
    return SAW_DATE | (step->counts_sizes == 2   ? SAW_STAT
                       : step->counts_sizes == 1 ? SAW_SIZE_CLASS
                                                 : SAW_EXISTS);
}

/* Nobody knows what comes through a pipe or a socket that others hold. */
static void reads_stream(struct process *process, struct path *path, int mask)
{
    if (mask & SAW_CONTENT && path->zone == ZONE_TRACKED &&
        path_state(path, 0)->kind == KIND_OTHER && !is_job_server(path->text))
        step_uncacheable_above(process->step, path, "it reads what others write to %s");
}

void opens_device(struct process *process, struct path *path, int makes)
{
    struct stat found;
    if (strncmp(path->text, "/dev/", 5) != 0)
        return;
    int file = path_open(path, O_PATH);
    if (file < 0 ? makes : fstat(file, &found) == 0 && S_ISREG(found.st_mode))
        step_uncacheable_above(process->step, NULL, "it uses a file in /dev");
    if (file >= 0)
        close(file);
}

void saw_path(struct process *process, struct path *path, int mask, int nofollow)
{
    if (path == NULL)
        return;
    if (path->zone == ZONE_KERNEL) {
        if (mask & SAW_CONTENT)
            opens_device(process, path, 0);
        return;
    }
    if (path->zone == ZONE_TRACKED && the_thread != NULL && the_thread->look_count < LOOKS)
        the_thread->looks[the_thread->look_count++] = path;
    reads_stream(process, path, mask);
    step_saw(process->step, path, path->count - 1, mask, nofollow);
}

void saw(struct process *process, int folder, const char *text, int mask, int nofollow)
{
    saw_path(process, named_path(process, folder, text, !nofollow), mask, nofollow);
}

static int mask_of(const struct step *step, uint8_t kind)
{
    switch (kind) {
    case NOTE_READ:
        return SAW_CONTENT;
    case NOTE_STAT:
    case NOTE_LSTAT:
        return stat_mask(step);
    case NOTE_LINK:
        return SAW_LINK | SAW_EXISTS;
    default:
        return SAW_EXISTS;
    }
}

/* Whether a call may have met the version. */
static int may_have_met(const struct path *path, uint32_t number, const struct note *call)
{
    const struct version *version = &path->versions[number];
    if (number > 0 && version->since > call->after)
        return 0;
    if (number + 1 == path->count)
        return 1;
    return version[1].until == 0 || version[1].until > call->before;
}

/* Whether it can't have, after what was found. */
static int is_other_than(const struct version *version, int is_missing)
{
    return version->state.kind != KIND_UNKNOWN && !version_is_pending(version) &&
           (version->state.kind == KIND_ABSENT) != is_missing;
}

void take_note(struct process *process, const struct note *record, const char *text)
{
    struct step *step = process->step;
    struct thread *only = process->threads;
    if (only != NULL && only->next == NULL && only->heard < record->before &&
        process->answering == NULL)
        thread_changes_are_done(only);
    int nofollow = record->kind == NOTE_LSTAT || record->kind == NOTE_LINK ||
                   record->kind == NOTE_NO_LINK || record->kind == NOTE_LMISSING;
    int is_missing = record->kind == NOTE_MISSING || record->kind == NOTE_LMISSING;
    int mask = mask_of(step, record->kind);
    struct path *path = resolve(process, text, !nofollow);
    if (path == NULL) {
        step_incomplete(step, "a path is too long");
        return;
    }
    reads_stream(process, path, mask);
    if (path->zone != ZONE_TRACKED || path->count == 1) {
        step_saw(step, path, 0, mask, nofollow);
        return;
    }
    path_state(path, 0);
    uint32_t count = 0, fitting = 0, last = path->count;
    for (uint32_t number = 0; number < last; number++)
        if (may_have_met(path, number, record)) {
            count++;
            fitting += !is_other_than(&path->versions[number], is_missing);
        }
    for (uint32_t number = 0; number < last; number++)
        if (may_have_met(path, number, record) &&
            (fitting == 0 || !is_other_than(&path->versions[number], is_missing)))
            step_saw(step, path, number, mask, nofollow);
    if (count == 0)
        step_incomplete(step, "what it noted is damaged");
}

/* --- what was listed ------------------------------------------------------------------------ */

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
        struct state state = {.kind = KIND_OTHER};
        struct path *path = path_child(folder, name->d_name);
        if (path != NULL)
            path_look(path, 0, &state);
        return state.kind;
    }
    default:
        return KIND_OTHER;
    }
}

void add_name(uint64_t sum[2], const char *name, int kind, int sign)
{
    struct hashing hashing;
    uint8_t byte = (uint8_t)kind;
    uint64_t parts[2];
    digest_begin(&hashing);
    digest_add(&hashing, &byte, 1);
    digest_add(&hashing, name, strlen(name));
    digest one = digest_end(&hashing);
    memcpy(parts, one.bytes, sizeof parts);
    sum[0] += sign > 0 ? parts[0] : -parts[0];
    sum[1] += sign > 0 ? parts[1] : -parts[1];
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
    for (struct dirent *name; (name = readdir(names)) != NULL;)
        if (strcmp(name->d_name, ".") != 0 && strcmp(name->d_name, "..") != 0)
            add_name(sum, name->d_name, kind_of_entry(folder, name), 1);
    closedir(names);
    return 0;
}

void lists(struct process *process, int descriptor)
{
    notes_read(process);
    struct path *folder = descriptor_path(process, descriptor);
    if (folder == NULL) {
        if (descriptor_text(process, descriptor) != NULL)
            step_incomplete(process->step, "a path is too long");
        return; /* of a folder that is gone */
    }
    if (folder->zone == ZONE_KERNEL)
        return;
    if (process->listed == folder && process->listed_at == changes_count())
        return;
    uint64_t sum[2];
    if (list_folder(folder, sum) != 0) {
        step_incomplete(process->step, "%s can't be listed", folder->text);
        return;
    }
    process->listed = folder;
    process->listed_at = changes_count();
    step_listed(process->step, folder, now_ns(), sum);
}
