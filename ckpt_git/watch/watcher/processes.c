/* The processes of a build: how they are found out, and how they end. */

#define _GNU_SOURCE
#include "watcher/calls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shared/util.h"

enum {
    SLOTS = 1 << 12,
    SOON = 5000000, /* nanoseconds: within so many an id isn't that of another process */
};

static struct thread *threads[SLOTS];
struct process *the_processes;
static int has_launcher;

/* --- threads -------------------------------------------------------------------------------- */

static struct thread *thread_of(int id)
{
    struct thread *thread = threads[(unsigned)id % SLOTS];
    while (thread != NULL && thread->id != id)
        thread = thread->chain;
    return thread;
}

static struct thread *thread_begin(int id, struct process *process)
{
    struct thread *thread = thread_of(id);
    if (thread == NULL) {
        thread = take(sizeof *thread);
        thread->id = id;
        thread->chain = threads[(unsigned)id % SLOTS];
        threads[(unsigned)id % SLOTS] = thread;
    } else if (thread->process != NULL) {
        struct thread **at = &thread->process->threads;
        while (*at != NULL && *at != thread)
            at = &(*at)->next;
        if (*at != NULL)
            *at = thread->next;
        thread_changes_are_done(thread);
    }
    thread->process = process;
    thread->next = process->threads;
    process->threads = thread;
    thread->look_count = 0;
    return thread;
}

void thread_changes_are_done(struct thread *thread)
{
    changes_done(thread->changes_from, thread->changes_to);
    emptying_is_done(thread);
    failing_is_done(thread);
    thread->changes_from = thread->changes_to = 0;
}

static void all_changes_are_done(struct process *process)
{
    for (struct thread *thread = process->threads; thread != NULL; thread = thread->next)
        thread_changes_are_done(thread);
}

/* Ids come again: a process may have been killed, and a thread has ended, without our notice. */
static int is_the_same(const struct thread *thread, uint64_t now)
{
    const struct process *process = thread->process;
    if (process == NULL || process->has_ended)
        return 0;
    if (now - thread->heard < SOON)
        return 1;
    if (thread->id != process->id)
        return syscall(SYS_tgkill, process->id, thread->id, 0) == 0;
    return process->handle < 0 ||
           syscall(SYS_pidfd_send_signal, process->handle, 0, NULL, 0) == 0;
}

/* --- how they begin ------------------------------------------------------------------------- */

static long field(const char *text, const char *name, int base)
{
    const char *at = strstr(text, name);
    return at == NULL ? -1 : strtol(at + strlen(name), NULL, base);
}

/* Of an unknown process: its group's id, its parent's, and its mask. */
static int look_up(int id, int *group, int *above, unsigned *mask)
{
    const char *text = read_status(id);
    if (text == NULL)
        return -1;
    *group = (int)field(text, "\nTgid:", 10);
    *above = (int)field(text, "\nPPid:", 10);
    *mask = (unsigned)field(text, "\nUmask:", 8) & 0777;
    return *group > 0 ? 0 : -1;
}

/* A process of which nobody knows who began it, as that one was killed before it was heard of, may
 * belong to any command. */
static void is_foundling(int id)
{
    step_incomplete(the_root_step, "process %d began without a parent that is known", id);
    for (struct process *other = the_processes; other != NULL; other = other->all)
        step_incomplete(other->step, "process %d began without a parent that is known", id);
}

static struct process *begin(int id, unsigned mask, struct process *parent)
{
    struct process *process = take(sizeof *process);
    process->id = id;
    process->mask = mask;
    process->parent = parent;
    process->handle = (int)syscall(SYS_pidfd_open, id, 0);
    if (parent == NULL && has_launcher)
        is_foundling(id);
    has_launcher = 1;
    process->all = the_processes;
    the_processes = process;
    thread_begin(id, process);
    process->has_personality = parent == NULL || parent->has_personality;
    if (parent != NULL) {
        process->is_elsewhere = parent->is_elsewhere;
        all_changes_are_done(parent);
    }
    process_enter(process, parent == NULL ? the_root_step : parent->step);
    return process;
}

/* Its parents are made known first, as far as they run. */
static struct process *find_out(int id)
{
    struct {
        int id;
        unsigned mask;
    } unknown[64];
    int count = 0;
    struct process *parent = NULL;
    while (count < 64) {
        int group, above;
        unsigned mask;
        if (look_up(id, &group, &above, &mask) != 0)
            break;
        if (group != id) {
            struct thread *thread = thread_of(group);
            if (thread != NULL && is_the_same(thread, 0)) {
                parent = thread->process;
                break;
            }
        }
        unknown[count].id = group;
        unknown[count++].mask = mask;
        struct thread *thread = thread_of(above);
        if (thread != NULL && is_the_same(thread, 0)) {
            parent = thread->process;
            break;
        }
        if (!has_launcher || above <= 1 || above == getpid())
            break;
        id = above;
    }
    while (count-- > 0)
        parent = begin(unknown[count].id, unknown[count].mask, parent);
    return parent;
}

