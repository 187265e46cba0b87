/* The listening side of systemd's notify protocol, for daemons that we start.
 */
#ifndef CLI_NOTIFY_H
#define CLI_NOTIFY_H

#include <stdbool.h>
#include <sys/types.h>

struct err;

#define NOTIFY_MAX 1024

/* A descriptor, or -1. */
int notify_open(const char *path, struct err *err);
/* The next datagram, terminated, and who sent it as the kernel says.  False:
 * nothing waits. */
bool notify_recv(int fd, char text[NOTIFY_MAX], pid_t *pid_out);

#endif
