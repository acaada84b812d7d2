/* What the watcher is told: main.c has the words. */
#ifndef CKPT_SETTINGS_H
#define CKPT_SETTINGS_H

#include <stddef.h>

struct settings {
    const char *preload; /* the library as the watched programs find it, or NULL */
    const char *answer;  /* the program that answers, likewise */
    const char *seed;    /* of the random bytes that commands are given; NULL: the kernel's */
    int answers;         /* whether commands are answered from memory */
    int puts_databases;  /* whether that goes for those that leave a database: databases.c */
    int is_shut_in;      /* whether nothing but the roots can be written */
    const char **links;  /* links among the sources */
    size_t link_count;
    const char **passing; /* variables that are no input of a command */
    size_t passing_count;
};
extern struct settings settings;

#endif
