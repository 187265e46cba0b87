/* The address book, groups and tags. */
#include "apid/endpoint.h"

#include "apid/book.h"
#include "apid/segments.h"
#include "apid/shape.h"
#include "apid/table.h"
#include "common/own.h"

/* ---- shapes ---- */

#define END_OF_FIELDS        \
	{                    \
		.name = NULL \
	}
#define FIELD_ID(help)                          \
	{                                       \
		"id", FIELD_UUID, 0, NULL, help \
	}
#define CREATED_AND_UPDATED                            \
	{ "createdAt", FIELD_TIME, 0, NULL, NULL },    \
	{                                              \
		"updatedAt", FIELD_TIME, 0, NULL, NULL \
	}
#define CONTACT_FIELDS                                                  \
	FIELD_ID(NULL), { "phone", FIELD_PHONE, 0, NULL, NULL },        \
		{ "name", FIELD_TEXT, FIELD_NULL, NULL,                 \
			"As the account calls it." },                   \
		{ "fields", FIELD_MAP, 0, NULL,                         \
			"Texts of your own, for the placeholders of a " \
			"campaign." },                                  \
		CREATED_AND_UPDATED
#define PAGE_OF_CONTACTS                                  \
	{ "contacts", FIELD_LIST, 0, "SegmentContact",    \
		"Oldest first, of this page." },          \
		{ "page", FIELD_INTEGER, 0, NULL, NULL }, \
	{                                                 \
		"limit", FIELD_INTEGER, 0, NULL, NULL     \
	}

static const struct field contact[] = { CONTACT_FIELDS, END_OF_FIELDS };
static const struct field contact_details[] = { CONTACT_FIELDS,
	{ "groupIds", FIELD_LIST, 0, NULL, "Groups that it is in." },
	{ "tagIds", FIELD_LIST, 0, NULL, "Tags that it has." }, END_OF_FIELDS };
static const struct field contact_fields[] = { END_OF_FIELDS };

#define SEGMENT_FIELDS \
	{ "contactCount", FIELD_INTEGER, 0, NULL, NULL }, CREATED_AND_UPDATED
#define GROUP_FIELDS                                                   \
	FIELD_ID(NULL), { "name", FIELD_TEXT, 0, NULL, NULL },         \
		{ "description", FIELD_TEXT, FIELD_NULL, NULL, NULL }, \
		SEGMENT_FIELDS
#define TAG_FIELDS                                             \
	FIELD_ID(NULL), { "name", FIELD_TEXT, 0, NULL, NULL }, \
		{ "color", FIELD_TEXT, 0, NULL, "#rrggbb" }, SEGMENT_FIELDS

static const struct field segment_contact[] = { FIELD_ID(NULL),
	{ "name", FIELD_TEXT, FIELD_NULL, NULL, NULL },
	{ "phone", FIELD_PHONE, 0, NULL, NULL }, END_OF_FIELDS };
static const struct field group[] = { GROUP_FIELDS, END_OF_FIELDS };
static const struct field group_details[] = { GROUP_FIELDS, PAGE_OF_CONTACTS,
	END_OF_FIELDS };
static const struct field tag[] = { TAG_FIELDS, END_OF_FIELDS };
static const struct field tag_details[] = { TAG_FIELDS, PAGE_OF_CONTACTS,
	END_OF_FIELDS };
static const struct field added[] = { { "added", FIELD_INTEGER, 0, NULL,
					      "That were not in it before." },
	END_OF_FIELDS };
static const struct field removed[] = {
	{ "removed", FIELD_INTEGER, 0, NULL, "That were in it." }, END_OF_FIELDS
};

static const struct shape shapes[] = {
	{ "Contact", contact, false },
	{ "ContactDetails", contact_details, false },
	{ "ContactFields", contact_fields, true },
	{ "SegmentContact", segment_contact, false },
	{ "ContactGroup", group, false },
	{ "ContactGroupDetails", group_details, false },
	{ "ContactTag", tag, false },
	{ "ContactTagDetails", tag_details, false },
	{ "ContactsAdded", added, false },
	{ "ContactsRemoved", removed, false },
};

/* ---- parameters ---- */

#define NAME_PARAM(is_required, help)                          \
	{                                                      \
		"name", IN_BODY, PARAM_STRING, is_required, 1, \
			SEGMENT_NAME_MAX, help                 \
	}
#define DESCRIPTION_PARAM                                                \
	{                                                                \
		"description", IN_BODY, PARAM_STRING, false, 0,          \
			SEGMENT_DESCRIPTION_MAX, "Optional description." \
	}
#define COLOR_PARAM(help)                                        \
	{                                                        \
		"color", IN_BODY, PARAM_COLOR, false, 0, 0, help \
	}
