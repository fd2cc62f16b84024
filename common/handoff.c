/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The frozen plan. A header, then one record per step: kind, flags, three numbers, three texts. A text
 * is its length and its bytes; NO_TEXT says NULL. Both ends are the same build on the same machine, so
 * numbers stay in native order; the version guards an upgrade in between.
 *
 * Decoding trusts nothing: every length is compared with what is left before it is used, a text holds
 * no NUL, a kind that cannot work without text has one, nothing follows the last step.
 */
#include "common/handoff.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/io.h"

#define PLAN_MAGIC   0x504d5452u /* "RTMP" */
#define PLAN_VERSION 1u
#define NO_TEXT	     UINT32_MAX
#define STEP_TEXTS   3

enum step_flags {
	FLAG_OPTIONAL = 1,
	FLAGS_ALL = FLAG_OPTIONAL,
};

struct plan_header {
	uint32_t magic;
	uint32_t version;
	uint32_t size; /* of the whole block, this header included */
	uint32_t n_steps;
};

struct step_header {
	uint16_t kind;
	uint16_t flags;
	uint32_t text_len[STEP_TEXTS]; /* text, key, why; NO_TEXT = NULL */
	int64_t number[3];
};

/* Steps that mean nothing without a text. */
static const bool needs_text[STEP_KIND_MAX] = {
	[STEP_CGROUP] = true,
	[STEP_AFFINITY] = true,
	[STEP_DIRECTORY] = true,
	[STEP_OUTPUT] = true,
	[STEP_ENV_SET] = true,
	[STEP_ENV_UNSET] = true,
	[STEP_TUNABLE] = true,
	[STEP_PRELOAD] = true,
	[STEP_INIT] = true,
	[STEP_ARGUMENT] = true,
	[STEP_EXEC] = true,
};

static void step_texts(const struct step *s, const char *ret[static STEP_TEXTS]) {
	ret[0] = s->text;
	ret[1] = s->key;
	ret[2] = s->why;
}

/* ---- encode ------------------------------------------------------------------------------------ */

static int encoded_size(const struct plan *p, size_t *ret) {
	size_t size = sizeof(struct plan_header);

	if (p->n_steps > HANDOFF_STEPS_MAX)
		return -E2BIG;
	for (size_t i = 0; i < p->n_steps; i++) {
		const char *texts[STEP_TEXTS];

		step_texts(&p->steps[i], texts);
		size += sizeof(struct step_header);
		for (int t = 0; t < STEP_TEXTS; t++)
			size += texts[t] ? strlen(texts[t]) : 0;
		if (size > HANDOFF_PLAN_MAX)
			return -E2BIG;
	}
	*ret = size;
	return 0;
}

static uint8_t *put(uint8_t *at, const void *data, size_t len) {
	memcpy(at, data, len);
	return at + len;
}

static uint8_t *put_step(uint8_t *at, const struct step *s) {
	const char *texts[STEP_TEXTS];
	struct step_header h = {
		.kind = (uint16_t)s->kind,
		.flags = s->optional ? FLAG_OPTIONAL : 0,
	};

	step_texts(s, texts);
	memcpy(h.number, s->number, sizeof(h.number));
	for (int t = 0; t < STEP_TEXTS; t++)
		h.text_len[t] = texts[t] ? (uint32_t)strlen(texts[t]) : NO_TEXT;
	at = put(at, &h, sizeof(h));
	for (int t = 0; t < STEP_TEXTS; t++)
		if (texts[t])
			at = put(at, texts[t], h.text_len[t]);
	return at;
}

