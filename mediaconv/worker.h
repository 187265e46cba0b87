/* The worker: one job on one file, its answer on stdout
 * (common/media/answer.h). */
#ifndef MEDIACONV_WORKER_H
#define MEDIACONV_WORKER_H

/* `mediaconv probe|voice|sticker|table`: the input is descriptor 0, the output
 * of the others but probe descriptor 3.  Returns the exit code, 0 when there is
 * an answer, be it an error; the caller ends with _exit(). */
int worker_run(int argc, char **argv);

#endif
