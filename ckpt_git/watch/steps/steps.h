/* Steps: each program that a build executes, what it saw and what it did.
 *
 * What a step saw is an *observation* of one version of a path; what it did are its *effects*. A
 * *command* is a step with all that it started: when a step ends, what it saw and did becomes its
 * parent's, too.
 */
#ifndef CKPT_STEPS_H
#define CKPT_STEPS_H

#include "files/paths.h"
#include "shared/index.h"

struct memory;

enum {
    SAW_CONTENT = 1,
    SAW_STAT = 2,
    SAW_EXISTS = 4, /* and kind and mode, as each of these */
    SAW_LINK = 8,
    SAW_SIZE_CLASS = 16, /* whether it is empty */
    SAW_DATE = 32,
};

struct observation {
    struct path *path;
    uint32_t version;
    uint8_t mask;
    uint8_t is_nofollow;
    uint64_t names; /* of a file that was asked about: path_names */
};

struct listing {
    struct path *folder;
    uint64_t moment;
    uint64_t sum[2]; /* of the digests of its names */
};

struct effect {
    struct path *path;
    uint32_t before, after; /* versions */
    uint8_t is_new;         /* it is another file than before, not the same one changed */
    uint8_t is_direct;      /* it was changed by this name, not by another one of the file alone */
};

struct print {
    uint64_t device, inode; /* of what it was written to */
    uint32_t length;
    uint16_t descriptor;
    const char *bytes; /* NULL: it can't be followed what is written, or where */
};

struct set { /* of observations */
    struct observation *items;
    size_t room;
    uint32_t count;
    struct index index;
};

/* A descriptor that a step began with. */
struct descriptor {
    int number;
    uint8_t kind; /* 'p' pipe or socket, 'h' one that holds all that will come, 'n' nothing to read,
                     'f' file, 'd' folder, 'c' device, '-' closed */
    uint8_t is_written;
    uint8_t is_checked; /* when its step ended */
    uint64_t device, inode; /* of a device: its number as `inode` */
    uint64_t outer_device, outer_inode; /* of the pipe that it was before a relay took its place */
    uint64_t offset, size;
    uint64_t printed; /* bytes that were printed to the file before */
    digest held;   /* of what the pipe holds, `size` bytes */
    uint8_t holds_name; /* one that has a placeholder is among them */
    struct path *path;
    int copy; /* ours, of a file, or of a pipe that holds all; -1 */
    struct relay *relay;
};

struct step {
    uint32_t number;
    struct step *parent;
    struct step *first, *last, *next; /* children, in the order in which they began */
    int process;
    const char *program; /* the path that was executed, as it was given, made absolute */
    const char *arguments; /* each with a NUL at its end */
    uint32_t arguments_size;
    const char *folder;
    digest key;
    uint64_t began, ended;
    int code;      /* of exit_group(2); -1: not ended, or killed */
    uint32_t live; /* processes of this command that have not ended */
    uint32_t open; /* children that have not ended */
    uint32_t occurrence, random_parts; /* random.c */
    uint8_t has_ended;
    uint8_t is_answered;
    uint8_t is_parallel;  /* two of its children ran at once */
    uint8_t is_go;        /* works in a folder whose name varies, and copies what it executes */
    uint8_t is_shell;     /* saves descriptors, and writes to none of the copies */
    uint8_t cannot_replay; /* what it printed */
    uint8_t waits;        /* for time to pass */
    uint8_t fails_by_chance; /* where it fails: others held something just then, or ended a part of it */
    uint8_t seeds_itself; /* with some bytes of /dev/urandom */
    uint8_t counts_sizes; /* what it does depends on: sizes (2), whether a file is empty (1), neither */
    const char *uncacheable; /* why it can't be remembered */
    const char *incomplete;  /* why not all of it was seen */
    struct descriptor standard[3];
    struct descriptor *inherited;
    size_t inherited_count, inherited_room;
    int64_t input_end; /* as in a memory: memory.h */
    struct set observations;
    struct listing *listings;
    size_t listing_count, listing_room;
    struct effect *effects;
    size_t effect_count, effect_room;
    struct index effect_index;
    struct print *prints;
    size_t print_count, print_room;
    uint64_t printed_bytes;
    struct observation *growing; /* files that it read while they could be written to */
    size_t growing_count, growing_room;
    struct memory *answered_from;
    uint32_t answered_entry;
    const char *missed_by;      /* which input kept it from being answered */
    const char *not_remembered; /* why the next build can't answer it */
};

extern struct step *the_root_step;
extern uint32_t the_step_count;

/* --- steps.c --- */

struct step *step_begin(struct step *parent, int process);
void step_end(struct step *step, int code, uint64_t moment);
int step_is_within(const struct step *step, const struct step *above);
int step_is_over(const struct step *step); /* none of its processes runs */
/* The next step in the order in which they began, parents first; `step`'s own come with `into`. */
struct step *step_next(struct step *step, int into);
void step_uncacheable(struct step *step, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same for all commands around it, up to one that `path` is private to: NULL, to none. */
void step_uncacheable_above(struct step *step, struct path *path, const char *why);
void step_incomplete(struct step *step, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Not even which step it concerns is known: nothing of this build can be remembered. */
void trace_is_incomplete(const char *why);

/* --- observations.c --- */

void step_saw(struct step *step, struct path *path, uint32_t version, int mask, int nofollow);
void step_listed(struct step *step, struct path *folder, uint64_t moment, const uint64_t sum[2]);
void step_merge(struct step *step); /* into its parent */
void step_check_growing(struct step *step);
struct effect *step_changed(struct step *step, struct path *path, uint32_t before, uint32_t after);
struct effect *step_effect(struct step *step, struct path *path); /* NULL: it didn't change it */
/* Which of the descriptors that it was given leads to a file or pipe that it may write to. */
const struct descriptor *step_descriptor(const struct step *step, uint64_t device, uint64_t inode);
/* Printed by a process of the step, and so by all commands around it. */
void step_printed(struct step *step, struct print print);
/* Whether a command around it was given where this leads. */
int step_prints_to(const struct step *step, uint64_t device, uint64_t inode);

/* --- databases.c --- */

int is_database(int file, uint64_t size);
/* A command reads a version of a path. */
void reads_database(const struct step *step, const struct path *path, uint32_t number);
extern const char *database_read; /* one that was put back; NULL: none */

#endif
