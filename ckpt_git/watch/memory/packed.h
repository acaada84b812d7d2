/* Whether a file may hold a name that varies (placeholders.h) in a form in which nobody finds it. */
#ifndef CKPT_PACKED_H
#define CKPT_PACKED_H

struct state;
struct step;

/* Whether something is compressed in a file that is among the objects, and the command that made it,
 * or one that it started, was told a given name. */
int may_have_packed_name(const struct step *step, struct state *state);
/* The same of what it printed. */
int may_print_packed_name(const struct step *step);

#endif