struct thread *thread_heard(int id)
{
    uint64_t now = now_ns();
    struct thread *thread = thread_of(id);
    if (thread == NULL || !is_the_same(thread, now)) {
        if (thread != NULL && thread->process != NULL && !thread->process->has_ended &&
            thread->id == thread->process->id)
            processes_run_within(the_root_step); /* it was killed */
        struct process *process = find_out(id);
        if (process == NULL)
            return NULL;
        thread = thread_of(id);
        if (thread == NULL || thread->process != process)
            thread = thread_begin(id, process);
    }
    thread->heard = now;
    return thread;
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

static void register_children(int process, int thread)
{
    char name[64], text[4096];
    snprintf(name, sizeof name, "task/%d/children", thread);
    int length = read_proc(process, name, text, sizeof text);
    if (length + 1 >= (int)sizeof text)
        step_incomplete(the_root_step, "process %d has more children than can be read", process);
    for (char *at = text, *end; length > 0 && *at != '\0'; at = end) {
        long child = strtol(at, &end, 10);
        if (end == at)
            break;
        struct thread *known = thread_of((int)child);
        if (child > 0 && (known == NULL || !is_the_same(known, 0)))
            find_out((int)child);
    }
}

void process_register_children(struct process *process)
{
    char path[32];
    struct stat found;
    snprintf(path, sizeof path, "/proc/%d/task", process->id);
    if (stat(path, &found) == 0 && found.st_nlink == 3) { /* one thread */
        register_children(process->id, process->id);
        return;
    }
    DIR *tasks = opendir(path);
    if (tasks == NULL)
        return;
    for (struct dirent *task; (task = readdir(tasks)) != NULL;)
        if (task->d_name[0] != '.')
            register_children(process->id, atoi(task->d_name));
    closedir(tasks);
}

/* --- how they end --------------------------------------------------------------------------- */

static void leave(struct process *process)
{
    process->has_ended = 1;
    all_changes_are_done(process);
    count(process->step, -1);
    for (struct process **at = &the_processes; *at != NULL; at = &(*at)->all)
        if (*at == process) {
            *at = process->all;
            break;
        }
    notes_take_back(process);
    if (process->handle >= 0)
        close(process->handle);
    process->handle = -1;
}

void process_end(struct process *process, int code)
{
    uint64_t moment = now_ns();
    int id = process->id;
    struct step *step = process->step;
    if (process->has_ended)
        return;
    leave(process);
    if (code < 0)
        step->fails_by_chance = 1; /* it was killed, as by a time limit */
    if (!process->is_first)
        return;
    while (step != NULL && step->process == id && !step->has_ended) {
        if (step->live > 0 && processes_run_within(step))
            step_uncacheable(step, "it left a process running");
        descriptors_end(step);
        step_end(step, code, moment);
        step = step->parent;
    }
}

static int is_running(const struct process *process)
{
    if (process->handle < 0)
        return kill(process->id, 0) == 0 || errno == EPERM;
    struct pollfd state = {.fd = process->handle, .events = POLLIN};
    return poll(&state, 1, 0) == 0;
}

int processes_run_within(struct step *step)
{
    int runs = 0;
    /* The newest are first: what a command started ends before the command. */
    for (struct process *process = the_processes, *next; process != NULL; process = next) {
        next = process->all;
        if (!step_is_within(process->step, step))
            continue;
        if (is_running(process)) {
            runs = 1;
            continue;
        }
        notes_read(process);
        process_end(process, -1);
        next = the_processes; /* it may have ended others */
        runs = 0;
    }
    return runs;
}

/* --- what they share ------------------------------------------------------------------------ */

static int shares(const struct process *process, int what)
{
    const struct process *parent = process->parent;
    if (parent == NULL || parent->has_ended)
        return 1; /* for all that is known */
    return syscall(SYS_kcmp, process->id, parent->id, what, 0, 0) <= 0;
}

int process_has_one_file(const struct process *process, int one, int other)
{
    return syscall(SYS_kcmp, process->id, process->id, KCMP_FILE, one, other) == 0;
}

int process_shares_files(const struct process *process)
{
    return shares(process, KCMP_FILES);
}

int process_shares_memory(const struct process *process)
{
    return shares(process, KCMP_VM);
}
