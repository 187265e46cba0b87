/* mediaconv: looks into one media file, or converts it.  Started by convert.c,
 * one process a file. */
#include <unistd.h>

#include "mediaconv/worker.h"

int main(int argc, char **argv)
{
	/* Past the lockdown nothing is left to tidy up, and no exit handler
	 * could. */
	_exit(worker_run(argc, argv));
}
