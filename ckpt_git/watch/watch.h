/* What the parts of the watcher share: paths and their versions, steps, and what was seen of them.
 *
 * A *path* is a name as the watched programs see it. Below a *root* (the build's folder, its
 * output, its temporary folder) a path has *versions*: each change of it by the build begins one.
 * A *step* is one program that was executed. What a step saw is an *observation* of one version of
 * a path; what it did are its *effects*. A *command* is a step with all that it started.
 */
#ifndef CKPT_WATCH_H
#define CKPT_WATCH_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "digest.h"
#include "objects.h"

/* --- helpers: util.c ------------------------------------------------------------------------ */

void *take(size_t size); /* zeroed; lives as long as the watcher */
char *take_text(const char *text, size_t length);
void *grow(void *items, size_t *room, size_t count, size_t size);
uint64_t now_ns(void);
uint64_t hash_bytes(const void *bytes, size_t length);
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- paths: paths.c ------------------------------------------------------------------------- */

enum zone { ZONE_SYSTEM, ZONE_TRACKED, ZONE_KERNEL };
enum kind { KIND_UNKNOWN, KIND_ABSENT, KIND_FILE, KIND_FOLDER, KIND_LINK, KIND_OTHER };

struct state {
    uint8_t kind;
    uint8_t has_digest; /* of a file's content, or of a link's target */
    uint16_t mode;
    uint32_t links;
    uint64_t size;
    int64_t mtime; /* nanoseconds, CLOCK_REALTIME */
    uint64_t device, inode;
    digest digest;
    const char *target;
};

struct version {
    uint64_t since; /* CLOCK_MONOTONIC */
    struct step *writer; /* NULL: it was there when the build began */
    struct state state;
    uint8_t is_stored; /* its content is among the objects */
    uint8_t is_observed; /* by another step than its writer */
    uint8_t is_lost; /* it was changed before its state was known */
};

struct path {
    struct path *chain;
    struct path *parent, *children, *sibling; /* in the tree of tracked folders */
    const char *text;
    uint32_t length;
    uint32_t hash;
    uint8_t zone;
    uint8_t is_temporary;
    uint8_t is_link;      /* now */
    uint32_t count;
    size_t room;
    struct version *versions;
    struct state beyond; /* of a path of the system: what its name itself is, links not followed */
    struct path *twin; /* the next name of the same file, in a ring; NULL: it has one name */
    uint32_t number; /* in the memory that is written */
};

struct place { /* where a path leads, for one look at it */
    struct path *path;
};

void paths_begin(void);
void paths_add_root(const char *root, int is_temporary);
void paths_set_root(int directory); /* the watched programs' root, O_PATH */
int paths_root(void);
struct path *path_at(const char *text, size_t length);
struct path *path_child(struct path *folder, const char *name);
/* The path that `text` names, links of tracked folders followed; the last one too if `follow`.
 * `passed` is called with each link that was gone through. */
struct path *path_resolve(const char *text, int follow,
                          void (*passed)(struct path *link, void *data), void *data);
struct version *path_current(struct path *path);
struct version *path_version_at(struct path *path, uint64_t moment);
uint32_t version_number(const struct path *path, const struct version *version);
/* What is there now. `follow` matters for paths of the system alone. */
const struct state *path_state(struct path *path, int follow);
void path_look(struct path *path, int follow, struct state *state);
int path_open(struct path *path, int flags);
int path_digest(struct path *path, struct state *state, int store, uint8_t *is_stored);
uint64_t paths_stored(void); /* bytes that became objects */
struct version *path_change(struct path *path, struct step *writer, uint64_t moment);
void path_made_link(struct path *path);
void path_moved_link(struct path *from, struct path *to, int is_link);
void path_twin(struct path *path, struct path *other);
void path_untwin(struct path *path);
digest name_digest(const struct path *path, int kind);
void paths_each_below(struct path *folder, void (*call)(struct path *path, void *data), void *data);

extern struct objects *the_objects;
extern struct digest_cache *the_digests;

/* --- steps: steps.c ------------------------------------------------------------------------- */

enum { SAW_CONTENT = 1, SAW_STAT = 2, SAW_EXISTS = 4, SAW_LINK = 8, SAW_SIZE_CLASS = 16,
       SAW_DATE = 32 /* of what is there now, all dates are compared */ };

struct observation {
    struct path *path;
    uint32_t version;
    uint8_t mask;
    uint8_t is_nofollow;
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
};

struct said {
    uint64_t device, inode; /* of what it was written to */
    uint32_t length;
    uint8_t descriptor;
    const char *bytes;
};

