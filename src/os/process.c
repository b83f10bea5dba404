/* SPDX-License-Identifier: MIT */
/*
 * process.c - a word that the kernel wipes in a forked child
 */
#include "process.h"

#include <pthread.h>

#include "caps.h"
#include "os.h"

void
pages_process_open(struct pages_process *p)
{
	size_t page = pages_os_page_size();
	_Atomic uint32_t *word;
	void *memory;

	if (!pages_can(PAGES_CAP_WIPE) || pages_os_map_lazy(page, &memory) != 0)
		return;
	if (pages_os_advise(memory, page, PAGES_OS_WIPE_ON_FORK) != 0) {
		pages_os_release(memory, page);
		return;
	}
	word = memory;
	atomic_store_explicit(word, PAGES_PROCESS_KNOWN, memory_order_relaxed);
	atomic_store_explicit(&p->word, word, memory_order_release);
}

void
pages_process_close(struct pages_process *p)
{
	_Atomic uint32_t *word = atomic_exchange(&p->word, NULL);

	if (word != NULL)
		pages_os_release((void *)(uintptr_t)word, pages_os_page_size());
}

bool
pages_process_claim(struct pages_process *p)
{
	uint32_t expected = PAGES_PROCESS_NEW;

	return atomic_compare_exchange_strong(atomic_load(&p->word), &expected,
					      PAGES_PROCESS_CLAIMED);
}

void
pages_process_unclaim(struct pages_process *p)
{
	atomic_store(atomic_load(&p->word), PAGES_PROCESS_NEW);
}

void
pages_process_tell(struct pages_process *p, bool may_ask)
{
	_Atomic uint32_t *word = atomic_load(&p->word);

	atomic_store(&p->pid, may_ask ? pages_os_pid() : 0);
	if (word != NULL)
		atomic_store(word, PAGES_PROCESS_KNOWN);
}

bool
pages_process_is_here(struct pages_process *p)
{
	int pid = pages_os_pid(), known = 0;

	return pages_process_is_new(p) ||
	       atomic_compare_exchange_strong(&p->pid, &known, pid) || known == pid;
}

#ifdef __GLIBC__

/*
 * What glibc's pthread_atfork() calls, which is linked statically.  It names the library, whose
 * handlers go when it is unloaded; ours never is.
 */
/* NOLINTNEXTLINE(bugprone-reserved-identifier) */
int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void),
		      void *object) __attribute__((weak));

void
pages_process_at_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	if (__register_atfork != NULL)
		(void)__register_atfork(prepare, parent, child, NULL);
}

#else

void
pages_process_at_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	(void)pthread_atfork(prepare, parent, child);
}

#endif
