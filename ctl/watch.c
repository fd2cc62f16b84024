/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A picture is made in memory first and then written in one go over the last one, so that nothing
 * flickers. Keys come one by one, without echo; the terminal is left as it was found, also on ^C.
 */
#include "ctl/watch.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "ctl/terminal.h"

#define PERIOD_MSEC	  1000
#define CURSOR_HOME	  "\033[H"
#define CLEAR_SCREEN	  "\033[2J"
#define CLEAR_REST	  "\033[J"
#define CLEAR_LINE_AND_LF "\033[K\n"
#define WRAP_OFF	  "\033[?7l" /* a long line is cut by the terminal: one line stays one line */
#define WRAP_ON		  "\033[?7h"

static volatile sig_atomic_t interrupted;

static void on_signal(int number) {
	interrupted = 1;
}

static void catch_signals(void) {
	struct sigaction action = { .sa_handler = on_signal };

	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
}

/* Keys without Enter and echo. Returns whether there's a terminal to put back. */
static bool raw_begin(struct termios *ret_before) {
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, ret_before) < 0)
		return false;
	raw = *ret_before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	return tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

/* Waits for the next picture. True when it's time to end. */
static bool wait_for_end(struct session **session, const struct options *o, bool keys) {
	enum session_news news;
	char key;

	if (interrupted)
		return true;
	news = session_wait(*session, keys ? STDIN_FILENO : -1, PERIOD_MSEC);
	if (news == SESSION_LOST) { /* too much came at once, or rtmemd is another one by now */
		*session = session_close(*session);
		return session_open(o, session) != 0;
	}
	if (news != SESSION_INPUT)
		return interrupted;
	if (interrupted || !keys)
		return true;
	return read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q';
}

/* As much of the picture as the terminal has lines for; the last one stays free for the cursor. */
static void write_picture(const char *text) {
	size_t height = terminal_height(stdout), n = 0;

	fputs(CURSOR_HOME, stdout);
	for (const char *line = text; *line && (height == 0 || ++n < height);) {
		size_t len = strcspn(line, "\n");

		printf("%.*s" CLEAR_LINE_AND_LF, (int)len, line);
		line += len + (line[len] == '\n');
	}
	fputs(CLEAR_REST, stdout);
}

static int show_once(show_fn show, struct session *session, const struct options *o,
	const char *name, bool in_place) {
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out;
	int status;

	if (!in_place) {
		status = show(session, o, name, stdout);
		puts(""); /* between two pictures, and two JSON documents */
		return status;
	}
	out = open_memstream(&text, &size);
	if (!out)
		return fail_errno(EXIT_CANT_TELL, errno, "can't print");
	status = show(session, o, name, out);
	if (fclose(out) != 0)
		return fail_errno(EXIT_CANT_TELL, errno, "can't print");
	write_picture(text);
	return status;
}

int watch(show_fn show, const struct options *o, const char *name) {
	_cleanup_session_ struct session *session = NULL;
	bool in_place = isatty(STDOUT_FILENO) && !o->json;
	struct termios before;
	bool keys;
	int status = session_open(o, &session);

	if (status != 0)
		return status;
	catch_signals();
	keys = isatty(STDIN_FILENO) && raw_begin(&before);
	if (in_place)
		fputs(WRAP_OFF CLEAR_SCREEN, stdout);
	do {
		status = show_once(show, session, o, name, in_place);
		if (fflush(stdout) != 0 || status == EXIT_NO_DAEMON)
			break;
	} while (!wait_for_end(&session, o, keys));
	if (!session)
		status = EXIT_NO_DAEMON;
	if (in_place)
		fputs(WRAP_ON, stdout);
	if (keys)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
	return status;
}
