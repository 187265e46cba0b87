/* Of campaign.h: those that run, as schedulerd goes round them. */
#include "common/store/campaign.h"

#include "common/own.h"
#include "common/store/campaign_impl.h"
#include "common/store/store_impl.h"

int store_campaign_running(struct store *store, int64_t after_id, int limit,
	campaign_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		CAMPAIGN_SELECT("NULL") " WHERE c.status = 3 AND c.id > ?"
					" ORDER BY c.id LIMIT ?");

	query_bind_int(&q, after_id);
	query_bind_int(&q, limit);
	return campaign_walk(&q, row, arg, err);
}
