/* SPDX-License-Identifier: MIT */
/*
 * query.c - what the kernel says about pages, and whether their type is true
 */
#include <pages/pages.h>

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static void
show(const char *what, const struct pages_mapping *m)
{
	printf("%-12s %p, %zu KiB, %c%c%c%c %s\n", what, m->start, m->len >> 10,
	       m->can_read ? 'r' : '-', m->can_write ? 'w' : '-', m->can_exec ? 'x' : '-',
	       m->shared ? 's' : 'p', m->name);
}

int
main(void)
{
	struct pages_options o = { .len = 1 << 20, .guards = true, .label = "ledger" };
	struct pages_rw w = {0};
	struct pages_ro ledger = {0}, mended = {0};
	struct pages_mapping m;
	char *second;
	int err;

	if (pages_open_with(&w, &o) != 0)
		return 1;
	if (pages_query_address(&m, &m) == -EOPNOTSUPP) {
		fprintf(stderr, "no /proc\n");
		return 77;
	}
	show("this stack:", &m);
	if (pages_to_ro(&w, &ledger) != 0 || pages_query(&ledger, &m) != 0)
		return 1;
	show("the ledger:", &m);
	if (!m.can_read || m.can_write || pages_verify(&ledger) != 0)
		return 1;

	/* Somebody who does not know the type makes its second page writable. */
	second = (char *)(uintptr_t)pages_read(&ledger) + pages_page_size(&ledger);
	if (mprotect(second, pages_page_size(&ledger), PROT_READ | PROT_WRITE) != 0)
		return 1;
	err = pages_verify(&ledger);
	printf("%-12s %s\n", "verified:", err == 0 ? "nothing is wrong" : strerror(-err));
	if (err != -EACCES || pages_query_address(second, &m) != 0)
		return 1;
	show("culprit:", &m);

	/* A transition to the same type puts it right. */
	if (pages_to_ro(&ledger, &mended) != 0 || pages_verify(&mended) != 0)
		return 1;
	printf("%-12s every page is what its type says\n", "mended:");
	pages_close(&mended);
	return 0;
}
