/* Questions to a lane: QR, pairing code, numbers on WhatsApp.  The answer comes
 * over the bus and resumes the request on its own thread. */
#include "apid/handlers.h"

#include <qrencode.h>
#include <stdlib.h>
#include <string.h>

#include "apid/http.h"
#include "apid/request.h"
#include "common/buf.h"
#include "common/own.h"
#include "common/store/device.h"

#define ASK_TIMEOUT_MS 25000
#define QR_BORDER 4 /* modules, as the standard asks */

static void on_answer(Bus__Envelope *answer, void *arg)
{
	struct request *request = arg;

	request->answer = answer;
	http_post(request);
}

static int check_answer(struct request *request, struct err *err)
{
	const Bus__Envelope *envelope = request->answer;
	const Bus__Answer *answer;

	if (envelope == NULL)
		return err_set(
			err, ERR_TIMEOUT, "The device did not answer in time");
	if (envelope->body_case != BUS__ENVELOPE__BODY_ANSWER)
		return err_set(err, ERR_INTERNAL, "unexpected answer");
	answer = envelope->answer;
	if (answer->error != ERR_OK)
		return err_set(err, (enum err_code)answer->error, "%s",
			answer->error_text);
	return 0;
}

struct device_check {
	enum device_status status;
};

static int take_status(const struct device *device, void *arg)
{
	((struct device_check *)arg)->status = device->status;
	return 0;
}

static int device_of(struct request *request, enum device_status *status_out,
	struct err *err)
{
	struct device_check check;
	int64_t id;

	if (store_device_id(request->store, request->account_id,
		    request_text(request, "deviceUid"), &id, err) != 0 ||
		store_device_by_id(
			request->store, id, take_status, &check, err) != 0)
		return -1;
	*status_out = check.status;
	return 0;
}

/* Asks the lane of the request's device; @question is borrowed. */
static int ask(struct request *request, Bus__Question *question,
	void (*resume)(struct request *request), struct err *err)
{
	Bus__Envelope envelope = BUS__ENVELOPE__INIT;

	envelope.device_uid = (char *)request_text(request, "deviceUid");
	envelope.body_case = BUS__ENVELOPE__BODY_QUESTION;
	envelope.question = question;
	request->resume = resume;
	return bus_ask(request->apid->senderd_ask, &envelope, ASK_TIMEOUT_MS,
		on_answer, request, err);
}

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

	if (check_answer(request, &err) != 0) {
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

	if (device_of(request, &status, err) != 0)
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
	return ask(request, &question, resume_qr, err);
}

/* ---- pairing code ---- */

static void resume_code(struct request *request)
{
	struct err err = ERR_NONE;
	const char *code;
	char shown[10];

	if (check_answer(request, &err) != 0) {
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
	return ask(request, &question, resume_code, err);
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
	if (check_answer(request, &err) != 0) {
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

	if (device_of(request, &status, err) != 0)
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
	return ask(request, &question, resume_numbers, err);
}
