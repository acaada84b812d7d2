/* What programs are about to change: what it was is known before, and a version begins. */

#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory/placeholders.h"
#include "shared/settings.h"
#include "shared/util.h"
#include "watcher/calls.h"

/* --- one path ------------------------------------------------------------------------------- */

void capture(struct path *path, struct step *changer, int is_removal)
{
    path_state(path, 0);
    struct version *version = path_current(path);
    if (version->state.kind != KIND_FILE || version->is_stored ||
        (version->writer == NULL && version->state.has_digest))
        return;
    struct step *writer = version->writer;
    int is_own = writer == changer && !version->is_observed;
    int is_scratch = is_removal && path->is_temporary && writer != NULL &&
                     step_is_within(writer, changer) && !has_name(path->text, path->length);
    if (is_own || is_scratch)
        return; /* nobody needs it */
    if (!version->is_final)
        version = path_content(path);
    path_digest(path, &version->state, writer != NULL, &version->is_stored);
}

void meets(const struct step *changer, struct path *path)
{
    for (struct process *other = the_processes; other != NULL; other = other->all)
        for (struct thread *thread = other->threads; thread != NULL; thread = thread->next)
            for (uint32_t i = 0; other->step != changer && i < thread->look_count; i++)
                if (thread->looks[i] == path)
                    step_saw(other->step, path, path->count - 1, SAW_CONTENT | SAW_STAT, 0);
}

static struct version *change_one(struct process *process, struct path *path, uint64_t moment)
{
    uint32_t before = path->count - 1;
    path_change(path, process->step, moment);
    step_changed(process->step, path, before, path->count - 1);
    meets(process->step, path);
    return path_current(path);
}

enum { CONTENT = 1, AWAY = 2 };

/* A path of the system: whether it can't be written to is the sandbox's affair. */
static void changes_system(struct process *process, struct path *path)
{
    saw_path(process, path, SAW_EXISTS, 0);
    if (settings.is_shut_in)
        return;
    step_uncacheable_above(process->step, NULL, "it writes outside of the build");
    path->is_shared = 1;
}

/* `path` is about to change; a file's other names change with it, unless it is taken away. */
static struct version *change(struct process *process, struct path *path, int how)
{
    if (path->zone == ZONE_KERNEL)
        return NULL;
    if (path->zone == ZONE_SYSTEM) {
        changes_system(process, path);
        return NULL;
    }
    uint64_t moment = now_ns();
    if (how != AWAY)
        changes_held(process, path);
    capture(path, process->step, how == AWAY);
    saw_path(process, path, how == CONTENT ? SAW_CONTENT | SAW_EXISTS : SAW_EXISTS, 0);
    if (how == AWAY)
        path_untwin(path);
    else if (path->twin != NULL)
        for (struct path *other = path->twin; other != path; other = other->twin) {
            capture(other, process->step, 0);
            change_one(process, other, moment);
        }
    struct version *made = change_one(process, path, moment);
    step_effect(process->step, path)->is_direct = 1;
    if (how == AWAY) {
        made->is_removal = 1;
        step_effect(process->step, path)->is_new = 1;
    }
    return made;
}

static int is_there(struct path *path)
{
    return path_state(path, 0)->kind != KIND_ABSENT;
}

/* Whether a name can be made at `path`: the folder above is there, or others may be making it just
 * now. What is asked is noted. */
static int has_folder(struct process *process, struct path *path)
{
    if (path->zone != ZONE_TRACKED || path->parent == NULL)
        return path->zone == ZONE_TRACKED;
    saw_path(process, path->parent, SAW_EXISTS, 0);
    if (path->parent->zone != ZONE_TRACKED)
        return 1;
    int kind = path_state(path->parent, 1)->kind;
    return kind == KIND_FOLDER || kind == KIND_ABSENT;
}

/* --- the calls ------------------------------------------------------------------------------ */

static void opens_to_write(struct process *process, struct path *path, uint64_t flags)
{
    int kind = path_state(path, 1)->kind;
    if (kind == KIND_ABSENT && path->zone == ZONE_TRACKED) {
        if (flags & O_CREAT && has_folder(process, path))
            change(process, path, 0);
        else
            saw_path(process, path, SAW_EXISTS, 0);
    } else if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL) || kind == KIND_FOLDER ||
               kind == KIND_LINK) {
        saw_path(process, path, SAW_EXISTS, 0);
    } else if (kind == KIND_OTHER && path->zone == ZONE_TRACKED) {
        saw_path(process, path, SAW_EXISTS, 0);
        if (!is_job_server(path->text))
            step_uncacheable_above(process->step, path, "it speaks through %s");
    } else if (flags & O_TRUNC && path->zone == ZONE_TRACKED) {
        path_look(path, 0, &the_thread->emptied_state);
        change(process, path, 0);
        the_thread->emptied = path;
        the_thread->emptied_version = path->count - 2;
    } else {
        change(process, path, CONTENT);
    }
}

