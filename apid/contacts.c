/* Contacts: who the account knows. */
#include "apid/handlers.h"

#include "apid/request.h"
#include "common/own.h"
#include "common/store/contact.h"
#include "common/store/device.h"

static int add_contact(const struct contact *contact, void *arg)
{
	json_array_append_new(arg,
		json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "id",
			contact->public_id, "phone", json_phone(contact->phone),
			"lid", json_text(contact->lid), "name",
			json_text(contact->name), "pushName",
			json_text(contact->push_name), "createdAt",
			json_time(contact->created_ms), "updatedAt",
			json_time(contact->updated_ms)));
	return 0;
}

/* One list for all devices of the account: a person is one contact, whichever
 * device heard of them. */
int contacts_list(struct request *request, struct err *err)
{
	json_t *data = json_array();
	int64_t device_id, total = 0;
	struct page page;
	int number;

	page = request_page(request, &number);
	request->reply = json_pack("{s:o, s:i, s:i, s:i}", "data", data,
		"total", 0, "page", number, "limit", page.limit);
	if (store_device_id(request->store, request->account_id,
		    request_text(request, "deviceUid"), &device_id, err) != 0 ||
		store_contact_list(request->store, request->account_id, page,
			add_contact, data, &total, err) != 0)
		return -1;
	json_object_set_new(request->reply, "total", json_integer(total));
	return 0;
}