#define CONTACTS_PARAM(is_required, help)                           \
	{                                                           \
		"contactIds", IN_BODY, PARAM_UUIDS, is_required, 1, \
			SEGMENT_CONTACTS_MAX, help                  \
	}
#define CONTACT_NAME_PARAM                                              \
	{                                                               \
		"name", IN_BODY, PARAM_STRING, false, 0, BOOK_NAME_MAX, \
			"Contact name."                                 \
	}
#define CONTACT_FIELDS_PARAM                                              \
	{                                                                 \
		"fields", IN_BODY, PARAM_OBJECT, false, 0, 0,             \
			"Up to 20 texts by name, for the placeholders of" \
			" a campaign."                                    \
	}

static const struct param contact_list[] = {
	{ "search", IN_QUERY, PARAM_STRING, false, 0, BOOK_SEARCH_MAX,
		"Search by name or phone." },
	{ "groupId", IN_QUERY, PARAM_UUID, false, 0, 0, "Filter by group." },
	{ "tagId", IN_QUERY, PARAM_UUID, false, 0, 0, "Filter by tag." },
	PAGE_PARAMS, END_OF_PARAMS
};
static const struct param contact_create[] = {
	{ "phone", IN_BODY, PARAM_PHONE, true, 0, 0, "Contact phone." },
	CONTACT_NAME_PARAM, CONTACT_FIELDS_PARAM,
	{ "groupIds", IN_BODY, PARAM_UUIDS, false, 0, BOOK_SEGMENTS_MAX,
		"Groups to add it to." },
	{ "tagIds", IN_BODY, PARAM_UUIDS, false, 0, BOOK_SEGMENTS_MAX,
		"Tags to give it." },
	END_OF_PARAMS
};
static const struct param contact_id[] = { ID_PARAM("Contact id."),
	END_OF_PARAMS };
static const struct param contact_update[] = { ID_PARAM("Contact id."),
	{ "phone", IN_BODY, PARAM_PHONE, false, 0, 0, "Contact phone." },
	CONTACT_NAME_PARAM, CONTACT_FIELDS_PARAM, END_OF_PARAMS };

static const struct param segment_list[] = {
	LARGE_PAGE_PARAMS(SEGMENTS_PAGE_MAX), END_OF_PARAMS
};
static const struct param group_id[] = { ID_PARAM("Group UUID."),
	END_OF_PARAMS };
static const struct param group_get[] = { ID_PARAM("Group UUID."),
	LARGE_PAGE_PARAMS(SEGMENT_CONTACTS_MAX), END_OF_PARAMS };
static const struct param group_create[] = { NAME_PARAM(true, "Group name."),
	DESCRIPTION_PARAM, CONTACTS_PARAM(false, "Its first contacts."),
	END_OF_PARAMS };
static const struct param group_update[] = { ID_PARAM("Group UUID."),
	NAME_PARAM(false, "New group name."), DESCRIPTION_PARAM,
	END_OF_PARAMS };
static const struct param group_add[] = { ID_PARAM("Group UUID."),
	CONTACTS_PARAM(true, "Contact UUIDs to add (min 1)."), END_OF_PARAMS };
static const struct param group_remove[] = { ID_PARAM("Group UUID."),
	CONTACTS_PARAM(true, "Contact UUIDs to remove."), END_OF_PARAMS };
static const struct param tag_id[] = { ID_PARAM("Tag UUID."), END_OF_PARAMS };
static const struct param tag_get[] = { ID_PARAM("Tag UUID."),
	LARGE_PAGE_PARAMS(SEGMENT_CONTACTS_MAX), END_OF_PARAMS };
static const struct param tag_create[] = {
	NAME_PARAM(true, "Tag name (unique per account)."),
	COLOR_PARAM("Hex color (default #6366f1)."),
	CONTACTS_PARAM(false, "Its first contacts."), END_OF_PARAMS
};
static const struct param tag_update[] = { ID_PARAM("Tag UUID."),
	NAME_PARAM(false, "New tag name."), COLOR_PARAM("New hex color."),
	END_OF_PARAMS };
static const struct param tag_change[] = { ID_PARAM("Tag UUID."),
	CONTACTS_PARAM(true, "Contact UUIDs (min 1)."), END_OF_PARAMS };

/* ---- examples ---- */

#define EXAMPLE_ID "0197c7a0-4a3e-7b51-9d2f-2f6a1c1f0e20"
#define EXAMPLE_TIMES                                 \
	"\"createdAt\":\"2026-05-22T10:00:00.000Z\"," \
	"\"updatedAt\":\"2026-05-22T10:00:00.000Z\""
#define EXAMPLE_CONTACT_MEMBERS                                \
	"\"id\":\"" EXAMPLE_ID "\",\"phone\":\"+1234567890\"," \
	"\"name\":\"John "                                     \
	"Doe\",\"fields\":{\"city\":\"Berlin\"}," EXAMPLE_TIMES
