/* SPDX-License-Identifier: MIT */
/*
 * wx.c - the symbol that programs with PAGES_ENABLE_WX link against; part of the
 * library only where it was configured with --enable-wx
 */
#define PAGES_ENABLE_WX
#include <pages/pages.h>

void
pages_wx_needs_a_library_configured_with_enable_wx(void)
{
}
