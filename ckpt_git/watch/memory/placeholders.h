/* Names that a program makes up anew in each run, and what a memory has in their place.
 *
 * `go` works in a folder of the temporary one whose name ends with a random number, and names it to
 * all that it starts: in arguments, variables, paths and files. A memory has a placeholder there,
 * which is made of the command. A small file that has the name in it is made with the
 * new one. A large one, a link, or what is printed must not have it: the command isn't remembered.
 *
 * Other names are given: the hash of an output's path, and that of a source's, which Nix makes of all
 * that a build is given. What stands for a hash is as long, so it may be anywhere in anything, but
 * for a file that has only a part of it, or a checksum of itself.
 */
#ifndef CKPT_PLACEHOLDERS_H
#define CKPT_PLACEHOLDERS_H

#include <stddef.h>
#include <stdint.h>

#include "shared/digest.h"

enum { LARGEST_NAMED = 4096 }; /* bytes of a small file */

struct path;
struct state;
struct step;

/* A folder is about to be made. */
void name_folder(struct step *step, const struct path *folder);
int are_there_placeholders(void);
int are_names_given(void);
/* Whether a path has a name in it that the step, or one below it, made up. */
int is_named_by(const struct step *step, const struct path *path);
int has_name(const void *bytes, size_t size);
int has_made_up_name(const void *bytes, size_t size);
/* Whether a part of a given name is there that no placeholder can stand for. */
int has_piece_of_name(const void *bytes, size_t size);
/* "HASH PLACEHOLDER", of 32 bytes each. Before a memory is opened. 0, or -1: it is none. */
int add_given_name(const char *pair);
/* With placeholders in the place of names; the same text where there are none. */
const char *text_as_kept(const char *text);
/* With names in the place of placeholders. */
const char *text_as_here(const char *text);
/* The same of bytes. What is another one lives until the next call. */
const char *bytes_as_kept(const void *bytes, size_t size, size_t *kept);
const char *bytes_as_here(const void *bytes, size_t size, size_t *here);
/* Of a link's target, as a memory has it. */
digest digest_of_target(const struct state *link);
/* The content of an object that has placeholders, with names in their place: a file, or -1. */
int file_as_here(int object, size_t size);
/* Look for names in a state's file, and with `store` keep what a memory has in its place. */
void look_for_names(int file, struct state *state, int store);

#endif
