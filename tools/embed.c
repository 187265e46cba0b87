/* Files as C: rows { "name", bytes, how many } for an array initializer.
 *
 *   embed FILE... > out.inc
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE 20 /* bytes of the file on one of ours */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void print_file(const char *path)
{
	const char *slash = strrchr(path, '/');
	FILE *file = fopen(path, "rb");
	size_t n = 0;
	int c;

	if (file == NULL)
		die(path);
	printf("{ \"%s\",\n\t\"", slash != NULL ? slash + 1 : path);
	/* Three octal digits each: what follows cannot be taken for more. */
	while ((c = getc(file)) != EOF) {
		printf("\\%03o", (unsigned)c);
		if (++n % LINE == 0)
			printf("\"\n\t\"");
	}
	if (ferror(file))
		die(path);
	printf("\",\n\t%zu },\n", n);
	fclose(file);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		print_file(argv[i]);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
