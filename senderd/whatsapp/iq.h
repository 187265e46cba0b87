/* The table behind iq_send(): requests of ours that the server has not
 * answered. */
#ifndef SENDERD_WHATSAPP_IQ_H
#define SENDERD_WHATSAPP_IQ_H

#include "senderd/lane.h"

struct iq_table *iq_table_new(void);
void iq_table_free(struct iq_table **tablep);
void iq_on_answer(struct lane *lane,
	const struct wa_node *answer); /* type result or error */
void iq_on_disconnect(
	struct lane *lane); /* everybody gets NULL; ids start anew */

#endif
