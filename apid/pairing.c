/* Questions to a lane: QR, pairing code, numbers on WhatsApp. */
#include "apid/handlers.h"

#include <qrencode.h>
#include <stdlib.h>
#include <string.h>

#include "apid/ask.h"
#include "apid/request.h"
#include "common/buf.h"
#include "common/own.h"

#define QR_BORDER 4 /* modules, as the standard asks */

/* ---- QR ---- */

static char *qr_svg(const char *text)
{
	QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
	struct buf svg = BUF_INIT;
	int side;

	if (code == NULL)
		return NULL;
	side = code->width + 2 * QR_BORDER;
	buf_printf(&svg,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d "
		"%d\" "
		"shape-rendering=\"crispEdges\"><path fill=\"#fff\" "
		"d=\"M0 0h%dv%dH0z\"/><path d=\"",
		side, side, side, side);
	for (int y = 0; y < code->width; y++) {
		for (int x = 0; x < code->width; x++) {
			if (code->data[y * code->width + x] & 1)
				buf_printf(&svg, "M%d %dh1v1h-1z",
					x + QR_BORDER, y + QR_BORDER);
		}
	}
	buf_add_str(&svg, "\"/></svg>\n");
	QRcode_free(code);
	(void)buf_cstr(&svg);
	return (char *)svg.data;
}

static void resume_qr(struct request *request)
{
	const char *format = request_text(request, "format");
	struct err err = ERR_NONE;
	const Bus__Answer *answer;

	if (ask_check(request, &err) != 0) {
		request_fail(request, &err);
		return;
	}
	answer = request->answer->answer;
	if (format != NULL && strcmp(format, "svg") == 0) {
		request->content_type = "image/svg+xml";
		request->raw_reply = qr_svg(answer->qr);
	} else {
		request->reply = json_pack("{s:s, s:o}", "qr", answer->qr,
			"expiresAt", json_time(answer->qr_expires_ms));
	}
	request_finish(request);
}

static int check_pairing(struct request *request, struct err *err)
{
	enum device_status status;

	if (ask_status(request, &status, err) != 0)
		return -1;
	if (status == DEVICE_CONNECTED || status == DEVICE_DISCONNECTED)
		return err_set(
			err, ERR_CONFLICT, "The device is already linked");
	return 0;
}

int pairing_qr(struct request *request, struct err *err)
{
	Bus__Question question = BUS__QUESTION__INIT;
	Bus__PairingQr qr = BUS__PAIRING_QR__INIT;

	if (check_pairing(request, err) != 0)
		return -1;
	question.ask_case = BUS__QUESTION__ASK_PAIRING_QR;
	question.pairing_qr = &qr;
	return ask_lane(request, &question, resume_qr, err);
}

/* ---- pairing code ---- */

static void resume_code(struct request *request)
{
	struct err err = ERR_NONE;
	const char *code;
	char shown[10];

	if (ask_check(request, &err) != 0) {
		request_fail(request, &err);
		return;
	}
	code = request->answer->answer->pairing_code;
	snprintf(shown, sizeof(shown), "%.4s-%.4s", code,
		strlen(code) >= 4 ? code + 4 : "");
	request->reply = json_pack("{s:s}", "code", shown);
	request_finish(request);
}

int pairing_code(struct request *request, struct err *err)
{
	Bus__Question question = BUS__QUESTION__INIT;
	Bus__PairingCode code = BUS__PAIRING_CODE__INIT;

	if (check_pairing(request, err) != 0)
		return -1;
	code.phone = (char *)request_arg(request, "phone")->phone;
	question.ask_case = BUS__QUESTION__ASK_PAIRING_CODE;
	question.pairing_code = &code;
	return ask_lane(request, &question, resume_code, err);
}

/* ---- check-whatsapp ---- */

#define NUMBERS_MAX 50

static bool answer_has(const Bus__Answer *answer, const char *digits)
{
	for (size_t i = 0; i < answer->n_numbers; i++) {
		if (strcmp(answer->numbers[i]->phone, digits) == 0)
			return answer->numbers[i]->exists;
	}
	return false;
}

/* In the order and the form they were asked. */
static void resume_numbers(struct request *request)
{
	json_t *asked = request_arg(request, "numbers")->json;
	json_t *results = json_array();
	struct err err = ERR_NONE;
	char digits[PHONE_LEN];
	json_t *item;
	size_t i;

	request->reply = json_pack("{s:o}", "results", results);
	if (ask_check(request, &err) != 0) {
		request_fail(request, &err);
		return;
	}
	json_array_foreach(asked, i, item)
	{
		(void)phone_parse(json_string_value(item),
			json_string_length(item), digits);
		json_array_append_new(results,
			json_pack("{s:O, s:b}", "phone", item, "exists",
				answer_has(request->answer->answer, digits)));
	}
	request_finish(request);
}

int numbers_check(struct request *request, struct err *err)
{
	json_t *asked = request_arg(request, "numbers")->json;
	char digits[NUMBERS_MAX][PHONE_LEN];
	char *phones[NUMBERS_MAX];
	Bus__Question question = BUS__QUESTION__INIT;
	Bus__CheckNumbers check = BUS__CHECK_NUMBERS__INIT;
	enum device_status status;
	json_t *item;
	size_t i;

	if (ask_status(request, &status, err) != 0)
		return -1;
	if (status != DEVICE_CONNECTED)
		return err_set(err, ERR_INVALID,
			"The device is not connected (%s)",
			device_status_name(status));
	json_array_foreach(asked, i, item)
	{
		(void)phone_parse(json_string_value(item),
			json_string_length(item), digits[i]);
		phones[i] = digits[i];
	}
	check.phones = phones;
	check.n_phones = json_array_size(asked);
	question.ask_case = BUS__QUESTION__ASK_CHECK_NUMBERS;
	question.check_numbers = &check;
	return ask_lane(request, &question, resume_numbers, err);
}
