/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A library with nothing in it: what LD_PRELOAD alone costs. */
typedef int nothing;
