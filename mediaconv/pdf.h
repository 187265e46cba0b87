/* PDF: how many pages. */
#ifndef MEDIACONV_PDF_H
#define MEDIACONV_PDF_H

#include <stdint.h>

struct source;

/* 0: unknown, since it is broken or encrypted.  It is a document all the same.
 */
uint32_t pdf_pages(const struct source *source);

#endif
