/* What the tables of operations share: parameters that many rows have. */
#ifndef APID_TABLE_H
#define APID_TABLE_H

#define PAGE_MAX 1000000
#define PAGE_SIZE_MAX 100
#define WHOLE_PAGE_MAX 1000
#define END_OF_PARAMS        \
	{                    \
		.name = NULL \
	}
#define PAGE_PARAMS                                                          \
	{ "page", IN_QUERY, PARAM_INT, false, 1, PAGE_MAX, "Page number." }, \
	{                                                                    \
		"limit", IN_QUERY, PARAM_INT, false, 1, PAGE_SIZE_MAX,       \
			"Items per page."                                    \
	}
/* Of lists that the reference answers whole: request_whole_page(). */
#define LARGE_PAGE_PARAMS(max)                                                 \
	{ "page", IN_QUERY, PARAM_INT, false, 1, PAGE_MAX, "Page number." },   \
	{                                                                      \
		"limit", IN_QUERY, PARAM_INT, false, 1, max, "Items per page." \
	}
#define ID_PARAM(help)                                      \
	{                                                   \
		"id", IN_PATH, PARAM_UUID, true, 0, 0, help \
	}
#define DEVICE_PATH                                                  \
	{                                                            \
		"deviceUid", IN_PATH, PARAM_DEVICE_UID, true, 1, 64, \
			"Device unique id."                          \
	}
#define DEVICE_BODY                                                  \
	{                                                            \
		"deviceUid", IN_BODY, PARAM_DEVICE_UID, true, 1, 64, \
			"Sender device UID."                         \
	}
#define DEVICE_QUERY                                                   \
	{                                                              \
		"deviceUid", IN_QUERY, PARAM_DEVICE_UID, false, 1, 64, \
			"Filter by device UID."                        \
	}
#define CLIENT_ID_PARAM                                                     \
	{                                                                   \
		"clientMessageId", IN_BODY, PARAM_STRING, false, 1, 128,    \
			"Your own idempotency key: duplicates are deduped " \
			"per "                                              \
			"device."                                           \
	}
#define MEDIA_PARAM(help)                                        \
	{                                                        \
		"mediaId", IN_BODY, PARAM_UUID, true, 0, 0, help \
	}

#endif
