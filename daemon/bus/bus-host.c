/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Methods of org.rtmem1.Manager about settings of the machine that were tried or written. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "daemon/bus/bus.h"
#include "daemon/host/host.h"
#include "daemon/reload/apply.h"

int bus_method_try(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	struct manager *m = userdata;
	_cleanup_free_ char *json = NULL;
	bool changed = false;
	uint64_t usec;
	int r = bus_authorize(call, m, error);

	if (r >= 0)
		r = sd_bus_message_read(call, "t", &usec);
	if (r < 0)
		return r;
	if (usec < TRY_MIN_USEC || usec > TRY_MAX_USEC)
		return sd_bus_error_setf(
			error, SD_BUS_ERROR_INVALID_ARGS, "a try takes from 1 s to 24 h");
	r = apply_try(m, usec, &changed, &json);
	if (!json)
		return sd_bus_error_setf(error, ERROR_FAILED, "nothing was tried: %s",
			strerror(r < 0 ? -r : ENOMEM));
	return sd_bus_reply_method_return(call, "bs", changed, json);
}

/* What Rollback, Revert and Confirm answer. */
static int reply_writes(sd_bus_message *call, int r, const char *result,
	const struct host_writes *w, const char *problem, sd_bus_error *error) {
	_cleanup_free_ char *json = NULL;

	if (r >= 0)
		r = host_writes_document(result, w, problem, &json);
	if (r < 0)
		return sd_bus_error_setf(error, ERROR_FAILED, "nothing was written: %s",
			*problem ? problem : strerror(-r));
	return sd_bus_reply_method_return(call, "s", json);
}

int bus_method_rollback(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	_cleanup_host_writes_ struct host_writes writes = { .n_items = 0 };
	char problem[SETTING_REASON_MAX] = "";
	int force, r = bus_authorize(call, userdata, error);

	if (r >= 0)
		r = sd_bus_message_read(call, "b", &force);
	if (r < 0)
		return r;
	r = host_rollback(userdata, force, &writes, problem);
	return reply_writes(
		call, r, writes.n_items ? "rolled-back" : "unchanged", &writes, problem, error);
}

int bus_method_revert(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	_cleanup_host_writes_ struct host_writes writes = { .n_items = 0 };
	char problem[SETTING_REASON_MAX] = "";
	int r = bus_authorize(call, userdata, error);

	if (r < 0)
		return r;
	r = host_revert(userdata, false, &writes, problem);
	return reply_writes(
		call, r, writes.n_items ? "reverted" : "unchanged", &writes, problem, error);
}

int bus_method_confirm(sd_bus_message *call, void *userdata, sd_bus_error *error) {
	const struct host_writes none = { .n_items = 0 };
	char problem[SETTING_REASON_MAX] = "";
	int r = bus_authorize(call, userdata, error);

	if (r < 0)
		return r;
	r = host_confirm(userdata, problem);
	if (r < 0)
		return sd_bus_error_setf(error, ERROR_FAILED, "%s", problem);
	return reply_writes(call, r, "confirmed", &none, problem, error);
}
