/* See ask.h. */
#include "apid/ask.h"

#include <stdlib.h>
#include <string.h>

#include "apid/http.h"
#include "apid/media.h"
#include "apid/request.h"
#include "common/own.h"
#include "common/recipient.h"
#include "common/store/contact.h"

#define TIMEOUT_MS 25000

/* ---- one question ---- */

static void on_answer(Bus__Envelope *answer, void *arg)
{
	struct request *request = arg;

	request->answer = answer;
	http_post(request);
}

int ask_check(struct request *request, struct err *err)
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

static int take_status(const struct device *device, void *arg)
{
	*(enum device_status *)arg = device->status;
	return 0;
}

int ask_status(
	struct request *request, enum device_status *out, struct err *err)
{
	int64_t id;

	if (store_device_id(request->store, request->account_id,
		    request_text(request, "deviceUid"), &id, err) != 0)
		return -1;
	return store_device_by_id(request->store, id, take_status, out, err);
}

int ask_lane(struct request *request, Bus__Question *question,
	void (*resume)(struct request *request), struct err *err)
{
	Bus__Envelope envelope = BUS__ENVELOPE__INIT;

	envelope.device_uid = (char *)request_text(request, "deviceUid");
	envelope.body_case = BUS__ENVELOPE__BODY_QUESTION;
	envelope.question = question;
	request->resume = resume;
	return bus_ask(request->apid->senderd_ask, &envelope, TIMEOUT_MS,
		on_answer, request, err);
}

/* ---- calls ---- */

static void resume_call(struct request *request)
{
	struct err err = ERR_NONE;
	const char *result;

	if (ask_check(request, &err) != 0) {
		request_fail(request, &err);
		return;
	}
	result = request->answer->answer->result;
	if (request->status != 204)
		request->raw_reply = xstrdup(result[0] != '\0' ? result : "{}");
	request_finish(request);
}

/* Linking is for a device without a phone, all else for a connected one. */
static int check_state(
	enum device_status status, const char *method, struct err *err)
{
	bool is_linking = strncmp(method, "passkey.", 8) == 0;

	if (status == (is_linking ? DEVICE_PAIRING : DEVICE_CONNECTED))
		return 0;
	return err_set(err, ERR_CONFLICT,
		is_linking ? "The device is linked already (%s)"
			   : "The device is not connected (%s)",
		device_status_name(status));
}

int ask_call(struct request *request, const char *method, json_t *params,
	struct err *err)
{
	Bus__Question question = BUS__QUESTION__INIT;
	Bus__LaneCall call = BUS__LANE_CALL__INIT;
	scoped(str_free) char *text = json_dumps(params, JSON_COMPACT);
	enum device_status status;

	json_decref(params);
	if (ask_status(request, &status, err) != 0 ||
		check_state(status, method, err) != 0)
		return -1;
	if (text == NULL || strlen(text) > BUS_MAX_BYTES - 4096)
		return err_set(err, ERR_TOO_LARGE, "That is too much");
	call.method = (char *)method;
	call.params = text;
	question.ask_case = BUS__QUESTION__ASK_LANE_CALL;
	question.lane_call = &call;
	return ask_lane(request, &question, resume_call, err);
}

static void drop_answer(Bus__Envelope *answer, void *arg)
{
	(void)arg;
	bus_envelope_free(&answer);
}

static int take_uid(const struct device *device, void *arg)
{
	*(char **)arg = xstrdup(device->uid);
	return 0;
}

void ask_and_forget(struct request *request, int64_t device_id,
	const char *method, json_t *params)
{
	Bus__Envelope envelope = BUS__ENVELOPE__INIT;
	Bus__Question question = BUS__QUESTION__INIT;
	Bus__LaneCall call = BUS__LANE_CALL__INIT;
	scoped(str_free) char *text = json_dumps(params, JSON_COMPACT);
	scoped(str_free) char *uid = NULL;

	json_decref(params);
	if (text == NULL || store_device_by_id(request->store, device_id,
				    take_uid, &uid, NULL) != 0)
		return;
	call.method = (char *)method;
	call.params = text;
	question.ask_case = BUS__QUESTION__ASK_LANE_CALL;
	question.lane_call = &call;
	envelope.device_uid = uid;
	envelope.body_case = BUS__ENVELOPE__BODY_QUESTION;
	envelope.question = &question;
	(void)bus_ask(request->apid->senderd_ask, &envelope, TIMEOUT_MS,
		drop_answer, NULL, NULL);
}

