/* What programs note of themselves: a buffer that each shares with the watcher, see notes.h. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shared/notes.h"
#include "shared/util.h"
#include "watcher/processes.h"

enum { REST = 16 }; /* buffers that are left alone for a while: a thread may be at its last note */

struct notes {
    struct notes *next; /* of those that nobody has, the first that was given back first */
    struct note_buffer *shared;
    int file;
    uint32_t read;
};

static struct notes *unused, **unused_end = &unused;
static int unused_count;

static struct notes *make(void)
{
    struct notes *notes = take(sizeof *notes);
    notes->file = memfd_create("ckpt-notes", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    /* Who makes it shorter would end us by a SIGBUS. */
    if (notes->file < 0 || ftruncate(notes->file, sizeof(struct note_buffer)) != 0 ||
        fcntl(notes->file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return NULL;
    notes->shared = mmap(NULL, sizeof(struct note_buffer), PROT_READ | PROT_WRITE, MAP_SHARED,
                         notes->file, 0);
    if (notes->shared == MAP_FAILED) {
        close(notes->file);
        return NULL;
    }
    size_t used = 0;
    for (int i = 0; paths_root_text(i) != NULL; i++) {
        size_t size = strlen(paths_root_text(i)) + 1;
        if (used + size >= sizeof notes->shared->roots) { /* then no path is known for another */
            memcpy(notes->shared->roots, "/\0", 3);
            break;
        }
        memcpy(notes->shared->roots + used, paths_root_text(i), size);
        used += size;
    }
    return notes;
}

int notes_give(struct process *process)
{
    notes_take_back(process);
    struct notes *notes = unused;
    if (unused_count > REST) {
        unused = notes->next;
        unused_count--;
    } else {
        notes = make();
    }
    if (notes == NULL)
        return -1;
    notes->next = NULL;
    notes->read = 0;
    notes->shared->used = 0;
    process->notes = notes;
    return notes->file;
}

void notes_take_back(struct process *process)
{
    struct notes *notes = process->notes;
    if (notes == NULL)
        return;
    notes_read(process);
    process->notes = NULL;
    *unused_end = notes;
    unused_end = &notes->next;
    unused_count++;
}

static void read_notes(struct process *process, struct notes *notes)
{
    uint32_t used = __atomic_load_n(&notes->shared->used, __ATOMIC_ACQUIRE);
    while (notes->read < used) {
        struct note record;
        char text[NOTE_LONGEST + 1];
        uint32_t left = used - notes->read;
        const char *at = notes->shared->records + notes->read;
        if (used > NOTE_ROOM || left < sizeof record)
            break;
        memcpy(&record, at, sizeof record);
        if (record.length == 0 || record.length > NOTE_LONGEST ||
            sizeof record + record.length > left)
            break;
        memcpy(text, at + sizeof record, record.length);
        text[record.length] = '\0';
        notes->read += (uint32_t)((sizeof record + record.length + 7) & ~(size_t)7);
        take_note(process, &record, text);
    }
    if (notes->read < used) {
        step_incomplete(process->step, "what it noted is damaged");
        notes->read = used;
    }
}

void notes_read(struct process *process)
{
    if (process->notes != NULL)
        read_notes(process, process->notes);
}

void notes_empty(struct process *process)
{
    if (process->notes == NULL)
        return;
    notes_read(process);
    process->notes->read = 0;
    __atomic_store_n(&process->notes->shared->used, 0, __ATOMIC_RELEASE);
}

void notes_read_all(void)
{
    for (struct process *process = the_processes; process != NULL; process = process->all) {
        if (process->notes == NULL)
            continue;
        notes_read(process);
        __atomic_fetch_add(&process->notes->shared->epoch, 1, __ATOMIC_RELEASE);
    }
}