/* A call that can only fail as things are: others may change them before it is made. */
static void will_fail(struct path *path)
{
    if (path->zone != ZONE_TRACKED)
        return;
    the_thread->doubtful = path;
    path_look(path, 0, &the_thread->doubtful_state);
}

/* What a thread's last call was about, forgotten, and what is there `now`. NULL: there is none. */
static struct path *look_again(struct path **about, struct state *now)
{
    struct path *path = *about;
    *about = NULL;
    if (path != NULL)
        path_look(path, 0, now);
    return path;
}

void failing_is_done(struct thread *thread)
{
    const struct state *before = &thread->doubtful_state;
    struct state now;
    if (look_again(&thread->doubtful, &now) != NULL && now.kind != KIND_ABSENT &&
        (now.inode != before->inode || now.ctime != before->ctime))
        trace_is_incomplete("a name came while it was made out of one that was not there");
}

/* Who could not make a file empty goes on with what is in it. */
void emptying_is_done(struct thread *thread)
{
    const struct state *before = &thread->emptied_state;
    struct state now;
    struct path *path = look_again(&thread->emptied, &now);
    if (path != NULL && now.inode == before->inode && now.size == before->size &&
        now.ctime == before->ctime)
        step_saw(thread->process->step, path, thread->emptied_version, SAW_CONTENT, 0);
}

