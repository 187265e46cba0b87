/* Liveness, readiness, metrics. */
#include "apid/handlers.h"

#include <inttypes.h>
#include <string.h>

#include "apid/metrics.h"
#include "apid/request.h"
#include "apid/writer.h"
#include "common/buf.h"
#include "common/store/device.h"

int health_healthz(struct request *request, struct err *err)
{
	(void)err;
	request->reply = json_pack("{s:s}", "status", "ok");
	return 0;
}

/* Ready: the store answers and the writer keeps up. */
#define WRITER_QUEUE_READY 4096

int health_readyz(struct request *request, struct err *err)
{
	struct writer_stats stats;

	writer_stats(request->apid->writer, &stats);
	if (store_schema_version(request->store) <= 0)
		return err_set(err, ERR_BUSY, "the store does not answer");
	if (stats.queued > WRITER_QUEUE_READY)
		return err_set(err, ERR_BUSY, "the writer is behind");
	request->reply = json_pack(
		"{s:s, s:s}", "status", "ready", "version", VEREDA_VERSION);
	return 0;
}

#define N_DEVICE_STATUSES (DEVICE_BANNED + 1)

static int count_device(const struct device *device, void *arg)
{
	int64_t *counts = arg;

	if (device->status > 0 && device->status < N_DEVICE_STATUSES)
		counts[device->status]++;
	return 0;
}

static int write_devices(
	struct request *request, struct buf *out, struct err *err)
{
	int64_t counts[N_DEVICE_STATUSES] = { 0 };

	if (store_device_all(request->store, count_device, counts, err) != 0)
		return -1;
	buf_add_str(out, "# TYPE vereda_devices gauge\n");
	for (int s = DEVICE_PAIRING; s < N_DEVICE_STATUSES; s++)
		buf_printf(out, "vereda_devices{status=\"%s\"} %" PRId64 "\n",
			device_status_name((enum device_status)s), counts[s]);
	return 0;
}

int health_metrics(struct request *request, struct err *err)
{
	struct buf out = BUF_INIT;
	struct writer_stats stats;

	writer_stats(request->apid->writer, &stats);
	metrics_write(request->apid->metrics, &out);
	buf_printf(&out,
		"# TYPE vereda_writer_commits_total counter\n"
		"vereda_writer_commits_total %" PRIu64 "\n"
		"# TYPE vereda_writer_operations_total counter\n"
		"vereda_writer_operations_total %" PRIu64 "\n"
		"# TYPE vereda_writer_queue gauge\n"
		"vereda_writer_queue %u\n",
		stats.commits, stats.operations, stats.queued);
	if (write_devices(request, &out, err) != 0) {
		buf_fini(&out);
		return -1;
	}
	(void)buf_cstr(&out);
	request->raw_reply = (char *)out.data;
	request->content_type = "text/plain; version=0.0.4";
	return 0;
}
