#include "mediaconv/source.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/err.h"

#define FILE_MAX (128u << 20) /* above every setting of media.max_mib */

int source_map(int fd, struct source *out, struct err *err)
{
	struct stat st;
	void *bytes;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return err_set(err, ERR_INTERNAL, "standard input is no file");
	if (st.st_size == 0)
		return err_set(err, ERR_INVALID, "The file is empty");
	if (st.st_size > FILE_MAX)
		return err_set(err, ERR_TOO_LARGE, "The file is too large");
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return err_set(err, ERR_IO, "mmap: %s", strerror(errno));
	*out = (struct source){ .bytes = bytes, .n = (size_t)st.st_size };
	return 0;
}
