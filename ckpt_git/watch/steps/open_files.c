/* What somebody has open, or stands in, while another command changes it.
 *
 * A file that is put back has the content that it had when its command ended, and may be another file
 * of the same name. Who had it open then would go on writing to it, and here goes on writing to what
 * was there before. So such a command isn't remembered; one that holds both of them is.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "shared/util.h"
#include "watcher/calls.h"

/* A command that isn't around `step` is at work in `other`. */
static void uncacheable_without(struct step *step, const struct process *other, const char *format,
                                const struct path *path)
{
    for (; step != NULL && !step_is_within(other->step, step); step = step->parent)
        step_uncacheable(step, format, path->text);
}

static int has_open(const struct process *process, const struct state *state)
{
    char name[48];
    int found = 0;
    snprintf(name, sizeof name, "/proc/%d/fd", process->id);
    DIR *names = opendir(name);
    for (struct dirent *entry; !found && names != NULL && (entry = readdir(names)) != NULL;) {
        struct stat one;
        if (entry->d_name[0] == '.')
            continue;
        found = fstatat(dirfd(names), entry->d_name, &one, 0) == 0 && one.st_ino == state->inode &&
                one.st_dev == state->device;
    }
    if (names != NULL)
        closedir(names);
    return found;
}

static int is_own(const struct step *step, struct path *path)
{
    const struct step *writer = path_current(path)->writer;
    return writer != NULL && step_is_within(writer, step);
}

void changes_held(struct process *process, struct path *path)
{
    struct step *step = process->step;
    const struct state *state = path->zone == ZONE_TRACKED ? path_state(path, 0) : NULL;
    if (state == NULL || state->kind != KIND_FILE || is_own(step, path))
        return;
    for (struct step *above = step; above != NULL; above = above->parent)
        if (step_descriptor(above, state->device, state->inode) != NULL)
            step_uncacheable(above, "it changes %s by its name, and prints to it", path->text);
    for (struct process *other = the_processes; other != NULL; other = other->all)
        if (!step_is_within(other->step, step) && has_open(other, state))
            uncacheable_without(step, other, "it changes %s, which another command has open", path);
}

void moves_held(struct process *process, struct path *folder)
{
    struct step *step = process->step;
    for (struct process *other = the_processes; other != NULL; other = other->all) {
        if (step_is_within(other->step, step))
            continue;
        const char *text = folder_of(other);
        if (text != NULL && strncmp(text, folder->text, folder->length) == 0 &&
            (text[folder->length] == '/' || text[folder->length] == '\0'))
            uncacheable_without(
                step, other, "another command runs in %s, which it moves or removes", folder);
    }
}
