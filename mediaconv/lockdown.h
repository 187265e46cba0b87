/* What this process may still do once it looks into a stranger's file: compute,
 * ask for memory within a limit, read the time, write to the descriptors that
 * it has, end.  It opens nothing, connects nowhere, starts nothing. */
#ifndef MEDIACONV_LOCKDOWN_H
#define MEDIACONV_LOCKDOWN_H

#include <stdint.h>

struct err;

#define LOCKDOWN_CPU_SECONDS 60
#define LOCKDOWN_MEMORY (1280u << 20) /* address space: 1 GiB and libraries */

/* First of all: an empty environment, no descriptor from @first_fd on, no core
 * file and no debugger. */
int lockdown_prepare(int first_fd, struct err *err);
/* Before the first byte of the input is looked at, when everything that is
 * opened by name is open.  No file may grow beyond @file_bytes then.  There is
 * no way back. */
int lockdown_enter(uint64_t file_bytes, struct err *err);

#endif
