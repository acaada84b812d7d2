/* Compressed contents: packed.h. */

#define _GNU_SOURCE
#include "memory/packed.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory/placeholders.h"
#include "memory/remember.h"
#include "shared/util.h"
#include "steps/steps.h"

enum { IS_UNKNOWN = 0, IS_PLAIN = 1, IS_PACKED = 2 };

static int has_mark(const unsigned char *bytes, size_t size)
{
    static const struct {
        const char *text;
        size_t length;
    } marks[] = {
        {"\x1f\x8b\x08", 3},             /* gzip */
        {"\xfd" "7zXZ", 5},              /* xz */
        {"1AY&SY", 6},                   /* a block of bzip2 */
        {"\x28\xb5\x2f\xfd", 4},         /* zstd */
        {"\x04\x22\x4d\x18", 4},         /* lz4 */
        {"LZIP", 4},
        {"PK\x03\x04", 4},               /* zip */
        {"7z\xbc\xaf\x27\x1c", 6},
        {"\x89PNG", 4},
        {"hsqs", 4},                     /* squashfs */
        {"FlateDecode", 11},             /* in PDF */
    };
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (memmem(bytes, size, marks[i].text, marks[i].length) != NULL)
            return 1;
    if (size < 3)
        return 0;
    int second = bytes[1];
    return (bytes[0] == 0x78 && (second == 0x01 || second == 0x5e || second == 0x9c || second == 0xda)) ||
           memcmp(bytes, "\x5d\0\0", 3) == 0; /* zlib, lzma */
}

static int has_packed_section(const unsigned char *bytes, size_t size)
{
    Elf64_Ehdr head;
    if (size < sizeof head || memcmp(bytes, ELFMAG, SELFMAG) != 0)
        return 0;
    memcpy(&head, bytes, sizeof head);
    if (head.e_ident[EI_CLASS] != ELFCLASS64)
        return 1; /* nobody looked */
    for (size_t i = 0; i < head.e_shnum; i++) {
        Elf64_Shdr section;
        size_t at = head.e_shoff + i * head.e_shentsize;
        if (at > size || size - at < sizeof section)
            return 1;
        memcpy(&section, bytes + at, sizeof section);
        if (section.sh_flags & SHF_COMPRESSED)
            return 1;
    }
    return 0;
}

static int is_packed(const struct state *state)
{
    size_t size = state->has_names == HAS_NAMES ? state->kept_size : state->size;
    if (size == 0)
        return 0;
    int file = objects_get(the_objects,
                           state->has_names == HAS_NAMES ? state->kept_digest : state->digest,
                           (off_t)size);
    void *bytes = file < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
    if (file >= 0)
        close(file);
    if (bytes == MAP_FAILED)
        return 1;
    int found = has_mark(bytes, size) || has_packed_section(bytes, size);
    munmap(bytes, size);
    return found;
}

/* All programs have the names in a variable. These use no such one: they go by their arguments and by
 * what they read. */
static int goes_by_variables(const struct step *step)
{
    static const char *const others[] = {
        "cc",    "gcc",    "c++",    "g++",      "clang", "clang++", "cc1",     "cc1plus",
        "as",    "ld",     "ld.bfd", "ld.gold",  "ld.lld", "collect2", "lto1",   "lto-wrapper",
        "ar",    "ranlib", "gcc-ar", "gcc-ranlib", "strip", "objcopy", "gzip",   "bzip2",
        "xz",    "zstd",   "cp",     "mv",       "ln",    "install", "cat",     "tar",
    };
    const char *name = strrchr(step->program, '/');
    name = name == NULL ? step->program : name + 1;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        size_t length = strlen(others[i]);
        if (strncmp(name, others[i], length) == 0 &&
            (name[length] == '\0' || name[length] == '-')) /* gcc-12 */
            return 0;
        /* x86_64-linux-gnu-gcc-12 */
        const char *end = strrchr(name, '-');
        if (end != NULL && strcmp(end + 1, others[i]) == 0)
            return 0;
    }
    return 1;
}

static int reads_name(const struct step *step)
{
    for (uint32_t i = 0; i < step->observations.count; i++) {
        const struct observation *observed = &step->observations.items[i];
        if (observed->mask & SAW_CONTENT && observed->path->zone == ZONE_TRACKED &&
            observed->path->versions[observed->version].state.has_names != HAS_NO_NAMES)
            return 1;
    }
    return 0;
}

static int is_given_name(const struct step *step)
{
    if (has_name(step->arguments, step->arguments_size) || step->standard[0].holds_name)
        return 1;
    for (size_t i = 0; i < step->inherited_count; i++)
        if (step->inherited[i].holds_name)
            return 1;
    return 0;
}

static int knows_name(const struct step *step)
{
    const struct step *one = step;
    do {
        if (goes_by_variables(one) || is_given_name(one) || reads_name(one))
            return 1;
        one = step_next((struct step *)(uintptr_t)one, 1);
    } while (one != NULL && step_is_within(one, step));
    return 0;
}

int may_have_packed_name(const struct step *step, struct state *state)
{
    if (!are_names_given() || !knows_name(step))
        return 0;
    if (state->packed == IS_UNKNOWN)
        state->packed = is_packed(state) ? IS_PACKED : IS_PLAIN;
    return state->packed == IS_PACKED;
}

/* What goes to one descriptor counts as one text: a mark may be printed in two parts. */
int may_print_packed_name(const struct step *step)
{
    if (!are_names_given() || step->print_count == 0 || !knows_name(step))
        return 0;
    int found = 0;
    for (uint32_t descriptor = 0; descriptor < 3 && !found; descriptor++) {
        struct buffer all = {NULL, 0, 0};
        for (size_t i = 0; i < step->print_count; i++)
            if ((step->prints[i].descriptor < 2 ? step->prints[i].descriptor : 2) == descriptor)
                append(&all, step->prints[i].bytes, step->prints[i].length);
        found = all.size > 0 && (has_mark((const unsigned char *)all.bytes, all.size) ||
                                 has_packed_section((const unsigned char *)all.bytes, all.size) ||
                                 has_piece_of_name(all.bytes, all.size));
        free(all.bytes);
    }
    return found;
}