void opens(struct process *process, int folder, const char *text, uint64_t flags)
{
    int access = (int)(flags & O_ACCMODE), nofollow = (flags & O_NOFOLLOW) != 0;
    if (flags & O_PATH) { /* fstat(2) of it isn't seen */
        saw(process, folder, text, stat_mask(process->step), nofollow);
        return;
    }
    int is_unnamed = (flags & O_TMPFILE) == O_TMPFILE;
    if (access == O_RDONLY && !(flags & (O_CREAT | O_TRUNC)) && !is_unnamed) {
        saw(process, folder, text, flags & O_DIRECTORY ? SAW_EXISTS : SAW_CONTENT, nofollow);
        return;
    }
    notes_read_all();
    int exclusive = (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
    struct path *path = named_path(process, folder, text, !nofollow && !exclusive);
    if (path == NULL)
        return;
    if (path->zone == ZONE_KERNEL) {
        prints_by(process, descriptor_named(process, path->text));
        opens_device(process, path, (flags & O_CREAT) != 0);
    } else if (is_unnamed) {
        saw_path(process, path, SAW_EXISTS, 0);
    } else {
        opens_to_write(process, path, flags);
    }
}

static void remove_path(struct process *process, struct path *path)
{
    if (path->zone == ZONE_KERNEL || !is_there(path))
        saw_path(process, path, SAW_EXISTS, 1);
    else
        change(process, path, AWAY);
}

void removes(struct process *process, int folder, const char *text)
{
    notes_read_all();
    struct path *path = named_path(process, folder, text, 0);
    if (path != NULL)
        remove_path(process, path);
}

/* Whether a folder is empty is asked by removing it. */
void removes_folder(struct process *process, int folder, const char *text)
{
    notes_read_all();
    struct path *path = named_path(process, folder, text, 0);
    uint64_t sum[2] = {0, 0};
    if (path == NULL)
        return;
    if (path->zone == ZONE_TRACKED &&
        path_state(path, 0)->kind == KIND_FOLDER && list_folder(path, sum) == 0)
        step_listed(process->step, path, now_ns(), sum);
    moves_held(process, path);
    if (sum[0] == 0 && sum[1] == 0)
        remove_path(process, path);
    else
        saw_path(process, path, SAW_EXISTS, 1);
}

void makes(struct process *process, int folder, const char *text, int is_link)
{
    notes_read_all();
    struct path *path = named_path(process, folder, text, 0);
    if (path == NULL)
        return;
    if (path->zone == ZONE_SYSTEM && !is_there(path))
        changes_system(process, path);
    else if (path->zone != ZONE_TRACKED || is_there(path) || !has_folder(process, path))
        saw_path(process, path, SAW_EXISTS, 1);
    else if (change(process, path, 0) != NULL && is_link)
        path_set_link(path, 1);
    if (!is_link)
        name_folder(process->step, path);
}

/* Its content stays, unless its size or its date says otherwise when it has happened. */
static void keeps_content(struct version *made, const struct version *before)
{
    if (!before->is_final || !before->state.has_digest || before->state.kind != KIND_FILE)
        return;
    struct version *kept = take(sizeof *kept);
    *kept = *before;
    made->moved = kept;
}

static void leaves_date(struct version *made, const struct version *before)
{
    struct version *left = take(sizeof *left);
    *left = *before;
    made->left = left;
    made->is_dated = before->is_dated;
}

static void changes_date(struct process *process, struct path *path, int is_given, int is_left)
{
    notes_read_all();
    if (path == NULL || path->zone == ZONE_KERNEL)
        return;
    if (!is_there(path)) {
        saw_path(process, path, SAW_EXISTS, 0);
        return;
    }
    int is_file = path_state(path, 0)->kind == KIND_FILE;
    struct version *made = change(process, path, is_file ? CONTENT : 0);
    if (made == NULL)
        return;
    keeps_content(made, made - 1);
    made->is_dated = (uint8_t)is_given;
    if (is_left)
        leaves_date(made, made - 1);
    if (path->twin != NULL)
        for (struct path *other = path->twin; other != path; other = other->twin) {
            path_current(other)->is_dated = made->is_dated;
            path_current(other)->left = made->left;
        }
}

void dates(struct process *process, struct path *path, int is_given)
{
    changes_date(process, path, is_given, 0);
}

void alters(struct process *process, struct path *path)
{
    changes_date(process, path, 0, 1);
}

/* A process' user or group as we see it: user_namespaces(7), "uid_map". */
static uint32_t outer_id(const struct process *process, const char *map, uint32_t id)
{
    char text[4096];
    unsigned inner, outer, count;
    int length;
    if (read_proc(process->id, map, text, sizeof text) <= 0)
        return UINT32_MAX;
    for (const char *at = text; sscanf(at, " %u %u %u%n", &inner, &outer, &count, &length) == 3;
         at += length)
        if (id >= inner && id - inner < count)
            return outer + (id - inner);
    return UINT32_MAX;
}

/* sed -i and cp -p give a file to who has it. */
void owns(struct process *process, struct path *path, uint64_t owner, uint64_t group)
{
    uint32_t user = (uint32_t)owner, team = (uint32_t)group; /* -1: as it is */
    struct state state;
    if (path == NULL || path->zone == ZONE_KERNEL)
        return;
    path_look(path, 0, &state); /* where it is to be followed, it was */
    if ((user != UINT32_MAX && outer_id(process, "uid_map", user) != state.owner) ||
        (team != UINT32_MAX && outer_id(process, "gid_map", team) != state.group))
        step_uncacheable_above(process->step, NULL, "it gives a file to another user");
    alters(process, path);
}

/* --- names that move ------------------------------------------------------------------------ */

struct move {
    struct process *process;
    struct path *from, *to;
    uint64_t moment;
};

static void move_one(struct path *path, struct path *to, struct move *move)
{
    struct process *process = move->process;
    int kind = path_state(path, 0)->kind;
    if (kind == KIND_ABSENT || to->zone != ZONE_TRACKED)
        return;
    changes_held(process, path);
    capture(path, process->step, 0);
    /* Which other names it has is asked, too: they stay names of the same file. */
    int mask = path->twin == NULL ? SAW_EXISTS : SAW_EXISTS | SAW_DATE;
    saw_path(process, path, kind == KIND_FILE ? SAW_CONTENT | mask : SAW_EXISTS, 1);
    struct version before = *path_current(path);
    change_one(process, path, move->moment)->is_removal = 1;
    step_effect(process->step, path)->is_new = step_effect(process->step, path)->is_direct = 1;
    capture(to, process->step, 1);
    saw_path(process, to, SAW_EXISTS, 1);
    path_untwin(to);
    struct version *moved = change_one(process, to, move->moment);
    keeps_content(moved, &before);
    leaves_date(moved, &before);
    step_effect(process->step, to)->is_new = step_effect(process->step, to)->is_direct = 1;
    if (path->twin != NULL) {
        path_twin(path, to);
        path_untwin(path);
    }
    path_set_link(path, 0);
    path_set_link(to, kind == KIND_LINK);
}

static void move_below(struct path *path, void *data)
{
    struct move *move = data;
    char *text = compose("%s%s", move->to->text, path->text + move->from->length);
    struct path *to = path_resolve(text, 0, NULL, NULL);
    if (to == NULL)
        step_incomplete(move->process->step, "a path is too long");
    else
        move_one(path, to, move);
}

/* All names below a folder, so that they are known when it moves: what is put back has these. */
static void look_below(struct process *process, struct path *folder)
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
            step_incomplete(process->step, "%s can't be listed", at->text);
            if (file >= 0)
                close(file);
            continue;
        }
        for (struct dirent *name; (name = readdir(names)) != NULL;) {
            if (strcmp(name->d_name, ".") == 0 || strcmp(name->d_name, "..") == 0)
                continue;
            struct path *child = path_child(at, name->d_name);
            if (child == NULL) {
                step_incomplete(process->step, "a path is too long");
            } else if (path_state(child, 0)->kind == KIND_FOLDER) {
                left = grow(left, &room, count, sizeof *left);
                left[count++] = child;
            }
        }
        closedir(names);
        uint64_t sum[2];
        if (list_folder(at, sum) == 0)
            step_listed(process->step, at, now_ns(), sum);
    }
    free(left);
}

