/* The form of a memory: one file, written once, read by mapping it.
 *
 * It holds the commands of one build, in the order in which they began, each before those that it
 * started (pre-order). Numbers are in the machine's own order of bytes; texts are offsets into one
 * pool of NUL-terminated texts. What several commands saw is there once: a command has a row of
 * numbers of observations. The digest in the header is that of all that follows it.
 */
#ifndef CKPT_MEMORY_H
#define CKPT_MEMORY_H

#include <stdint.h>

#include "shared/digest.h"

#define MEMORY_MAGIC "ckptmem5"

struct memory_header {
    char magic[8];
    digest digest;
    uint32_t order; /* 0x01020304 */
    /* Counts; of texts: bytes. */
    uint32_t entries, rows, observations, windows, effects, prints, texts;
};

/* After the header: entries, observations, windows, effects; what needs no more than four bytes'
 * alignment: the entries' numbers in the order of their keys, rows, prints; texts. */

enum {
    ENTRY_ANSWERS = 1,
    ENTRY_VARIES = 2,
    ENTRY_INCOMPLETE = 4,
    ENTRY_WAITS = 8, /* it lets time pass, on which others may count that run meanwhile */
    ENTRY_LEAVES_DATABASE = 16,
    ENTRY_FAILS_BY_CHANCE = 32, /* as may what it is a part of */
};

struct memory_entry {
    digest key;
    digest result;      /* of effects and prints: whether two runs came to the same */
    uint32_t program;   /* text */
    uint32_t folder;    /* text */
    uint32_t arguments; /* offset of the first one in the pool; each ends with a NUL */
    uint32_t arguments_size;
    uint32_t reason;    /* text: why it doesn't answer; 0: it does */
    uint32_t below;     /* how many entries after it are of its own making */
    uint32_t row, observed; /* its part of the rows */
    uint32_t effect, effects;
    uint32_t print, prints;
    uint32_t flags;
    uint32_t code;        /* with which it ended */
    uint64_t nanoseconds; /* that it took */
    int64_t input_end;    /* where it left its input: in a file, or how much it read of a pipe; -1:
                             where it was */
};

/* Of a file that was asked about. */
enum {
    DATE_ANY = 0,
    DATE_OF_SOURCE = 1, /* all of them have the same */
    DATE_OF_MADE = 2,   /* is another one in each build: it counts as an order */
    DATE_GIVEN = 3,     /* from before the build: always the same */
};

struct memory_observation {
    uint32_t path; /* text */
    uint8_t mask;  /* SAW_…; 0: the folder was listed, and `digest` is the sum of its names */
    uint8_t kind;
    uint16_t mode;
    uint64_t size;
    digest digest;
    uint8_t is_nofollow;
    uint8_t date;
    uint8_t is_dated; /* it was given its date: what has the same one has it not by chance */
    uint8_t unused[5];
    uint64_t names; /* a hash of a file's names, where it has several */
    /* From here on: where it stands among what the build made. */
    int64_t mtime, made; /* and when it was made, for those of one date */
    uint32_t outer, inner; /* windows; 0: none */
};

/* When a command ran that others ran beside: what was made in two windows that overlap came in no
 * order that another build would have to keep. */
struct memory_window {
    int64_t low, high; /* CLOCK_REALTIME, nanoseconds */
};

enum {
    EFFECT_NOW = 0,
    EFFECT_AS_BEFORE = 1, /* has the date of the file before it */
    EFFECT_AT = 2,        /* has the date that is given */
    EFFECT_AS = 3,        /* has the date of the path that `target` names, in units of `mtime` */
    EFFECT_LEFT = 4,      /* the same, where it was left that date, not given it */
};

struct memory_effect {
    uint32_t path, target; /* texts */
    uint8_t kind;
    uint8_t is_in_place;
    uint8_t is_further_name;
    uint8_t date;
    uint16_t mode;
    uint8_t has_names; /* in its content names stand where a placeholder is here */
    uint8_t is_database;
    uint64_t size;
    int64_t mtime;
    digest digest;
};

struct memory_print {
    uint32_t text, length; /* in the pool of texts */
    uint32_t descriptor;
};

#endif