struct standard { /* one of the descriptors 0, 1, 2 that a step began with */
    uint8_t kind; /* 'p' pipe, 'f' file, 'n' nothing to read or lost, 't' other, '-' closed */
    uint64_t device, inode;
    uint64_t offset;
    struct path *path;
};

struct set { /* of (path, version) */
    struct observation *items;
    size_t room;
    uint32_t count;
    uint32_t *slots;
    uint32_t mask;
};

struct step {
    uint32_t number;
    struct step *parent;
    struct step *first, *last, *next; /* children, in the order in which they began */
    int process;
    const char *program; /* the path that was executed, as it was given, made absolute */
    struct path *executed;
    const char *arguments; /* each with a NUL at its end */
    uint32_t arguments_size;
    const char *folder;
    digest key;
    uint64_t began, ended;
    int code; /* of exit_group(2); -1: not ended, or killed */
    uint32_t live; /* processes of this command that have not ended */
    uint8_t has_ended;
    uint8_t is_answered;
    uint8_t counts_sizes; /* what it does depends on sizes beyond "empty or not" */
    uint8_t is_settled;
    const char *unfit; /* why it can't be remembered */
    const char *incomplete; /* why not all of it was seen */
    struct standard standard[3];
    struct set seen;
    struct listing *listings;
    size_t listing_count, listing_room;
    struct effect *effects;
    size_t effect_count, effect_room;
    uint32_t *effect_slots;
    uint32_t effect_mask;
    struct said *said;
    size_t said_count, said_room;
    uint64_t said_bytes;
    struct memory *answered_from;
    uint32_t answered_entry;
    uint32_t pre_order; /* in the memory that is written */
    const char *missed_by; /* which input kept it from being answered */
};

extern struct step *the_root_step;
extern uint32_t the_step_count;

struct step *step_begin(struct step *parent, int process);
int step_is_within(const struct step *step, const struct step *above);
void step_unfit(struct step *step, const char *format, ...) __attribute__((format(printf, 2, 3)));
void step_incomplete(struct step *step, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void step_saw(struct step *step, struct path *path, struct version *version, int mask,
              int nofollow);
void step_listed(struct step *step, struct path *folder, uint64_t moment, const uint64_t sum[2]);
struct effect *step_changed(struct step *step, struct path *path, uint32_t before, uint32_t after);
struct effect *step_effect(struct step *step, struct path *path); /* NULL: it didn't change it */
void step_said(struct step *step, const struct said *said);
void step_end(struct step *step, int code, uint64_t moment);

/* --- memory: memory.c ----------------------------------------------------------------------- */

struct memory;

struct memory *memory_open(const char *file, const char *name);
int memory_write(int directory, const char *name);
/* What of the system was read: a memory without commands; below these roots alone. */
void memory_add_system(const char *root);
/* The length of the innermost folder of the system that a path is at or below; 0: of none. */
size_t memory_system_of(const char *path, size_t length);
int memory_write_system(int directory, const char *name);
const char *memory_differs(struct memory *memory);
/* The entry that answers `step`, which is about to begin; 0: none. */
int memory_find(struct step *step, struct memory **memory, uint32_t *entry);
void memory_answered(struct step *step, struct memory *memory, uint32_t entry, uint64_t moment);
void memory_report(FILE *to);

/* What is to be done to answer from an entry, one after the other. */
struct remembered_effect {
    const char *path;
    uint8_t kind;
    uint8_t is_in_place;
    uint16_t mode;
    uint64_t size;
    int64_t mtime; /* 0: now */
    digest digest;
    const char *target; /* of a link; of a further name of a file made before: that name */
    uint8_t is_further_name;
};
uint32_t memory_effects(struct memory *memory, uint32_t entry);
struct remembered_effect memory_effect(struct memory *memory, uint32_t entry, uint32_t number);
uint32_t memory_said(struct memory *memory, uint32_t entry);
struct said memory_say(struct memory *memory, uint32_t entry, uint32_t number);

/* --- settings: main.c ----------------------------------------------------------------------- */

struct settings {
    const char *preload; /* the library as the watched programs find it, or NULL */
    const char *answer;  /* the program that answers, likewise */
    const char *source;  /* folder of the sources, as the build sees it */
    int64_t source_date; /* nanoseconds: of all sources */
    int answers;         /* whether commands are answered from memory */
    int is_shut_in;      /* whether nothing but the roots can be written */
    const char **links;  /* links among the sources */
    size_t link_count;
    int directory;       /* where the memory is written */
};
extern struct settings settings;

#endif
