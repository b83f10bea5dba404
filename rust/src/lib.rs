// SPDX-License-Identifier: MIT
//! A global allocator over libpages, `<pages/malloc.h>`.
//!
//! ```ignore
//! #[global_allocator]
//! static GLOBAL: pages_alloc::Pages = pages_alloc::Pages;
//! ```
//!
//! Blocks of 256 KiB and more come from paged regions: a `Vec` grows in place or by moving
//! page tables, and `vec![0; n]` does not zero what is zero already.  Smaller ones come from
//! malloc(3).  pages_malloc(3) says what it costs.
#![no_std]

use core::alloc::{GlobalAlloc, Layout};
use core::ffi::c_void;
use core::ptr;

#[link(name = "pages")]
extern "C" {
    fn pages_malloc(size: usize) -> *mut c_void;
    fn pages_calloc(count: usize, size: usize) -> *mut c_void;
    fn pages_realloc(ptr: *mut c_void, size: usize) -> *mut c_void;
    fn pages_aligned_alloc(alignment: usize, size: usize) -> *mut c_void;
    fn pages_try_expand(ptr: *mut c_void, size: usize) -> bool;
    fn pages_free(ptr: *mut c_void);
}

/// What malloc(3) aligns to, on every 64-bit target.
const MALLOC_ALIGN: usize = 16;

/// The allocator.  It has no state: all values are the same one.
pub struct Pages;

fn is_aligned(block: *mut u8, align: usize) -> bool {
    block as usize & (align - 1) == 0
}

// SAFETY: blocks are those of <pages/malloc.h>, which are as malloc's: not shared, as long as
// asked for, kept until they are freed.  Each path below sees to the alignment.  No function
// of libpages unwinds.
unsafe impl GlobalAlloc for Pages {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= MALLOC_ALIGN {
            pages_malloc(layout.size()).cast()
        } else {
            pages_aligned_alloc(layout.align(), layout.size()).cast()
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _layout: Layout) {
        pages_free(block.cast());
    }

    /// Large blocks begin at a page, so most alignments come with pages_calloc(), which knows
    /// what is zero.  It may give a block of malloc(3) that is not aligned.
    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let block: *mut u8 = pages_calloc(1, layout.size()).cast();
        if block.is_null() || is_aligned(block, layout.align()) {
            return block;
        }
        pages_free(block.cast());
        let block = self.alloc(layout);
        if !block.is_null() {
            ptr::write_bytes(block, 0, layout.size());
        }
        block
    }

    /// pages_realloc() keeps no alignment beyond malloc's when it moves a block.
    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if layout.align() <= MALLOC_ALIGN {
            return pages_realloc(block.cast(), new_size).cast();
        }
        if new_size > layout.size() && pages_try_expand(block.cast(), new_size) {
            return block;
        }
        let new = pages_aligned_alloc(layout.align(), new_size);
        if !new.is_null() {
            ptr::copy_nonoverlapping(block, new.cast(), layout.size().min(new_size));
            pages_free(block.cast());
        }
        new.cast()
    }
}
