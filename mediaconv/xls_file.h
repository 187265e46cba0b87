/* libfreexl opens a file by name, with fopen(), and nothing else; behind the
 * lockdown no file can be opened.  So fopen() is ours in this program, and
 * gives it the input from memory.  The lock needs no system call for that. */
#ifndef MEDIACONV_XLS_FILE_H
#define MEDIACONV_XLS_FILE_H

struct source;

/* The name under which fopen() opens @source for this thread, until the next
 * call; NULL: under none. */
const char *xls_file_offer(const struct source *source);

#endif
