/* SPDX-License-Identifier: MIT */
/*
 * stat_output.h - what was seen in processes, for people and for programs; used by pages-stat
 *
 * Text of those processes may be any: the output has no control characters, is valid JSON, or is
 * valid in Prometheus's text format.
 */
#ifndef PAGES_STAT_OUTPUT_H
#define PAGES_STAT_OUTPUT_H

#include <stddef.h>
#include <stdio.h>

#include "sight.h"

/* The heaps of one process, each on its lines.  before, or NULL: an earlier look, for rates. */
void pages_stat_table(const struct pages_sight *s, const struct pages_sight *before, FILE *out);

/* A heading, and a row for each heap. */
void pages_stat_heading(FILE *out);
void pages_stat_rows(const struct pages_sight *s, FILE *out);

/* A line with one object for each heap: the keys of pages-run's report, and some before them. */
void pages_stat_json(const struct pages_sight *s, FILE *out);

/* All heaps of n processes; unread is how many others could not be read. */
void pages_stat_prometheus(const struct pages_sight *s, size_t n, size_t unread, FILE *out);

#endif /* PAGES_STAT_OUTPUT_H */
