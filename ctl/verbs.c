/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of verbs: what `rtmemctl --help` prints, in this order. */
#include "ctl/ctl.h"

const struct verb verbs[] = {
	{
		.name = "check",
		.arguments = "[FILE|DIR]...",
		.summary = "validate policies; needs no daemon and no privileges",
		.details =
			"Reads the files and directories given, or the usual directories, and reports\n"
			"every problem with its place. Exit status 1 if there is an error.\n",
		.n_max = ARGUMENTS_ANY,
		.run = verb_check,
	},
	{
		.name = "plan",
		.arguments = "[NAME]",
		.summary = "show what a launch would do, and the memlock budget as arithmetic",
		.details = "Without NAME: all processes, and the settings of the machine.\n"
			   "The plan is made with the rights of whoever asks.\n",
		.n_max = 1,
		.run = verb_plan,
	},
	{
		.name = "diff",
		.arguments = "[--all]",
		.summary = "compare the settings of this machine with those wanted",
		.details =
			"Prints what differs and who else claims these settings: kernel command line,\n"
			"sysctl.d, tmpfiles.d, fstab, TuneD, units of systemd, other policies. --all\n"
			"prints what is as wanted, too, and who agrees. --root DIR compares the files of\n"
			"another machine; no privileges are needed.\n"
			"Exit status 1 if something differs. A setting that this machine doesn't have\n"
			"is named, but isn't a difference.\n",
		.flags = VERB_TAKES_ALL,
		.run = verb_diff,
	},
	{
		.name = "apply",
		.arguments = "[--dry-run] [--restart] [--try DURATION] [--host-only] [--at-boot]",
		.summary = "load the policies: set the machine, start, change, stop processes",
		.details =
			"Asks rtmemd to read its directories again. A set with an error in it is refused\n"
			"whole, and what runs goes on. --dry-run says what would be done, key by key.\n"
			"What a running process can follow it follows; what only a new launch can follow\n"
			"waits for one, unless --restart, or on_change: restart of its policy.\n"
			"--try DURATION sets the machine, and sets it back after this time unless\n"
			"`rtmemctl confirm` comes; processes stay as they are meanwhile.\n"
			"--host-only sets the machine and nothing else, as root and without rtmemd.\n"
			"--at-boot does that as the boot unit does: what was tried and not confirmed, or\n"
			"rolled back, stays as it is.\n",
		.flags = VERB_TAKES_DRY_RUN | VERB_TAKES_RESTART | VERB_TAKES_TRY,
		.run = verb_apply,
	},
	{
		.name = "confirm",
		.arguments = "",
		.summary = "keep what `apply --try` has set",
		.details = "Exit status 1 if nothing is being tried, or not any more.\n",
		.run = verb_confirm,
	},
	{
		.name = "rollback",
		.arguments = "[--force] [--tried [--wait]]",
		.summary = "set the machine back to what it was before rtmem",
		.details =
			"Gives back every original, last written first, and reads it back. What somebody\n"
			"else has set since is told and left, unless --force. Nothing is set again before\n"
			"the next `rtmemctl apply`. Works with and without rtmemd, as root.\n"
			"--tried takes back only what `apply --try` has set, now; --wait when its time\n"
			"is over and no confirmation came.\n"
			"Exit status 1 if not all could be given back.\n",
		.flags = VERB_TAKES_FORCE,
		.run = verb_rollback,
	},
	{
		.name = "status",
		.arguments = "[NAME] [--watch]",
		.summary = "show how things are now: processes, faults, findings, settings",
		.details =
			"With NAME: one process in detail, with the faults of each thread.\n"
			"--watch refreshes every second; q ends.\n"
			"Exit status 0 if all is compliant, 1 if not, 4 while that can't be told yet.\n",
		.flags = VERB_TAKES_WATCH,
		.n_max = 1,
		.run = verb_status,
	},
	{
		.name = "start",
		.arguments = "NAME",
		.summary = "start a managed process",
		.details = "Waits until it's ready or has failed, at most a minute.\n",
		.n_min = 1,
		.n_max = 1,
		.run = verb_start,
	},
	{
		.name = "stop",
		.arguments = "NAME",
		.summary = "stop a managed process",
		.details =
			"Asks with SIGTERM, kills what hasn't ended after 10 s, and waits until it has.\n",
		.n_min = 1,
		.n_max = 1,
		.run = verb_stop,
	},
	{
		.name = "restart",
		.arguments = "NAME",
		.summary = "stop and start a managed process",
		.details = "Waits until it's ready again or has failed, at most a minute.\n",
		.n_min = 1,
		.n_max = 1,
		.run = verb_restart,
	},
	{
		.name = "run",
		.arguments = "--policy NAME [--policy-file FILE] [--] [COMMAND [ARGUMENT...]]",
		.summary = "run a command under a policy, in the foreground; needs no daemon",
		.details =
			"NAME is a process or a profile of the policies; its command is run when none is\n"
			"given. The process keeps its pid, its terminal and its environment, so that\n"
			"this is good for ExecStart= and as a launch prefix.\n"
			"Exit status: that of the command; 125 if it couldn't be prepared, 126 if it\n"
			"can't be invoked, 127 if it wasn't found.\n",
		.flags = VERB_TAKES_POLICY | VERB_RUNS_COMMAND,
		.n_max = ARGUMENTS_ANY,
		.run = verb_run,
	},
	{
		.name = "unit",
		.arguments = "NAME [--service SERVICE]",
		.summary = "print a drop-in that runs a service of systemd under a policy",
		.details =
			"NAME is a process or a profile of the policies. With --service, the name or the\n"
			"file of a unit, its ExecStart= is kept and run by `rtmemctl run`; without, the\n"
			"command is that of the policy. Exit status 1 if something in the unit stands in\n"
			"the way, which is said in the drop-in, too.\n",
		.flags = VERB_TAKES_SERVICE,
		.n_min = 1,
		.n_max = 1,
		.run = verb_unit,
	},
	{
		.name = "doctor",
		.arguments = "[PID]",
		.summary = "why memory can't be locked here, or isn't there, and what changes it",
		.details =
			"With PID: a process, managed or not, by what /proc says of it. Without: what a\n"
			"program started from here would meet, by trial. Needs no daemon.\n"
			"Exit status 1 if a lock fails or is missing, 4 if that can't be told.\n",
		.n_max = 1,
		.run = verb_doctor,
	},
	{
		.name = "explain",
		.arguments = "[KEY]",
		.summary =
			"explain a policy key: meaning, unit, range, default; all keys when none",
		.details = "KEY may be the end of a key: `memory.lock`, `lock`.\n",
		.n_max = 1,
		.run = verb_explain,
	},
	{
		.name = "schema",
		.arguments = "",
		.summary = "print the JSON Schema of policies, for editors and validators",
		.details = "",
		.run = verb_schema,
	},
};
const size_t n_verbs = ARRAY_LEN(verbs);
