#include "apid/spintax.h"

#include <string.h>

#include "apid/request.h"
#include "apid/worker.h"
#include "common/buf.h"
#include "common/own.h"
#include "common/spintax.h"

#define SAMPLES 5 /* unless the request says how many */

static int parse_template(
	const struct request *request, struct spintax **out, struct err *err)
{
	const char *template = request_text(request, "template");

	return spintax_parse(template, strlen(template), out, err);
}

static void add_sample(const char *text, void *arg)
{
	json_array_append_new(arg, json_text(text));
}

/* null for a template whose options overlap too much to count its texts. */
static json_t *count_texts(const struct spintax *spintax)
{
	scoped(str_free) char *digits = NULL;
	struct err err = ERR_NONE;

	return spintax_count(spintax, &digits, &err) == 0 ? json_text(digits)
							  : json_null();
}

static int preview(struct request *request, struct err *err)
{
	scoped(spintax_free) struct spintax *spintax = NULL;
	const int64_t n = request_number(request, "count", SAMPLES);
	json_t *samples = json_array();

	request->reply = json_pack("{s:o}", "samples", samples);
	if (parse_template(request, &spintax, err) != 0)
		return -1;
	spintax_sample(spintax, (size_t)n, add_sample, samples);
	json_object_set_new(
		request->reply, "uniqueVariants", count_texts(spintax));
	return 0;
}

/* A hostile template may take a tenth of a second: not on the HTTP thread. */
int spintax_preview_start(struct request *request, struct err *err)
{
	return worker_submit(request, preview, request_finish, err);
}

int spintax_spin_once(struct request *request, struct err *err)
{
	scoped(spintax_free) struct spintax *spintax = NULL;
	scoped(buf_fini) struct buf text = BUF_INIT;

	if (parse_template(request, &spintax, err) != 0 ||
		spintax_spin(spintax, NULL, NULL, &text, err) != 0)
		return -1;
	request->reply =
		json_pack("{s:o}", "result", json_text(buf_cstr(&text)));
	return 0;
}
