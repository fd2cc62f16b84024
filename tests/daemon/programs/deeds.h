/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_TESTS_DAEMON_DEEDS_H
#define RTMEM_TESTS_DAEMON_DEEDS_H

/** What undoes a lock, or endangers it otherwise: does the one of this name, if there is one. */
void do_deed(const char *word, const char *rest);

/* of subject.c */
void die(const char *what);
void say_to(const char *variable, const char *text);
void start(const char *name, void *(*fn)(void *));

#endif
