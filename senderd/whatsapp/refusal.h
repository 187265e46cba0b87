/* What it means when the server refuses a message: the error of an <ack
 * class=message> (messages.md 2.11). */
#ifndef SENDERD_WHATSAPP_REFUSAL_H
#define SENDERD_WHATSAPP_REFUSAL_H

enum refusal_action {
	REFUSAL_FAIL,	   /* for good */
	REFUSAL_BY_NUMBER, /* build it once more in the number's namespace */
	REFUSAL_REFRESH, /* ask for the recipient's devices anew, build it once
			    more */
	REFUSAL_LATER,	 /* the server has a problem: again after a pause */
	REFUSAL_NO_CONTACT,   /* we may not start this chat: never try again */
	REFUSAL_NO_NEW_CHATS, /* we may not start any chat for a while */
};

struct refusal {
	int code;
	enum refusal_action action;
	const char *reason; /* shown to clients when it fails */
};

/* Never NULL; a code nobody knows fails, except 5xx. */
const struct refusal *refusal_of(int code);

#endif
