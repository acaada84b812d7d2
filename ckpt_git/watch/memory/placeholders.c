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

enum { MOST = 64, LARGEST = 1 << 26, HASH_LENGTH = 32, HASH_BEGINNING = 10, PIECE = 8 };

static struct {
    struct step *step; /* that made it up */
    const char *here, *kept;
    size_t here_length, kept_length;
} names[MOST];
static int count;

/* Names that are given: hashes of store paths, which differ between two builds of one package. What
 * stands for one is as long, so what has it in it keeps its size. */
static struct given_name {
    char here[HASH_LENGTH + 1], kept[HASH_LENGTH + 1];
} given[MOST];
static int given_count;

int add_given_name(const char *pair)
{
    const char *kept = strchr(pair, ' ');
    if (given_count == MOST || kept == NULL || kept - pair != HASH_LENGTH ||
        strlen(kept + 1) != HASH_LENGTH)
        return -1;
    memcpy(given[given_count].here, pair, HASH_LENGTH);
    memcpy(given[given_count++].kept, kept + 1, HASH_LENGTH);
    return 0;
}

/* The first given name in some bytes, whole or its beginning: stdenv makes a seed of that. */
static char *find_given(const char *at, const char *end, const char *name, size_t *length)
{
    char *found = memmem(at, (size_t)(end - at), name, HASH_BEGINNING);
    if (found == NULL)
        return NULL;
    *length = HASH_BEGINNING;
    while (*length < HASH_LENGTH && found + *length < end && found[*length] == name[*length])
        ++*length;
    return found;
}

static int has_given(const void *bytes, size_t size, int is_here)
{
    size_t length;
    for (int i = 0; i < given_count && size >= HASH_BEGINNING; i++)
        if (find_given(bytes, (const char *)bytes + size, is_here ? given[i].here : given[i].kept,
                       &length) != NULL)
            return 1;
    return 0;
}

static void replace_given(char *bytes, size_t size, int is_here)
{
    size_t length;
    for (int i = 0; i < given_count; i++) {
        const char *old = is_here ? given[i].here : given[i].kept;
        const char *new = is_here ? given[i].kept : given[i].here;
        for (char *at = bytes; (at = find_given(at, bytes + size, old, &length)) != NULL;
             at += length)
            memcpy(at, new, length);
    }
}

/* Whether some bytes have a part of a given name that isn't its beginning, as a compiler leaves it
 * that copies a text by words. */
static int has_piece(const char *bytes, size_t size)
{
    static unsigned char begins[1 << 16];
    static int begins_of;
    uint16_t two;
    for (; begins_of < given_count; begins_of++)
        for (int i = 0; i + PIECE <= HASH_LENGTH; i++) {
            memcpy(&two, given[begins_of].here + i, sizeof two);
            begins[two] = 1;
        }
    for (size_t at = 0; at + PIECE <= size; at++) {
        memcpy(&two, bytes + at, sizeof two);
        for (int n = 0; begins[two] && n < given_count; n++)
            for (int i = 0; i + PIECE <= HASH_LENGTH; i++)
                if (memcmp(bytes + at, given[n].here + i, PIECE) == 0)
                    return 1;
    }
    return 0;
}

int are_there_placeholders(void)
{
    return count > 0 || given_count > 0;
}

int are_names_given(void)
{
    return given_count > 0;
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

int has_made_up_name(const void *bytes, size_t size)
{
    int which;
    return count > 0 && find(bytes, (const char *)bytes + size, 1, &which) != NULL;
}

int has_name(const void *bytes, size_t size)
{
    return has_made_up_name(bytes, size) || has_given(bytes, size, 1);
}

int has_piece_of_name(const void *bytes, size_t size)
{
    if (given_count == 0)
        return 0;
    const char *kept = bytes_as_kept(bytes, size, &size);
    return has_piece(kept, size);
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
        found = count == 0 ? NULL : find(at, end, is_here, &which);
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
    replace_given(into, *length, is_here);
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
    if ((count == 0 || find(text, text + length, 0, &which) == NULL) && !has_given(text, length, 0))
        return text;
    const char *here = bytes_as_here(text, length, &length);
    return take_text(here, length);
}

/* A linked file with a checksum of itself is another one wherever a name in it is. */
static int has_checksum(const char *bytes, size_t size)
{
    static const char note[] = ".note.gnu.build-id";
    return size > 4 && memcmp(bytes, "\177ELF", 4) == 0 &&
           memmem(bytes, size, note, sizeof note - 1) != NULL;
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
        if (has_piece_of_name(bytes, size) ||
            (has_given(bytes, size, 1) && has_checksum(bytes, size))) {
            state->has_names = NAMES_UNKNOWN;
        } else if (state->has_names == HAS_NAMES) {
            const char *kept = bytes_as_kept(bytes, size, &length);
            state->kept_digest = digest_of(kept, length);
            state->kept_size = length;
            if (store && !keep(kept, length, &state->kept_digest))
                state->has_names = NAMES_UNKNOWN;
        }
    }
    free(bytes);
}

digest digest_of_target(const struct state *link)
{
    size_t length = link->target == NULL ? 0 : strlen(link->target);
    if (!has_given(link->target, length, 1))
        return link->digest;
    const char *kept = bytes_as_kept(link->target, length, &length);
    return digest_of(kept, length);
}

int file_as_here(int object, size_t size)
{
    char *bytes = size > LARGEST ? NULL : malloc(size + 1);
    int file = -1;
    if (bytes != NULL && pread(object, bytes, size, 0) == (ssize_t)size) {
        size_t length;
        const char *here = bytes_as_here(bytes, size, &length);
        file = memfd_create("ckpt-here", MFD_CLOEXEC);
        if (file >= 0 && (length != size || write_whole(file, here, length) != 0 ||
                          lseek(file, 0, SEEK_SET) != 0)) {
            close(file);
            file = -1;
        }
    }
    free(bytes);
    return file;
}