int handoff_encode(const struct plan *p, void **ret_data, size_t *ret_size) {
	_cleanup_free_ uint8_t *data = NULL;
	struct plan_header h = { .magic = PLAN_MAGIC, .version = PLAN_VERSION };
	uint8_t *at;
	size_t size;
	int r = encoded_size(p, &size);

	if (r < 0)
		return r;
	data = malloc(size);
	if (!data)
		return -ENOMEM;
	h.size = (uint32_t)size;
	h.n_steps = (uint32_t)p->n_steps;
	at = put(data, &h, sizeof(h));
	for (size_t i = 0; i < p->n_steps; i++)
		at = put_step(at, &p->steps[i]);
	*ret_data = TAKE(data);
	*ret_size = size;
	return 0;
}

/* ---- decode ------------------------------------------------------------------------------------ */

struct reader {
	const uint8_t *at;
	size_t left;
};

static int take(struct reader *r, void *ret, size_t len) {
	if (r->left < len)
		return -EBADMSG;
	memcpy(ret, r->at, len);
	r->at += len;
	r->left -= len;
	return 0;
}

static int take_text(struct reader *r, uint32_t len, char **ret) {
	*ret = NULL;
	if (len == NO_TEXT)
		return 0;
	if (len > r->left || memchr(r->at, '\0', len))
		return -EBADMSG;
	*ret = strndup((const char *)r->at, len);
	if (!*ret)
		return -ENOMEM;
	r->at += len;
	r->left -= len;
	return 0;
}

static int check_step_header(const struct step_header *h) {
	if (h->kind >= STEP_KIND_MAX || (h->flags & ~FLAGS_ALL))
		return -EBADMSG;
	return needs_text[h->kind] && h->text_len[0] == NO_TEXT ? -EBADMSG : 0;
}

static int take_step(struct reader *in, struct plan *p) {
	struct step_header h;
	struct step *s;
	int r = take(in, &h, sizeof(h));

	if (r == 0)
		r = check_step_header(&h);
	if (r < 0)
		return r;
	s = plan_append(p, (enum step_kind)h.kind, NULL, NULL);
	if (!s)
		return -ENOMEM;
	s->optional = h.flags & FLAG_OPTIONAL;
	memcpy(s->number, h.number, sizeof(s->number));
	r = take_text(in, h.text_len[0], &s->text);
	if (r == 0)
		r = take_text(in, h.text_len[1], &s->key);
	if (r == 0)
		r = take_text(in, h.text_len[2], &s->why);
	return r;
}

int handoff_decode(const void *data, size_t size, struct plan *ret) {
	struct reader in = { .at = data, .left = size };
	_cleanup_plan_ struct plan p = { 0 };
	struct plan_header h;
	int r = take(&in, &h, sizeof(h));

	if (r < 0 || h.magic != PLAN_MAGIC)
		return -EBADMSG;
	if (h.version != PLAN_VERSION)
		return -EPROTONOSUPPORT;
	if (h.size != size || h.n_steps > HANDOFF_STEPS_MAX)
		return -EBADMSG;
	for (uint32_t i = 0; i < h.n_steps; i++) {
		r = take_step(&in, &p);
		if (r < 0)
			return r;
	}
	if (in.left != 0)
		return -EBADMSG;
	*ret = p;
	p = (struct plan){ 0 };
	return 0;
}

/* ---- descriptors ------------------------------------------------------------------------------- */

int handoff_write(const struct plan *p) {
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
	_cleanup_close_ int fd = -1;
	_cleanup_free_ void *data = NULL;
	size_t size;
	int r = handoff_encode(p, &data, &size);

	if (r < 0)
		return r;
	fd = memfd_create("rtmem-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	r = write_all(fd, data, size);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0 || fcntl(fd, F_ADD_SEALS, seals) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int handoff_read(int fd, struct plan *ret) {
	_cleanup_free_ char *data = NULL;
	size_t size;
	int r;

	if (lseek(fd, 0, SEEK_SET) < 0 && errno != ESPIPE)
		return -errno;
	r = read_file_fd(fd, HANDOFF_PLAN_MAX, &data, &size);
	return r < 0 ? r : handoff_decode(data, size, ret);
}
