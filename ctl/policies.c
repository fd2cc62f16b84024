/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/policies.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/terminal.h"

static const char *const usual_directories[] = { RTMEM_CONFIG_DIRS, NULL };

/* Root mustn't act on what somebody else may write. Only who came by sudo and names a file is believed to
 * mean it, whoever owns the file: it's most likely their own. */
static unsigned load_flags(bool usual) {
	bool meant = !usual && getenv("SUDO_UID");

	return geteuid() == 0 && !meant ? LOAD_CHECK_OWNER : 0;
}

/* One of several directories may be missing, as /run/rtmem.d often is; if all are, a name is misspelt. */
static const char *misspelt(const struct options *o, char *const *paths) {
	if (paths || !o->config_dirs)
		return NULL;
	STRV_FOREACH (directory, o->config_dirs)
		if (access(*directory, F_OK) == 0)
			return NULL;
	return o->config_dirs[0];
}

int policies_missing(const struct options *o, char *const *paths, int status) {
	const char *directory = misspelt(o, paths);

	if (directory && o->config_of_root)
		return fail(status,
			"there are no policies below --root %s (%s): --config-dir DIR names where "
			"they are, such as /etc/rtmem.d for those of this machine",
			o->root, directory);
	return directory ? fail(status, "--config-dir %s: %s", directory, strerror(ENOENT)) : 0;
}

int policies_read(const struct options *o, char *const *paths, struct policy_set **ret,
	struct diagnostics *d) {
	bool usual = !paths && !o->config_dirs;

	if (!paths)
		paths = usual ? (char *const *)usual_directories : o->config_dirs;
	return policy_set_load(paths, load_flags(usual), ret, d);
}

int policies_load(
	const struct options *o, char *const *paths, struct policy_set **ret, int failed_status) {
	_cleanup_diagnostics_ struct diagnostics d = { 0 };
	int r = policies_missing(o, paths, failed_status);

	if (r != 0)
		return r;
	r = policies_read(o, paths, ret, &d);
	diagnostics_print(&d, stderr, terminal_has_colour(stderr));
	if (r == -EINVAL)
		return fail(failed_status, "the policies are not valid (%zu error%s)", d.n_errors,
			d.n_errors == 1 ? "" : "s");
	return r < 0 ? fail_errno(failed_status, r, "can't load the policies") : 0;
}

const struct process_policy *policies_find(const struct policy_set *set, const char *name) {
	const struct process_policy *p = policy_set_find(set, name);

	return p ? p : policy_set_find_profile(set, name);
}

int policies_unknown(const struct policy_set *set, const char *name, int status) {
	if (strv_length(set->files) == 0)
		return fail(status,
			"no policy file was found, so there is no process `%s`; --config-dir DIR "
			"names another directory",
			name);
	fprintf(stderr, "rtmemctl: there is no process `%s`; there %s", name,
		set->n_processes == 1 ? "is:" : "are:");
	for (size_t i = 0; i < set->n_processes; i++)
		fprintf(stderr, " %s", set->processes[i].name);
	fprintf(stderr, "%s\n", set->n_processes ? "" : " none");
	return status;
}
