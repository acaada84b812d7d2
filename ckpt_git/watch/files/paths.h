/* Paths as the watched programs see them, what is there, and its versions.
 *
 * Below a *root* (the build's folder, its output, its temporary folder) a path has *versions*: each
 * change of it by the build begins one. A version's state is final once nobody can write to it any
 * more. Paths of the system have one version; what the kernel makes up (/proc, /sys, /dev) has none.
 */
#ifndef CKPT_PATHS_H
#define CKPT_PATHS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "files/objects.h"
#include "shared/digest.h"

struct step;

enum zone { ZONE_SYSTEM, ZONE_TRACKED, ZONE_KERNEL };
enum kind { KIND_UNKNOWN, KIND_ABSENT, KIND_FILE, KIND_FOLDER, KIND_LINK, KIND_OTHER };

enum { NO_DATABASE = 0, DATABASE_MADE = 1, DATABASE_PUT_BACK = 2 }; /* databases.c */

enum { HAS_NO_NAMES = 0, HAS_NAMES = 1, NAMES_UNKNOWN = 2 };

struct state {
    uint8_t kind;
    uint8_t has_digest; /* of a file's content, or of a link's target */
    uint8_t is_foretold; /* by a memory: the rest of it isn't known yet */
    uint16_t mode;
    uint32_t owner, group;
    uint64_t size;
    int64_t mtime, ctime; /* nanoseconds, CLOCK_REALTIME */
    uint64_t device, inode;
    digest digest;
    uint8_t has_names; /* its content, that have placeholders: placeholders.h */
    uint8_t database;
    uint8_t packed; /* packed.c */
    digest kept_digest; /* then: of what a memory has in its place */
    uint64_t kept_size;
    const char *target;
};

struct version {
    uint64_t since; /* when its writer was about to make it, CLOCK_MONOTONIC */
    uint64_t until; /* when that was done for sure; 0: it may not be done yet */
    uint64_t looked; /* when its state was looked at last */
    struct step *writer; /* NULL: it was there when the build began */
    struct state state;
    uint8_t is_final;
    uint8_t is_stored;   /* its content is among the objects */
    uint8_t is_observed; /* by another step than its writer */
    uint8_t is_removal;  /* its writer was about to take away what was there */
    uint8_t is_dated;    /* its writer gave it a date */
    const struct version *left;  /* it has the date that this one had, as a file that is moved */
    const struct version *moved; /* its content is this one's, if it is the same file */
};

struct path {
    struct path *chain;
    struct path *parent, *children, *sibling; /* in the tree of tracked folders */
    const char *text;
    uint32_t length;
    uint32_t hash;
    uint8_t zone;
    uint8_t is_temporary;
    uint8_t is_link;   /* now */
    uint8_t is_shared; /* of the system, and written to */
    uint8_t had_twin;
    uint32_t count;
    size_t room;
    struct version *versions;
    struct state beyond; /* of a path of the system: what its name itself is, links not followed */
    struct path *twin; /* the next name of the same file, in a ring; NULL: it has one name */
};

/* --- names: paths.c --- */

void paths_begin(void);
void paths_add_root(const char *root, int is_temporary);
void paths_add_system(const char *folder);
/* The length of the innermost folder of the system that a path is at or below; 0: of none. */
size_t system_folder_of(const char *path);
const char *paths_root_text(int number); /* NULL: there are no more */
void paths_set_root(int directory);      /* the watched programs' root, O_PATH */
int paths_root(void);
struct path *path_at(const char *text, size_t length);
struct path *path_child(struct path *folder, const char *name); /* NULL: the path is too long */
/* The path that `text` names, links of tracked folders followed; the last one too if `follow`.
 * `passed` is called with each link that was gone through, and with each folder that `..` leads out
 * of. NULL: the path is too long. */
struct path *path_resolve(const char *text, int follow,
                          void (*passed)(struct path *link, void *data), void *data);
void path_set_link(struct path *path, int is_link);
void paths_each_below(struct path *folder, void (*call)(struct path *path, void *data), void *data);

/* --- what is there: states.c --- */

/* What is there now. `follow` matters for paths of the system alone. */
const struct state *path_state(struct path *path, int follow);
void path_look(struct path *path, int follow, struct state *state);
int path_open(struct path *path, int flags);
/* Makes sure that a state has a digest, of what is there now, and with `store` that its content is
 * an object. 0, or -1. */
int path_digest(struct path *path, struct state *state, int store, uint8_t *is_stored);
/* The same for the version that is there now, which may be written to meanwhile: where another
 * content is there than was seen before, that is a version of its own. */
struct version *path_content(struct path *path);
uint64_t paths_stored(void); /* bytes that became objects */

/* --- versions: states.c --- */

struct version *path_current(struct path *path);
uint32_t version_at(const struct path *path, uint64_t moment); /* its number */
int version_is_pending(const struct version *version);
int version_is_settled(const struct version *version); /* nobody writes to it any more */
struct version *path_change(struct path *path, struct step *writer, uint64_t moment);
/* The version that `number` is the same as: a change that failed changes nothing. */
uint32_t path_origin(struct path *path, uint32_t number);
/* Changes, in their order: those from one number to another have happened now. */
uint32_t changes_count(void);
void changes_done(uint32_t from, uint32_t to);
void path_twin(struct path *path, struct path *other);
void path_untwin(struct path *path);
uint64_t path_names(struct path *path); /* a hash of a file's names; 0: it has one */

extern struct objects *the_objects;
extern struct digests *the_digests;

#endif
