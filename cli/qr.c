#include "cli/qr.h"

#include <errno.h>
#include <qrencode.h>
#include <stdbool.h>
#include <string.h>

#include "common/err.h"

#define QUIET                                                           \
	2 /* modules; phones read it with less than the standard's four \
	   */

static bool is_dark(const QRcode *code, int x, int y)
{
	if (x < 0 || y < 0 || x >= code->width || y >= code->width)
		return false;
	return (code->data[y * code->width + x] & 1) != 0;
}

int qr_draw(FILE *out, const char *text, struct err *err)
{
	/* White ink on black paper: a light module is a filled half. */
	static const char *const halves[2][2] = { { "█", "▀" }, { "▄", " " } };
	QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);

	if (code == NULL)
		return err_set(
			err, ERR_INTERNAL, "QR code: %s", strerror(errno));
	for (int y = -QUIET; y < code->width + QUIET; y += 2) {
		fputs("\x1b[97;40m", out);
		for (int x = -QUIET; x < code->width + QUIET; x++)
			fputs(halves[is_dark(code, x, y)]
				    [is_dark(code, x, y + 1)],
				out);
		fputs("\x1b[0m\n", out);
	}
	fflush(out);
	QRcode_free(code);
	return 0;
}
