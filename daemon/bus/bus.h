/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_BUS_H
#define RTMEM_DAEMON_BUS_H

/* org.rtmem1: what a client can ask, on whatever connection it comes. org.rtmem1(5) documents it. */
#include "daemon/manager.h"

#define ERROR_NO_SUCH_PROCESS "org.rtmem1.Error.NoSuchProcess"
#define ERROR_FAILED	      "org.rtmem1.Error.Failed"

/** Puts all objects on a connection. */
int bus_add_objects(sd_bus *bus, struct manager *m);

/* What the files of the interface share */
extern const sd_bus_vtable bus_manager_vtable[]; /* userdata: the manager */
extern const sd_bus_vtable bus_process_vtable[]; /* userdata: the process */

/** Methods of the manager about settings of the machine: bus-host.c */
int bus_method_try(sd_bus_message *call, void *userdata, sd_bus_error *error);
int bus_method_confirm(sd_bus_message *call, void *userdata, sd_bus_error *error);
int bus_method_revert(sd_bus_message *call, void *userdata, sd_bus_error *error);
int bus_method_rollback(sd_bus_message *call, void *userdata, sd_bus_error *error);

/** 0 if the caller may change things; else the error is set. */
int bus_authorize(sd_bus_message *call, const struct manager *m, sd_bus_error *error);
/** Answers with the status document, of one process or (NULL) of all. */
int bus_reply_status(sd_bus_message *call, struct manager *m, struct process *only);
/** Start, Stop or Restart of a process, with its reply. */
int bus_change_process(
	sd_bus_message *call, struct process *p, enum process_event event, sd_bus_error *error);
/** "/org/rtmem1/process/NAME", escaped; the caller frees it. */
int bus_process_path(const char *name, char **ret);

#endif
