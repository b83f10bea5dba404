// SPDX-License-Identifier: MIT
//! Rust's collections on the allocator of rust/; run by rust.sh.
use std::alloc::{GlobalAlloc, Layout};
use std::collections::HashMap;
use std::thread;

use pages_alloc::Pages;

#[global_allocator]
static GLOBAL: Pages = Pages;

extern "C" {
    fn pages_owns(block: *const u8) -> bool;
}

const MIB: usize = 1 << 20;

fn owns<T>(block: *const T) -> bool {
    unsafe { pages_owns(block.cast()) }
}

fn large_vectors_grow_and_keep_their_contents() {
    let mut v = Vec::new();
    for i in 0..8 * MIB as u64 {
        v.push(i);
    }
    assert!(owns(v.as_ptr()));
    assert!(v.iter().enumerate().all(|(i, x)| i as u64 == *x));
    v.truncate(10);
    v.shrink_to_fit();
    assert!(!owns(v.as_ptr()));
    assert_eq!(v, (0..10).collect::<Vec<u64>>());
}

fn zeroed_vectors_are_zero_where_memory_was_used() {
    for n in [100, 1000, MIB, 64 * MIB] {
        for _ in 0..3 {
            drop(vec![0xffu8; n]);
            assert!(vec![0u8; n].iter().all(|x| *x == 0));
        }
    }
}

/// Every way from one size to another, at alignments that malloc does not promise.
fn alignments_and_contents_survive() {
    let sizes = [1, 24, 5000, 300_000, 3 * MIB, 17];
    for align in [1, 8, 16, 32, 64, 4096, 2 * MIB] {
        for from in sizes {
            let old = Layout::from_size_align(from, align).unwrap();
            for to in sizes {
                unsafe {
                    let dirty = GLOBAL.alloc(old);
                    dirty.write_bytes(0xff, from);
                    GLOBAL.dealloc(dirty, old);

                    let block = GLOBAL.alloc_zeroed(old);
                    assert_eq!(block as usize % align, 0);
                    assert!((0..from).all(|i| *block.add(i) == 0));
                    for i in 0..from {
                        *block.add(i) = i as u8;
                    }
                    let block = GLOBAL.realloc(block, old, to);
                    assert_eq!(block as usize % align, 0);
                    assert!((0..from.min(to)).all(|i| *block.add(i) == i as u8));
                    block.write_bytes(1, to);
                    GLOBAL.dealloc(block, Layout::from_size_align(to, align).unwrap());
                }
            }
        }
    }
}

fn what_cannot_be_is_null() {
    let huge = Layout::from_size_align(isize::MAX as usize & !4095, 64).unwrap();
    unsafe {
        assert!(GLOBAL.alloc(huge).is_null());
        assert!(GLOBAL.alloc_zeroed(huge).is_null());
        let small = Layout::from_size_align(MIB, 64).unwrap();
        let block = GLOBAL.alloc(small);
        *block = 7;
        assert!(GLOBAL.realloc(block, small, huge.size()).is_null());
        assert_eq!(*block, 7);
        GLOBAL.dealloc(block, small);
    }
    assert!(Vec::<u8>::new().try_reserve(huge.size()).is_err());
}

fn threads_free_what_others_made() {
    let made: Vec<_> = (0..4u8)
        .map(|t| thread::spawn(move || (0..20).map(|i| vec![t; 100_000 * i]).collect::<Vec<_>>()))
        .collect();
    for (t, thread) in made.into_iter().enumerate() {
        let vectors = thread.join().unwrap();
        thread::spawn(move || assert!(vectors.iter().flatten().all(|x| *x == t as u8)))
            .join()
            .unwrap();
    }
}

fn maps_and_strings_work() {
    let map: HashMap<String, usize> = (0..50_000).map(|i| (format!("key {i}"), i)).collect();
    assert!((0..50_000).all(|i| map[&format!("key {i}")] == i));
    assert_eq!("x".repeat(MIB).len(), MIB);
}

fn main() {
    large_vectors_grow_and_keep_their_contents();
    zeroed_vectors_are_zero_where_memory_was_used();
    alignments_and_contents_survive();
    what_cannot_be_is_null();
    threads_free_what_others_made();
    maps_and_strings_work();
}
