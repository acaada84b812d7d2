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

enum { PAGE = 4096, PAGES = 64, AT_ONCE = 8, LONGEST = 1 << 18, TEXTS = 4 };

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
static ssize_t read_memory(struct process *process, const struct iovec *to,
                           const struct iovec *from)
{
    ssize_t got = process_vm_readv(process->id, to, 1, from, 1, 0);
    if (got < 0 && errno == EPERM)
        step_incomplete(process->step, "the memory of one of its processes can't be read");
    /* Its id may have become another's while it was read: seccomp_unotify(2). */
    return got > 0 && call_is_valid() ? got : -1;
}

int peek(struct process *process, uint64_t address, void *into, size_t size)
{
    struct iovec to = {into, size}, from = {(void *)(uintptr_t)address, size};
    return read_memory(process, &to, &from) == (ssize_t)size ? 0 : -1;
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

static struct {
    uint64_t address;
    int process; /* 0: none */
} pages[PAGES];
static char page_bytes[PAGES][PAGE];
static int is_first_page;

void peek_anew(void)
{
    is_first_page = 1;
    status.process = 0;
    for (int i = 0; i < PAGES; i++)
        pages[i].process = 0;
}

/* Most calls name one path. One that reads more, execve(2), reads a lot: those behind come, too. */
static void read_pages(struct process *process, uint64_t address)
{
    size_t slot = address / PAGE % PAGES, wanted = is_first_page ? 1 : AT_ONCE - slot % AT_ONCE;
    struct iovec to = {page_bytes[slot], wanted * PAGE},
                 from = {(void *)(uintptr_t)address, wanted * PAGE};
    is_first_page = 0;
    ssize_t got = read_memory(process, &to, &from);
    for (size_t i = 0; i < wanted; i++) {
        pages[slot + i].process = got >= (ssize_t)((i + 1) * PAGE) ? process->id : 0;
        pages[slot + i].address = address + i * PAGE;
    }
}

static const char *page_at(struct process *process, uint64_t address)
{
    uint64_t begin = address & ~(uint64_t)(PAGE - 1);
    size_t slot = begin / PAGE % PAGES;
    if (pages[slot].process != process->id || pages[slot].address != begin)
        read_pages(process, begin);
    return pages[slot].process == process->id ? page_bytes[slot] + (address - begin) : NULL;
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
