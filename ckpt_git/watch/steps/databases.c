/* Databases in which a tool has dates, sizes or inode numbers of files, to compare them with later.
 *
 * Ninja's log and what it knows of headers, git's index, and clang's precompiled headers are such.
 * Files that are put back have other dates than such a database tells, and its tool would take all
 * of them for changed. So one that was put back must not be read: where a command does that, the
 * build begins again, and commands that leave a database run, as in a clean build. A database is
 * known by how it begins, not by its name.
 */

#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

#include "steps/steps.h"

const char *database_read;

static int begins_with(const char *bytes, size_t size, const char *text)
{
    return size >= strlen(text) && memcmp(bytes, text, strlen(text)) == 0;
}

int is_database(int file, uint64_t size)
{
    char bytes[32];
    ssize_t got = size < 12 ? -1 : pread(file, bytes, sizeof bytes, 0);
    if (got < 12)
        return 0;
    if (begins_with(bytes, (size_t)got, "# ninja log v")) { /* one line for each file that it made */
        const char *line = memchr(bytes, '\n', (size_t)got);
        return line == NULL || size > (uint64_t)(line + 1 - bytes);
    }
    if (begins_with(bytes, (size_t)got, "# ninjadeps\n")) /* and a version */
        return size > 16;
    if (begins_with(bytes, (size_t)got, "CPCH")) /* clang's precompiled headers */
        return 1;
    /* gitformat-index(5): signature, version, number of files */
    return begins_with(bytes, (size_t)got, "DIRC") && memcmp(bytes + 8, "\0\0\0", 4) != 0;
}

void reads_database(const struct step *step, const struct path *path, uint32_t number)
{
    if (path->versions[number].state.database == DATABASE_PUT_BACK && !step->is_answered)
        database_read = path->text;
}
