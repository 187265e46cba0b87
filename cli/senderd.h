/* senderd as a command sees it: lane commands and questions, each waited for.
 */
#ifndef CLI_SENDERD_H
#define CLI_SENDERD_H

#include <stdbool.h>
#include <stdint.h>

#include "vereda.pb-c.h"

struct config;
struct err;

struct senderd; /* both its sockets; dialled in the background */

int senderd_open(
	const struct config *config, struct senderd **out, struct err *err);
void senderd_close(struct senderd **senderdp);
/* False: dropped. */
bool senderd_command(struct senderd *senderd, const char *device_uid,
	Bus__LaneAction action);
/* Waits for the answer; bus_envelope_free() it.  An answer that is an error is
 * -1 with its code and words; nobody there is ERR_TIMEOUT. */
int senderd_ask(struct senderd *senderd, const char *device_uid,
	Bus__Question *question, int timeout_ms, Bus__Envelope **answer_out,
	struct err *err);

#endif