#define EXAMPLE_CONTACT "{" EXAMPLE_CONTACT_MEMBERS "}"
#define EXAMPLE_CONTACT_DETAILS \
	"{" EXAMPLE_CONTACT_MEMBERS ",\"groupIds\":[],\"tagIds\":[]}"
#define EXAMPLE_CONTACT_BODY "{\"phone\":\"+1234567890\",\"name\":\"John Doe\"}"
#define EXAMPLE_GROUP(count)                                  \
	"\"id\":\"" EXAMPLE_ID "\",\"name\":\"VIP Clients\"," \
	"\"description\":\"High-value customers\","           \
	"\"contactCount\":" count "," EXAMPLE_TIMES
#define EXAMPLE_TAG(name, color, count)                    \
	"\"id\":\"" EXAMPLE_ID "\",\"name\":\"" name "\"," \
	"\"color\":\"" color "\",\"contactCount\":" count "," EXAMPLE_TIMES
#define EXAMPLE_PAGE_OF(row, limit) \
	"{\"data\":[" row "],\"total\":1,\"page\":1,\"limit\":" limit "}"
#define EXAMPLE_MEMBERS                                      \
	"\"contacts\":[{\"id\":\"" EXAMPLE_ID "\",\"name\":" \
	"\"John Doe\",\"phone\":\"+1234567890\"}],"          \
	"\"page\":1,\"limit\":1000"
#define EXAMPLE_CONTACT_IDS "{\"contactIds\":[\"" EXAMPLE_ID "\"]}"
#define EXAMPLE_DELETED "{\"deleted\":true}"

/* ---- operations ---- */

#define CONTACTS "/v1/developer/contacts"
#define GROUPS SEGMENTS_GROUPS_PATH
#define TAGS SEGMENTS_TAGS_PATH
#define IN_CONTACTS AUTH_ACCOUNT, "Contacts"
#define IN_SEGMENTS AUTH_ACCOUNT, "Contact Groups & Tags"

