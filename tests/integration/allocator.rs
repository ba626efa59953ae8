//! The system's allocator, which counts for each thread what it allocates.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

/// What some work allocated on its thread.
pub struct Counted {
    /// How often.
    pub calls: u64,
    /// The most bytes that it held at once.
    pub most: u64,
}

/// Counts what `work` allocates on this thread.
pub fn count(work: impl FnOnce()) -> Counted {
    let (calls, held) = (CALLS.get(), HELD.get());
    MOST.set(held);
    work();
    Counted { calls: CALLS.get() - calls, most: (MOST.get() - held) as u64 }
}

fn allocated(bytes: isize) {
    CALLS.set(CALLS.get() + 1);
    changed(bytes);
}

fn changed(bytes: isize) {
    let held = HELD.get() + bytes;
    HELD.set(held);
    MOST.set(MOST.get().max(held));
}

#[allow(unsafe_code, reason = "an allocator's interface; it hands everything to the system's")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        allocated(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        allocated(layout.size() as isize);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        changed(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        allocated(size as isize - layout.size() as isize);
        unsafe { System.realloc(pointer, layout, size) }
    }
}