/* ---- parameters from arguments ---- */

static int take_name(const struct contact *contact, void *arg)
{
	json_t **out = arg;

	*out = contact->phone != NULL ? json_sprintf("+%s", contact->phone)
				      : json_sprintf("%s@lid", contact->lid);
	return 0;
}

static json_t *person_json(const char *text, unsigned kinds)
{
	struct recipient person;

	(void)recipient_parse(text, strlen(text), kinds, &person);
	return json_string(person.name);
}

/* A contact's own id is known here only. */
static int contact_json(struct request *request, const char *text, json_t **out,
	struct err *err)
{
	if (id_is_uuid(text))
		return store_contact_by_public_id(request->store,
			request->account_id, text, take_name, out, err);
	*out = person_json(text, RECIPIENT_PERSON);
	return 0;
}

static json_t *people_json(const json_t *asked)
{
	json_t *people = json_array();
	json_t *item;
	size_t i;

	json_array_foreach(asked, i, item)
	{
		json_array_append_new(people,
			person_json(json_string_value(item), RECIPIENT_PERSON));
	}
	return people;
}

static json_t *until_json(const struct arg *arg)
{
	if (arg->is_null)
		return json_null();
	return strcmp(arg->text, "forever") == 0 ? json_integer(-1)
						 : json_string(arg->text);
}

static int arg_json(struct request *request, const struct param *param,
	const struct arg *arg, json_t **out, struct err *err)
{
	*out = NULL;
	switch (param->type) {
	case PARAM_INT:
		*out = json_integer(arg->number);
		return 0;
	case PARAM_BOOL:
		*out = json_boolean(arg->number);
		return 0;
	case PARAM_UNTIL:
		*out = until_json(arg);
		return 0;
	case PARAM_PHONE:
	case PARAM_PERSON:
	case PARAM_GROUP:
	case PARAM_RECIPIENT:
		*out = person_json(
			arg->text, RECIPIENT_PERSON | RECIPIENT_GROUP);
		return 0;
	case PARAM_CONTACT:
		return contact_json(request, arg->text, out, err);
	case PARAM_PEOPLE:
	case PARAM_PHONES:
		*out = people_json(arg->json);
		return 0;
	case PARAM_TEXTS:
	case PARAM_UUIDS:
	case PARAM_OBJECT:
		*out = json_incref(arg->json);
		return 0;
	case PARAM_PICTURE:
		return media_picture_json(request, arg->text, out, err);
	case PARAM_STRING:
	case PARAM_COLOR:
	case PARAM_UUID:
	case PARAM_DEVICE_UID:
	case PARAM_DATE:
	case PARAM_URL:
	case PARAM_ENUM:
		*out = json_text(arg->text);
		return 0;
	}
	return err_set(err, ERR_INTERNAL, "a parameter of no known type");
}

static int take_params(struct request *request, json_t *params, struct err *err)
{
	const struct param *param = request->endpoint->params;
	json_t *value;

	for (size_t i = 0; param[i].name != NULL; i++) {
		if (!request->args[i].is_set ||
			strcmp(param[i].name, "deviceUid") == 0)
			continue;
		if (arg_json(request, &param[i], &request->args[i], &value,
			    err) != 0)
			return -1;
		json_object_set_new(params,
			param[i].type == PARAM_PICTURE ? "pictureJpeg"
						       : param[i].name,
			value);
	}
	return 0;
}

int call_start(struct request *request, struct err *err)
{
	const struct endpoint *endpoint = request->endpoint;
	json_t *params = endpoint->constants != NULL
				 ? json_loads(endpoint->constants, 0, NULL)
				 : json_object();

	if (take_params(request, params, err) != 0) {
		json_decref(params);
		return -1;
	}
	return ask_call(request, endpoint->call, params, err);
}
