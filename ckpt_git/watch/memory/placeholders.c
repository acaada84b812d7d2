/* Names that a program makes up anew in each run: placeholders.h. */

#define _GNU_SOURCE
#include "memory/placeholders.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/paths.h"
#include "memory/remember.h"
#include "shared/util.h"
#include "steps/steps.h"

#define PREFIX "go-build"

enum { MOST = 64, LARGEST = 1 << 26 };

static struct {
    struct step *step; /* that made it up */
    const char *here, *kept;
    size_t here_length, kept_length;
} names[MOST];
static int count;

int are_there_placeholders(void)
{
    return count > 0;
}

void name_folder(struct step *step, const struct path *folder)
{
    const char *name = strrchr(folder->text, '/') + 1;
    size_t prefix = strlen(PREFIX), length = strlen(name);
    if (!step->is_go || !folder->is_temporary || count == MOST || length < prefix + 4 ||
        strncmp(name, PREFIX, prefix) != 0 ||
        prefix + strspn(name + prefix, "0123456789") != length || has_name(name, length))
        return;
    uint64_t key;
    memcpy(&key, step->key.bytes, sizeof key);
    int before = 0;
    char *kept;
    do
        kept = compose(PREFIX "~%016llx.%d~", (unsigned long long)key, before++);
    while (strcmp(text_as_here(kept), kept) != 0); /* it has another folder already */
    names[count].step = step;
    names[count].here = take_text(name, length);
    names[count].here_length = length;
    names[count].kept = kept;
    names[count++].kept_length = strlen(kept);
    memories_named(kept);
}

/* The first name, or placeholder, at or after `at`; which one. NULL: there is none. */
static const char *find(const char *at, const char *end, int is_here, int *which)
{
    while ((at = memmem(at, (size_t)(end - at), PREFIX, strlen(PREFIX))) != NULL) {
        for (int i = 0; i < count; i++) {
            size_t length = is_here ? names[i].here_length : names[i].kept_length;
            size_t left = (size_t)(end - at);
            if (left >= length && memcmp(at, is_here ? names[i].here : names[i].kept, length) == 0 &&
                (!is_here || left == length || !isdigit((unsigned char)at[length]))) {
                *which = i;
                return at;
            }
        }
        at++;
    }
    return NULL;
}

int has_name(const void *bytes, size_t size)
{
    int which;
    return count > 0 && find(bytes, (const char *)bytes + size, 1, &which) != NULL;
}

int is_named_by(const struct step *step, const struct path *path)
{
    int which;
    return count > 0 && find(path->text, path->text + path->length, 1, &which) != NULL &&
           step_is_within(names[which].step, step);
}

static const char *replace(const char *at, size_t size, int is_here, size_t *length)
{
    static char *into;
    static size_t room;
    const char *end = at + size, *found;
    *length = 0;
    do {
        int which = 0;
        found = find(at, end, is_here, &which);
        const char *new = found == NULL ? "" : is_here ? names[which].kept : names[which].here;
        size_t part = (size_t)((found == NULL ? end : found) - at), more = strlen(new);
        if (*length + part + more + 1 > room) {
            room = (*length + part + more + 1) * 2;
            into = realloc(into, room);
            if (into == NULL)
                abort();
        }
        memcpy(into + *length, at, part);
        memcpy(into + *length + part, new, more + 1);
        *length += part + more;
        at += part + (is_here ? names[which].here_length : names[which].kept_length);
    } while (found != NULL);
    return into;
}

const char *bytes_as_kept(const void *bytes, size_t size, size_t *kept)
{
    *kept = size;
    return !has_name(bytes, size) ? bytes : replace(bytes, size, 1, kept);
}

const char *bytes_as_here(const void *bytes, size_t size, size_t *here)
{
    return replace(bytes, size, 0, here);
}

const char *text_as_kept(const char *text)
{
    size_t length;
    return bytes_as_kept(text, strlen(text), &length);
}

const char *text_as_here(const char *text)
{
    size_t length = strlen(text);
    int which;
    if (count == 0 || find(text, text + length, 0, &which) == NULL)
        return text;
    const char *here = bytes_as_here(text, length, &length);
    return take_text(here, length);
}

/* Whether it is an object now. */
static int keep(const char *bytes, size_t size, digest *digest)
{
    struct stat found;
    int file = memfd_create("ckpt-kept", MFD_CLOEXEC);
    int done = file >= 0 && write_whole(file, bytes, size) == 0 && fstat(file, &found) == 0 &&
               objects_put(the_objects, file, &found, digest) >= 0;
    if (file >= 0)
        close(file);
    return done;
}

void look_for_names(int file, struct state *state, int store)
{
    size_t size = state->size, length;
    char *bytes = size > LARGEST ? NULL : malloc(size + 1);
    state->has_names = NAMES_UNKNOWN;
    if (bytes != NULL && pread(file, bytes, size, 0) == (ssize_t)size) {
        state->has_names = has_name(bytes, size) ? HAS_NAMES : HAS_NO_NAMES;
        if (state->has_names == HAS_NAMES) {
            const char *kept = bytes_as_kept(bytes, size, &length);
            state->kept_digest = digest_of(kept, length);
            state->kept_size = length;
            if (store && !keep(kept, length, &state->kept_digest))
                state->has_names = NAMES_UNKNOWN;
        }
    }
    free(bytes);
}
