/* What is remembered of earlier builds, and of this one. */
#ifndef CKPT_REMEMBER_H
#define CKPT_REMEMBER_H

#include <stdio.h>

#include "memory/memory.h"
#include "steps/steps.h"

struct memory {
    const char *name;
    const struct memory_header *header;
    const struct memory_entry *entries;
    const uint32_t *by_key;
    const uint32_t *rows;
    const struct memory_observation *observations;
    const struct memory_window *windows; /* the first one is number 1 */
    const struct memory_effect *effects;
    const struct memory_print *prints;
    const char *texts;
    struct path **paths; /* of each observation, when it was looked at */
    struct {
        uint32_t version;
        uint8_t holds;
    } *checked;
    /* Where they are in the memory that is written. */
    uint32_t *text_moved, *observation_moved, *window_moved;
    uint32_t answered; /* commands */
};

/* --- recall.c --- */

struct memory *memory_open(const char *file, const char *name); /* NULL: it isn't there, or whole */
struct memory *memory_number(int number);
/* The entry that answers `step`, which is about to begin; 0: none. */
int memory_find(struct step *step, struct memory **memory, uint32_t *entry);
void memory_answered(struct step *step, struct memory *memory, uint32_t entry, uint64_t moment);
/* The first path of which something is not as it was seen; NULL: all is. */
const char *memory_differs(struct memory *memory);
const struct memory_entry *memory_next_of_key(const struct memory *memory, const digest *key,
                                              uint32_t *at);

/* --- dates.c --- */

/* Whether the files that an entry's command asked about are as old, one by the other, as they
 * were; else `why`. */
int memory_is_in_order(struct memory *memory, const struct memory_entry *entry, const char **why);
/* The commands at whose running two makers may have overlapped; NULL: none. */
void makers(const struct step *writer, const struct step **outer, const struct step **inner);
uint8_t date_kind(const struct path *path, uint32_t version, const struct state *state);
/* The one that got its date when it was made, or was given it: it has that date still. */
const struct version *version_of_date(const struct version *version);
int is_date_of_running(const struct version *version, int64_t date);

/* --- remember.c --- */

int memory_write(int directory, const char *name);
/* What of the system was read: a memory without commands. */
int memory_write_system(int directory, const char *name);
/* The contents that the written memory has. */
int memory_write_pack(const char *file);
const char *why_not(const struct step *step); /* NULL: what is known by now speaks for it */
extern uint32_t commands_ran, commands_answered;

/* --- output.c: the parts of a memory that is written --- */

struct buffer {
    char *bytes;
    size_t room, size;
};
void memories_named(const char *placeholder); /* it has another meaning now */

extern struct buffer out_entries, out_rows, out_observations, out_windows, out_effects, out_prints,
    out_texts;
size_t append(struct buffer *buffer, const void *bytes, size_t size);
uint32_t count_of(const struct buffer *buffer, size_t size);
uint32_t put_text(const char *text);
uint32_t put_bytes(const char *bytes, size_t size);
uint32_t put_observation(const struct memory_observation *observed);
uint32_t put_window(int64_t low, int64_t high);
int write_memory_file(int directory, const char *name, struct memory_header *header,
                      const struct buffer *const parts[], size_t count);

/* --- effects.c --- */

/* What a command did, at the end of what is written; NULL, or why it can't be done again. */
const char *write_effects(struct step *step, struct hashing *result);
/* The state of a version, with a digest where `digested`, as an object where `stored`; NULL where
 * it isn't known any more. */
struct state *state_of(struct path *path, uint32_t version, int nofollow, int digested, int stored);
const char *not_kept(const struct path *path);

/* --- report.c --- */

void memory_report(FILE *to);

#endif
