#include "senderd/whatsapp/names.h"

#include <string.h>

#include "common/arena.h"

static const char *jid_text(struct lane *lane, const struct wa_jid *jid)
{
	char text[WA_JID_TEXT];

	return arena_strdup(lane->arena, wa_jid_text(jid, text));
}

int names_find(struct lane *lane, const struct wa_jid *who, struct names *out,
	struct err *err)
{
	struct wa_jid bare = wa_jid_bare(who);
	struct wa_jid lid = { 0 };
	struct wa_jid other;
	int found = 0;

	*out = (struct names){ 0 };
	if (bare.server == WA_SERVER_LID) {
		lid = bare;
		found = lanedb_pn_of(lane->db, &bare, &other, err);
		if (found > 0)
			bare = wa_jid_bare(&other);
	} else if (bare.server == WA_SERVER_PN) {
		found = lanedb_lid_of(lane->db, &bare, &other, err);
		if (found > 0)
			lid = wa_jid_bare(&other);
	}
	if (found < 0)
		return -1;
	out->jid = jid_text(lane, &bare);
	if (bare.server == WA_SERVER_PN)
		out->phone = arena_strdup(lane->arena, bare.user);
	if (lid.user[0] != '\0') {
		out->lid = arena_strdup(lane->arena, lid.user);
		out->lid_jid = jid_text(lane, &lid);
	}
	return 0;
}

bool names_match(const struct names *names, const char *jid)
{
	return jid != NULL &&
	       (strcmp(jid, names->jid) == 0 ||
		       (names->lid_jid != NULL &&
			       strcmp(jid, names->lid_jid) == 0));
}
