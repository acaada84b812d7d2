/* Paths as the watched programs see them, what is there, and the versions of what a build made. */

#define _GNU_SOURCE
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SLOTS = 1 << 16, ROOTS = 16, MOST_LINKS = 40 };

static struct path **slots;
static size_t slot_count, path_count;
static struct {
    const char *text;
    size_t length;
    int is_temporary;
} roots[ROOTS];
static int root_count, root_directory = -1;
static size_t link_count; /* links in tracked folders, now */

struct objects *the_objects;
struct digest_cache *the_digests;

void paths_begin(void)
{
    slot_count = SLOTS;
    slots = calloc(slot_count, sizeof *slots);
    if (slots == NULL)
        abort();
}

void paths_add_root(const char *root, int is_temporary)
{
    if (root_count == ROOTS)
        return;
    roots[root_count].text = take_text(root, strlen(root));
    roots[root_count].length = strlen(root);
    roots[root_count++].is_temporary = is_temporary;
}

void paths_set_root(int directory)
{
    root_directory = directory;
}

int paths_root(void)
{
    return root_directory;
}

static int is_at_or_below(const char *text, size_t length, const char *root, size_t size)
{
    return length >= size && memcmp(text, root, size) == 0 &&
           (length == size || text[size] == '/' || size == 1);
}

static int root_of(const char *text, size_t length)
{
    for (int i = 0; i < root_count; i++)
        if (is_at_or_below(text, length, roots[i].text, roots[i].length))
            return i;
    return -1;
}

static enum zone zone_of(const char *text, size_t length, int *is_temporary)
{
    int root = root_of(text, length);
    if (root >= 0 && memory_system_of(text, length) > roots[root].length)
        root = -1; /* what is shown below a folder of the build's isn't the build's */
    *is_temporary = root >= 0 && roots[root].is_temporary;
    if (root >= 0)
        return ZONE_TRACKED;
    if (is_at_or_below(text, length, "/proc", 5) || is_at_or_below(text, length, "/sys", 4) ||
        (is_at_or_below(text, length, "/dev", 4) && length > 4))
        return ZONE_KERNEL;
    return ZONE_SYSTEM;
}

static void enlarge(void)
{
    size_t count = slot_count * 4;
    struct path **larger = calloc(count, sizeof *larger);
    if (larger == NULL)
        abort();
    for (size_t i = 0; i < slot_count; i++)
        for (struct path *path = slots[i], *next; path != NULL; path = next) {
            next = path->chain;
            path->chain = larger[path->hash & (count - 1)];
            larger[path->hash & (count - 1)] = path;
        }
    free(slots);
    slots = larger;
    slot_count = count;
}

static struct path *known(const char *text, size_t length, uint32_t hash)
{
    for (struct path *path = slots[hash & (slot_count - 1)]; path != NULL; path = path->chain)
        if (path->hash == hash && path->length == length && memcmp(path->text, text, length) == 0)
            return path;
    return NULL;
}

struct path *path_at(const char *text, size_t length)
{
    uint32_t hash = (uint32_t)hash_bytes(text, length);
    struct path *path = known(text, length, hash);
    if (path != NULL)
        return path;
    if (++path_count > slot_count)
        enlarge();
    path = take(sizeof *path);
    path->text = take_text(text, length);
    path->length = (uint32_t)length;
    path->hash = hash;
    int is_temporary;
    path->zone = (uint8_t)zone_of(text, length, &is_temporary);
    path->is_temporary = (uint8_t)is_temporary;
    path->chain = slots[hash & (slot_count - 1)];
    slots[hash & (slot_count - 1)] = path;
    path->versions = take(sizeof *path->versions);
    path->count = 1;
    path->room = 0; /* the first one isn't ours to enlarge */
    if (path->zone == ZONE_TRACKED && length > 1) {
        size_t above = length;
        while (above > 0 && text[above - 1] != '/')
            above--;
        path->parent = path_at(text, above > 1 ? above - 1 : 1);
        path->sibling = path->parent->children;
        path->parent->children = path;
    }
    return path;
}

struct path *path_child(struct path *folder, const char *name)
{
    char text[8192];
    int length = snprintf(text, sizeof text, "%s/%s", folder->length > 1 ? folder->text : "", name);
    return path_at(text, length < (int)sizeof text ? (size_t)length : sizeof text - 1);
}

static int is_plain(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (at[0] == '/' && (at[1] == '/' || at[1] == '\0' ||
                             (at[1] == '.' && (at[2] == '/' || at[2] == '\0' ||
                                               (at[2] == '.' && (at[3] == '/' || at[3] == '\0'))))))
            return 0;
    return 1;
}