static const struct endpoint rows[] = {
	{ "GET", CONTACTS, IN_CONTACTS, "List Contacts", 200, contact_list,
		.details = "Returns paginated contacts and filters. Oldest "
			   "first. A search of three characters or more finds "
			   "any part of a name or phone, a shorter one the "
			   "beginning; its total is counted up to 10000, and "
			   "no more are listed.",
		.answer = "Page:Contact",
		.example = EXAMPLE_PAGE_OF(EXAMPLE_CONTACT, "20"),
		.read = book_list },
	{ "POST", CONTACTS, IN_CONTACTS, "Create Contact", 201, contact_create,
		.details = "Creates a contact.", .answer = "ContactDetails",
		.errors = "403 404 409", .objects = "fields=ContactFields",
		.example_body = EXAMPLE_CONTACT_BODY,
		.example = EXAMPLE_CONTACT_DETAILS, .write = book_create },
	{ "GET", CONTACTS "/:id", IN_CONTACTS, "Get Contact", 200, contact_id,
		.answer = "ContactDetails", .example = EXAMPLE_CONTACT_DETAILS,
		.read = book_get },
	{ "PATCH", CONTACTS "/:id", IN_CONTACTS, "Update Contact", 200,
		contact_update,
		.details = "An empty name removes it; fields replace those "
			   "there are.",
		.answer = "ContactDetails", .errors = "409",
		.objects = "fields=ContactFields",
		.example_body = EXAMPLE_CONTACT_BODY,
		.example = EXAMPLE_CONTACT_DETAILS, .write = book_update },
	{ "DELETE", CONTACTS "/:id", IN_CONTACTS, "Delete Contact", 200,
		contact_id,
		.details = "It leaves its groups and tags. Its messages stay.",
		.answer = "Deleted", .example = EXAMPLE_DELETED,
		.write = book_delete },

	{ "GET", GROUPS, IN_SEGMENTS, "List Contact Groups", 200, segment_list,
		.details = "Returns all groups with contactCount per group, "
			   "newest first.",
		.answer = "Page:ContactGroup",
		.example = EXAMPLE_PAGE_OF("{" EXAMPLE_GROUP("42") "}", "1000"),
		.read = segments_list },
	{ "POST", GROUPS, IN_SEGMENTS, "Create Contact Group", 201,
		group_create,
		.details = "Creates a group. Optionally add members "
			   "immediately with contactIds, or via POST "
			   ":id/contacts after creation.",
		.answer = "ContactGroup", .errors = "404 409",
		.example_body = "{\"name\":\"VIP Clients\","
				"\"description\":\"High-value customers\"}",
		.example = "{" EXAMPLE_GROUP("0") "}",
		.write = segments_create },
	{ "GET", GROUPS "/:id", IN_SEGMENTS, "Get Contact Group", 200,
		group_get,
		.details = "Returns group metadata and contacts[] (id, name, "
			   "phone), up to 1000 a page.",
		.answer = "ContactGroupDetails",
		.example = "{" EXAMPLE_GROUP("1") "," EXAMPLE_MEMBERS "}",
		.read = segments_get },
	{ "PATCH", GROUPS "/:id", IN_SEGMENTS, "Update Contact Group", 200,
		group_update, .details = "Updates group name or description.",
		.answer = "ContactGroup", .errors = "409",
		.example_body = "{\"name\":\"VIP Clients\"}",
		.example = "{" EXAMPLE_GROUP("42") "}",
		.write = segments_update },
	{ "DELETE", GROUPS "/:id", IN_SEGMENTS, "Delete Contact Group", 200,
		group_id, .details = "Its contacts stay.", .answer = "Deleted",
		.example = EXAMPLE_DELETED, .start = segments_delete },
	{ "POST", GROUPS "/:id/contacts", IN_SEGMENTS, "Add Contacts to Group",
		200, group_add,
		.details = "Links existing contacts to the group by contact "
			   "UUID. Either all of them or, when one is unknown, "
			   "none.",
		.answer = "ContactsAdded", .example_body = EXAMPLE_CONTACT_IDS,
		.example = "{\"added\":1}", .write = segments_add },
	{ "DELETE", GROUPS "/:id/contacts", IN_SEGMENTS,
		"Remove Contacts from Group", 200, group_remove,
		.details = "Removes contacts from the group (does not delete "
			   "contacts).",
		.answer = "ContactsRemoved",
		.example_body = EXAMPLE_CONTACT_IDS,
		.example = "{\"removed\":1}", .write = segments_remove },

	{ "GET", TAGS, IN_SEGMENTS, "List Contact Tags", 200, segment_list,
		.details = "Returns all tags with name, color, and "
			   "contactCount, newest first.",
		.answer = "Page:ContactTag",
		.example = EXAMPLE_PAGE_OF(
			"{" EXAMPLE_TAG("Leads", "#6366f1", "18") "}", "1000"),
		.read = segments_list },
	{ "POST", TAGS, IN_SEGMENTS, "Create Contact Tag", 201, tag_create,
		.details = "Creates a tag. Assign members with contactIds, via "
			   "POST :id/contacts or import.",
		.answer = "ContactTag", .errors = "404 409",
		.example_body = "{\"name\":\"Leads\",\"color\":\"#22c55e\"}",
		.example = "{" EXAMPLE_TAG("Leads", "#22c55e", "0") "}",
		.write = segments_create },
	{ "GET", TAGS "/:id", IN_SEGMENTS, "Get Contact Tag", 200, tag_get,
		.details = "The tag and contacts[] (id, name, phone), up to "
			   "1000 a page.",
		.answer = "ContactTagDetails",
		.example = "{" EXAMPLE_TAG(
			"Leads", "#6366f1", "1") "," EXAMPLE_MEMBERS "}",
		.read = segments_get },
	{ "PATCH", TAGS "/:id", IN_SEGMENTS, "Update Contact Tag", 200,
		tag_update, .details = "Updates tag name and/or color.",
		.answer = "ContactTag", .errors = "409",
		.example_body =
			"{\"name\":\"Hot Leads\",\"color\":\"#ef4444\"}",
		.example = "{" EXAMPLE_TAG("Hot Leads", "#ef4444", "18") "}",
		.write = segments_update },
	{ "DELETE", TAGS "/:id", IN_SEGMENTS, "Delete Contact Tag", 200, tag_id,
		.details = "Its contacts stay.", .answer = "Deleted",
		.example = EXAMPLE_DELETED, .start = segments_delete },
	{ "POST", TAGS "/:id/contacts", IN_SEGMENTS, "Add Contacts to Tag", 200,
		tag_change,
		.details = "Tags existing contacts by contact UUID. Either all "
			   "of them or, when one is unknown, none.",
		.answer = "ContactsAdded", .example_body = EXAMPLE_CONTACT_IDS,
		.example = "{\"added\":1}", .write = segments_add },
	{ "DELETE", TAGS "/:id/contacts", IN_SEGMENTS,
		"Remove Contacts from Tag", 200, tag_change,
		.details = "Removes the tag from contacts (does not delete "
			   "contacts).",
		.answer = "ContactsRemoved",
		.example_body = EXAMPLE_CONTACT_IDS,
		.example = "{\"removed\":1}", .write = segments_remove },
};

const struct endpoints endpoints_contacts = { .rows = rows,
	.n = ARRAY_LEN(rows),
	.shapes = shapes,
	.n_shapes = ARRAY_LEN(shapes) };
