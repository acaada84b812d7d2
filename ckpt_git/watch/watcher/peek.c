/* How the memory and the descriptors of watched processes are read. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "watcher/calls.h"

enum { PAGE = 4096, PAGES = 256, TRIES = 8, LONGEST = 1 << 18, TEXTS = 4 };

int read_proc(int id, const char *name, char *into, size_t room)
{
    char path[96];
    snprintf(path, sizeof path, "/proc/%d/%s", id, name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -1;
    ssize_t got = read(file, into, room - 1);
    close(file);
    if (got < 0)
        return -1;
    into[got] = '\0';
    return (int)got;
}

static struct {
    int process; /* 0: none */
    char text[4096];
} status;

const char *read_status(int id)
{
    if (status.process != id)
        status.process = read_proc(id, "status", status.text, sizeof status.text) > 0 ? id : 0;
    return status.process == id ? status.text : NULL;
}

int copy_descriptor(struct process *process, int number)
{
    return process->handle < 0 ? -1
                               : (int)syscall(SYS_pidfd_getfd, process->handle, number, 0);
}

/* How many bytes were read, up to the first page that isn't there. */
static size_t read_memory(struct process *process, const struct iovec *to,
                          const struct iovec *from, size_t count)
{
    ssize_t got = process_vm_readv(process->id, to, count, from, count, 0);
    if (got < 0 && errno == EPERM)
        step_incomplete(process->step, "the memory of one of its processes can't be read");
    /* Its id may have become another's while it was read: seccomp_unotify(2). */
    return got > 0 && call_is_valid() ? (size_t)got : 0;
}

int peek(struct process *process, uint64_t address, void *into, size_t size)
{
    struct iovec to = {into, size}, from = {(void *)(uintptr_t)address, size};
    return read_memory(process, &to, &from, 1) == size ? 0 : -1;
}

int poke(struct process *process, uint64_t address, const void *from, size_t size)
{
    struct iovec source = {(void *)(uintptr_t)from, size},
                 to = {(void *)(uintptr_t)address, size};
    if (process_vm_writev(process->id, &source, 1, &to, 1, 0) == (ssize_t)size)
        return 0;
    char path[32]; /* a page that the process itself may not write: proc(5), /proc/pid/mem */
    snprintf(path, sizeof path, "/proc/%d/mem", process->id);
    int memory = open(path, O_RDWR | O_CLOEXEC);
    if (memory < 0)
        return -1;
    ssize_t done = pwrite(memory, from, size, (off_t)address);
    close(memory);
    return done == (ssize_t)size ? 0 : -1;
}

/* Pages that were read during one call, an open hash table. More than fit push others out. */
static struct {
    uint64_t address;
    uint64_t call; /* during which it was read; 0: none */
    int process;
} pages[PAGES];
static char page_bytes[PAGES][PAGE];
static uint64_t this_call = 1;

void peek_anew(void)
{
    status.process = 0;
    this_call++;
}

static int is_read(size_t slot, struct process *process, uint64_t begin)
{
    return pages[slot].call == this_call && pages[slot].address == begin &&
           pages[slot].process == process->id;
}

/* Where the page that begins there is, or is to be put. */
static size_t slot_of(struct process *process, uint64_t begin)
{
    size_t slot = begin / PAGE % PAGES;
    for (int i = 0; i < TRIES; i++, slot = (slot + 1) % PAGES)
        if (pages[slot].call != this_call || is_read(slot, process, begin))
            break;
    return slot;
}

void peek_ahead(struct process *process, const uint64_t *addresses, size_t count)
{
    struct iovec to[PAGES], from[PAGES];
    size_t slots[PAGES], wanted = 0;
    for (size_t i = 0; i < count && wanted < PAGES / 2; i++) {
        uint64_t begin = addresses[i] & ~(uint64_t)(PAGE - 1);
        size_t slot = slot_of(process, begin);
        if (is_read(slot, process, begin))
            continue;
        pages[slot].address = begin;
        pages[slot].call = this_call;
        pages[slot].process = process->id;
        to[wanted] = (struct iovec){page_bytes[slot], PAGE};
        from[wanted] = (struct iovec){(void *)(uintptr_t)begin, PAGE};
        slots[wanted++] = slot;
    }
    if (wanted == 0)
        return;
    for (size_t i = read_memory(process, to, from, wanted) / PAGE; i < wanted; i++)
        pages[slots[i]].call = 0;
}

static const char *page_at(struct process *process, uint64_t address)
{
    uint64_t begin = address & ~(uint64_t)(PAGE - 1);
    if (!is_read(slot_of(process, begin), process, begin))
        peek_ahead(process, &begin, 1);
    size_t slot = slot_of(process, begin);
    return is_read(slot, process, begin) ? page_bytes[slot] + (address - begin) : NULL;
}

int peek_word(struct process *process, uint64_t address, uint64_t *word)
{
    if ((address & (PAGE - 1)) > PAGE - sizeof *word)
        return peek(process, address, word, sizeof *word);
    const char *at = page_at(process, address);
    if (at == NULL)
        return -1;
    memcpy(word, at, sizeof *word);
    return 0;
}

const char *peek_text(struct process *process, uint64_t address)
{
    static struct {
        char *text;
        size_t room;
    } texts[TEXTS];
    static int last;
    size_t length = 0;
    last = (last + 1) % TEXTS;
    while (address != 0) {
        const char *at = page_at(process, address);
        if (at == NULL)
            return NULL;
        size_t left = PAGE - (address & (PAGE - 1)), part = strnlen(at, left);
        if (length + part + 1 > texts[last].room) {
            texts[last].room = (length + part + 1) * 2;
            texts[last].text = realloc(texts[last].text, texts[last].room);
            if (texts[last].text == NULL)
                abort();
        }
        memcpy(texts[last].text + length, at, part);
        length += part;
        if (part < left) {
            texts[last].text[length] = '\0';
            return texts[last].text;
        }
        if (length > LONGEST)
            return NULL; /* longer than the kernel takes it */
        address += part;
    }
    return NULL;
}
