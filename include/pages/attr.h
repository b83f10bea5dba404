/* SPDX-License-Identifier: MIT */
/*
 * attr.h - how the public headers mark their functions, and nothing else
 */
#ifndef PAGES_ATTR_H
#define PAGES_ATTR_H

/* Part of the shared library's interface; everything else is hidden. */
#define PAGES_API __attribute__((visibility("default")))

/* Ignoring the result loses an error. */
#define PAGES_MUST_CHECK __attribute__((warn_unused_result))

#ifdef __cplusplus
#define PAGES_BEGIN_C extern "C" {
#define PAGES_END_C }
#else
#define PAGES_BEGIN_C
#define PAGES_END_C
#endif

#endif /* PAGES_ATTR_H */
