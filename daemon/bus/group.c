/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "daemon/bus/rights.h"

const char rights_group[] = RTMEM_GROUP;
