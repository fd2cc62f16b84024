/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * print-completions bash|zsh|fish: what a shell offers behind `rtmemctl`, from the table of verbs. Which
 * options a verb takes, and what it is about, stands in its line of arguments, as in the help text.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"

#define WORD_MAX 64

/* What a verb is about: the first of these that its arguments name. */
enum subject {
	SUBJECT_NONE,
	SUBJECT_PROCESS,
	SUBJECT_FILE,
	SUBJECT_KEY,
	SUBJECT_PID,
	SUBJECT_MAX,
};

static const char *const subject_words[SUBJECT_MAX] = {
	[SUBJECT_PROCESS] = "NAME",
	[SUBJECT_FILE] = "FILE|DIR",
	[SUBJECT_KEY] = "KEY",
	[SUBJECT_PID] = "PID",
};

static enum subject subject_of(const struct verb *v) {
	for (int i = 1; i < SUBJECT_MAX; i++)
		if (strstr(v->arguments, subject_words[i]))
			return (enum subject)i;
	return SUBJECT_NONE;
}

/* Calls fn with each option ("--try") and what stands behind it ("DURATION", or ""). */
static void each_option(const char *arguments,
	void (*fn)(const char *verb, const char *option, const char *value), const char *verb) {
	for (const char *at = strstr(arguments, "--"); at; at = strstr(at, "--")) {
		char option[WORD_MAX], value[WORD_MAX] = "";
		size_t n = strcspn(at, " ]");

		if (n == 2 || n >= sizeof(option)) { /* the end of options */
			at += n;
			continue;
		}
		memcpy(option, at, n);
		option[n] = '\0';
		at += n;
		if (*at == ' ' && at[1] != '[')
			(void)sscanf(at, " %63[A-Z]", value);
		fn(verb, option, value);
	}
}

static const char common_options[] =
	"--runtime-dir DIR --config-dir DIR --state-dir DIR --root DIR --json --help --version";

/* ---- bash -------------------------------------------------------------------------------------- */

static const char *const bash_subjects[SUBJECT_MAX] = {
	[SUBJECT_NONE] = "",
	[SUBJECT_PROCESS] = "$(_rtmemctl_names)",
	[SUBJECT_FILE] = "",
	[SUBJECT_KEY] = "$(rtmemctl explain 2>/dev/null | cut -d' ' -f1)",
	[SUBJECT_PID] = "$(ps -eo pid= 2>/dev/null)",
};

static void print_bare(const char *verb, const char *option, const char *value) {
	printf(" %s", option);
}

static void print_bash(void) {
	puts("# SPDX-License-Identifier: LGPL-2.1-or-later\n"
	     "# bash completion for rtmemctl(1), made from its table of verbs\n"
	     "_rtmemctl_names() {\n"
	     "\trtmemctl --json status 2>/dev/null | grep -o '^      \"name\": *\"[^\"]*\"' | cut -d'\"' -f4\n"
	     "}\n\n"
	     "_rtmemctl() {\n"
	     "\tlocal word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} verb='' w");
	printf("\tlocal verbs='");
	for (size_t i = 0; i < n_verbs; i++)
		printf("%s ", verbs[i].name);
	puts("help'\n"
	     "\tfor w in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
	     "\t\t[[ \" $verbs \" == *\" $w \"* ]] && verb=$w && break\n"
	     "\tdone\n"
	     "\tcase $previous in\n"
	     "\t--runtime-dir | --config-dir | --state-dir | --root)\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -d -- \"$word\") && return ;;\n"
	     "\t--policy-file) mapfile -t COMPREPLY < <(compgen -f -- \"$word\") && return ;;\n"
	     "\t--policy) mapfile -t COMPREPLY < <(compgen -W \"$(_rtmemctl_names)\" -- \"$word\") && return ;;\n"
	     "\t--try) mapfile -t COMPREPLY < <(compgen -W '30s 60s 5min' -- \"$word\") && return ;;\n"
	     "\t--service)\n"
	     "\t\tw=$(systemctl list-unit-files --type=service --no-legend 2>/dev/null | cut -d' ' -f1)\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -W \"$w\" -- \"$word\") && return ;;\n"
	     "\tesac\n"
	     "\tcase $verb in");
	printf("\t'') w=\"$verbs");
	each_option(common_options, print_bare, NULL);
	puts("\" ;;");
	for (size_t i = 0; i < n_verbs; i++) {
		enum subject subject = subject_of(&verbs[i]);

		printf("\t%s) ", verbs[i].name);
		if (subject == SUBJECT_FILE) {
			puts("mapfile -t COMPREPLY < <(compgen -f -- \"$word\") && return ;;");
			continue;
		}
		printf("w=\"%s", bash_subjects[subject]);
		each_option(verbs[i].arguments, print_bare, NULL);
		puts("\" ;;");
	}
	puts("\thelp) w=$verbs ;;\n"
	     "\tesac\n"
	     "\tmapfile -t COMPREPLY < <(compgen -W \"$w\" -- \"$word\")\n"
	     "}\n"
	     "complete -F _rtmemctl rtmemctl");
}

/* ---- zsh --------------------------------------------------------------------------------------- */

