/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_ORIGINALS_H
#define RTMEM_HOST_ORIGINALS_H

/* What settings of the machine were before rtmem first wrote them: STATE_DIR/host/SETTING. */

/** The saved value, or NULL. *ret is malloc'ed. 0 also when there is none; -errno. */
int original_load(const char *state_dir, const char *setting, char **ret);
/** Saves the value durably, unless one is saved already: the first one is the original. */
int original_save(const char *state_dir, const char *setting, const char *value);
/** Forgets it: the write that it was saved for never happened. */
void original_discard(const char *state_dir, const char *setting);

#endif
