/* Names that a program makes up anew in each run, and what a memory has in their place.
 *
 * `go` works in a folder of the temporary one whose name ends with a random number, and names it to
 * all that it starts: in arguments, variables, paths and files. A memory has a placeholder there,
 * which is made of the command. A small file that has the name in it is made with the
 * new one. A large one, a link, or what is printed must not have it: the command isn't remembered.
 */
#ifndef CKPT_PLACEHOLDERS_H
#define CKPT_PLACEHOLDERS_H

#include <stddef.h>
#include <stdint.h>

enum { LARGEST_NAMED = 4096 }; /* bytes of a small file */

struct path;
struct state;
struct step;

/* A folder is about to be made. */
void name_folder(struct step *step, const struct path *folder);
int are_there_placeholders(void);
/* Whether a path has a name in it that the step, or one below it, made up. */
int is_named_by(const struct step *step, const struct path *path);
int has_name(const void *bytes, size_t size);
/* With placeholders in the place of names; the same text where there are none. */
const char *text_as_kept(const char *text);
/* With names in the place of placeholders. */
const char *text_as_here(const char *text);
/* The same of bytes. What is another one lives until the next call. */
const char *bytes_as_kept(const void *bytes, size_t size, size_t *kept);
const char *bytes_as_here(const void *bytes, size_t size, size_t *here);
/* Look for names in a state's file, and with `store` keep what a memory has in its place. */
void look_for_names(int file, struct state *state, int store);

#endif
