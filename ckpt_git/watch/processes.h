/* The processes of a build, and how their memory is read. */
#ifndef CKPT_PROCESSES_H
#define CKPT_PROCESSES_H

#include <stdint.h>

#include "watch.h"

struct process {
    struct process *chain, *all;
    int id; /* of the process, in our namespace */
    struct process *parent;
    struct step *step;
    const char *folder; /* NULL: has to be looked up */
    unsigned mask;      /* umask(2) */
    uint8_t has_own;    /* it noted something since it was forked, or began */
    uint8_t is_first;   /* it executed the step's program */
    uint8_t has_ended;
    uint8_t wrote_last; /* the last thing it did, as far as is known, was to print */
    uint8_t is_checked, is_hasty; /* whether it prints to what doesn't wait: O_NONBLOCK */
    uint64_t buffer;    /* address of its struct seen, 0: none */
    uint32_t generation, drained;
    struct path *listed; /* the last folder that it listed */
    uint64_t listed_at;
    /* What is left to answer. */
    struct memory *memory;
    uint32_t entry, at, said_at, said_bytes, batch_size;
};

void processes_begin(int launcher);
/* The process of a thread; found out where it isn't known. NULL: it is gone. */
struct process *process_of(int thread);
void process_enter(struct process *process, struct step *step);
void process_end(struct process *process);
/* Children that the kernel knows of are made known before their parent is gone. */
void process_register_children(struct process *process);
/* Whether a process of `step` or of what it started is running. */
int is_alive_within(struct step *step);

int read_memory(int process, uint64_t address, void *into, size_t size);
int write_memory(int process, uint64_t address, const void *from, size_t size);
/* A text, in memory that is used again; NULL where there is none. */
const char *read_text(int process, uint64_t address);
void forget_pages(void);
int has_same_memory(int one, int other);

#endif
