/* Answers as the documentation shows them: the reference's own examples, with
 * the members that it leaves out. */
#ifndef APID_MSGERA_EXAMPLES_H
#define APID_MSGERA_EXAMPLES_H

#define EXAMPLE_DEVICE                                               \
	"{\"deviceUid\":\"dev_ABCD1234\",\"name\":\"My WhatsApp\","  \
	"\"status\":\"CONNECTED\",\"phone\":\"+1234567890\","        \
	"\"pushName\":\"Jane\",\"state\":\"READY\","                 \
	"\"stateReason\":null,"                                      \
	"\"linkedAt\":\"2026-05-20T10:01:00.000Z\","                 \
	"\"createdAt\":\"2026-05-20T10:00:00.000Z\","                \
	"\"safety\":{\"dailyLimit\":25,\"dailySent\":9,"             \
	"\"dailyRemaining\":16,\"hourlyLimit\":25,\"hourlySent\":0," \
	"\"hourlyRemaining\":25,\"minuteLimit\":5,\"minuteSent\":0," \
	"\"minuteRemaining\":5,\"accountAgeDays\":2,"                \
	"\"canSend\":true,\"blockedReason\":null,"                   \
	"\"resetsAt\":\"2026-05-23T23:59:59.999Z\","                 \
	"\"campaignDelayMinSec\":18,\"campaignDelayMaxSec\":50,"     \
	"\"variantRecipientsPerVariant\":8},"                        \
	"\"health\":{\"status\":\"ok\",\"reason\":null,"             \
	"\"lastFrameAt\":\"2026-05-22T10:00:00.000Z\"},"             \
	"\"newChats\":{\"allowed\":true,\"pausedUntil\":null,"       \
	"\"reason\":null}}"
#define EXAMPLE_MESSAGE_ROW                                          \
	"{\"id\":\"0197c7a0-4a3e-7b51-9d2f-2f6a1c1f0e12\","          \
	"\"deviceUid\":\"dev_4f8c2a1e\",\"direction\":\"OUTBOUND\"," \
	"\"messageType\":\"TEXT\",\"status\":\"DELIVERED\","         \
	"\"reason\":null,\"to\":\"+1234567890\","                    \
	"\"chat\":\"1234567890@s.whatsapp.net\",\"contactId\":null," \
	"\"pushName\":null,\"text\":\"Hello from API!\","            \
	"\"content\":null,"                                          \
	"\"providerMessageId\":\"3EB0C767D26A1D9E5A4F\","            \
	"\"clientMessageId\":null,"                                  \
	"\"createdAt\":\"2026-05-22T10:00:00.000Z\","                \
	"\"sentAt\":\"2026-05-22T10:00:00.100Z\","                   \
	"\"deliveredAt\":\"2026-05-22T10:00:00.900Z\","              \
	"\"readAt\":null,\"failedAt\":null}"
#define EXAMPLE_MEDIA                                                       \
	"{\"id\":\"0197c7a0-4a3e-7b51-9d2f-2f6a1c1f0e13\","                 \
	"\"kind\":\"image\",\"mimeType\":\"image/jpeg\","                   \
	"\"fileName\":\"photo.jpg\",\"size\":48211,\"width\":1280,"         \
	"\"height\":720,\"status\":\"READY\","                              \
	"\"createdAt\":\"2026-05-22T10:00:00.000Z\","                       \
	"\"downloadUrl\":\"/v1/media/0197c7a0-4a3e-7b51-9d2f-2f6a1c1f0e13/" \
	"download\"}"
#define EXAMPLE_SCHEDULED                                        \
	"{\"id\":\"0197c7a0-4a3e-7b51-9d2f-2f6a1c1f0e14\","      \
	"\"deviceUid\":\"dev_4f8c2a1e\",\"to\":\"+1234567890\"," \
	"\"text\":\"Reminder: your meeting is tomorrow\","       \
	"\"status\":\"PENDING\","                                \
	"\"scheduledAt\":\"2030-12-25T10:00:00.000Z\","          \
	"\"reason\":null,\"messageId\":null,"                    \
	"\"createdAt\":\"2026-05-22T10:00:00.000Z\","            \
	"\"updatedAt\":\"2026-05-22T10:00:00.000Z\","            \
	"\"sentAt\":null}"
#define EXAMPLE_CANCELLED                                        \
	"{\"id\":\"0197c7a0-4a3e-7b51-9d2f-2f6a1c1f0e14\","      \
	"\"deviceUid\":\"dev_4f8c2a1e\",\"to\":\"+1234567890\"," \
	"\"text\":\"Reminder: your meeting is tomorrow\","       \
	"\"status\":\"CANCELLED\","                              \
	"\"scheduledAt\":\"2030-12-25T10:00:00.000Z\","          \
	"\"reason\":null,\"messageId\":null,"                    \
	"\"createdAt\":\"2026-05-22T10:00:00.000Z\","            \
	"\"updatedAt\":\"2026-05-22T10:00:00.000Z\","            \
	"\"sentAt\":null}"
#define EXAMPLE_ACCEPTED                                  \
	"{\"accepted\":true,"                             \
	"\"providerMessageId\":\"3EB0C767D26A1D9E5A4F\"," \
	"\"sessionId\":\"dev_4f8c2a1e\","                 \
	"\"messageId\":\"0197c7a0-4a3e-7b51-9d2f-2f6a1c1f0e12\"}"
#define EXAMPLE_PAGE(row) \
	"{\"data\":[" row "],\"total\":1,\"page\":1,\"limit\":20}"

#endif
