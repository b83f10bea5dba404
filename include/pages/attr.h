/* SPDX-License-Identifier: MIT */
/*
 * attr.h - attributes for the functions of the public headers
 */
#ifndef PAGES_ATTR_H
#define PAGES_ATTR_H

/* Exported by the shared library; everything else is hidden. */
#define PAGES_API __attribute__((visibility("default")))

/* The compiler warns if the caller ignores the result, which may be an error. */
#define PAGES_MUST_CHECK __attribute__((warn_unused_result))

#ifdef __cplusplus
#define PAGES_BEGIN_C extern "C" {
#define PAGES_END_C }
#else
#define PAGES_BEGIN_C
#define PAGES_END_C
#endif

#endif /* PAGES_ATTR_H */
