/* What is at a path, and the versions that a build makes of it. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "files/paths.h"
#include "memory/placeholders.h"
#include "shared/util.h"
#include "steps/steps.h"

struct objects *the_objects;
struct digests *the_digests;

enum { MOST_TURNS = 10000, BLOCK = 4096 };

/* --- looking -------------------------------------------------------------------------------- */

int path_open(struct path *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)flags | O_CLOEXEC,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    const char *text = path->length > 1 ? path->text + 1 : ".";
    int file, turn = 0;
    do /* EAGAIN: something was renamed or mounted meanwhile, openat2(2) */
        file = (int)syscall(SYS_openat2, paths_root(), text, &how, sizeof how);
    while (file < 0 && (errno == EAGAIN || errno == EINTR) && ++turn < MOST_TURNS);
    return file;
}

static void look_at_link(int file, struct state *state)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(file, "", target, sizeof target);
    if (length < 0)
        return;
    state->target = take_text(target, (size_t)length);
    state->digest = digest_of(target, (size_t)length);
    state->has_digest = 1;
}

void path_look(struct path *path, int follow, struct state *state)
{
    memset(state, 0, sizeof *state);
    state->kind = KIND_OTHER;
    if (path->zone == ZONE_KERNEL)
        return;
    int file = path_open(path, O_PATH | (follow ? 0 : O_NOFOLLOW));
    struct stat found;
    if (file < 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            state->kind = KIND_ABSENT;
        return;
    }
    if (fstat(file, &found) == 0) {
        state->mode = found.st_mode & 07777;
        state->owner = found.st_uid;
        state->group = found.st_gid;
        state->size = (uint64_t)found.st_size;
        state->mtime = nanoseconds(found.st_mtim);
        state->ctime = nanoseconds(found.st_ctim);
        state->device = found.st_dev;
        state->inode = found.st_ino;
        state->kind = S_ISREG(found.st_mode)   ? KIND_FILE
                      : S_ISDIR(found.st_mode) ? KIND_FOLDER
                      : S_ISLNK(found.st_mode) ? KIND_LINK
                                               : KIND_OTHER;
        if (state->kind == KIND_LINK)
            look_at_link(file, state);
    }
    close(file);
}

/* What is in a folder doesn't make it another one. */
static int is_same_file(const struct state *one, const struct state *other)
{
    return one->kind == other->kind && one->inode == other->inode && one->device == other->device &&
           one->mode == other->mode &&
           (one->kind == KIND_FOLDER ||
            (one->size == other->size && one->mtime == other->mtime));
}

/* What a memory foretold has come true: the rest of the state is known, too. */
static int fulfil(struct state *foretold, const struct state *found)
{
    if (foretold->kind != found->kind ||
        (found->kind == KIND_FILE && foretold->size != found->size &&
         foretold->has_names != HAS_NAMES))
        return -1;
    digest known = foretold->digest;
    uint8_t has_digest = foretold->has_digest, database = foretold->database;
    *foretold = *found;
    foretold->database = database;
    if (found->kind == KIND_FILE) {
        foretold->digest = known;
        foretold->has_digest = has_digest;
    }
    return 0;
}

/* What a renamed file holds is known, if it is there now. */
static void take_moved(struct version *version)
{
    const struct state *moved = &version->moved->state;
    struct state *found = &version->state;
    if (moved->inode == found->inode && moved->device == found->device &&
        moved->mtime == found->mtime && moved->size == found->size && found->kind == KIND_FILE) {
        found->digest = moved->digest;
        found->has_digest = 1;
        found->has_names = moved->has_names;
        found->database = moved->database;
        found->kept_digest = moved->kept_digest;
        found->kept_size = moved->kept_size;
        version->is_stored = version->moved->is_stored;
    }
}

static const struct state *state_of_system(struct path *path, int follow)
{
    struct state *state = follow ? &path->versions[0].state : &path->beyond;
    if (state->kind == KIND_UNKNOWN)
        path_look(path, follow, state);
    return state;
}

