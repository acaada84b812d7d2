/* What is done with the calls of watched programs: each is noted before it is carried out. */
#ifndef CKPT_CALLS_H
#define CKPT_CALLS_H

#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

#include "watcher/processes.h"

/* --- notifications.c --- */

/* Watch, until the last watched process is gone. */
void listen_to(int listener);
void reply(int64_t value, int error);
void reply_descriptor(int descriptor, uint32_t flags); /* 0 or O_CLOEXEC */
/* Puts a descriptor of ours in the place of the program's `number`; 0, or -1. */
int replace_descriptor(int number, int descriptor);
/* Whether the program that made the call that is looked at is still there, and waits for it. */
int call_is_valid(void);
extern struct thread *the_thread; /* that made it */

/* --- calls.c --- */

/* Note a call. The result is minus the error that it ends with instead of being carried out. */
int take_call(struct process *process, const struct seccomp_data *call);

/* --- lookups.c --- */

/* The path that a program names, links followed; NULL where the call can't have one, and, with its
 * step incomplete, where it can't be known. */
struct path *named_path(struct process *process, int folder, const char *text, int follow);
struct path *descriptor_path(struct process *process, int descriptor); /* NULL: it has none */
const char *absolute(struct process *process, int folder, const char *text);
const char *folder_of(struct process *process);
/* The descriptor that a path of the kernel names, as /dev/stdout does; -1: none. */
int descriptor_named(struct process *process, const char *path);
int stat_mask(const struct step *step);
/* Whether there is a file in /dev that is no device, or `makes` one. */
void opens_device(struct process *process, struct path *path, int makes);
void saw_path(struct process *process, struct path *path, int mask, int nofollow);
void saw(struct process *process, int folder, const char *text, int mask, int nofollow);
void lists(struct process *process, int descriptor);
/* The sum of the digests of a folder's names, as of now; 0, or -1 where it can't be listed. */
int list_folder(struct path *folder, uint64_t sum[2]);
void add_name(uint64_t sum[2], const char *name, int kind, int sign);

/* --- changes.c --- */

void opens(struct process *process, int folder, const char *text, uint64_t flags);
void removes(struct process *process, int folder, const char *text);
void removes_folder(struct process *process, int folder, const char *text);
void makes(struct process *process, int folder, const char *text, int is_link);
void alters(struct process *process, struct path *path);
/* The same, where its date is now's or, `is_given`, another one. */
void dates(struct process *process, struct path *path, int is_given);
void owns(struct process *process, struct path *path, uint64_t owner, uint64_t group);
void renames(struct process *process, int from_folder, const char *from_text, int folder,
             const char *text, uint64_t flags);
void links(struct process *process, int from_folder, const char *from_text, int folder,
           const char *text, uint64_t flags);
/* What a file is before it changes is kept, where somebody may need to know. */
void capture(struct path *path, struct step *changer, int is_removal);
/* Others whose last call looked at a path may meet what it becomes now. */
void meets(const struct step *changer, struct path *path);

/* --- prints.c --- */

int writes(struct process *process, const struct seccomp_data *call);
void copies_descriptor(struct process *process, const struct seccomp_data *call);
/* It may print to one of its descriptors 1 and 2 by another one. */
void prints_by(struct process *process, int descriptor);
/* Bytes that were printed to a file or pipe, since this was asked first. */
uint64_t printed_to(uint64_t device, uint64_t inode);
void printed_forget(uint64_t device, uint64_t inode);

/* --- random.c --- */

/* Whether the call was for random bytes, and is answered. */
int gives_random(struct process *process, const struct seccomp_data *call);

/* --- programs.c --- */

enum { RUNS = 0, RUNS_UNSEEN = 1, NO_PROGRAM = 2, RUNS_OTHERWISE = 3 };

struct program {
    int what; /* RUNS_UNSEEN: the library must not be loaded into it; RUNS_OTHERWISE: a script */
    const char *interpreter; /* that the kernel loads, too; NULL: none */
    const char *incomplete;
};

struct program look_at_program(struct path *path);
/* Whether something is known of it. */
int know_program(struct step *step, const struct path *program);

/* --- descriptors.c --- */

/* Finds out what the step of `process` begins with. `jobs` is how make's job server is named. */
void descriptors_begin(struct process *process, struct step *step, const char *jobs);
int is_job_server(const char *path); /* a FIFO of make's */
/* Before a command is executed: the pipes that it inherits are replaced by ours. */
void descriptors_replace(struct process *process, struct step *step);
struct stat;
/* From now on all that comes out of descriptor 1 or 2 is counted, so that what is written to a copy
 * of it shows. `found` is what it is now. Whether that can be done. */
int descriptors_count(struct process *process, int number, const struct stat *found);
/* The program goes on to read its input there: memory.h, `input_end`. */
void descriptors_go_to(const struct descriptor *input, int64_t place);
/* Before it ends with a failure. */
void descriptors_fail(struct process *process, struct step *step);
/* When it ends: whatever was used of what it inherited. */
void descriptors_end(struct step *step);

/* --- relays.c --- */

/* A pipe of ours that stands for another one, a descriptor of ours that is ours to close. */
struct relay *relay_begin(int to, int *end);
void relays_pass_on(void);
uint64_t relay_passed_on(const struct relay *relay); /* bytes */
struct pollfd;
/* The descriptors that relays wait for, behind the first; their count. */
size_t relays_wait_for(struct pollfd **states, size_t *room);

/* --- open_files.c --- */

/* A file is about to be written to, or to get another name. */
void changes_held(struct process *process, struct path *path);
/* A folder is about to get another name, or to go. */
void moves_held(struct process *process, struct path *folder);

/* --- executions.c --- */

/* 0, or an error for the program. */
int begins(struct process *process, int folder, uint64_t path, uint64_t arguments,
           uint64_t variables);
void fails_to_begin(struct process *process);

/* --- answers.c --- */

/* What is left to do for a command that is answered. */
struct answering {
    struct memory *memory;
    uint32_t entry, effect, print, printed_bytes;
    int64_t *dates; /* of each effect that has another path's: EFFECT_AS, EFFECT_LEFT */
    uint8_t is_told_all;
};

/* Whether a command was begun to be answered and could not be: the build has to be done again. */
extern int answering_failed;
extern int was_refused; /* a program got an error that it gets from nobody but us */
int can_answer(struct memory *memory, uint32_t entry);
void answers_begin(struct process *process, struct memory *memory, uint32_t entry);
void answers_go_on(struct process *process, const struct seccomp_data *call);
void answers_end(struct process *process);
/* Dates that were given stay newer than what is made later: wait until the clock has passed them. */
void wait_for_clock(void);

#endif
