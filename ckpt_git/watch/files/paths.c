/* Names: each path that anybody named, once, and where it leads. */

#define _GNU_SOURCE
#include "files/paths.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "shared/util.h"

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

void paths_begin(void)
{
    slot_count = SLOTS;
    slots = zeroed(slot_count, sizeof *slots);
}

void paths_add_root(const char *root, int is_temporary)
{
    if (root_count == ROOTS)
        abort();
    roots[root_count].text = take_text(root, strlen(root));
    roots[root_count].length = strlen(root);
    roots[root_count++].is_temporary = is_temporary;
}

const char *paths_root_text(int number)
{
    return number < root_count ? roots[number].text : NULL;
}

void paths_set_root(int directory)
{
    root_directory = directory;
}

int paths_root(void)
{
    return root_directory;
}

static int root_of(const char *text)
{
    for (int i = 0; i < root_count; i++)
        if (is_at_or_below(text, roots[i].text, roots[i].length))
            return i;
    return -1;
}

static const char **systems;
static size_t system_count, system_room;

void paths_add_system(const char *folder)
{
    systems = grow(systems, &system_room, system_count, sizeof *systems);
    systems[system_count++] = folder;
}

size_t system_folder_of(const char *path)
{
    size_t longest = 0;
    for (size_t i = 0; i < system_count; i++) {
        size_t length = strlen(systems[i]);
        if (length > longest && is_at_or_below(path, systems[i], length))
            longest = length;
    }
    return longest;
}

static enum zone zone_of(const char *text, int root)
{
    if (root >= 0)
        return ZONE_TRACKED;
    if (is_at_or_below(text, "/dev/shm", 8))
        return ZONE_SYSTEM; /* where it is no root, others can see it */
    if (is_at_or_below(text, "/proc", 5) || is_at_or_below(text, "/sys", 4) ||
        strncmp(text, "/dev/", 5) == 0)
        return ZONE_KERNEL;
    return ZONE_SYSTEM;
}

