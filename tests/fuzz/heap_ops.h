/* SPDX-License-Identifier: MIT */
/*
 * heap_ops.h - what bytes ask of a heap
 */
#ifndef PAGES_TESTS_HEAP_OPS_H
#define PAGES_TESTS_HEAP_OPS_H

#include "heap_model.h"

/* An operation, a slot for a block, and a size: a byte each. */
enum { OPERATION = 3 };

/* The next operation of player p, who has one. */
void player_step(struct player *p);

/* For an input that is to be replayed, time is part of it. */
void clock_advance(unsigned ms);

#endif /* PAGES_TESTS_HEAP_OPS_H */
