/* The processes of a build, and how their memory is read: proc(5), process_vm_readv(2). */

#define _GNU_SOURCE
#include "processes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SLOTS = 1 << 12, PAGE = 4096, PAGES = 64, LONGEST = 1 << 17 };

struct thread {
    struct thread *chain;
    int id;
    struct process *process;
};

static struct thread *threads[SLOTS];
static struct process *all; /* those that run */
static int the_launcher;

void processes_begin(int launcher)
{
    the_launcher = launcher;
}

static int read_file(const char *path, char *into, size_t room)
{
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

static long field(const char *text, const char *name, int base)
{
    const char *at = strstr(text, name);
    return at == NULL ? -1 : strtol(at + strlen(name), NULL, base);
}

static struct thread *thread_of(int id)
{
    struct thread *thread = threads[(unsigned)id % SLOTS];
    while (thread != NULL && thread->id != id)
        thread = thread->chain;
    return thread;
}

static void remember(int id, struct process *process)
{
    struct thread *thread = thread_of(id);
    if (thread == NULL) {
        thread = take(sizeof *thread);
        thread->id = id;
        thread->chain = threads[(unsigned)id % SLOTS];
        threads[(unsigned)id % SLOTS] = thread;
    }
    thread->process = process;
}

struct process *process_of(int id)
{
    struct thread *thread = thread_of(id);
    if (thread != NULL && !thread->process->has_ended)
        return thread->process;
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/status", id);
    if (read_file(path, text, sizeof text) < 0)
        return NULL;
    int group = (int)field(text, "\nTgid:", 10), above = (int)field(text, "\nPPid:", 10);
    if (group != id && group > 0) {
        struct process *process = process_of(group);
        if (process != NULL)
            remember(id, process);
        return process;
    }
    struct process *process = take(sizeof *process);
    process->id = id;
    process->mask = (unsigned)field(text, "\nUmask:", 8) & 0777;
    if (the_launcher == 0) {
        the_launcher = id; /* the first that is heard of */
    } else {
        struct thread *parent = thread_of(above);
        process->parent = parent != NULL && !parent->process->has_ended ? parent->process : NULL;
        if (process->parent == NULL && parent == NULL && above > 1)
            process->parent = process_of(above);
    }
    process->all = all;
    all = process;
    remember(id, process);
    struct step *step = the_root_step;
    if (process->parent != NULL) {
        step = process->parent->step;
        process->buffer = process->parent->buffer;
        process->generation = process->parent->generation;
        process->drained = process->parent->drained;
    } else if (id != the_launcher) {
        step_incomplete(the_root_step, "process %d began without a parent that is known", id);
    }
    process_enter(process, step);
    return process;
}

static void count(struct step *step, int by)
{
    for (; step != NULL; step = step->parent)
        step->live += (uint32_t)by;
}

void process_enter(struct process *process, struct step *step)
{
    if (process->step != NULL)
        count(process->step, -1);
    process->step = step;
    count(step, 1);
}

void process_end(struct process *process)
{
    if (process->has_ended)
        return;
    process->has_ended = 1;
    count(process->step, -1);
    for (struct process **at = &all; *at != NULL; at = &(*at)->all)
        if (*at == process) {
            *at = process->all;
            break;
        }
}

void process_register_children(struct process *process)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", process->id, process->id);
    if (read_file(path, text, sizeof text) <= 0)
        return;
    for (char *at = text, *end; *at != '\0'; at = end) {
        long child = strtol(at, &end, 10);
        if (end == at)
            break;
        if (child > 0)
            process_of((int)child);
    }
}

static int is_running(int id)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", id);
    if (read_file(path, text, sizeof text) <= 0)
        return 0;
    const char *after = strrchr(text, ')');
    return after != NULL && after[1] == ' ' && after[2] != 'Z' && after[2] != 'X';
}

int is_alive_within(struct step *step)
{
    int alive = 0;
    struct process *next;
    for (struct process *process = all; process != NULL; process = next) {
        next = process->all;
        if (!step_is_within(process->step, step))
            continue;
        if (is_running(process->id)) {
            alive = 1;
            continue;
        }
        /* It was killed: what it noted since it was last looked at is lost with it. */
        if (process->buffer != 0 && !process->wrote_last)
            step_incomplete(process->step, "it was killed before all that it read was known");
        process_end(process);
        struct step *ended = process->is_first ? process->step : NULL;
        for (; ended != NULL && ended->process == process->id && !ended->has_ended;
             ended = ended->parent)
            step_end(ended, -1, now_ns()); /* what it saw is known to those around it */
    }
    return alive;
}

/* --- memory --------------------------------------------------------------------------------- */

int read_memory(int process, uint64_t address, void *into, size_t size)
{
    struct iovec to = {into, size}, from = {(void *)(uintptr_t)address, size};
    ssize_t got = process_vm_readv(process, &to, 1, &from, 1, 0);
    return got == (ssize_t)size ? 0 : -1;
}

int write_memory(int process, uint64_t address, const void *from, size_t size)
{
    struct iovec source = {(void *)(uintptr_t)from, size},
                 to = {(void *)(uintptr_t)address, size};
    if (process_vm_writev(process, &source, 1, &to, 1, 0) == (ssize_t)size)
        return 0;
    char path[32]; /* a page that the process itself may not write: proc(5), /proc/pid/mem */
    snprintf(path, sizeof path, "/proc/%d/mem", process);
    int memory = open(path, O_RDWR | O_CLOEXEC);
    if (memory < 0)
        return -1;
    ssize_t done = pwrite(memory, from, size, (off_t)address);
    close(memory);
    return done == (ssize_t)size ? 0 : -1;
}

static struct {
    uint64_t address;
    int process;
    char bytes[PAGE];
} pages[PAGES];

void forget_pages(void)
{
    for (int i = 0; i < PAGES; i++)
        pages[i].process = 0;
}

static const char *page_at(int process, uint64_t address)
{
    uint64_t begin = address & ~(uint64_t)(PAGE - 1);
    int slot = (int)((begin / PAGE) % PAGES);
    if (pages[slot].process != process || pages[slot].address != begin) {
        if (read_memory(process, begin, pages[slot].bytes, PAGE) != 0) {
            pages[slot].process = 0;
            return NULL;
        }
        pages[slot].process = process;
        pages[slot].address = begin;
    }
    return pages[slot].bytes + (address - begin);
}

const char *read_text(int process, uint64_t address)
{
    static char *text;
    static size_t room;
    size_t length = 0;
    if (address == 0)
        return NULL;
    for (;;) {
        const char *at = page_at(process, address);
        if (at == NULL)
            return NULL;
        size_t left = PAGE - (address & (PAGE - 1)), part = strnlen(at, left);
        if (length + part + 1 > room) {
            room = (length + part + 1) * 2;
            text = realloc(text, room);
            if (text == NULL)
                abort();
        }
        memcpy(text + length, at, part);
        length += part;
        if (part < left || length > LONGEST)
            break;
        address += part;
    }
    text[length] = '\0';
    return text;
}

int has_same_memory(int one, int other)
{
    return syscall(SYS_kcmp, one, other, KCMP_VM, 0, 0) == 0;
}
