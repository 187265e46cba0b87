#include "schedulerd/files.h"

#include "common/err.h"
#include "common/log.h"
#include "common/media/library.h"
#include "common/store/media.h"

struct sweeping {
	struct schedulerd *sd;
	unsigned n_removed;
};

static void on_file(const uint8_t sha256[32], void *arg)
{
	struct sweeping *sweeping = arg;
	struct schedulerd *sd = sweeping->sd;
	struct err err = ERR_NONE;
	bool wanted = true;

	if (store_media_file_is_wanted(sd->store, sha256, &wanted, &err) != 0) {
		log_warning("library status=unknown reason=\"%s\" "
			    "action=\"looked at again in some hours\"",
			log_quote(err.msg));
		return;
	}
	if (wanted)
		return;
	library_remove(sd->config, sha256);
	sweeping->n_removed++;
}

void files_sweep(struct schedulerd *sd, unsigned round)
{
	struct sweeping sweeping = { .sd = sd };

	library_each(sd->config, (uint8_t)round, on_file, &sweeping);
	if (sweeping.n_removed > 0)
		log_info("library removed=%u reason=\"nobody wants them\"",
			sweeping.n_removed);
	if ((uint8_t)round == 0)
		library_clean(sd->config);
}
