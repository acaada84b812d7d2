/* Watching, until the last watched process is gone. */
#ifndef CKPT_LISTEN_H
#define CKPT_LISTEN_H

#include "watch.h"

void listen_to(int listener);

/* Whether a command could not be answered although it was begun: the build has to be done again. */
extern int answering_failed;

/* The sum of the digests of a folder's names, as of now; 0, or -1 where it can't be listed. */
int list_folder(struct path *folder, uint64_t sum[2]);

#endif
