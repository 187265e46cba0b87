/* The bus between daemons: protobuf-c Envelopes over nng.
 *
 * Nothing here ever blocks: a full or absent peer makes bus_send() return
 * false, and the receiver finds the gap by its sequence number and reads the
 * store.  Every endpoint has a descriptor that turns readable, for whatever
 * loop the daemon runs. Envelopes are bounded to BUS_MAX_BYTES; malformed ones
 * are counted and dropped. */
#ifndef COMMON_BUS_H
#define COMMON_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vereda.pb-c.h"

struct err;

#define BUS_MAX_BYTES (512 * 1024)
#define BUS_VERSION 1

/* Names of the listeners, for config_bus_url(). */
#define BUS_SENDERD_JOBS "senderd-jobs"	      /* PULL: send_job, lane_command */
#define BUS_SENDERD_ASK "senderd-ask"	      /* REP: question */
#define BUS_WEBHOOKD_EVENTS "webhookd-events" /* PULL: event, wake */
#define BUS_WEBHOOKD_LIVE "webhookd-live"     /* PUB: event */
#define BUS_SCHEDULERD_WAKE "schedulerd-wake" /* PULL: wake */

/* ---- pipelines and live events ---- */
struct bus_in; /* a PULL or SUB socket */
int bus_pull_open(const char *url, struct bus_in **out,
	struct err *err); /* listens; replaces a stale socket file */
int bus_sub_open(const char *url, struct bus_in **out,
	struct err *err); /* dials in the background, for ever */
void bus_in_close(struct bus_in **inp);
int bus_in_fd(const struct bus_in *in);
/* The next envelope, or NULL when there is none just now.  Free with
 * bus_envelope_free(). */
Bus__Envelope *bus_recv(struct bus_in *in);
void bus_envelope_free(Bus__Envelope **envelopep);

struct bus_out; /* a PUSH or PUB socket; thread-safe */
int bus_push_open(const char *url, struct bus_out **out,
	struct err *err); /* dials in the background, for ever */
int bus_pub_open(
	const char *url, struct bus_out **out, struct err *err); /* listens */
void bus_out_close(struct bus_out **outp);
/* Fills version and a trace id if they are 0.  False: dropped (full or absent).
 */
bool bus_send(struct bus_out *out, Bus__Envelope *envelope);

/* ---- questions ---- */
struct bus_asker; /* a REQ socket with one context a question; thread-safe */
/* @answer is NULL on timeout or a lost peer.  Runs on an nng thread: it may
 * only post to the asker's own loop.  The callee owns @answer. */
typedef void bus_answer_fn(Bus__Envelope *answer, void *arg);
int bus_asker_open(const char *url, struct bus_asker **out, struct err *err);
void bus_asker_close(struct bus_asker **askerp);
/* Returns -1 (ERR_BUSY) when too many questions are open; @on_answer is then
 * not called. */
int bus_ask(struct bus_asker *asker, Bus__Envelope *question, int timeout_ms,
	bus_answer_fn *on_answer, void *arg, struct err *err);

struct bus_answerer; /* a raw REP socket: many questions open at once */
struct bus_return; /* the way back to one asker; owned by whoever must answer */
int bus_answerer_open(
	const char *url, struct bus_answerer **out, struct err *err);
void bus_answerer_close(struct bus_answerer **answererp);
int bus_answerer_fd(const struct bus_answerer *answerer);
Bus__Envelope *bus_answerer_recv(
	struct bus_answerer *answerer, struct bus_return **return_out);
/* Answers and frees the way back.  Never blocks. */
void bus_answer(struct bus_answerer *answerer, struct bus_return **returnp,
	Bus__Envelope *answer);
void bus_return_free(struct bus_return **returnp);

/* ---- between a supervisor and its lanes: the same envelopes on a
 * SOCK_SEQPACKET pair ---- */
bool bus_fd_send(
	int fd, const Bus__Envelope *envelope); /* false: full or gone */
/* NULL with *@closed set when the other side is gone, NULL alone when nothing
 * waits. */
Bus__Envelope *bus_fd_recv(int fd, bool *closed);

#endif
