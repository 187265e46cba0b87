/* Files of media that nobody wants any more: what a crash between two steps of
 * a deletion left, what was deleted while a message waited for it, temporary
 * files of killed processes. */
#ifndef SCHEDULERD_FILES_H
#define SCHEDULERD_FILES_H

#include "schedulerd/schedulerd.h"

/* Looks at one 256th of the library; @round says which. */
void files_sweep(struct schedulerd *sd, unsigned round);

#endif
