/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_JOURNAL_H
#define RTMEM_HOST_JOURNAL_H

/*
 * What rtmem knows about the settings that it has written: STATE_DIR/journal, one small text file,
 * replaced as a whole. It's on disk before the first write that it speaks of, so that whatever happens
 * the values from before rtmem are known, and a change by somebody else is told from ours.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOOT_ID_MAX 40

/** One setting that rtmem has written, or was about to. Texts are values as setting_read() gives them. */
struct journal_entry {
	char *setting;
	char *original; /* before rtmem's first write since the machine was started */
	char *wanted; /* what rtmem asked for last; NULL = the entry of a release that didn't tell */
	char *written; /* what was read back then; NULL = any value may be ours */
	char *before; /* when the running try began; NULL = not part of it */
	char *prior; /* `written` at that time */
	char boot[BOOT_ID_MAX]; /* during which it was written; "" = not known */
	bool pending; /* a write was begun, and isn't known to be over */
	bool fresh; /* made by the running try: nobody knew the setting before */
	bool returned; /* the running try gave the original back: no policy wants it any more */
};

enum held_cause {
	HELD_TRIED,
	HELD_ROLLED_BACK
};

/** A wish that isn't to be fulfilled again until somebody says so: this one, or after a rollback any
 *  for the setting. */
struct journal_held {
	char *setting;
	char *wanted; /* with HELD_TRIED; NULL = the wish for nothing: the original isn't given back */
	enum held_cause cause;
};

struct journal {
	struct journal_entry *entries; /* in the order of their first writes */
	size_t n_entries;
	struct journal_held *held;
	size_t n_held;
	/* an apply that waits for its confirmation; 0 = none. CLOCK_BOOTTIME of the boot below, which
	 * no change of the clock moves */
	uint64_t try_deadline_usec;
	uint64_t try_duration_usec;
	char try_boot[BOOT_ID_MAX];
	bool rolling_back; /* a rollback was begun, and isn't known to be over */
	bool rollback_force;
};

/** Reads what is there; nothing at all is an empty journal. Takes over what releases before the
 *  journal kept in STATE_DIR/host/SETTING. state_dir may be NULL. -EBADMSG: the file is damaged. */
int journal_load(const char *state_dir, struct journal *ret);
/** Durable when it returns 0. A failure leaves the old file or the new one, whole. */
int journal_save(const char *state_dir, const struct journal *j);
void journal_done(struct journal *j);
#define _cleanup_journal_ CLEANUP(journal_done)

/** What journal_load() does with the file's text, in place (-EBADMSG, -ENOMEM), and the reverse. */
int journal_parse(char *text, struct journal *ret);
int journal_to_text(const struct journal *j, char **ret);

struct journal_entry *journal_find(const struct journal *j, const char *setting);
/** The entry of this setting, made if there is none. NULL: no memory. */
struct journal_entry *journal_add(struct journal *j, const char *setting, const char *original);
void journal_remove(struct journal *j, const char *setting);
/** Is this very wish held back? wanted may be NULL. */
const struct journal_held *journal_find_held(
	const struct journal *j, const char *setting, const char *wanted);
int journal_hold(struct journal *j, const char *setting, const char *wanted, enum held_cause cause);
/** Everything may be fulfilled again. True if there was something. */
bool journal_release(struct journal *j);

/** Was it written before the machine was started anew? Then the kernel has forgotten it. */
bool journal_is_of_another_boot(const struct journal_entry *e, const char *boot);
/** Is `actual` what rtmem has left there in this boot, as far as can be known? */
bool journal_is_ours(const struct journal_entry *e, const char *actual);

/** Replaces a text by a copy, which may be NULL. 0 or -ENOMEM. */
int journal_set(char **text, const char *value);

/** The id of this boot; that below root, if it has one. "" when there's no telling. */
void boot_id_read(const char *root, char ret[static BOOT_ID_MAX]);
/** CLOCK_BOOTTIME: runs on in suspend, and no setting of the clock moves it. */
uint64_t boot_time_usec(void);

#endif
