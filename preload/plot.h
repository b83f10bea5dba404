/* SPDX-License-Identifier: MIT */
/*
 * plot.h - draws a file of samples (samples.h) by gnuplot, as SVG; used by pages-stat
 */
#ifndef PAGES_PLOT_H
#define PAGES_PLOT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Draw the samples of file from to file to, or to standard output if that is "-".  Unless follow,
 * to may not be a symbolic link.  0, or -1 with a line in why about what is wrong: also if gnuplot
 * is not there.
 */
int pages_plot(const char *from, const char *to, bool follow, char *why, size_t size);

#endif /* PAGES_PLOT_H */