static void enlarge(void)
{
    size_t count = slot_count * 4;
    struct path **larger = zeroed(count, sizeof *larger);
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

static struct path *make(const char *text, size_t length, uint32_t hash)
{
    if (++path_count > slot_count)
        enlarge();
    struct path *path = take(sizeof *path);
    path->text = take_text(text, length);
    path->length = (uint32_t)length;
    path->hash = hash;
    int root = root_of(path->text);
    if (root >= 0 && system_folder_of(path->text) > roots[root].length)
        root = -1; /* what is shown below a folder of the build's isn't the build's */
    path->zone = (uint8_t)zone_of(path->text, root);
    path->is_temporary = (uint8_t)(root >= 0 && roots[root].is_temporary);
    path->chain = slots[hash & (slot_count - 1)];
    slots[hash & (slot_count - 1)] = path;
    path->versions = take(sizeof *path->versions);
    path->count = 1;
    path->room = 0; /* the first one isn't ours to enlarge */
    return path;
}

struct path *path_at(const char *text, size_t length)
{
    struct path *first = NULL, *below = NULL;
    for (;;) {
        uint32_t hash = (uint32_t)hash_bytes(text, length);
        struct path *path = known(text, length, hash);
        int is_new = path == NULL;
        if (is_new)
            path = make(text, length, hash);
        if (first == NULL)
            first = path;
        if (below != NULL) {
            below->parent = path;
            below->sibling = path->children;
            path->children = below;
        }
        if (!is_new || path->zone != ZONE_TRACKED || length <= 1)
            return first;
        below = path; /* its folder has to be known, too */
        while (length > 0 && text[length - 1] != '/')
            length--;
        length = length > 1 ? length - 1 : 1;
    }
}

struct path *path_child(struct path *folder, const char *name)
{
    char text[PATH_MAX];
    size_t above = folder->length > 1 ? folder->length : 0, length = strlen(name);
    if (above + 1 + length >= sizeof text)
        return NULL;
    memcpy(text, folder->text, above);
    text[above] = '/';
    memcpy(text + above + 1, name, length + 1);
    return path_at(text, above + 1 + length);
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

static size_t next_part(const char **at)
{
    *at += strspn(*at, "/");
    return strcspn(*at, "/");
}

static int is_dots(const char *part, size_t length)
{
    return length <= 2 && memcmp(part, "..", length) == 0;
}

/* One part onto the end of `into`, or one off for `..`. */
static size_t step_to(char *into, size_t length, const char *part, size_t size)
{
    if (size == 1 && part[0] == '.')
        return length;
    if (is_dots(part, size)) {
        while (length > 0 && into[--length] != '/')
            ;
        return length;
    }
    into[length] = '/';
    memcpy(into + length + 1, part, size);
    return length + 1 + size;
}

/* The same without `.`, `..` and doubled slashes, as if there were no links. */
static size_t collapse(const char *text, char *into)
{
    size_t length = 0;
    for (size_t part; part = next_part(&text), part > 0; text += part)
        length = step_to(into, length, text, part);
    if (length == 0)
        into[length++] = '/';
    into[length] = '\0';
    return length;
}

static int is_asking_for_folder(const char *text, size_t length)
{
    return length > 1 && text[length - 1] == '/';
}

struct path *path_resolve(const char *text, int follow,
                          void (*passed)(struct path *link, void *data), void *data)
{
    char collapsed[PATH_MAX + 1], rest[PATH_MAX], at[PATH_MAX + 1];
    size_t length = strlen(text);
    if (length >= PATH_MAX)
        return NULL;
    int plain = is_plain(text);
    if (plain && (link_count == 0 || root_of(text) < 0))
        return path_at(text, length);
    size_t short_length = collapse(text, collapsed);
    if (root_of(collapsed) < 0 && root_of(text) < 0)
        return plain || strstr(text, "..") == NULL ? path_at(collapsed, short_length)
                                                   : path_at(text, length);
    int goes_up = strstr(text, "/..") != NULL;
    if (link_count == 0 && !(goes_up && passed != NULL))
        return path_at(collapsed, short_length);
    if (is_asking_for_folder(text, length))
        follow = 1;
    /* One part after the other: what is left to go is at the end of `rest`. */
    memcpy(rest, text, length + 1);
    size_t gone = 0;
    int links = 0;
    const char *next = rest;
    for (size_t part; part = next_part(&next), part > 0;) {
        size_t before = gone;
        if (gone + part + 2 > sizeof at)
            return NULL;
        /* What is above a folder is asked of it: were it a link, that would be another one. */
        at[gone] = '\0';
        if (goes_up && passed != NULL && part == 2 && is_dots(next, part) && root_of(at) >= 0)
            passed(path_at(at, gone), data);
        gone = step_to(at, gone, next, part);
        const char *after = next + part;
        at[gone] = '\0';
        struct path *here = NULL;
        if (!is_dots(next, part) && root_of(at) >= 0)
            here = known(at, gone, (uint32_t)hash_bytes(at, gone));
        int is_last = after[strspn(after, "/")] == '\0';
        next = after;
        if (here == NULL || !here->is_link || (is_last && !follow))
            continue;
        const char *target = path_state(here, 0)->target;
        if (!here->is_link || target == NULL || ++links > MOST_LINKS)
            continue; /* it could not be made, or is gone */
        if (passed != NULL)
            passed(here, data);
        size_t size = strlen(target), left = strlen(after);
        if (size + left + 2 > sizeof rest)
            return NULL;
        memmove(rest + size, after, left + 1);
        memcpy(rest, target, size);
        next = rest;
        gone = target[0] == '/' ? 0 : before;
    }
    if (gone == 0)
        at[gone++] = '/';
    return gone < PATH_MAX ? path_at(at, gone) : NULL;
}

void path_set_link(struct path *path, int is_link)
{
    link_count += (size_t)is_link;
    link_count -= path->is_link;
    path->is_link = (uint8_t)is_link;
}

void paths_each_below(struct path *folder, void (*call)(struct path *path, void *data), void *data)
{
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
