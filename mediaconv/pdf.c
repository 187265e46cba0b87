#include "mediaconv/pdf.h"

#include <qpdf/qpdf-c.h>

#include "mediaconv/source.h"

uint32_t pdf_pages(const struct source *source)
{
	qpdf_data pdf = qpdf_init();
	int pages = 0;

	qpdf_silence_errors(pdf);
	qpdf_set_suppress_warnings(pdf, QPDF_TRUE);
	/* Putting a broken file together again is much work, and of no use
	 * here. */
	qpdf_set_attempt_recovery(pdf, QPDF_FALSE);
	if ((qpdf_read_memory(pdf, "input", (const char *)source->bytes,
		     source->n, NULL) &
		    QPDF_ERRORS) == 0)
		pages = qpdf_get_num_pages(pdf);
	/* Else it is printed. */
	(void)qpdf_get_error(pdf);
	qpdf_cleanup(&pdf);
	return pages > 0 ? (uint32_t)pages : 0;
}