static const char *const zsh_subjects[SUBJECT_MAX] = {
	[SUBJECT_PROCESS] = "'*:process:_rtmemctl_names'",
	[SUBJECT_FILE] = "'*:policy:_files'",
	[SUBJECT_KEY] = "'*:key:_rtmemctl_keys'",
	[SUBJECT_PID] = "'*:process:_pids'",
};

static const char *zsh_value(const char *value) {
	if (strcmp(value, "DIR") == 0)
		return ":directory:_files -/";
	if (strcmp(value, "FILE") == 0)
		return ":file:_files";
	return *value ? ":value: " : "";
}

static void print_zsh_option(const char *verb, const char *option, const char *value) {
	printf(" '%s%s'", option, zsh_value(value));
}

/* ' can't stand in single quotes, : separates */
static void print_quoted(const char *text) {
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", stdout);
		else if (*text == ':')
			fputs("\\:", stdout);
		else
			putchar(*text);
}

static void print_zsh(void) {
	puts("#compdef rtmemctl\n"
	     "# SPDX-License-Identifier: LGPL-2.1-or-later\n"
	     "# zsh completion for rtmemctl(1), made from its table of verbs\n"
	     "_rtmemctl_names() {\n"
	     "\tcompadd -- ${(f)\"$(rtmemctl --json status 2>/dev/null | grep -o '^      \"name\": *\"[^\"]*\"' | cut -d'\"' -f4)\"}\n"
	     "}\n"
	     "_rtmemctl_keys() { compadd -- ${(f)\"$(rtmemctl explain 2>/dev/null | cut -d' ' -f1)\"} }\n\n"
	     "_rtmemctl_verbs() {\n"
	     "\tlocal -a verbs=(");
	for (size_t i = 0; i < n_verbs; i++) {
		printf("\t\t'%s:", verbs[i].name);
		print_quoted(verbs[i].summary);
		puts("'");
	}
	printf("\t)\n\t_describe verb verbs\n}\n\n_rtmemctl() {\n\tlocal context state line\n"
	       "\tlocal -a common=(");
	each_option(common_options, print_zsh_option, NULL);
	puts(")\n\t_arguments -C $common '1:verb:_rtmemctl_verbs' '*::arguments:->arguments'\n"
	     "\t[[ $state = arguments ]] || return\n"
	     "\tcase $line[1] in");
	for (size_t i = 0; i < n_verbs; i++) {
		const char *subject = zsh_subjects[subject_of(&verbs[i])];

		printf("\t%s) _arguments $common", verbs[i].name);
		each_option(verbs[i].arguments, print_zsh_option, NULL);
		printf(" %s ;;\n", subject ? subject : "");
	}
	puts("\thelp) _rtmemctl_verbs ;;\n\tesac\n}\n_rtmemctl \"$@\"");
}

/* ---- fish -------------------------------------------------------------------------------------- */

static const char *const fish_subjects[SUBJECT_MAX] = {
	[SUBJECT_PROCESS] = "(__rtmemctl_names)",
	[SUBJECT_KEY] = "(rtmemctl explain 2>/dev/null | string split -f1 \" \")",
	[SUBJECT_PID] = "(__fish_complete_pids)",
};

static void print_fish_option(const char *verb, const char *option, const char *value) {
	if (verb)
		printf("complete -c rtmemctl -n '__fish_seen_subcommand_from %s'", verb);
	else
		printf("complete -c rtmemctl");
	printf(" -l %s%s\n", option + 2, *value ? " -r" : "");
}

static void print_fish(void) {
	puts("# SPDX-License-Identifier: LGPL-2.1-or-later\n"
	     "# fish completion for rtmemctl(1), made from its table of verbs\n"
	     "function __rtmemctl_names\n"
	     "\trtmemctl --json status 2>/dev/null | string match -rg '^      \"name\": *\"([^\"]*)\"'\n"
	     "end\n\n"
	     "complete -c rtmemctl -f");
	each_option(common_options, print_fish_option, NULL);
	for (size_t i = 0; i < n_verbs; i++) {
		const struct verb *v = &verbs[i];
		enum subject subject = subject_of(v);

		printf("complete -c rtmemctl -n __fish_use_subcommand -a %s -d '", v->name);
		for (const char *c = v->summary; *c; c++)
			printf(*c == '\'' ? "\\'" : "%c", *c);
		puts("'");
		each_option(v->arguments, print_fish_option, v->name);
		if (subject == SUBJECT_FILE)
			printf("complete -c rtmemctl -n '__fish_seen_subcommand_from %s' -F\n",
				v->name);
		else if (subject != SUBJECT_NONE)
			printf("complete -c rtmemctl -n '__fish_seen_subcommand_from %s' -a '%s'\n",
				v->name, fish_subjects[subject]);
	}
}

int main(int argc, char *argv[]) {
	static const struct {
		const char *shell;
		void (*print)(void);
	} shells[] = {
		{ "bash", print_bash },
		{ "zsh", print_zsh },
		{ "fish", print_fish },
	};

	for (size_t i = 0; argc == 2 && i < ARRAY_LEN(shells); i++)
		if (strcmp(argv[1], shells[i].shell) == 0) {
			shells[i].print();
			return fflush(stdout) != 0;
		}
	fprintf(stderr, "usage: print-completions bash|zsh|fish\n");
	return EXIT_USAGE;
}