/* The same without `.`, `..` and doubled slashes, as if there were no links. */
static size_t collapse(const char *text, char *into, size_t room)
{
    size_t length = 0;
    while (*text != '\0') {
        while (*text == '/')
            text++;
        size_t part = strcspn(text, "/");
        if (part == 2 && text[0] == '.' && text[1] == '.') {
            while (length > 0 && into[--length] != '/')
                ;
        } else if (part > 0 && !(part == 1 && text[0] == '.') && length + part + 2 < room) {
            into[length++] = '/';
            memcpy(into + length, text, part);
            length += part;
        }
        text += part;
    }
    if (length == 0)
        into[length++] = '/';
    into[length] = '\0';
    return length;
}

struct path *path_resolve(const char *text, int follow,
                          void (*passed)(struct path *link, void *data), void *data)
{
    char collapsed[8192];
    size_t length = strlen(text);
    if (length >= sizeof collapsed)
        length = sizeof collapsed - 1;
    int plain = is_plain(text);
    if (plain && (link_count == 0 || root_of(text, length) < 0))
        return path_at(text, length);
    size_t short_length = collapse(text, collapsed, sizeof collapsed);
    if (root_of(collapsed, short_length) < 0 && root_of(text, length) < 0)
        return plain || strstr(text, "..") == NULL ? path_at(collapsed, short_length)
                                                   : path_at(text, length);
    if (link_count == 0)
        return path_at(collapsed, short_length);
    if (length > 1 && text[length - 1] == '/')
        follow = 1;
    /* One part after the other: what is left to go is `rest`. */
    char rest[8192], at[8192];
    memcpy(rest, text, length);
    rest[length] = '\0';
    size_t gone = 0;
    int links = 0;
    char *next = rest;
    for (;;) {
        while (*next == '/')
            next++;
        if (*next == '\0')
            break;
        size_t part = strcspn(next, "/");
        if (part == 1 && next[0] == '.') {
            next += part;
            continue;
        }
        if (part == 2 && next[0] == '.' && next[1] == '.') {
            while (gone > 0 && at[--gone] != '/')
                ;
            next += part;
            continue;
        }
        if (gone + part + 2 >= sizeof at)
            break;
        at[gone] = '/';
        memcpy(at + gone + 1, next, part);
        size_t length_here = gone + 1 + part;
        const char *after = next + part;
        while (*after == '/')
            after++;
        struct path *here = NULL;
        if (root_of(at, length_here) >= 0)
            here = known(at, length_here, (uint32_t)hash_bytes(at, length_here));
        if (here == NULL || !here->is_link || (*after == '\0' && !follow) ||
            ++links > MOST_LINKS) {
            gone = length_here;
            next += part;
            continue;
        }
        if (passed != NULL)
            passed(here, data);
        const char *target = path_state(here, 0)->target;
        if (target == NULL)
            target = "";
        char longer[8192];
        int size = snprintf(longer, sizeof longer, "%s/%s", target, next + part);
        if (size >= (int)sizeof longer)
            break;
        memcpy(rest, longer, (size_t)size + 1);
        if (target[0] == '/')
            gone = 0;
        next = rest;
    }
    if (gone == 0)
        at[gone++] = '/';
    return path_at(at, gone);
}

/* --- what is there -------------------------------------------------------------------------- */

int path_open(struct path *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    const char *text = path->length > 1 ? path->text + 1 : ".";
    return (int)syscall(SYS_openat2, root_directory, text, &how, sizeof how);
}

void path_look(struct path *path, int follow, struct state *state)
{
    memset(state, 0, sizeof *state);
    if (path->zone == ZONE_KERNEL) {
        state->kind = KIND_OTHER;
        return;
    }
    int file = path_open(path, O_PATH | (follow ? 0 : O_NOFOLLOW));
    struct stat found;
    if (file < 0 || fstat(file, &found) != 0) {
        state->kind = errno == ENOENT || errno == ENOTDIR ? KIND_ABSENT : KIND_OTHER;
        if (file >= 0)
            close(file);
        return;
    }
    state->mode = found.st_mode & 07777;
    state->size = (uint64_t)found.st_size;
    state->links = (uint32_t)found.st_nlink;
    state->mtime = found.st_mtim.tv_sec * 1000000000 + found.st_mtim.tv_nsec;
    state->device = found.st_dev;
    state->inode = found.st_ino;
    state->kind = S_ISREG(found.st_mode)   ? KIND_FILE
                  : S_ISDIR(found.st_mode) ? KIND_FOLDER
                  : S_ISLNK(found.st_mode) ? KIND_LINK
                                           : KIND_OTHER;
    if (state->kind == KIND_LINK) {
        char target[4096];
        ssize_t length = readlinkat(file, "", target, sizeof target);
        if (length >= 0) {
            state->target = take_text(target, (size_t)length);
            state->digest = digest_of(target, (size_t)length);
            state->has_digest = 1;
        }
    }
    close(file);
}

