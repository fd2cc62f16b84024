/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_COMMON_CAPABILITY_H
#define RTMEM_COMMON_CAPABILITY_H

/* Names of capabilities as policies spell them: "ipc_lock" is CAP_IPC_LOCK, number 14. */
#include <stddef.h>
#include <stdint.h>

#define CAPABILITY_LIST_TEXT_MAX 512
#define CAPABILITY_BIT(number)	 (UINT64_C(1) << (number))

/** NULL when the number has no name. */
const char *capability_to_string(int number);
/** Lower case, without the prefix CAP_; -EINVAL when there's no such capability. */
int capability_from_string(const char *name);
/** A bit mask for people: "CAP_IPC_LOCK, CAP_SYS_NICE"; "none" when empty, "..." when cut short. */
const char *capabilities_format(uint64_t mask, char buf[static CAPABILITY_LIST_TEXT_MAX]);

#endif