/* Its writer wrote to it, some time since it was looked at: that is a version of its own. */
static struct version *grown(struct path *path, const struct state *state)
{
    struct version *before = path_current(path);
    struct step *writer = before->writer;
    uint64_t since = before->looked > before->since ? before->looked : before->since;
    struct version *version = path_change(path, writer, since);
    version->until = version->looked = now_ns();
    version->state = *state;
    step_changed(writer, path, path->count - 2, path->count - 1);
    return version;
}

const struct state *path_state(struct path *path, int follow)
{
    if (path->zone != ZONE_TRACKED)
        return state_of_system(path, follow);
    struct version *version = path_current(path);
    if (version->is_final && !version->state.is_foretold)
        return &version->state;
    int is_settled = version_is_settled(version);
    if (version->state.is_foretold && !is_settled)
        return &version->state; /* it is being made just now */
    struct state found;
    path_look(path, 0, &found);
    if (version->state.is_foretold && fulfil(&version->state, &found) == 0) {
        version->is_final = 1;
        return &version->state;
    }
    int is_same = is_same_file(&version->state, &found);
    if (version->state.kind == KIND_UNKNOWN || version_is_pending(version) ||
        (!is_same && !version->is_observed)) {
        version->state = found;
        version->is_stored = 0;
        if (version->moved != NULL)
            take_moved(version);
    } else if (!is_same) {
        version = grown(path, &found);
    } else {
        version->state.ctime = found.ctime;
    }
    version->looked = now_ns();
    version->is_final = (uint8_t)is_settled;
    if (path->is_link != (version->state.kind == KIND_LINK))
        path_set_link(path, version->state.kind == KIND_LINK);
    return &version->state;
}

/* --- contents ------------------------------------------------------------------------------- */

static uint64_t stored;

uint64_t paths_stored(void)
{
    return stored;
}

int path_digest(struct path *path, struct state *state, int store, uint8_t *is_stored)
{
    if (state->kind != KIND_FILE)
        return state->has_digest ? 0 : -1;
    if (state->has_digest && (!store || *is_stored))
        return 0;
    int file = path_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    struct stat found;
    if (file < 0)
        return -1;
    int done = -1;
    if (fstat(file, &found) == 0 && S_ISREG(found.st_mode)) {
        int is_kept = path->zone == ZONE_SYSTEM; /* what is the build's is another file each time */
        const digest *before = is_kept ? digests_find(the_digests, &found) : NULL;
        if (store) {
            done = objects_put(the_objects, file, &found, &state->digest);
            if (done == 0)
                stored += ((uint64_t)found.st_size + BLOCK - 1) / BLOCK * BLOCK;
            *is_stored = done >= 0;
            state->database = is_database(file, (uint64_t)found.st_size) ? DATABASE_MADE : NO_DATABASE;
        } else if (before != NULL) {
            state->digest = *before;
            done = 0;
        } else {
            int64_t moment = date_now();
            done = digest_of_file(file, &found, &state->digest);
            if (done == 0 && is_kept)
                digests_add(the_digests, &found, state->digest, moment);
        }
        if (done >= 0) {
            state->has_digest = 1;
            state->size = (uint64_t)found.st_size;
            if (path->zone == ZONE_TRACKED && are_there_placeholders())
                look_for_names(file, state, store);
        }
    }
    close(file);
    return done >= 0 ? 0 : -1;
}

struct version *path_content(struct path *path)
{
    path_state(path, 0);
    struct version *version = path_current(path);
    struct state *state = &version->state;
    if (state->kind != KIND_FILE)
        return version;
    if (version->is_final || !state->has_digest) {
        path_digest(path, state, 0, &version->is_stored);
        return version;
    }
    struct state now = *state; /* its dates say nothing: they are those of the kernel's last tick */
    uint8_t is_stored = 0;
    now.has_digest = 0;
    if (path_digest(path, &now, 0, &is_stored) != 0 || digest_equal(now.digest, state->digest))
        return version;
    return grown(path, &now);
}