static int is_settled(const struct version *version)
{
    return version->writer == NULL || version->writer->has_ended || version->writer->is_answered;
}

static int is_same_file(const struct state *one, const struct state *other)
{
    return one->kind == other->kind && one->size == other->size && one->mtime == other->mtime &&
           one->inode == other->inode && one->mode == other->mode;
}

static void set_link(struct path *path, int is_link)
{
    link_count += (size_t)is_link;
    link_count -= path->is_link;
    path->is_link = (uint8_t)is_link;
}

void path_made_link(struct path *path)
{
    set_link(path, 1);
}

void path_moved_link(struct path *from, struct path *to, int is_link)
{
    set_link(from, 0);
    set_link(to, is_link);
}

const struct state *path_state(struct path *path, int follow)
{
    if (path->zone != ZONE_TRACKED) {
        struct state *state = follow ? &path->versions[0].state : &path->beyond;
        if (state->kind == KIND_UNKNOWN)
            path_look(path, follow, state);
        return state;
    }
    struct version *version = path_current(path);
    if (version->state.kind != KIND_UNKNOWN && is_settled(version))
        return &version->state;
    struct state state;
    path_look(path, 0, &state);
    if (version->state.kind == KIND_UNKNOWN || is_settled(version)) {
        version->state = state;
    } else if (!is_same_file(&version->state, &state)) {
        /* Its writer goes on writing: what is there now is another version. */
        version = path_change(path, version->writer, now_ns());
        version->state = state;
    }
    set_link(path, version->state.kind == KIND_LINK);
    return &version->state;
}

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
        int is_kept = path->zone == ZONE_SYSTEM || path->count == 1;
        const digest *before = is_kept ? digest_cache_find(the_digests, &found) : NULL;
        if (store) {
            stored += (uint64_t)found.st_blocks * 512;
            done = objects_put_fd(the_objects, file, &found, &state->digest);
            if (done == 0)
                *is_stored = 1;
        } else if (before != NULL) {
            state->digest = *before;
            done = 0;
        } else {
            int64_t moment = digest_moment();
            done = digest_of_file(file, &found, &state->digest);
            if (done == 0 && is_kept)
                digest_cache_add(the_digests, &found, state->digest, moment, DIGEST_STABLE);
        }
        if (done == 0) {
            state->has_digest = 1;
            state->size = (uint64_t)found.st_size;
        }
    }
    close(file);
    return done;
}

/* --- versions ------------------------------------------------------------------------------- */

struct version *path_current(struct path *path)
{
    return &path->versions[path->count - 1];
}

struct version *path_version_at(struct path *path, uint64_t moment)
{
    for (uint32_t i = path->count; i-- > 1;)
        if (path->versions[i].since <= moment)
            return &path->versions[i];
    return &path->versions[0];
}

uint32_t version_number(const struct path *path, const struct version *version)
{
    return (uint32_t)(version - path->versions);
}

struct version *path_change(struct path *path, struct step *writer, uint64_t moment)
{
    if (path->room == 0) {
        struct version *own = malloc(4 * sizeof *own);
        if (own == NULL)
            abort();
        own[0] = path->versions[0];
        path->versions = own;
        path->room = 4;
    }
    path->versions = grow(path->versions, &path->room, path->count, sizeof *path->versions);
    struct version *made = &path->versions[path->count++];
    memset(made, 0, sizeof *made);
    made->since = moment;
    made->writer = writer;
    return made;
}

void path_twin(struct path *path, struct path *other)
{
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

digest name_digest(const struct path *path, int kind)
{
    const char *name = path->text + path->length;
    while (name > path->text && name[-1] != '/')
        name--;
    char text[4096 + 2];
    size_t length = (size_t)(path->text + path->length - name);
    if (length > 4096)
        length = 4096;
    text[0] = (char)kind;
    memcpy(text + 1, name, length);
    return digest_of(text, length + 1);
}

void paths_each_below(struct path *folder, void (*call)(struct path *path, void *data), void *data)
{
    /* Depth first without recursion: a build may nest folders as deep as it likes. */
    struct path *at = folder->children;
    while (at != NULL && at != folder) {
        call(at, data);
        if (at->children != NULL) {
            at = at->children;
            continue;
        }
        while (at != folder && at->sibling == NULL)
            at = at->parent;
        if (at != folder)
            at = at->sibling;
    }
}
