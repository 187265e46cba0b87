/* A lane for fuzzing: a lane database, facts and an arena, no connection and no
 * store.  What an input changed is dropped after it. */
#ifndef TESTS_FUZZ_LANE_ALONE_H
#define TESTS_FUZZ_LANE_ALONE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/wa/crypto.h"
#include "senderd/facts.h"
#include "senderd/lane.h"
#include "senderd/whatsapp/app_state.h"
#include "senderd/whatsapp/history.h"

static struct lane *lane_alone(void)
{
	static struct lane lane;
	static struct config config;
	struct secret_key key = { .bytes = { 7 } };
	char path[] = "/tmp/vereda-fuzz-XXXXXX";
	int fd;

	if (lane.db != NULL)
		return &lane;
	wa_crypto_init();
	log_open("fuzz", NULL, LOG_LVL_ERROR, NULL);
	fd = mkstemp(path);
	if (fd < 0 || lanedb_open(path, &key, &lane.db, NULL) != 0)
		abort();
	close(fd);
	unlink(path);
	config.sender.receipts = (char *)"active";
	config.history.mode = (char *)"messages";
	config.history.days = 36500;
	lane.config = &config;
	lane.state = LANE_SETUP; /* where its row is not written */
	lane.id.is_paired = true;
	lane.id.jid = wa_jid_pn("15550001111", 1);
	lane.id.lid = wa_jid_lid("900001", 1);
	lane.facts = facts_new();
	lane.arena = arena_new(65536);
	return &lane;
}

static void lane_forget(struct lane *lane)
{
	facts_drop(lane);
	lanedb_rollback(lane->db);
	arena_reset(lane->arena);
	lane->id.push_name[0] = '\0';
}

#endif
