/* The processes of a build, their threads, and what they note of themselves. */
#ifndef CKPT_PROCESSES_H
#define CKPT_PROCESSES_H

#include <stdint.h>

#include "steps/steps.h"

struct notes;

struct process {
    struct process *all; /* those that run, the newest first */
    int id;              /* in our namespace */
    int handle;          /* pidfd_open(2) */
    struct process *parent;
    struct thread *threads;
    struct step *step;
    const char *folder; /* NULL: has to be looked up */
    unsigned mask;      /* umask(2) */
    uint8_t is_first;   /* it executed the step's program */
    uint8_t has_ended;
    uint8_t has_personality; /* personality(2): it may be another one than the kernel's own */
    uint8_t is_elsewhere; /* in another root or namespace: what it names is something else */
    uint8_t is_checked;   /* for printing to what doesn't wait */
    struct notes *notes;
    struct path *listed; /* the last folder that it listed */
    uint32_t listed_at;
    struct answering *answering; /* of a command that is answered: answers.h */
};

enum { LOOKS = 4 };

struct thread {
    struct thread *chain, *next; /* of its process */
    int id;
    struct process *process;
    uint64_t heard;                   /* of it, last: CLOCK_MONOTONIC */
    uint32_t changes_from, changes_to; /* its last call's, which may not be done yet */
    struct path *looks[LOOKS];         /* at which its last call looked; likewise */
    uint32_t look_count;
    /* A file that its last call may have made empty, and what it was before. */
    struct path *emptied;
    uint32_t emptied_version;
    struct state emptied_state;
    /* What its last call can't have made, and what it was before. */
    struct path *doubtful;
    struct state doubtful_state;
};

extern struct process *the_processes; /* those that run */

/* --- processes.c --- */

/* The thread of that id, its process found out where it isn't known. NULL: it is gone. */
struct thread *thread_heard(int id);
void thread_changes_are_done(struct thread *thread);
void process_enter(struct process *process, struct step *step);
void process_end(struct process *process, int code);
/* Children that the kernel knows of are made known before their parent is gone. */
void process_register_children(struct process *process);
/* Ends the steps of processes that were killed, `step`'s and those below it; whether one runs. */
int processes_run_within(struct step *step);
int process_shares_files(const struct process *process); /* its descriptors are its parent's, too */
int process_shares_memory(const struct process *process);
/* Whether two descriptors have one place in their file: kcmp(2). */
int process_has_one_file(const struct process *process, int one, int other);

/* --- peek.c: proc(5), process_vm_readv(2) --- */

int peek(struct process *process, uint64_t address, void *into, size_t size);
int poke(struct process *process, uint64_t address, const void *from, size_t size);
/* A text, in memory that is used again at the next but three calls; NULL where there is none. */
const char *peek_text(struct process *process, uint64_t address);
int peek_word(struct process *process, uint64_t address, uint64_t *word);
/* Reads the pages that begin there or around there, all at once: what is peeked at next. */
void peek_ahead(struct process *process, const uint64_t *addresses, size_t count);
void peek_anew(void); /* what was read before may be different now */
int read_proc(int id, const char *name, char *into, size_t room);
const char *read_status(int id); /* proc_pid_status(5), until the next call; NULL: it is gone */
/* Our own copy of a descriptor, -1 where there is none. */
int copy_descriptor(struct process *process, int number);

/* --- notes.c: notes.h --- */

/* Gives the process a buffer: its descriptor, or -1. */
int notes_give(struct process *process);
void notes_take_back(struct process *process);
void notes_read(struct process *process);
void notes_empty(struct process *process); /* it is full: all of it is read, and used again */
/* All that was noted before something changes. */
void notes_read_all(void);

/* Its last call is done: changes.c. */
void emptying_is_done(struct thread *thread);
void failing_is_done(struct thread *thread);

/* What is done with each note: lookups.c. */
struct note;
void take_note(struct process *process, const struct note *record, const char *path);

#endif
