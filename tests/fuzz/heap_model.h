/* SPDX-License-Identifier: MIT */
/*
 * heap_model.h - what has to be true of a heap, whatever was asked of it: a shadow of
 * its blocks, and the last operations in words
 *
 * The heap is the one of <pages/malloc.h>, so that fork() finds its handlers installed.
 * A player is somebody who uses it: a thread, with blocks that only it knows.
 */
#ifndef PAGES_TESTS_HEAP_MODEL_H
#define PAGES_TESTS_HEAP_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SLOTS = 16 };

/* What becomes of a block in a forked child. */
enum heirloom { PASSED_ON, KEPT_BACK, WIPED };

struct block {
	char *p;
	size_t len;
	size_t marked;		/* less than len for a calloc that is to stay sparse: the rest is zero */
	uint64_t owner;
	enum heirloom heirloom;
};

/* The two ways into the heap: by its own functions, and by those of <pages/malloc.h>. */
struct doors {
	void *(*alloc)(size_t size, size_t align, bool zero);
	void *(*alloc_with)(size_t size, size_t align, unsigned flags);
	void *(*resize)(void *p, size_t size, bool keep);
	bool (*expand)(void *p, size_t size);
	size_t (*usable)(void *p);
	void (*free)(void *p);
};
extern const struct doors heap_doors, malloc_doors;

struct player {
	unsigned number;
	bool alone;		/* nobody else uses the heap */
	const struct doors *doors;
	struct block blocks[SLOTS];
	size_t live, live_most;
	uint64_t owners;	/* so many blocks it has had */
	unsigned locked;	/* steps to go with the heap's lock in its hands */
	unsigned failing;	/* steps to go in which the system refuses calls */
	unsigned forks;
	bool in_child;		/* forked */
	bool stuck;		/* a child that cannot use the heap any more, but for its blocks */
	bool unclean;		/* it has done what leaves something behind */
	const uint8_t *next, *end;	/* what it is to do */
	unsigned period;	/* after so many steps the books are looked at */
};

/* Print the last operations and abort if it is not so. */
void must(bool fine, const char *what);

/*
 * One operation was begun, and what came of it.  Any number of players at once; the last
 * 64 operations of all are remembered.
 */
unsigned trace_begin(const struct player *p, const char *what, unsigned slot, size_t a, size_t b);
void trace_end(unsigned entry, const void *result);
void trace_clear(void);

/* Has player p room for a block of so many bytes in that slot? */
bool player_may_have(const struct player *p, const struct block *b, size_t len);

/* What was returned by an allocation is b from now on: checked, and marked as the player's. */
void player_own(struct player *p, struct block *b, char *ptr, size_t len, bool zero, bool sparse);

/* The same for what a resize returned; NULL: it has left the block as it was. */
void player_own_resized(struct player *p, struct block *b, char *ptr, size_t len, bool keep);

void player_free(struct player *p, struct block *b);

/* Block b, or all of them, are as they were left; or as a child is to find them. */
void check_block(const struct block *b);
void check_blocks(struct player *p);
void check_inherited(struct player *p);

/* The heap's own books agree, with each other and with the player's, who is alone. */
void check_books(struct player *p);

/* There is nothing left of what was: for a heap that was refused nothing. */
void check_empty(void);

/* A request was declined: there has to be a reason. */
void check_declined(const struct player *p, size_t len);

#endif /* PAGES_TESTS_HEAP_MODEL_H */
