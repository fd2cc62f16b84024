/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Linked statically: the dynamic loader never sees it, so nothing can be injected. */
int main(void) {
	return 0;
}