/* --- versions ------------------------------------------------------------------------------- */

static struct change {
    struct path *path;
    uint32_t version;
} *changes;
static size_t change_count, change_room;

struct version *path_current(struct path *path)
{
    return &path->versions[path->count - 1];
}

uint32_t version_at(const struct path *path, uint64_t moment)
{
    uint32_t number = path->count - 1;
    while (number > 0 && path->versions[number].since > moment)
        number--;
    return number;
}

int version_is_pending(const struct version *version)
{
    return version->writer != NULL && version->until == 0;
}

int version_is_settled(const struct version *version)
{
    return version->writer == NULL || (version->until != 0 && step_is_over(version->writer));
}

struct version *path_change(struct path *path, struct step *writer, uint64_t moment)
{
    if (path->room == 0) {
        struct version *own = zeroed(4, sizeof *own);
        own[0] = path->versions[0];
        path->versions = own;
        path->room = 4;
    }
    path->versions = grow(path->versions, &path->room, path->count, sizeof *path->versions);
    changes = grow(changes, &change_room, change_count, sizeof *changes);
    changes[change_count++] = (struct change){path, path->count};
    struct version *made = &path->versions[path->count++];
    memset(made, 0, sizeof *made);
    made->since = moment;
    made->writer = writer;
    return made;
}

static int is_unchanged(const struct version *version, const struct version *before)
{
    const struct state *one = &version->state, *other = &before->state;
    if (one->is_foretold || other->is_foretold || version_is_pending(version))
        return 0;
    if (one->kind == KIND_ABSENT)
        return other->kind == KIND_ABSENT;
    if (one->kind == KIND_UNKNOWN || one->inode != other->inode || one->kind != other->kind ||
        one->device != other->device)
        return 0;
    if (version->is_removal)
        return 1; /* it is there still */
    if (!is_same_file(one, other))
        return 0;
    if (one->kind == KIND_FOLDER)
        return 1;
    if (one->ctime != other->ctime)
        return 0;
    return one->ctime < date_of_moment(version->since) - TICK ||
           (one->has_digest && other->has_digest && digest_equal(one->digest, other->digest));
}

uint32_t path_origin(struct path *path, uint32_t number)
{
    while (number > 0 && is_unchanged(&path->versions[number], &path->versions[number - 1]))
        number--;
    return number;
}

uint32_t changes_count(void)
{
    return (uint32_t)change_count;
}

void changes_done(uint32_t from, uint32_t to)
{
    uint64_t now = from < to ? now_ns() : 0;
    for (; from < to; from++) {
        struct version *version = &changes[from].path->versions[changes[from].version];
        if (version->until == 0)
            version->until = now;
    }
}

/* --- files of several names ----------------------------------------------------------------- */

static int are_twins(const struct path *path, const struct path *other)
{
    for (const struct path *next = path->twin; next != NULL && next != path; next = next->twin)
        if (next == other)
            return 1;
    return path == other;
}

void path_twin(struct path *path, struct path *other)
{
    if (are_twins(path, other))
        return;
    path_untwin(other);
    path->had_twin = other->had_twin = 1;
    if (path->twin == NULL)
        path->twin = path;
    struct path *next = path->twin;
    path->twin = other;
    other->twin = next;
}

void path_untwin(struct path *path)
{
    struct path *before = path->twin;
    if (before == NULL)
        return;
    while (before->twin != path)
        before = before->twin;
    before->twin = path->twin == before ? NULL : path->twin;
    path->twin = NULL;
}

uint64_t path_names(struct path *path)
{
    uint64_t sum = 0;
    if (path->twin == NULL)
        return 0;
    for (struct path *other = path->twin;; other = other->twin) {
        sum += hash_bytes(other->text, other->length);
        if (other == path)
            return sum;
    }
}
