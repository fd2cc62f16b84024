/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rtmemd as if built with -Dgroup=daemon, a group that every distribution has. */
#include "daemon/bus/rights.h"

const char rights_group[] = "daemon";
