/* SPDX-License-Identifier: MIT */
/*
 * wx.c - a symbol that exists only in libraries configured with --enable-wx
 *
 * Programs that define PAGES_ENABLE_WX refer to it, so they do not link against a library
 * that refuses pages which are writable and executable.
 */
#define PAGES_ENABLE_WX
#include <pages/pages.h>

void
pages_wx_needs_a_library_configured_with_enable_wx(void)
{
}