/* Who stands in a folder that moves, stands in one of another name. */
static void forget_folders(void)
{
    for (struct process *process = the_processes; process != NULL; process = process->all)
        process->folder = NULL;
}

static void exchanges(struct process *process, struct path *from, struct path *to)
{
    if (path_state(from, 0)->kind == KIND_FOLDER || path_state(to, 0)->kind == KIND_FOLDER)
        trace_is_incomplete("two folders changed places");
    if (from->twin != NULL || to->twin != NULL)
        trace_is_incomplete("two files changed places, of which one has several names");
    change(process, from, CONTENT);
    change(process, to, CONTENT);
    step_effect(process->step, from)->is_new = step_effect(process->step, to)->is_new = 1;
    int is_link = from->is_link;
    path_set_link(from, to->is_link);
    path_set_link(to, is_link);
}

void renames(struct process *process, int from_folder, const char *from_text, int folder,
             const char *text, uint64_t flags)
{
    notes_read_all();
    struct path *from = named_path(process, from_folder, from_text, 0);
    struct path *to = named_path(process, folder, text, 0);
    if (from == NULL || to == NULL)
        return;
    if (from->zone != ZONE_TRACKED || to->zone != ZONE_TRACKED || !is_there(from) ||
        !has_folder(process, to) || (flags & RENAME_NOREPLACE && is_there(to)) || from == to) {
        saw_path(process, from, SAW_EXISTS, 1);
        saw_path(process, to, SAW_EXISTS, 1);
        will_fail(to);
        if (!is_there(from) || settings.is_shut_in)
            return;
        if (from->zone == ZONE_SYSTEM && to->zone == ZONE_SYSTEM) {
            changes_system(process, from);
            changes_system(process, to);
        } else if (from->zone == ZONE_SYSTEM || to->zone == ZONE_SYSTEM) {
            trace_is_incomplete("a file moved into or out of the build");
        }
        return;
    }
    if (flags & RENAME_EXCHANGE) {
        exchanges(process, from, to);
        return;
    }
    int is_folder = path_state(from, 0)->kind == KIND_FOLDER;
    if (is_folder) {
        moves_held(process, from);
        look_below(process, from);
    }
    struct move move = {process, from, to, now_ns()};
    if (is_folder) {
        paths_each_below(from, move_below, &move);
        forget_folders();
    }
    move_one(from, to, &move);
}

void links(struct process *process, int from_folder, const char *from_text, int folder,
           const char *text, uint64_t flags)
{
    notes_read_all();
    struct path *to = named_path(process, folder, text, 0);
    struct path *from = from_text != NULL && *from_text == '\0'
                            ? descriptor_path(process, from_folder)
                            : named_path(process, from_folder, from_text,
                                         (flags & AT_SYMLINK_FOLLOW) != 0);
    if (to == NULL)
        return;
    if (to->zone != ZONE_TRACKED || is_there(to) || !has_folder(process, to)) {
        if (to->zone == ZONE_SYSTEM && !is_there(to))
            changes_system(process, to);
        saw_path(process, to, SAW_EXISTS, 1);
        will_fail(to);
        return;
    }
    if (from == NULL || from->zone == ZONE_KERNEL) { /* a file without a name gets one */
        change(process, to, 0);
        return;
    }
    saw_path(process, from, SAW_CONTENT | SAW_EXISTS, 1);
    if (!is_there(from)) {
        will_fail(to);
        return;
    }
    struct version *made = change(process, to, 0);
    if (from->zone != ZONE_TRACKED)
        return; /* its other names aren't the build's */
    leaves_date(made, path_current(from));
    path_twin(from, to);
    path_set_link(to, from->is_link);
}
